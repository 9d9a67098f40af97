package loop

import (
	"context"
	"slices"
	"time"

	"hone"
	"hone/internal/monitor"
)

// read takes in the next page of the log, so that a person is heard and a
// rollout judged between two pages, however fast the traffic is. A simulation
// reads up to the end.
func (k *keeper) read(ctx context.Context, now time.Time) (found monitor.Step, err error) {
	if k.monitor == nil {
		return found, k.countTrainable(ctx, now)
	}
	for {
		more, step, err := k.readPage(ctx)
		if err != nil {
			return found, err
		}
		k.found.Ticked = k.found.Ticked || step.Ticked
		k.found.Drift = k.found.Drift || step.Drift
		if step.Drift && !k.replaying {
			break // Each window is looked at before the next.
		}
		if !more || k.cursor.predictions >= k.goal.predictions && k.cursor.labels >= k.goal.labels && !k.presuming {
			k.replaying = false
		}
		if !more || !k.o.Inline && !k.o.Passive {
			break
		}
	}
	if k.replaying {
		return found, nil
	}
	found, k.found = k.found, monitor.Step{}
	return found, nil
}

func (k *keeper) readPage(ctx context.Context) (more bool, step monitor.Step, err error) {
	by := k.o.Hints.Horizon()
	ps, moreServed, judged, err := k.readServed(ctx)
	if err != nil {
		return false, step, err
	}
	if err := k.countArms(ctx, ps); err != nil {
		return false, step, err
	}
	if err := k.shadowLogged(ctx, ps); err != nil {
		return false, step, err
	}
	if len(ps) > 0 {
		k.cursor.predictions = ps[len(ps)-1].Seq
	}
	os, next, err := k.labels(ctx, k.cursor.labels, page)
	if err != nil {
		return false, step, err
	}
	moreLabels := next-k.cursor.labels >= page
	k.monitor.Outcomes(os)
	k.note(os)
	k.cursor.labels = next
	if len(os) > 0 {
		k.lastLabel = os[len(os)-1].LabelTime
	}
	if moreLabels {
		by = beforeNext(os)
	}
	by, morePresumed, err := k.presume(ctx, by)
	if err != nil {
		return false, step, err
	}
	k.presuming = morePresumed
	if step, err = k.monitor.Advance(ctx, by); err != nil {
		return false, step, err
	}
	step.Drift = judged
	return moreLabels || morePresumed || moreServed, step, k.feedDuels(ctx, step.Mature)
}

// readServed lets the monitor count predictions, up to the end of a window that can be
// judged: what is drift in one window and calm in the next is told. It returns those
// that were counted, and whether there may be more.
func (k *keeper) readServed(ctx context.Context) (counted []hone.Prediction, more, judged bool, err error) {
	n := min(page, max(k.model.Monitor.Window, monitor.MinWindow))
	if k.replaying {
		n = page
	}
	if k.shadowing() {
		n = min(n, shadowPage)
	}
	ps, err := k.o.Events.Predictions(ctx, k.model.Name, k.cursor.predictions, n)
	if err != nil {
		return nil, false, false, err
	}
	for at := 0; at < len(ps) && (!judged || k.replaying); {
		end := len(ps)
		if !k.replaying {
			end = min(at+monitor.MinWindow/2, end) // No more than one window ends in so few.
		}
		if err := k.attribute(ctx, ps[at:end]); err != nil {
			return nil, false, false, err
		}
		over, err := k.monitor.Predictions(ps[at:end])
		if err != nil {
			return nil, false, false, err
		}
		at, judged = end, judged || over
		counted = ps[:at]
	}
	return counted, len(counted) < len(ps) || len(ps) >= n, judged, nil
}

// beforeNext is a moment by which all labels arrived that stand up to the end of a
// page, and none of those behind it. A page that holds none tells of no moment.
func beforeNext(os []hone.Outcome) time.Time {
	if len(os) == 0 {
		return time.Time{}
	}
	return os[len(os)-1].LabelReceived.Add(-time.Nanosecond)
}

// countTrainable counts labels while there is nothing to monitor: those that a
// first version may be trained on now.
func (k *keeper) countTrainable(ctx context.Context, now time.Time) error {
	for {
		os, next, err := k.labels(ctx, k.cursor.labels, page)
		if err != nil {
			return err
		}
		for _, o := range os {
			if o.Effect == hone.Joined {
				k.lastLabel = now
			}
			if o.Effect == hone.Joined && !k.model.Label.Infers() {
				k.unripe = append(k.unripe, monitor.MatureAt(o, time.Duration(k.model.Label.Delay)))
			}
		}
		k.note(os)
		if next == k.cursor.labels {
			break
		}
		k.cursor.labels = next
	}
	came := len(k.unripe)
	k.unripe = slices.DeleteFunc(k.unripe, func(at time.Time) bool { return !at.After(now) })
	k.trainable += came - len(k.unripe)
	if err := k.takeIn(ctx); err != nil {
		return err
	}
	return k.countPresumed(ctx)
}
