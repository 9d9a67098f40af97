// Package monitor turns predictions and their outcomes into signals: drift
// against the champion's reference, losses on mature labels, and the loss that
// a retrain would win back. What follows from a signal is left to trigger.
package monitor

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/residual/planted"
	"hone/internal/stat"
	"hone/internal/stat/text"
)

// Reference is what a version's own data looked like: the distributions that
// drift is judged against. It belongs to the version and serves while that is
// champion.
type Reference struct {
	Rows     int             `json:"rows"`
	Features []*stat.Profile `json:"features"` // In the order of the model's features.
	// Texts has what the texts of each feature are like, nil for those that are none;
	// it is nil where no feature is one, and in references of older versions.
	Texts []*text.Profile `json:"texts,omitempty"`
	// Score is the version's answer on those rows: the score, or for multiclass
	// the class.
	Score *stat.Profile `json:"score"`
	// TargetSD is the spread of a regression's labels, in their unit.
	TargetSD float64 `json:"target_sd,omitempty"`
	// Bound is the 99th percentile of the version's own loss on the holdout,
	// for losses that have no bound.
	Bound float64 `json:"bound,omitempty"`
	// Power is how much of planted losses the probe sees; nil while that is not tested.
	// It is kept with the version, in references of older versions here.
	Power *planted.Power `json:"power,omitempty"`
}

// NewReference profiles the rows in the order in which they were served. The target of
// a row without a label is NaN. Times, if
// they are not nil, say when that was: where they cover four weeks or more, windows
// can be compared with the same hours of the week.
func NewReference(sig hone.Signature, rows *frame.Frame, scores hone.Scores, targets []float64, times []time.Time) *Reference {
	r := &Reference{Rows: rows.N}
	var of stat.Profiler
	hours := hoursOf(times)
	for i, field := range rows.Schema {
		if field.Kind == frame.Number {
			r.Features = append(r.Features, numbersProfile(&of, rows.Cols[i].Num, hours))
			continue
		}
		r.Features = append(r.Features, namesProfile(&of, names(field, rows.Cols[i].Str), hours))
		if field.Kind == frame.Text {
			if r.Texts == nil {
				r.Texts = make([]*text.Profile, len(rows.Schema))
			}
			r.Texts[i] = text.NewProfile(rows.Cols[i].Str)
		}
	}
	if sig.Task == hone.Multiclass {
		answers := make([]string, rows.N)
		for i := range answers {
			answers[i] = sig.Answer(scores.Row(i))
		}
		r.Score = namesProfile(&of, answers, hours)
	} else {
		r.Score = numbersProfile(&of, scores.V, hours)
	}
	if sig.Task == hone.Regression {
		var m stat.Moments
		for _, y := range targets {
			if !math.IsNaN(y) {
				m.Add(y)
			}
		}
		r.TargetSD = math.Sqrt(m.Variance())
	}
	return r
}

// names turns free text into what can be counted: whether it is there at all
// and how long it is, in powers of two. Categories stay as they are.
func names(field frame.Field, values []string) []string {
	if field.Kind != frame.Text {
		return values
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = textBin(v)
	}
	return out
}

func textBin(v string) string {
	if v == "" {
		return ""
	}
	n := 1
	for n < len(v) {
		n *= 2
	}
	return fmt.Sprintf("up to %d bytes", n)
}

// Marshal writes the reference as JSON.
func (r *Reference) Marshal() ([]byte, error) { return json.Marshal(r) }

// ParseReference reads what Marshal wrote.
func ParseReference(b []byte) (*Reference, error) {
	r := &Reference{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read a reference: %w", err)
	}
	if r.Score == nil {
		return nil, fmt.Errorf("read a reference: it has no score profile")
	}
	return r, nil
}

// Blind tells whether the probe of the version would not see that a retrain pays, even
// with trees, and what share of planted losses it sees. What was not tested is not blind.
func (r *Reference) Blind() (blind bool, seen float64) {
	p := r.power()
	return p.Blind(), p.Seen()
}

// power is that of no test where it was not tested.
func (r *Reference) power() planted.Power {
	if r.Power == nil {
		return planted.Power{}
	}
	return *r.Power
}

// Means returns the mean and spread of each numeric feature, for whoever must
// put features on one scale; names get 0 and 1.
func (r *Reference) Means() (mean, sd []float64) {
	for _, p := range r.Features {
		m, s := p.Mean, p.SD
		if !(s > 0) {
			s = 1
		}
		mean, sd = append(mean, m), append(sd, s)
	}
	return mean, sd
}
