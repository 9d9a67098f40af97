package monitor

import (
	"time"

	"hone"
)

// absence decides on predictions of which only some ever get a label. Each counts
// from the moment on which the first label of any prediction arrives that came when
// the prediction was old enough, or later: that label shows that the source still
// speaks. A prediction that has its own label by then counts with it, else it is
// presumed to be what the model's absent_means says, so that both kinds of one time
// count together. While the source is silent nothing counts, and all that was held
// counts after all once it speaks again. So what counts, and in which order, is a
// function of the log alone: neither of the moments at which it is read, nor of a
// bound on how long a silence is usual.
//
// Predictions are taken in the order of the log, each not before those ahead of
// it.
type absence struct {
	spec    hone.LabelSpec
	arrived []time.Time // When labels arrived, from the first that may yet release something.
	due     time.Time   // Of the newest prediction looked at.
	blocked time.Time   // When the next prediction in the log is due; zero while unknown.
	queue   []hone.Outcome
	passed  int64 // The number of the newest prediction that was decided on.
	// told is what is said of predictions behind passed.
	told map[int64]said
}

// said is what labels say of a prediction.
type said struct {
	label string
	at    time.Time
	seq   int64
	aside bool // They contradict each other: the row does not count.
}

// hear takes the arrival of a label.
func (a *absence) hear(at time.Time) {
	if n := len(a.arrived); a.spec.Infers() && (n == 0 || !a.arrived[n-1].Equal(at)) {
		a.arrived = append(a.arrived, at)
	}
}

// release is when a label came first at the given moment or later, by another
// moment at most.
func (a *absence) release(due, by time.Time) (time.Time, bool) {
	for len(a.arrived) > 0 && a.arrived[0].Before(due) {
		a.arrived = a.arrived[1:]
	}
	if len(a.arrived) == 0 || a.arrived[0].After(by) {
		return time.Time{}, false
	}
	return a.arrived[0], true
}

// Presumes tells whether predictions further on in the log may count by a moment,
// with or without a label, and are to be handed to Presume.
func (m *Monitor) Presumes(by time.Time) bool {
	a := &m.absence
	if !a.spec.Infers() || len(a.arrived) == 0 {
		return false
	}
	if a.blocked.IsZero() {
		return true
	}
	_, ok := a.release(a.blocked, by)
	return ok
}

// Presume takes predictions of which only some get labels, in the order of the log,
// and returns how many it took, and when the last of them counts: the others are
// not old enough yet, or no label has come since they are. All labels that arrived
// by the given moment must have been handed to Outcomes before. While there may be
// more to take, Advance may go up to the moment that is returned.
func (m *Monitor) Presume(ps []hone.Prediction, by time.Time) (taken int, last time.Time) {
	a := &m.absence
	for i, p := range ps {
		due := a.due
		if at := a.spec.Presumed(p); at.After(due) {
			due = at
		}
		at, ok := a.release(due, by)
		if !ok {
			a.blocked = due
			return i, last
		}
		a.due, a.blocked, last = due, time.Time{}, at
		a.queue = append(a.queue, hone.Outcome{Prediction: p, Label: a.spec.AbsentMeans, LabelTime: at, Mature: at,
			Effect: hone.Joined, Inferred: true})
	}
	return len(ps), last
}

// next removes and returns the next outcome that counts by a moment.
func (m *Monitor) next(now time.Time) (hone.Outcome, bool) {
	a := &m.absence
	for {
		label := m.waiting.Len() > 0 && !m.waiting[0].Mature.After(now)
		due := len(a.queue) > 0 && !a.queue[0].Mature.After(now)
		switch {
		case label && !(due && a.queue[0].Mature.Before(m.waiting[0].Mature)):
			w := m.take()
			if a.spec.Infers() {
				a.tell(w.Outcome, m.version.TrainedUntil)
			} else if !w.aside {
				return w.Outcome, true
			}
		case due:
			if o, ok := a.take(); ok {
				return o, true
			}
		default:
			return hone.Outcome{}, false
		}
	}
}

// tell keeps what a label says of its prediction until that is decided on; after
// that it is a correction, which the dataset takes.
func (a *absence) tell(o hone.Outcome, trainedUntil time.Time) {
	if o.Seq <= a.passed || !o.Time.After(trainedUntil) {
		return
	}
	a.told[o.Seq] = said{label: o.Label, at: o.LabelTime, seq: o.LabelSeq, aside: o.Effect == hone.Contradicted}
}

// take decides on the first in the queue, and tells whether it counts.
func (a *absence) take() (hone.Outcome, bool) {
	o := a.queue[0]
	a.queue[0] = hone.Outcome{}
	if a.queue = a.queue[1:]; len(a.queue) == 0 {
		a.queue = nil
	}
	a.passed = o.Seq
	s, ok := a.told[o.Seq]
	if !ok {
		return o, true
	}
	delete(a.told, o.Seq)
	o.Label, o.LabelTime, o.LabelSeq, o.Inferred = s.label, s.at, s.seq, false
	return o, !s.aside
}
