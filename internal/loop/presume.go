package loop

import (
	"context"
	"sort"
	"time"

	"hone"
	"hone/internal/monitor"
)

// hearing is how many pieces of feedback before those that count are read again
// to know how often labels come: enough for the pulse of a stream of labels.
const hearing = 6000

// hearBefore reads the labels just before the reign, which count no more.
func (k *keeper) hearBefore(ctx context.Context) error {
	for at := max(0, k.cursor.labels-hearing); at < k.cursor.labels; {
		os, next, err := k.labels(ctx, at, int(k.cursor.labels-at))
		if err != nil || next <= at {
			return err
		}
		for len(os) > 0 && os[len(os)-1].LabelSeq > k.cursor.labels {
			os = os[:len(os)-1]
		}
		k.monitor.Hear(os)
		at = next
	}
	return nil
}

// presume hands the monitor the next page of predictions that got no label, as
// far as their lack may count by a moment, and says up to when the monitor may
// go on and whether there are more.
func (k *keeper) presume(ctx context.Context, by time.Time) (until time.Time, more bool, err error) {
	if !k.monitor.Presumes(by) {
		return by, false, nil
	}
	ps, err := k.o.Events.Predictions(ctx, k.model.Name, k.cursor.presumed, page)
	if err != nil {
		return by, false, err
	}
	n, last := k.monitor.Presume(ps, by)
	if n > 0 {
		k.cursor.presumed = ps[n-1].Seq
	}
	if n < page {
		return by, false, nil
	}
	return last, true, nil
}

// firstSince is the number before that of the first prediction that arrived at a
// moment or later.
func (k *keeper) firstSince(ctx context.Context, at time.Time) (int64, error) {
	last, _, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return 0, err
	}
	n := sort.Search(int(last), func(seq int) bool {
		ps, e := k.o.Events.Predictions(ctx, k.model.Name, int64(seq), 1)
		if e != nil {
			err = e
		}
		return e != nil || len(ps) == 0 || !ps[0].Received.Before(at)
	})
	return int64(n), err
}

// countPresumed counts the predictions that a first version may be trained on,
// with their label or without.
func (k *keeper) countPresumed(ctx context.Context) error {
	for k.model.Label.Infers() && !k.spoke.IsZero() && !k.presumedDue.After(k.spoke) {
		ps, err := k.o.Events.Predictions(ctx, k.model.Name, k.cursor.presumed, page)
		if err != nil {
			return err
		}
		for _, p := range ps {
			if k.presumedDue = k.model.Label.Presumed(p); k.presumedDue.After(k.spoke) {
				return nil
			}
			k.cursor.presumed = p.Seq
			k.trainable++
		}
		if len(ps) < page {
			return nil
		}
	}
	return nil
}

// note keeps when labels last came.
func (k *keeper) note(os []hone.Outcome) {
	for _, o := range os {
		if !o.Asked && o.LabelReceived.After(k.spoke) {
			k.spoke = o.LabelReceived
		}
	}
}

// counted returns an outcome as it counts in a dataset that is read as of a
// moment, and whether it does: a label that is known, undisputed and mature; and
// where only some cases get labels any prediction that is old enough, as labels
// that came later show.
func (k *keeper) counted(o hone.Outcome, heard, at time.Time) (hone.Outcome, bool) {
	spec := k.model.Label
	if spec.Infers() {
		due := spec.Presumed(o.Prediction)
		if o.Effect == "" {
			o.Label, o.Inferred = spec.AbsentMeans, true
		}
		return o, o.Effect != hone.Contradicted && !due.After(heard) && !due.After(at)
	}
	ok := o.Label != "" && o.Effect != hone.Contradicted && !monitor.MatureAt(o, time.Duration(spec.Delay)).After(at)
	return o, ok
}
