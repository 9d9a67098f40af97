package monitor

import (
	"context"
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
)

// Rival is a version that is asked about the same labelled rows as the champion.
type Rival interface {
	// Version may be another once a Learner has learned; while it has no ID the rival
	// is not asked.
	Version() hone.Version
	// Ask returns the scores of rows. A rival that cannot be asked is dropped.
	Ask(ctx context.Context, rows *frame.Frame) (hone.Scores, error)
}

// Learner is a rival that learns the rows that it was asked about, from their labels
// and how much each counts.
type Learner interface {
	Rival
	// The newest of the rows was served then.
	Learn(rows *frame.Frame, labels []string, weights []float64, newest time.Time) error
}

// Beside has rivals asked about all rows that count from now on.
func (m *Monitor) Beside(rivals ...Rival) { m.rivals = append(m.rivals, rivals...) }

// Rivals are those that are still asked.
func (m *Monitor) Rivals() []Rival { return m.rivals }

// After lets only rows count that were served after a time: those before are what the
// champion was chosen by.
func (m *Monitor) After(t time.Time) {
	if t.After(m.after) {
		m.after = t
	}
}

// contest asks the rivals about the rows of a batch on which the champion lost so
// much, and lets them learn.
func (m *Monitor) contest(ctx context.Context, rows *frame.Frame, lost, prices, weights []float64) {
	if len(m.rivals) == 0 {
		return
	}
	labels, newest := make([]string, len(m.batch)), time.Time{}
	for i, o := range m.batch {
		labels[i] = o.Label
		if o.Time.After(newest) {
			newest = o.Time
		}
	}
	m.rivals = slices.DeleteFunc(m.rivals, func(r Rival) bool {
		if r.Version().ID != "" && m.ask(ctx, r, rows, lost, prices, weights) != nil {
			return true
		}
		l, learns := r.(Learner)
		return learns && l.Learn(rows, labels, weights, newest) != nil
	})
}

// ask adds to the tick what one rival would have lost on the rows of a batch.
func (m *Monitor) ask(ctx context.Context, r Rival, rows *frame.Frame, lost, prices, weights []float64) error {
	scores, err := r.Ask(ctx, rows)
	if err != nil {
		return err
	}
	v := r.Version()
	_, learns := r.(Learner)
	sums := hone.Rival{Version: v.ID, Learner: learns}
	for i, o := range m.batch {
		loss := m.model.Loss.Of(v.Signature, scores.Row(i), v.Signature.Target(o.Label), prices[i])
		if d := weights[i] * (lost[i] - loss); d-d == 0 && o.Time.After(v.TrainedUntil) {
			sums.N++
			sums.Own++
			sums.Gain += d
			sums.Var += d * d
		}
	}
	m.tick.Rivals = tally(m.tick.Rivals, sums)
	return nil
}

// tally adds what a rival came to in a batch to what it did in the tick.
func tally(all []hone.Rival, r hone.Rival) []hone.Rival {
	if r.N == 0 || math.IsInf(r.Gain, 0) || math.IsInf(r.Var, 0) {
		return all
	}
	i := slices.IndexFunc(all, func(x hone.Rival) bool {
		return x.Learner == r.Learner && (x.Learner || x.Version == r.Version)
	})
	if i < 0 {
		return append(all, r)
	}
	if all[i].Version != r.Version {
		all[i].Version, all[i].Own = r.Version, 0
	}
	all[i].Own += r.Own
	all[i].N += r.N
	all[i].Gain += r.Gain
	all[i].Var += r.Var
	return all
}
