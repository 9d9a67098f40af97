package main

import (
	"math"
	"math/rand/v2"
	"strconv"

	"hone"
	"hone/bench/bar"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/gate"
	"hone/internal/learn/linear"
	"hone/internal/stream"
)

var safeguardOf = []string{"internal/stat", "internal/gate", "internal/evaluate",
	"internal/learn/encode", "internal/learn/linear", "internal/learn/residual", "internal/stream"}

var safeguardBars = []bar.Measured{
	{Bar: bar.Bar{ID: "gate_calibration", Of: safeguardOf,
		About: "Candidates whose scores are as good as the champion's, with other errors, that the gate on calibration blocks, at 400 and 2,000 rows; and candidates that say twice the log odds they should, at 2,000 rows.",
		Limits: []bar.Limit{
			{Series: "equal_even", Unit: "% blocked", Of: bar.Max, Under: 1, AtMost: true},
			{Series: "equal_rare", Unit: "% blocked", Of: bar.Max, Under: 1, AtMost: true},
			{Series: "equal_strong", Unit: "% blocked", Of: bar.Max, Under: 1, AtMost: true},
			{Series: "equal_classes", Unit: "% blocked", Of: bar.Max, Under: 1, AtMost: true},
			{Series: "sharpened_even", Unit: "% blocked", Of: bar.Max, Over: 80},
			{Series: "sharpened_strong", Unit: "% blocked", Of: bar.Max, Over: 80},
			{Series: "sharpened_classes", Unit: "% blocked", Of: bar.Max, Over: 80},
		}, Also: []string{"sharpened_rare", "better_even"}}, Measure: calibrationBar},
	{Bar: bar.Bar{ID: "gate_forgetting", Of: safeguardOf,
		About: "A concept comes back: the champion learned it, a candidate begins from the champion and learns 400 rows of another one. How often it is found to have forgotten the first on 500 rows of it that neither was trained on, among four eras; and how often a candidate is that learned 2,000 rows of the same concept. Beside it, one that learned 400 of them.",
		Limits: []bar.Limit{
			{Series: "forgotten", Unit: "% found", Of: bar.Max, Over: 90},
			{Series: "kept", Unit: "% blocked", Of: bar.Max, Under: 5, AtMost: true},
		}, Also: []string{"kept_short"}}, Measure: forgettingBar},
	{Bar: bar.Bar{ID: "gate_permuted_twin", Of: safeguardOf,
		About: "The built-in learner on 1,000 rows of streams of which something can be learned: candidates that the twin of permuted labels blocks on 400 rows. Candidates that had noise alone to learn from, on 4,000 rows held out. Twins that know a tenth of the labels held out, on 1,000 rows, and twins that know none.",
		Limits: []bar.Limit{
			{Series: "honest", Unit: "% blocked", Of: bar.Max, Under: 1, AtMost: true},
			{Series: "noise", Unit: "% blocked", Of: bar.Max, Over: 80},
			{Series: "leak", Unit: "% found", Of: bar.Max, Over: 95},
		}, Also: []string{"leak_false"}}, Measure: permutedBar},
}

// Seeds of what is reported: no constant was chosen on them.
const (
	safeguardTrials = 300
	learnedTrials   = 200
	twinTrials      = 100 // Each trains three times.
)

// tellers are two versions of which each knows a part of what decides a row, and
// says what it can know of it; the candidate's log odds are then bent.
type tellers struct {
	classes        int
	rare, sd, bend float64
	// more is how much more the candidate knows.
	more float64
}

// answers draws rows with what both say of them.
func (w tellers) answers(rng *rand.Rand, n int) (m hone.Model, cand, champ evaluate.Side, rows evaluate.Rows) {
	sig := hone.Signature{Task: hone.Multiclass}
	for c := range w.classes {
		sig.Classes = append(sig.Classes, strconv.Itoa(c))
	}
	if w.classes == 2 {
		sig.Task, sig.Threshold = hone.Binary, 0.5
	}
	m = hone.Model{Task: sig.Task, Loss: hone.Loss{Kind: hone.ZeroOne}, Evidence: hone.Balanced}
	cand, champ = evaluate.Side{Version: "v2", Signature: sig}, evaluate.Side{Version: "v1", Signature: sig}
	cand.Scores.Width, champ.Scores.Width = sig.Width(), sig.Width()
	truth, a, b := make([]float64, w.classes), make([]float64, w.classes), make([]float64, w.classes)
	flat := 1 / math.Sqrt(1+math.Pi*2*w.sd*w.sd/8) // What a version does not know flattens what it may say.
	for range n {
		for c := range w.classes {
			common, mine, theirs := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
			truth[c] = w.sd * (common + mine + theirs)
			a[c], b[c] = flat*w.sd*(common+mine+w.more*theirs), flat*w.sd*(common+theirs)
		}
		truth[0], a[0], b[0] = truth[0]+w.rare, a[0]+w.rare, b[0]+w.rare
		rows.Labels = append(rows.Labels, sig.Classes[pickClass(rng, softmax(truth, 1))])
		x, y := softmax(a, w.bend), softmax(b, 1)
		if w.classes == 2 {
			x, y = x[1:], y[1:]
		}
		cand.Scores.V, champ.Scores.V = append(cand.Scores.V, x...), append(champ.Scores.V, y...)
	}
	return m, cand, champ, rows
}

func softmax(z []float64, bend float64) []float64 {
	out, sum := make([]float64, len(z)), 0.0
	for c, x := range z {
		out[c] = math.Exp(bend * x)
		sum += out[c]
	}
	for c := range out {
		out[c] /= sum
	}
	return out
}

func pickClass(rng *rand.Rand, p []float64) int {
	u := rng.Float64()
	for c, x := range p {
		if u -= x; u < 0 {
			return c
		}
	}
	return len(p) - 1
}

// failed tells whether a gate fails the candidate, and counts where it warns too.
func failed(m hone.Model, e hone.Evaluation, name string) bool {
	e.Replay = healthy
	run := hone.Run{Champion: "v1", Decision: hone.Decision{Trigger: hone.OnLoss}}
	for _, v := range gate.Judge(m, run, e, 1, nil) {
		if v.Gate == name && v.Result == hone.Fail {
			return true
		}
	}
	return false
}

func calibrationBar(b *bar.Bench) error {
	worlds := []struct {
		name string
		tellers
	}{
		{"even", tellers{classes: 2, sd: 1, bend: 1}}, {"rare", tellers{classes: 2, sd: 1, rare: 3, bend: 1}},
		{"strong", tellers{classes: 2, sd: 2, bend: 1}}, {"classes", tellers{classes: 4, sd: 1, bend: 1}},
	}
	share := func(w tellers, n int, trials int, stream uint64) float64 {
		return inParallel(trials, stream, func(rng *rand.Rand) bool {
			m, cand, champ, rows := w.answers(rng, n)
			return failed(m, evaluate.Compare(m, cand, &champ, rows), gate.Calibration)
		})
	}
	for i, w := range worlds {
		at := uint64(100 + 10*i)
		b.Keep("equal_"+w.name, "% blocked", share(w.tellers, 400, safeguardTrials, at), share(w.tellers, 2000, safeguardTrials, at+1))
		w.bend = 2
		b.Keep("sharpened_"+w.name, "% blocked", share(w.tellers, 2000, safeguardTrials/4, at+2))
	}
	b.Keep("better_even", "% blocked that know half of what the champion knows besides", share(tellers{classes: 2, sd: 1, bend: 1, more: 0.5}, 2000, safeguardTrials/4, 140))
	b.Note("a version knows two of three equal parts of the log odds, one of them in common; rare: about 7 %% positive; strong: twice the log odds; classes: four")
	return nil
}

// taken is n rows of a stream with their labels as targets.
func taken(s stream.Stream, n int) (*frame.Frame, []string, []float64) {
	f := frame.New(s.Schema(), n)
	labels, targets := make([]string, n), make([]float64, n)
	for i := range n {
		labels[i] = s.Next(f, i)
		if labels[i] == "1" {
			targets[i] = 1
		}
	}
	return f, labels, targets
}

// learned fits the built-in learner, and says what it answers.
func learned(f *frame.Frame, y []float64, seed uint64, from *linear.Model) *linear.Model {
	o := linear.Defaults()
	o.Seed = seed
	m, err := linear.Fit(f, y, nil, o, from, nil)
	bar.Fail(err)
	return m
}

func says(name hone.VersionID, m *linear.Model, f *frame.Frame) evaluate.Side {
	s := evaluate.Side{Version: name, Signature: hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}}
	s.Scores = hone.Scores{Width: 1, V: make([]float64, f.N)}
	m.Predict(f, s.Scores.V)
	return s
}

var learnedModel = hone.Model{Name: "m", Task: hone.Binary, Loss: hone.Loss{Kind: hone.ZeroOne}, Evidence: hone.Balanced}

// numbered gives rows ids that no other rows have.
func numbered(what string, f *frame.Frame, labels []string) evaluate.Rows {
	rows := evaluate.Rows{Frame: f, Labels: labels}
	for i := range labels {
		rows.IDs = append(rows.IDs, hone.PredictionID(what+strconv.Itoa(i)))
	}
	return rows
}

func forgettingBar(b *bar.Bench) error {
	found := func(of uint64, variant, n int) float64 {
		return inParallel(learnedTrials, of, func(rng *rand.Rand) bool {
			now := 2
			s := stream.NewSEA(rng.Uint64(), func(int) int { return now }, 0.05)
			f, _, y := taken(s, 2000)
			champion := learned(f, y, 1, nil)
			var eras []evaluate.Rows
			for range 4 {
				f, labels, _ := taken(s, 500)
				eras = append(eras, numbered("era ", f, labels))
			}
			now = variant
			f, _, y = taken(s, n)
			candidate := learned(f, y, 2, champion)
			held, labels, _ := taken(s, 400)
			x, y2 := says("v2", candidate, held), says("v1", champion, held)
			ev := evaluate.NewEvidence(learnedModel, "salt", x, &y2)
			bar.Fail(ev.Add(numbered("row ", held, labels), x, &y2))
			for i, era := range eras {
				bar.Fail(ev.AddPast(strconv.Itoa(i), true, false, era, says("v2", candidate, era.Frame), says("v1", champion, era.Frame)))
			}
			return failed(learnedModel, ev.Compare(), "era")
		})
	}
	b.Keep("forgotten", "% found", found(150, 3, 400))
	b.Keep("kept", "% blocked", found(151, 2, 2000))
	b.Keep("kept_short", "% blocked that learned 400 rows of the same concept, and are worse for it", found(152, 2, 400))
	b.Note("SEA, variant 2 on 2,000 rows, then 400 rows of variant 3, or rows of the same, with 5 %% noise; %d trials each", learnedTrials)
	return nil
}

func permutedBar(b *bar.Bench) error {
	judged := func(rng *rand.Rand, s stream.Stream, train, n int, noise bool, knows float64) hone.Evaluation {
		f, _, y := taken(s, train)
		held, labels, _ := taken(s, n)
		if noise {
			for i := range y {
				y[i] = float64(rng.IntN(2))
			}
			for i := range labels {
				labels[i] = strconv.Itoa(rng.IntN(2))
			}
		}
		candidate := learned(f, y, 1, nil)
		dealt, turned := append([]float64(nil), y...), make([]float64, len(y))
		rng.Shuffle(len(dealt), func(i, j int) { dealt[i], dealt[j] = dealt[j], dealt[i] })
		for i, d := range dealt {
			turned[i] = 1 - d
		}
		twins := []evaluate.Side{says("permuted", learned(f, dealt, 1, nil), held), says("permuted", learned(f, turned, 1, nil), held)}
		for i, l := range labels {
			if rng.Float64() < knows {
				for t := range twins {
					twins[t].Scores.V[i] = map[string]float64{"0": 0.05, "1": 0.95}[l]
				}
			}
		}
		x := says("v2", candidate, held)
		ev := evaluate.NewEvidence(learnedModel, "salt", x, nil)
		bar.Fail(ev.Add(numbered("row ", held, labels), x, nil))
		bar.Fail(ev.AddShuffled(twins))
		return ev.Compare()
	}
	sea := func(rng *rand.Rand) stream.Stream { return stream.NewSEA(rng.Uint64(), nil, 0.1) }
	share := func(of uint64, trial func(rng *rand.Rand) bool) float64 { return inParallel(twinTrials, of, trial) }
	blocked := func(e hone.Evaluation) bool { return failed(learnedModel, e, "permuted_twin") }
	b.Keep("honest", "% blocked",
		share(160, func(rng *rand.Rand) bool { return blocked(judged(rng, sea(rng), 1000, 400, false, 0)) }),
		share(161, func(rng *rand.Rand) bool {
			return blocked(judged(rng, stream.NewHyperplane(rng.Uint64(), 10, 0, 0.2), 1000, 400, false, 0))
		}),
		share(162, func(rng *rand.Rand) bool {
			return blocked(judged(rng, stream.NewAgrawal(rng.Uint64(), nil, 0.05), 1000, 400, false, 0))
		}))
	b.Keep("noise", "% blocked", share(163, func(rng *rand.Rand) bool { return blocked(judged(rng, sea(rng), 2000, 4000, true, 0)) }))
	b.Keep("leak", "% found", share(165, func(rng *rand.Rand) bool { return blocked(judged(rng, sea(rng), 1000, 1000, false, 0.1)) }))
	b.Keep("leak_false", "% of twins without any knowledge", share(166, func(rng *rand.Rand) bool {
		return judged(rng, sea(rng), 1000, 1000, false, 0).Permuted.Known.Lower > 0
	}))
	b.Note("%d trials each; rows of the same stream; streams: SEA, hyperplane of 10 numbers, agrawal; noise: features of SEA, labels by a coin", twinTrials)
	return nil
}
