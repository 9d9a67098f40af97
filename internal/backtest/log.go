package backtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/say"
)

// Log is what a model recorded, or what a file of its rows says.
type Log struct {
	Name string // For people: the file, or the model's log.
	// Outcomes in any order: features, times, labels with their times, propensities.
	Outcomes []hone.Outcome
	Schemas  map[uint32]frame.Schema // By which features were encoded; nil for the model's own.
	// Untimed is set where the rows do not say when they happened: then label delays
	// and what guards count by the clock mean nothing.
	Untimed bool
	// Notes are further things to know about the rows.
	Notes []string

	older    int  // Rows that Add left out.
	unsorted bool // They did not come in the order of time.
}

// Add takes one more outcome, where it is of the stretch of time that the options name.
// Of very many rows it keeps the newest.
func (l *Log) Add(o hone.Outcome, of Options) {
	if !of.within(o.Time) {
		return
	}
	if n := len(l.Outcomes); n > 0 && earlier(o, l.Outcomes[n-1]) < 0 {
		l.unsorted = true
	}
	if l.Outcomes = append(l.Outcomes, o); len(l.Outcomes) < 2*maxRows {
		return
	}
	slices.SortStableFunc(l.Outcomes, earlier)
	l.older += maxRows
	l.Outcomes = append([]hone.Outcome(nil), l.Outcomes[maxRows:]...)
}

// earlier puts outcomes in the order of time.
func earlier(a, b hone.Outcome) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq)) }

func (o Options) within(at time.Time) bool {
	return (o.From.IsZero() || !at.Before(o.From)) && (o.Until.IsZero() || !at.After(o.Until))
}

const (
	usualBatches   = 120
	commandBatches = 20 // Where each champion is trained by a program.
	minBatches     = 10
	minBatch       = 25 // Rows.
	maxRows        = 200_000
	maxScores      = 64 << 20 // Of all champions, four bytes each.
)

// trace is a log as policies are played on it.
type trace struct {
	model    hone.Model // With what has no meaning here switched off.
	sig      hone.Signature
	rows     []hone.Outcome // In the order of time. The label counts from Mature on.
	decoder  frame.Decoder
	stream   *Stream
	prices   []float64 // Of a wrong answer, by row, where the loss has such.
	labelled int
	notes    []string
}

func (t *trace) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// read puts a log in the order of time, says when each label counts, and cuts the
// rows into batches.
func read(m hone.Model, l Log, o Options) (*trace, error) {
	if l.Schemas == nil {
		l.Schemas = map[uint32]frame.Schema{m.Features.Fingerprint(): m.Features}
	}
	t := &trace{model: m, decoder: frame.Decoder{Target: m.Features, Schemas: l.Schemas}, notes: slices.Clone(l.Notes), rows: slices.Clone(l.Outcomes)}
	t.rows = slices.DeleteFunc(t.rows, func(r hone.Outcome) bool { return !o.within(r.Time) })
	if l.unsorted || !slices.IsSortedFunc(t.rows, earlier) {
		t.note("The rows of %s did not stand in the order of time, and were sorted by it.", l.Name)
		slices.SortStableFunc(t.rows, earlier)
	}
	t.mature(l.Untimed)
	if err := t.classes(l.Name); err != nil {
		return nil, err
	}
	t.bound(o.batches(m), l.older)
	if err := t.decode(); err != nil {
		return nil, err
	}
	t.clockless(l.Untimed)
	return t, t.cut(l.Name, o)
}

// mature says of each label from when on it counts. What does not count by the end of
// the log has none.
func (t *trace) mature(untimed bool) {
	spec := t.model.Label
	var heard time.Time
	for _, o := range t.rows {
		if o.Label != "" && o.LabelTime.After(heard) {
			heard = o.LabelTime
		}
	}
	for i := range t.rows {
		o := &t.rows[i]
		o.Received = o.Time // As if it had come then.
		if o.Effect == hone.Contradicted {
			o.Label = ""
		}
		switch {
		case untimed:
			o.Mature = o.Time
		case spec.Infers():
			if o.Label == "" && o.Effect != hone.Contradicted {
				o.Label = spec.AbsentMeans
			}
			if o.Mature = spec.Presumed(o.Prediction); o.Mature.After(heard) {
				o.Label = ""
			}
		default:
			o.Mature = monitor.MatureAt(*o, time.Duration(spec.Delay))
		}
	}
}

// classes finds those of the labels.
func (t *trace) classes(name string) error {
	counts := map[string]int{}
	for _, o := range t.rows {
		if o.Label != "" {
			counts[o.Label]++
			t.labelled++
		}
	}
	if t.labelled == 0 {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has %s to go by, and none has a label", name, say.Count(len(t.rows), "row", "rows")),
			Hint: fmt.Sprintf("a backtest learns from labels: bring %q with the rows, or look at --from and --until", t.model.Label.Name)}
	}
	t.sig = hone.Signature{Task: t.model.Task, Features: t.model.Features}
	if t.model.Task == hone.Regression {
		return nil
	}
	if t.model.Task == hone.Binary {
		t.sig.Threshold = t.model.Loss.DefaultThreshold()
		t.two(counts)
	}
	for c := range counts {
		if c != t.model.Label.Positive || t.model.Task != hone.Binary {
			t.sig.Classes = append(t.sig.Classes, c)
		}
	}
	slices.Sort(t.sig.Classes)
	if t.model.Task == hone.Binary {
		t.sig.Classes = append(t.sig.Classes, t.model.Label.Positive)
	}
	if len(t.sig.Classes) < 2 || len(counts) < 2 {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("all %d labels in %s are the same: there is nothing to learn", t.labelled, name), Hint: "bring rows of another class too"}
	}
	return nil
}

// two leaves of the labels of a binary model the positive class and the most frequent
// other one. Others count as none.
func (t *trace) two(counts map[string]int) {
	positive, negative := t.model.Label.Positive, ""
	for c, n := range counts {
		if c != positive && (negative == "" || n > counts[negative] || n == counts[negative] && c < negative) {
			negative = c
		}
	}
	odd := 0
	for i := range t.rows {
		if l := t.rows[i].Label; l != "" && l != positive && l != negative {
			t.rows[i].Label = ""
			delete(counts, l)
			odd++
		}
	}
	if odd > 0 {
		t.labelled -= odd
		t.note("%s neither %q nor %q, and not counted.", say.Count(odd, "label is", "labels are"), negative, positive)
	}
}

// bound leaves the newest rows, as many as the scores of all champions fit for.
func (t *trace) bound(batches, older int) {
	n := len(t.rows)
	most := min(n, maxRows, 2*maxScores/(batches*t.sig.Width()))
	t.rows = t.rows[n-most:]
	if older += n; most < older {
		t.note("Of %s rows the newest %s were taken.", say.Whole(older), say.Whole(most))
	}
}

// decode makes a stream of the rows.
func (t *trace) decode() error {
	n := len(t.rows)
	features := make([][]byte, n)
	s := &Stream{Name: t.model.Name, Targets: make([]float64, n), Weights: make([]float64, n), Known: make([]int, n), Width: t.sig.Width(), Task: string(t.model.Task)}
	t.labelled = 0
	weighted := false
	for i, o := range t.rows {
		features[i], s.Weights[i], s.Targets[i] = o.Features, o.Weight(), math.NaN()
		weighted = weighted || s.Weights[i] != 1
		if o.Label != "" {
			s.Targets[i] = t.sig.Target(o.Label)
		}
		if s.Targets[i] == s.Targets[i] {
			t.labelled++
		}
		s.Known[i] = t.counts(i)
	}
	if !weighted {
		s.Weights = nil
	}
	var err error
	if s.Rows, err = t.decoder.Frame(features); err != nil {
		return fmt.Errorf("read rows of %s: %w", t.model.Name, err)
	}
	t.prices = t.model.Loss.Prices(s.Rows)
	s.Loss = func(row int, scores []float64) float64 {
		return t.model.Loss.Of(t.sig, scores, s.Targets[row], t.prices[row])
	}
	other := hone.Loss{Kind: hone.ZeroOne}
	if t.model.Task == hone.Regression {
		other.Kind = hone.Absolute
	}
	s.Headline = func(row int, scores []float64) float64 { return other.Of(t.sig, scores, s.Targets[row], 0) }
	t.stream = s
	return nil
}

// counts is how many rows had been served once a label counted: that of its own, and
// all that came before its moment.
func (t *trace) counts(row int) int {
	n := len(t.rows)
	at := sort.Search(n, func(k int) bool { return !t.rows[k].Time.Before(t.rows[row].Mature) })
	if at == n && row+1 < n {
		return never - 1 // After the end: what was lost is known, and nobody learns from it.
	}
	return max(row+1, at)
}

// clockless switches off what the rows say already, or cannot say.
func (t *trace) clockless(untimed bool) {
	t.model.Label.Delay, t.model.Label.AbsentMeans, t.model.Label.After = 0, "", 0
	if !untimed {
		return
	}
	g := &t.model.Guards
	g.Cooldown, g.MaxPerDay, g.MaxPerMonth, g.Budget = 0, math.MaxInt, math.MaxInt, hone.Budget{}
	t.note("The rows do not say when they happened: the label's delay, schedules, and the guards that count by the clock (cooldown, max_per_day, max_per_month, budget) are left out.")
}

// cut says how long the window and the batches are.
func (t *trace) cut(name string, o Options) error {
	s, n := t.stream, len(t.rows)
	usual := max(t.labelled/11, t.model.Dataset.MinRows, minBatch)
	if s.Window = t.window(o, usual); s.Window > usual && t.model.Dataset.Window == "all" {
		s.Least = usual
	} else {
		s.Least = s.Window
	}
	s.order()
	from := sort.Search(n, func(i int) bool { return s.upTo(i) >= s.Least })
	s.Batch = max(minBatch, (n-from)/o.batches(t.model))
	if (n-from)/s.Batch < minBatches {
		return &hone.Error{Code: hone.Invalid,
			Message: fmt.Sprintf("%s has %s: too few, for the first champion learns from %d labelled ones, and %d must come after their labels", name, say.Count(n, "row", "rows"), s.Least, minBatches*minBatch),
			Hint:    fmt.Sprintf("bring %d rows or more, or let champions learn from fewer with --window", s.Least+minBatches*minBatch+max(0, from-s.Least))}
	}
	s.Begin = n - min(o.batches(t.model), (n-from)/s.Batch)*s.Batch
	return nil
}

// window is how many rows a champion learns from.
func (t *trace) window(o Options, usual int) int {
	if o.Window > 0 {
		return o.Window
	}
	if t.model.Dataset.Window == "all" {
		return max(t.model.Dataset.MaxRows, usual)
	}
	if n, err := strconv.Atoi(t.model.Dataset.Window); err == nil && n > 0 {
		return n
	}
	return usual
}
