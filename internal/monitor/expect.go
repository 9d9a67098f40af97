package monitor

import (
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"hone"
	"hone/internal/estimate"
	"hone/internal/frame"
)

// Scored are rows with what a version said of each. Outcomes are set where labels
// are known.
type Scored struct {
	Rows     *frame.Frame
	Scores   [][]float64
	Outcomes []hone.Outcome

	loss, headline []float64
}

func (s Scored) len() int {
	if s.Rows == nil {
		return 0
	}
	return s.Rows.N
}

// part gives rows [from, to).
func (s Scored) part(from, to int) Scored {
	out := Scored{Rows: s.Rows.Slice(from, to), Scores: s.Scores[from:to]}
	if s.Outcomes != nil {
		out.Outcomes = s.Outcomes[from:to]
	}
	if s.loss != nil {
		out.loss, out.headline = s.loss[from:to], s.headline[from:to]
	}
	return out
}

// groups puts the rows of one user together, else those of one stretch of time.
func (s Scored) groups() []int {
	const stretch = 20
	out := make([]int, s.len())
	for i, o := range s.Outcomes {
		out[i] = i / stretch
		if o.Unit != "" {
			h := fnv.New32a()
			h.Write([]byte(o.Unit))
			out[i] = int(h.Sum32())
		}
	}
	return out
}

// withScores adds the scores to the features: what the inputs do to the model is
// what counts of them.
func (s Scored) withScores() *frame.Frame {
	f := &frame.Frame{N: s.Rows.N, Schema: append(frame.Schema{}, s.Rows.Schema...), Cols: append([]frame.Column{}, s.Rows.Cols...)}
	for k := range s.Scores[0] {
		col := make([]float64, s.Rows.N)
		for i, row := range s.Scores {
			col[i] = row[k]
		}
		f.Schema = append(f.Schema, frame.Field{Name: fmt.Sprintf("score %d", k), Kind: frame.Number})
		f.Cols = append(f.Cols, frame.Column{Num: col})
	}
	return f
}

const (
	// minExpected is the least number of predictions that an estimate is made for.
	minExpected = 200
	// contradiction is how many times the half of an estimate's interval the labels
	// must lie off it: an error of 1 in 1,000.
	contradiction = 3.29 / 1.96

	caveat = "an estimate: it sees what changed in the inputs, and not a change of what they mean; only labels show that"
)

// Expect estimates the metrics of the newest predictions alone.
func Expect(e Evidence) Estimated {
	e.Known.lossesOf(e)
	return e.expect()
}

// Signals are the estimates as signals, whose names say that they are none of
// labels.
func (e Estimated) Signals(m hone.Model, now time.Time) []hone.Signal {
	if e.Unknown != "" {
		return []hone.Signal{{Model: m.Name, Name: estimatedPrefix + Headline(m.Task), At: now, N: e.Rows, Unknown: e.Unknown}}
	}
	out := append([]hone.Signal{}, e.Metrics...)
	for i := range out {
		out[i].Name = estimatedPrefix + out[i].Name
	}
	return out
}

// estimatedPrefix begins the names of signals that rest on no label.
const estimatedPrefix = "estimated."

// expect estimates the metrics of the newest predictions, once the newest labels
// do not contradict what would have been expected of them.
func (e Evidence) expect() Estimated {
	out := Estimated{Metrics: []hone.Signal{}, Rows: e.Window.len(), Labelled: e.Labelled, Reference: e.Known.len(), Caveat: caveat}
	if out.Rows < minExpected {
		out.Unknown = fmt.Sprintf("there are %d predictions since it serves, and %d are needed", out.Rows, minExpected)
		return out
	}
	if out.Reference < estimate.MinKnown {
		out.Unknown = fmt.Sprintf("it rests on labelled rows that the version was not trained on: there are %d, and %d are needed", out.Reference, estimate.MinKnown)
		return out
	}
	got, shift := e.estimate(e.Known, e.Window, true)
	out.Effective, out.Covered, out.Telling, out.Weighted, out.Unknown = shift.Effective, shift.Covered, shift.AUC, got.Weighted, got.Unknown
	if why := e.contradicted(); why != "" {
		out.Contradicted, out.Unknown = true, why
		return out
	}
	for _, m := range got.Metrics {
		if finite(m.Value, m.Lower, m.Upper) {
			out.Metrics = append(out.Metrics, hone.Signal{Model: e.Model.Name, Name: m.Name, At: e.Now, Value: m.Value, Lower: m.Lower, Upper: m.Upper, N: out.Rows})
		}
	}
	return out
}

// estimate expects metrics of rows by others whose outcomes are known: all of them,
// or the first alone.
func (e Evidence) estimate(known, now Scored, all bool) (estimate.Estimate, estimate.Ratio) {
	before := known.withScores()
	bins := estimate.NewBins(before)
	a, b := bins.Table(before), bins.Table(now.withScores())
	shift := estimate.Shift(a, b)
	sig := e.Version.Signature
	switch e.Model.Task {
	case hone.Regression:
		out := estimate.Values("mae", a, known.headline, shift, b)
		if loss := estimate.Values("loss", a, known.loss, shift, b); out.Unknown == "" {
			out.Metrics = append(out.Metrics, loss.Metrics...)
		}
		return out, shift
	case hone.Binary:
		k := estimate.Known{Shift: shift}
		for i, o := range known.Outcomes {
			k.Scores, k.Outcomes = append(k.Scores, known.Scores[i][0]), append(k.Outcomes, math.Max(0, sig.Target(o.Label)))
		}
		if !all {
			return estimate.Accuracy(k, first(now.Scores), sig.Threshold), shift
		}
		return estimate.Binary(k, first(now.Scores), sig.Threshold, e.losses(now)), shift
	}
	k := estimate.Known{Scores: sure(known.Scores), Outcomes: known.headline, Shift: shift}
	return estimate.Answers(k, sure(now.Scores)), shift
}

// losses are what a row of a binary model loses, by name.
func (e Evidence) losses(now Scored) map[string]func(row int, y float64) float64 {
	prices := e.Model.Loss.Prices(now.Rows)
	sig, log := e.Version.Signature, hone.Loss{Kind: hone.Log}
	return map[string]func(row int, y float64) float64{
		"loss":     func(i int, y float64) float64 { return e.Model.Loss.Of(sig, now.Scores[i], y, prices[i]) },
		"log_loss": func(i int, y float64) float64 { return log.Of(sig, now.Scores[i], y, 0) },
		"brier":    func(i int, y float64) float64 { return (now.Scores[i][0] - y) * (now.Scores[i][0] - y) },
	}
}

func first(scores [][]float64) []float64 {
	out := make([]float64, len(scores))
	for i, s := range scores {
		out[i] = s[0]
	}
	return out
}

// sure is the probability of the class that is answered.
func sure(scores [][]float64) []float64 {
	out := make([]float64, len(scores))
	for i, s := range scores {
		for _, p := range s {
			out[i] = math.Max(out[i], p)
		}
	}
	return out
}

// contradicted says that the newest labels are not what the older ones let expect
// of them, or nothing. It looks back over a sixteenth, a quarter, a half and three
// quarters of the labels, for the inputs may have changed their meaning at any time.
func (e Evidence) contradicted() string {
	n := e.Known.len()
	for _, parts := range []int{1, 4, 8, 12} {
		cut := n - parts*n/16
		if min(cut, n-cut) < estimate.MinKnown {
			continue
		}
		now := e.Known.part(cut, n)
		got, _ := e.estimate(e.Known.part(0, cut), now, false)
		if got.Unknown != "" {
			continue
		}
		m, real := got.Metrics[0], 0.0
		for _, x := range now.headline {
			real += x / float64(n-cut)
		}
		if math.Abs(real-m.Value) > contradiction*math.Max(m.Upper-m.Value, m.Value-m.Lower) {
			return fmt.Sprintf("the newest %d labels showed %s of %.3g where %.3g was expected, so that the inputs mean something else than before", n-cut, article(m.Name), real, m.Value)
		}
	}
	return ""
}
