package linear

import (
	"errors"
	"math"
)

var errDiverged = errors.New("the weights diverged; lower learning_rate")

// fit learns the first rows.
func (l *Learner) fit(r *rows, from *Model, report func(step int, loss float64) bool) error {
	if l.task == LeastSquares {
		if l.mean, l.sd = r.moments(); l.sd == 0 { // All targets are one value, and nothing is to be learned.
			l.warmStarted, l.sd = false, 1
			return nil
		}
	}
	r.keep()
	// At least some 64 steps an epoch, so that small data is learned too.
	batch := min(max(r.f.N/64, 1), l.options.Batch)
	if l.warmStarted {
		l.resume(r, from, batch)
	} else {
		l.begin(r)
	}
	return l.run(r, batch, report)
}

// run takes the epochs.
func (l *Learner) run(r *rows, batch int, report func(step int, loss float64) bool) error {
	order := ascending(r.f.N)
	best, stale := math.Inf(1), 0
	for epoch := 1; epoch <= l.options.Epochs && stale < patience; epoch++ {
		l.shuffle(order, uint64(epoch))
		loss, err := l.epoch(r, order, batch, report)
		if err != nil {
			return err
		}
		l.loss = loss
		stale++
		if loss < best-progress*math.Max(math.Abs(best), 1e-6) || math.IsInf(best, 1) {
			best, stale = loss, 0
		}
	}
	return nil
}

// epoch takes each row once and returns the mean loss of a row.
func (l *Learner) epoch(r *rows, order []int, batch int, report func(step int, loss float64) bool) (float64, error) {
	total, since, seen := 0.0, 0.0, 0
	for at := 0; at < len(order); at += batch {
		part := order[at:min(at+batch, len(order))]
		loss := l.gradient(r, part)
		l.step(len(part))
		total += loss
		since += loss
		seen += len(part)
		if loss-loss != 0 {
			return 0, errDiverged
		}
		if last := at+batch >= len(order); report != nil && (last || seen >= reportEvery) {
			if !report(l.steps, since/float64(seen)) {
				return 0, ErrStopped
			}
			since, seen = 0, 0
		}
	}
	return total / float64(len(order)), nil
}
