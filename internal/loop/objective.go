package loop

import (
	"context"
	"maps"
	"slices"
	"sort"
	"time"

	"hone"
	"hone/internal/monitor"
	"hone/internal/trigger"
)

// refusedSignal counts rows that got no answer: of this process since its start, and,
// with the name in the place of a slice, of gateways of their own.
const refusedSignal = "refused"

// refused is how many rows of the model were refused so far, where Hone answers them.
func (k *keeper) refused(now time.Time) (out []hone.Signal) {
	if k.o.Refused == nil || k.model.Elsewhere() {
		return nil
	}
	by := k.o.Refused(k.model.Name)
	for _, gateway := range slices.Sorted(maps.Keys(by)) {
		s := hone.Signal{Model: k.model.Name, Name: refusedSignal, At: now, Value: float64(by[gateway])}
		if gateway != "" {
			s.Slice = "gateway=" + gateway
		}
		out = append(out, s)
	}
	return out
}

// weigh says what a model cost between two moments, by its log and its runs. Signals are
// those of now, heard is when its newest label came.
func weigh(ctx context.Context, o Options, m hone.Model, runs []hone.Run, heard time.Time, signals []hone.Signal, from, until time.Time) (*trigger.Objective, error) {
	// A keeper of its own: the model's goes on meanwhile.
	k := &accountant{keeper: keeper{o: o, model: m, spoke: heard, log: o.Log}, from: from, until: until, known: map[hone.VersionID]*hone.Signature{}}
	var err error
	if k.schemas, err = o.Hints.Schemas(ctx, m.Name); err != nil {
		return nil, err
	}
	if err := k.recallAsked(ctx); err != nil {
		return nil, err
	}
	if m.Label.Infers() {
		err = k.presumed(ctx)
	} else {
		err = k.labelled(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range k.asked.requests {
		for _, g := range r.Grants {
			if k.holds(g.At) {
				k.tally.Asked += len(g.Places)
			}
		}
	}
	if k.tally.Refused, err = k.rise(ctx, refusedSignal, signals); err != nil {
		return nil, err
	}
	if k.tally.Degraded, err = k.rise(ctx, "faults", signals); err != nil {
		return nil, err
	}
	sum := trigger.Weigh(m, runs, k.tally, from, until)
	return &sum, nil
}

// accountant adds up what a model cost in a stretch of time.
type accountant struct {
	keeper
	from, until time.Time
	known       map[hone.VersionID]*hone.Signature // Nil where there is no such version.
	tally       trigger.Tally
}

func (k *accountant) holds(at time.Time) bool { return !at.Before(k.from) && at.Before(k.until) }

// countsAt is when a label began to count: once it had come, and its prediction was old
// enough.
func (k *accountant) countsAt(o hone.Outcome) time.Time {
	at := monitor.MatureAt(o, time.Duration(k.model.Label.Delay))
	if o.LabelReceived.After(at) {
		return o.LabelReceived
	}
	return at
}

// labelled adds up the answers whose label began to count in the time, as it first said.
func (k *accountant) labelled(ctx context.Context) error {
	at, err := k.heardBefore(ctx, k.from.Add(-time.Duration(k.model.Label.Delay)))
	if err != nil {
		return err
	}
	for {
		os, next, err := k.labels(ctx, at, page)
		if err != nil || next <= at {
			return err
		}
		var count []hone.Outcome
		for _, o := range os {
			if o.Effect == hone.Joined && k.holds(k.countsAt(o)) {
				count = append(count, o)
			}
		}
		if err := k.lose(ctx, count); err != nil {
			return err
		}
		if n := len(os); n > 0 && !os[n-1].LabelReceived.Before(k.until) {
			return nil // What comes later counts later.
		}
		at = next
	}
}

// heardBefore is the number before that of the first label that came at a moment or later.
func (k *accountant) heardBefore(ctx context.Context, at time.Time) (int64, error) {
	_, last, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return 0, err
	}
	n := sort.Search(int(last), func(seq int) bool {
		os, _, e := k.o.Events.Labels(ctx, k.model.Name, int64(seq), 1)
		if e != nil {
			err = e
		}
		return e != nil || len(os) == 0 || !os[0].LabelReceived.Before(at)
	})
	return int64(n), err
}

// presumed adds up the answers that began to count in the time, with a label or without.
func (k *accountant) presumed(ctx context.Context) error {
	at, err := k.firstSince(ctx, k.from.Add(-time.Duration(k.model.Label.After)))
	if err != nil {
		return err
	}
	_, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return err
	}
	for {
		ps, err := k.o.Events.Predictions(ctx, k.model.Name, at, page)
		if err != nil || len(ps) == 0 {
			return err
		}
		var due []int64
		for _, p := range ps {
			if k.holds(k.model.Label.Presumed(p)) {
				due = append(due, p.Seq)
			}
		}
		known, err := k.o.Requests.Outcomes(ctx, k.model.Name, due, feedback)
		if err != nil {
			return err
		}
		var count []hone.Outcome
		for _, seq := range due {
			if o, ok := k.counted(known[seq], k.spoke, k.until); ok {
				count = append(count, o)
			}
		}
		if err := k.lose(ctx, count); err != nil {
			return err
		}
		last := ps[len(ps)-1]
		if !last.Received.Before(k.until) {
			return nil
		}
		at = last.Seq
	}
}

// lose adds what answers lost, each for as many rows as it stands for. Rows of history,
// and answers of versions that Hone does not know, lost nothing that it could help.
func (k *accountant) lose(ctx context.Context, os []hone.Outcome) error {
	var rows [][]byte
	served := os[:0]
	for _, o := range os {
		sig, err := k.signature(ctx, o.Version)
		if err != nil {
			return err
		}
		if o.Route != hone.Imported && sig != nil && len(o.Scores) == sig.Width() {
			rows, served = append(rows, o.Features), append(served, o)
		}
	}
	prices := make([]float64, len(rows))
	if k.model.Loss.Kind == hone.ByColumn {
		f, err := k.decoder().Frame(rows)
		if err != nil {
			return err
		}
		prices = k.model.Loss.Prices(f)
	}
	for i, o := range served {
		sig := k.known[o.Version]
		lost := o.Weight() * k.model.Loss.Of(*sig, o.Scores, sig.Target(o.Label), prices[i])
		if lost-lost == 0 { // Else a label is absurd, such as 1e300.
			k.tally.Lost += lost
			k.tally.Rows++
		}
	}
	return nil
}

// signature is that of a version; nil where there is none.
func (k *accountant) signature(ctx context.Context, id hone.VersionID) (*hone.Signature, error) {
	if sig, ok := k.known[id]; ok {
		return sig, nil
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, id)
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound || id == "" {
		k.known[id] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k.known[id] = &v.Signature
	return k.known[id], nil
}

const (
	// recalled is how far back before the time the last value of a count is looked for.
	recalled = 30 * 24 * time.Hour
	// mostValues of a count are read.
	mostValues = 200_000
)

// rise is by how much a count rose in the time, by what was kept of it and its value now,
// for each part of it.
func (k *accountant) rise(ctx context.Context, name string, now []hone.Signal) (n int, err error) {
	kept, err := k.o.Ledger.Signals(ctx, k.model.Name, name, k.from.Add(-recalled), mostValues)
	parts := map[string][]hone.Signal{}
	for _, s := range slices.Concat(kept, now) {
		if s.Name == name {
			parts[s.Slice] = append(parts[s.Slice], s)
		}
	}
	for _, values := range parts {
		n += trigger.Risen(values, k.from, k.until)
	}
	return n, err
}
