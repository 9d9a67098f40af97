package monitor

import (
	"fmt"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat"
)

// MinWindow is the least number of predictions that drift is judged on.
const MinWindow = 200

// windowAlpha is the chance of an alarm on a window without drift.
const windowAlpha = 0.001

// FeatureDrift is how one feature moved in one window.
type FeatureDrift struct {
	Feature string `json:"feature"`
	stat.Comparison
	// Drifted is set when the feature is named by Holm's rule.
	Drifted bool `json:"drifted"`
}

// Drift is the verdict on one window of predictions.
type Drift struct {
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	N        int            `json:"n"`
	Alarm    bool           `json:"alarm"`
	P        float64        `json:"p"` // Simes over all tests.
	Features []FeatureDrift `json:"features"`
	Score    FeatureDrift   `json:"score"`
	Unknown  string         `json:"unknown,omitempty"` // Why there is no verdict.
}

// Drifted counts the features that are named.
func (d Drift) Drifted() (n int) {
	for _, f := range d.Features {
		if f.Drifted {
			n++
		}
	}
	return n
}

// window counts one stretch of predictions on the reference's bins.
type window struct {
	ref      *Reference
	schema   frame.Schema
	sig      hone.Signature
	counts   []*stat.Counts
	score    *stat.Counts
	n        int
	from, to time.Time
}

func newWindow(ref *Reference, sig hone.Signature, schema frame.Schema) *window {
	w := &window{ref: ref, schema: schema, sig: sig, score: ref.Score.Window()}
	for _, p := range ref.Features {
		w.counts = append(w.counts, p.Window())
	}
	return w
}

// add counts the rows of f, whose scores may be absent.
func (w *window) add(f *frame.Frame, at []time.Time, scores [][]float64) {
	for i, c := range w.counts {
		field := w.schema[i]
		for row := range f.N {
			switch field.Kind {
			case frame.Number:
				c.AddNumber(f.Cols[i].Num[row])
			case frame.Text:
				c.AddName(textBin(f.Cols[i].Str[row]))
			default:
				c.AddName(f.Cols[i].Str[row])
			}
		}
	}
	for row, s := range scores {
		if w.n == 0 && row == 0 {
			w.from = at[row]
		}
		w.to = at[row]
		if len(s) != w.sig.Width() {
			continue
		}
		if w.sig.Task == hone.Multiclass {
			w.score.AddName(w.sig.Answer(s))
		} else {
			w.score.AddNumber(s[0])
		}
	}
	w.n += f.N
}

// judge compares the window with the reference: chi-squared and missing share
// of each feature by Simes and Holm, the score on its own.
func (w *window) judge() Drift {
	d := Drift{From: w.from, To: w.to, N: w.n}
	var ps []float64
	for i, p := range w.ref.Features {
		c := p.Compare(w.counts[i])
		d.Features = append(d.Features, FeatureDrift{Feature: w.schema[i].Name, Comparison: c})
		ps = append(ps, c.P, c.MissingP)
	}
	d.Score = FeatureDrift{Feature: "score", Comparison: w.ref.Score.Compare(w.score)}
	if w.n < MinWindow {
		d.Unknown = fmt.Sprintf("not enough data: %d of %d predictions", w.n, MinWindow)
		d.P = 1
		return d
	}
	if w.score.N() >= MinWindow {
		d.Score.Drifted = d.Score.P < windowAlpha
	}
	d.P = stat.Simes(ps)
	d.Alarm = d.P < windowAlpha
	for i, named := range stat.Holm(ps, windowAlpha) {
		if named {
			d.Features[i/2].Drifted = true
		}
	}
	return d
}
