package main

import (
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hone"
	"hone/bench/bar"
	"hone/internal/estimate"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stat"
)

// performanceBars are about what is known of a model's quality.
var performanceBars = []bar.Measured{
	{Bar: bar.Bar{ID: "estimated_accuracy", Of: []string{"internal/stat", "internal/estimate", "internal/monitor"},
		About: "Accuracy expected without labels on the car loans that NannyML ships, in windows of 5,000 rows, from 20,000 rows with labels, as many as are looked back over at most: the mean error in points, with NannyML's from 50,000 beside it, and from 5,000. With a tenth of the labels turned round the estimate must stay, since it cannot see that, and must be withdrawn once labels contradict it.",
		Limits: []bar.Limit{
			{Series: "error", Unit: "points", Of: bar.Median, Under: 0.35, AtMost: true},
			{Series: "moved_by_flipped_labels", Unit: "points", Of: bar.Max, Under: 0.001},
			{Series: "contradicted", Unit: "%", Of: bar.Median, Over: 100},
		}, Also: []string{"error_5000", "nannyml_error", "auc_error", "nannyml_auc_error", "held", "flipped_realised", "flipped_estimated"}}, Measure: carLoans},
	{Bar: bar.Bar{ID: "estimate_intervals", Of: []string{"internal/stat", "internal/estimate", "internal/monitor"},
		About: "The share of windows whose realised accuracy lies in the interval of the estimate, where inputs are as before, moved by a quarter of their spread, and far away by a half; of a model that is too sure of itself. Nothing but the inputs changes, so the estimate should be known in all worlds: it is withheld where labels are taken to contradict it. Values is the same for a model that answers with a number, far away.",
		Limits: []bar.Limit{
			{Series: "alike", Unit: "%", Of: bar.Median, Over: 95},
			{Series: "moved", Unit: "%", Of: bar.Median, Over: 95},
			{Series: "far", Unit: "%", Of: bar.Median, Over: 95},
			{Series: "known_least", Unit: "%", Of: bar.Median, Over: 99},
		}, Also: []string{"values", "half_width"}}, Measure: intervals},
	{Bar: bar.Bar{ID: "confidence_sequences", Of: []string{"internal/stat", "internal/estimate", "internal/monitor"},
		About: "The share of histories in which the confidence sequence of a realised metric is ever wrong, though it is looked at after every row, in the worst of five worlds. Beside it, its width and that of an interval for one look.",
		Limits: []bar.Limit{
			{Series: "missed", Unit: "%", Of: bar.Max, Under: 5, AtMost: true},
		}, Also: []string{"half_width", "fixed_half_width"}}, Measure: sequences},
	{Bar: bar.Bar{ID: "late_labels", Of: []string{"internal/stat", "internal/estimate", "internal/monitor"},
		About: "Labels of a month of answers that take longer where the answer was wrong, 1, 3 or 8 days in the mean: the share of months in which the interval of the corrected error holds the final one, labels included that take longer than a month, in the worst of the three worlds; and how often the error is known there. Where wrong answers are found out after 40 days in the mean, a month shows too little, and it must be unknown. Beside it, the labels as they came, and 15 days, between the two.",
		Limits: []bar.Limit{
			{Series: "held_least", Unit: "%", Of: bar.Median, Over: 95},
			{Series: "known_least", Unit: "%", Of: bar.Median, Over: 99},
			{Series: "unknown_40_days", Unit: "%", Of: bar.Median, Over: 99},
		}, Also: []string{"half_width", "bias", "plain_bias", "plain_held", "unknown_15_days", "missed_15_days"}}, Measure: lateLabels},
	{Bar: bar.Bar{ID: "worst_slice", Of: []string{"internal/stat", "internal/estimate", "internal/monitor"},
		About: "Data in which no slice is worse than the rest: the share in which the search finds one all the same. Beside it, the share of real ones that it finds.",
		Limits: []bar.Limit{
			{Series: "false_finds", Unit: "%", Of: bar.Max, Under: 1, AtMost: true},
		}, Also: []string{"found"}}, Measure: worstSlice},
}

//go:embed performance.py
var performanceProgram []byte

const carWindow, carKnown = 5000, 20_000

// carSchema are the features of the car loans.
var carSchema = frame.Schema{
	{Name: "car_value", Kind: frame.Number}, {Name: "salary_range", Kind: frame.Category}, {Name: "debt_to_income_ratio", Kind: frame.Number},
	{Name: "loan_length", Kind: frame.Number}, {Name: "repaid_loan_on_prev_car", Kind: frame.Category},
	{Name: "size_of_downpayment", Kind: frame.Category}, {Name: "driver_tenure", Kind: frame.Number},
}

// carLoans estimates each window of NannyML's synthetic set as a model's own would
// be, by the newest 20,000 labelled rows, with NannyML beside it.
func carLoans(b *bar.Bench) error {
	theirs, err := nannyML(b)
	if err != nil {
		return err
	}
	reference, err := readCars(filepath.Join(b.Work, "reference.csv"))
	if err != nil {
		return err
	}
	analysis, err := readCars(filepath.Join(b.Work, "analysis.csv"))
	if err != nil {
		return err
	}
	var error20, error5, auc, peer, peerAUC, held, moved, contradicted, real, said float64
	windows := analysis.Rows.N / carWindow
	r := rand.New(rand.NewPCG(1, 5))
	for w := range windows {
		now := cut(analysis, w*carWindow, (w+1)*carWindow)
		known, few := cut(reference, reference.Rows.N-carKnown, reference.Rows.N), cut(reference, reference.Rows.N-carWindow, reference.Rows.N)
		truth := realised(now)
		got := expected(known, now)
		accuracy, ok := metric(got, "accuracy")
		if !ok {
			return fmt.Errorf("window %d is unknown: %s", w, got.Unknown)
		}
		area, _ := metric(got, "auc")
		error20 += 100 * math.Abs(accuracy.Value-truth.Accuracy)
		fromFew, _ := metric(expected(few, now), "accuracy")
		error5 += 100 * math.Abs(fromFew.Value-truth.Accuracy)
		auc += 100 * math.Abs(area.Value-truth.AUC)
		peer += 100 * math.Abs(theirs.Accuracy[w]-truth.Accuracy)
		peerAUC += 100 * math.Abs(theirs.AUC[w]-truth.AUC)
		if accuracy.Lower <= truth.Accuracy && truth.Accuracy <= accuracy.Upper {
			held += 100
		}
		// A tenth of the labels now say the opposite: before any of them has come, and
		// once half of them have.
		flipped := flip(r, now)
		after, _ := metric(expected(known, flipped), "accuracy")
		moved = max(moved, 100*math.Abs(after.Value-accuracy.Value))
		real, said = real+100*realised(flipped).Accuracy, said+100*after.Value
		if expected(join(known, cut(flipped, 0, carWindow/2)), cut(flipped, carWindow/2, carWindow)).Contradicted {
			contradicted += 100
		}
	}
	n := float64(windows)
	b.Keep("error", "points", error20/n)
	b.Keep("error_5000", "points", error5/n)
	b.Keep("auc_error", "points", auc/n)
	b.Keep("nannyml_error", "points", peer/n)
	b.Keep("nannyml_auc_error", "points", peerAUC/n)
	b.Keep("held", "%", held/n)
	b.Keep("moved_by_flipped_labels", "points", moved)
	b.Keep("contradicted", "%", contradicted/n)
	b.Keep("flipped_realised", "%", real/n)
	b.Keep("flipped_estimated", "%", said/n)
	b.Note("%d windows of %d rows, estimated from %d labelled rows; NannyML 0.13.1 from 50000", windows, carWindow, carKnown)
	b.Note("with a tenth of the labels flipped the estimate stays and says: %s", expected(cut(reference, 0, 1000), cut(analysis, 0, 1000)).Caveat)
	return nil
}

// nannyPython names a Python that has NannyML already; without it one is made.
const nannyPython = "HONE_NANNYML_PYTHON"

// nannyML installs NannyML beside, and lets it write the set and its estimates.
func nannyML(b *bar.Bench) (out struct{ Accuracy, AUC []float64 }, err error) {
	program := filepath.Join(b.Work, "performance.py")
	if err := os.WriteFile(program, performanceProgram, 0o600); err != nil {
		return out, err
	}
	python := os.Getenv(nannyPython)
	var commands [][]string
	if python == "" {
		venv := filepath.Join(b.Work, "nannyml")
		python = filepath.Join(venv, "bin", "python")
		commands = append(commands, []string{"python3", "-m", "venv", venv},
			[]string{python, "-m", "pip", "install", "--quiet", "nannyml==0.13.1", "statsmodels==0.15.0"})
	}
	for _, command := range append(commands, []string{python, program, b.Work}) {
		c := exec.Command(command[0], command[1:]...)
		c.Env = append(os.Environ(), "NML_DISABLE_USAGE_LOGGING=1")
		if said, err := c.CombinedOutput(); err != nil {
			return out, fmt.Errorf("%s: %w: %.500s", strings.Join(command, " "), err, said)
		}
	}
	raw, err := os.ReadFile(filepath.Join(b.Work, "nannyml.json"))
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

// readCars reads one of the two files as scored, labelled rows.
func readCars(path string) (monitor.Scored, error) {
	f, err := os.Open(path)
	if err != nil {
		return monitor.Scored{}, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return monitor.Scored{}, err
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	rows = rows[1:]
	out := monitor.Scored{Rows: frame.New(carSchema, len(rows))}
	for i, row := range rows {
		for c, field := range carSchema {
			if err := out.Rows.Set(i, c, row[at[field.Name]]); err != nil {
				return out, err
			}
		}
		score, err := strconv.ParseFloat(row[at["y_pred_proba"]], 64)
		if err != nil {
			return out, err
		}
		out.Scores = append(out.Scores, []float64{score})
		out.Outcomes = append(out.Outcomes, hone.Outcome{Label: row[at["repaid"]][:1]})
	}
	return out, nil
}

// cut gives some of the rows.
func cut(s monitor.Scored, from, to int) monitor.Scored {
	return monitor.Scored{Rows: s.Rows.Slice(from, to), Scores: s.Scores[from:to:to], Outcomes: s.Outcomes[from:to:to]}
}

func join(a, b monitor.Scored) monitor.Scored {
	rows := frame.New(a.Rows.Schema, 0)
	rows.Append(a.Rows)
	rows.Append(b.Rows)
	return monitor.Scored{Rows: rows, Scores: append(a.Scores, b.Scores...), Outcomes: append(a.Outcomes, b.Outcomes...)}
}

// flip turns a tenth of the labels round.
func flip(r *rand.Rand, s monitor.Scored) monitor.Scored {
	s.Outcomes = append([]hone.Outcome{}, s.Outcomes...)
	for i := range s.Outcomes {
		if r.Float64() < 0.1 {
			s.Outcomes[i].Label = map[string]string{"0": "1", "1": "0"}[s.Outcomes[i].Label]
		}
	}
	return s
}

// yesNo is a model that gives the probability of a 1.
func yesNo(schema frame.Schema) (hone.Model, hone.Version) {
	m := hone.Model{Name: "cars", Task: hone.Binary, Features: schema, Loss: hone.Loss{Kind: hone.ZeroOne}}
	return m, hone.Version{ID: "v1", Signature: hone.Signature{Task: hone.Binary, Features: schema, Classes: []string{"0", "1"}, Threshold: 0.5}}
}

// expected is what Hone expects of rows whose labels it does not look at.
func expected(known, now monitor.Scored) monitor.Estimated {
	m, v := yesNo(now.Rows.Schema)
	return monitor.Expect(monitor.Evidence{Model: m, Version: v, Known: known, Window: monitor.Scored{Rows: now.Rows, Scores: now.Scores}})
}

func metric(e monitor.Estimated, name string) (hone.Signal, bool) {
	for _, s := range e.Metrics {
		if s.Name == name {
			return s, true
		}
	}
	return hone.Signal{}, false
}

// realised are the metrics by the labels.
func realised(s monitor.Scored) estimate.Expected {
	scores, truth, said := []float64{}, []float64{}, []bool{}
	for i, o := range s.Outcomes {
		y := 0.0
		if o.Label == "1" {
			y = 1
		}
		scores, truth, said = append(scores, s.Scores[i][0]), append(truth, y), append(said, s.Scores[i][0] >= 0.5)
	}
	return estimate.Expect(scores, truth, said)
}

// simulated is a model that knows one of the two numbers that decide, and is too
// sure of it; the shift moves both.
func simulated(r *rand.Rand, n int, shift float64) monitor.Scored {
	schema := frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "z", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}
	out := monitor.Scored{Rows: frame.New(schema, n)}
	for i := range n {
		x, z := r.NormFloat64()+shift, r.NormFloat64()+shift
		out.Rows.Cols[0].Num[i], out.Rows.Cols[1].Num[i], out.Rows.Cols[2].Str[i] = x, z, strconv.Itoa(r.IntN(5))
		label := "0"
		if r.Float64() < 1/(1+math.Exp(-1.5*x-z)) {
			label = "1"
		}
		out.Scores = append(out.Scores, []float64{1 / (1 + math.Exp(-2*x))})
		out.Outcomes = append(out.Outcomes, hone.Outcome{Label: label})
	}
	return out
}

// intervals counts how often what is realised lies where it is expected: with
// inputs as they were, and moved by a quarter and by half of their spread.
func intervals(b *bar.Bench) error {
	const worlds = 300
	least, half := 100.0, []float64{}
	for _, w := range []struct {
		name  string
		shift float64
	}{{"alike", 0}, {"moved", 0.25}, {"far", 0.5}} {
		held, known, width := heldAccuracies(worlds, 21, w.shift)
		b.Keep(w.name, "%", 100*held/known)
		b.Note("%s: known in %.0f of %d worlds", w.name, known, worlds)
		least, half = min(least, 100*known/worlds), append(half, width)
	}
	b.Keep("known_least", "%", least)
	b.Keep("half_width", "points", half...)
	b.Keep("values", "%", heldValues(worlds, 22, 0.5))
	return nil
}

// heldAccuracies counts the worlds in which the accuracy is known, and those of
// them in which its interval holds what is realised; half is half of its width.
func heldAccuracies(worlds int, stream uint64, shift float64) (held, known, half float64) {
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, stream))
		before, now := simulated(r, 3000, 0), simulated(r, 1000, shift)
		if s, ok := metric(expected(before, now), "accuracy"); ok {
			known, half = known+1, half+50*(s.Upper-s.Lower)
			if truth := realised(now).Accuracy; s.Lower <= truth && truth <= s.Upper {
				held++
			}
		}
	}
	return held, known, half / max(1, known)
}

// heldValues is the share of worlds whose mean error lies where it is expected.
func heldValues(worlds int, stream uint64, shift float64) (held float64) {
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, stream))
		before, now := simulated(r, 3000, 0), simulated(r, 1000, shift)
		bins := estimate.NewBins(before.Rows)
		a, c := bins.Table(before.Rows), bins.Table(now.Rows)
		known, _ := errorsOf(r, before)
		_, truth := errorsOf(r, now)
		if got := estimate.Values("mae", a, known, estimate.Shift(a, c), c); got.Unknown == "" && got.Metrics[0].Lower <= truth && truth <= got.Metrics[0].Upper {
			held += 100 / float64(worlds)
		}
	}
	return held
}

// errorsOf draws how far answers are off, by more where x is far out.
func errorsOf(r *rand.Rand, s monitor.Scored) (out []float64, mean float64) {
	for _, x := range s.Rows.Cols[0].Num {
		e := math.Abs(r.NormFloat64()) * (1 + math.Abs(x))
		out, mean = append(out, e), mean+e/float64(s.Rows.N)
	}
	return out, mean
}

// sequences looks at streams after every row, and counts those whose interval
// misses the truth at any look.
func sequences(b *bar.Bench) error {
	const streams, rows = 500, 3000
	rate := map[string]func(i int) float64{
		"1 %": func(int) float64 { return 0.01 }, "10 %": func(int) float64 { return 0.1 }, "50 %": func(int) float64 { return 0.5 },
		"drifting": func(i int) float64 { return 0.02 + 0.3*float64(i)/rows },
		"bursts":   func(i int) float64 { return 0.05 + 0.4*float64(i/100%2) },
	}
	var missed, half, fixed []float64
	for name, p := range rate {
		count := 0.0
		for seed := range uint64(streams) {
			r := rand.New(rand.NewPCG(seed, 31))
			s, truth := stat.Sequence{Bound: 1}, 0.0
			for i := range rows {
				x := 0.0
				if r.Float64() < p(i) {
					x = 1
				}
				s.Add(x)
				truth += p(i)
				if i > 100 && i%10 > 0 {
					continue // It moves by less than a tenth of its width.
				}
				if lower, upper := s.Interval(0.05); truth/float64(i+1) < lower || truth/float64(i+1) > upper {
					count++
					break
				}
			}
			if name == "10 %" && s.N == rows {
				lower, upper := s.Interval(0.05)
				half, fixed = append(half, 50*(upper-lower)), append(fixed, 196*math.Sqrt(s.Mean*(1-s.Mean)/rows))
			}
		}
		missed = append(missed, 100*count/streams)
		b.Note("%s: %.1f %% of %d streams of %d rows missed at some look", name, 100*count/streams, streams, rows)
	}
	b.Keep("missed", "%", missed...)
	b.Keep("half_width", "points", half...)
	b.Keep("fixed_half_width", "points", fixed...)
	return nil
}

// lateLabels holds the corrected mean against the truth where wrong answers are
// found out late, where they are found out early, and where all take as long; and
// counts how often it is unknown where a month cannot show it.
func lateLabels(b *bar.Bench) error {
	var all []lateness
	for _, days := range []float64{8, 1, 3} {
		l := measureLate(1000, 41, days)
		all = append(all, l)
		b.Note("wrong answers found out after %.0f days, right ones after 3: known in %.1f %%, held %.1f %%, off by %.2f points; as they came %.1f %%, off by %.2f", days, l.known, l.held, l.bias, l.plainHeld, l.plainBias)
	}
	series := func(of func(lateness) float64) (out []float64) {
		for _, l := range all {
			out = append(out, of(l))
		}
		return out
	}
	held, known := series(func(l lateness) float64 { return l.held }), series(func(l lateness) float64 { return l.known })
	b.Keep("held", "%", held...)
	b.Keep("held_least", "%", slices.Min(held))
	b.Keep("known_least", "%", slices.Min(known))
	b.Keep("half_width", "points", series(func(l lateness) float64 { return l.half })...)
	b.Keep("bias", "points", series(func(l lateness) float64 { return l.bias })...)
	b.Keep("plain_bias", "points", series(func(l lateness) float64 { return l.plainBias })...)
	b.Keep("plain_held", "%", series(func(l lateness) float64 { return l.plainHeld })...)
	between, never := measureLate(300, 41, 15), measureLate(300, 41, 40)
	b.Keep("unknown_15_days", "%", 100-between.known)
	b.Keep("missed_15_days", "%", between.missed)
	b.Keep("unknown_40_days", "%", 100-never.known)
	return nil
}

// lateness is what came of months in which wrong answers took so many days: shares
// in percent, of the months in which the mean was known, and points.
type lateness struct {
	known, held, half, bias, plainBias, plainHeld float64
	// missed is the share of all months in which an interval is given that is wrong.
	missed float64
}

func measureLate(worlds int, stream uint64, days float64) (l lateness) {
	const rows, truth = 3000, 0.2
	for seed := range uint64(worlds) {
		came, plain := arrivals(rand.New(rand.NewPCG(seed, stream)), rows, truth, days)
		if math.Abs(plain-truth) <= 1.96*math.Sqrt(plain*(1-plain)/float64(len(came))) {
			l.plainHeld += 100 / float64(worlds)
		}
		l.plainBias += 100 * (plain - truth) / float64(worlds)
		m := stat.MatureMean(came)
		if math.IsNaN(m.Mean) {
			continue
		}
		l.known++
		if m.Lower <= truth && truth <= m.Upper {
			l.held++
		}
		l.half, l.bias = l.half+50*(m.Upper-m.Lower), l.bias+100*(m.Mean-truth)
	}
	l.missed = 100 * (l.known - l.held) / float64(worlds)
	n := max(1, l.known)
	l.held, l.half, l.bias, l.known = 100*l.held/n, l.half/n, l.bias/n, 100*l.known/float64(worlds)
	return l
}

// arrivals draws the labels that came of rows answered over a month.
func arrivals(r *rand.Rand, n int, wrong, late float64) (came []stat.Arrived, plain float64) {
	const month = 30
	for range n {
		row := stat.Arrived{Kind: "right", Age: month * r.Float64()}
		mean := 3.0
		if r.Float64() < wrong {
			row.Value, row.Kind, mean = 1, "wrong", late
		}
		if row.Delay = mean * r.ExpFloat64(); row.Delay <= row.Age {
			came, plain = append(came, row), plain+row.Value
		}
	}
	return came, plain / float64(len(came))
}

// worstSlice counts how often a slice is named where none is worse, rows on their
// own and errors that come in bursts, and how often one that is there is found.
func worstSlice(b *bar.Bench) error {
	const worlds, rows = 1000, 3000
	var wrong [2]float64
	found := 0.0
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 51))
		s := simulated(r, rows, 0)
		table, group := estimate.NewBins(s.Rows).Table(s.Rows), make([]int, rows)
		var loss [3][]float64
		burst := 0.1
		for i := range group {
			if group[i] = i / 20; i%20 == 0 {
				burst = 0.2 * r.Float64()
			}
			there := 0.1
			if s.Rows.Cols[2].Str[i] == "3" && s.Rows.Cols[0].Num[i] > 0 {
				there = 0.3
			}
			for k, p := range []float64{0.1, burst, there} {
				x := 0.0
				if r.Float64() < p {
					x = 1
				}
				loss[k] = append(loss[k], x)
			}
		}
		for k := range wrong {
			if len(estimate.Worst(table, loss[k], group)) > 0 {
				wrong[k] += 100.0 / worlds
			}
		}
		if got := estimate.Worst(table, loss[2], group); len(got) > 0 && strings.Contains(got[0].Rule, "country = 3") {
			found += 100.0 / worlds
		}
	}
	b.Keep("false_finds", "%", wrong[0], wrong[1])
	b.Keep("found", "%", found)
	b.Note("%d worlds of %d rows; false finds with rows on their own %.1f %%, in bursts %.1f %%; a tenth of the rows at an error of 30 %% for 10 %% is found in %.1f %%", worlds, rows, wrong[0], wrong[1], found)
	return nil
}
