package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hone"
	"hone/internal/say"
	"hone/internal/trigger"
)

// receive holds what the run that made the champion was to win back against what it
// did: by the labelled rows that the champion before was asked about too. The receipt is
// stored once it is over, which the end of a reign makes it.
func (k *keeper) receive(ctx context.Context, ends bool) error {
	if k.monitor == nil || k.watch == nil || k.watch.Version != k.champion.ID {
		return nil
	}
	i := slices.IndexFunc(k.runs, func(r hone.Run) bool { return r.ID == k.watch.Run })
	if i < 0 || k.runs[i].Candidate != k.champion.ID || k.runs[i].Ending != hone.Promoted {
		return nil
	}
	run := k.runs[i]
	f := run.Decision.Forecast
	if f == nil || f.Rows <= 0 || run.Receipt != nil && run.Receipt.Over {
		return nil
	}
	r := trigger.Receive(*f, k.monitor.Ticks(), k.watch.Previous)
	if r.Rows == 0 {
		return nil
	}
	r.Over = r.Over || ends
	share := float64(r.Rows) / float64(f.Rows)
	r.Sentence = fmt.Sprintf("On %s %s won back %s against %s; %s were forecast, %s to %s.", say.Count(r.Rows, "labelled row", "labelled rows"), run.Candidate,
		say.Num(r.Gain), k.watch.Previous, say.Num(share*f.Gain), say.Num(share*f.Lower), say.Num(share*f.Upper))
	if f.Aside {
		r.Sentence = strings.TrimSuffix(r.Sentence, ".") + ", which is not what started the run."
	}
	run.Receipt = &r
	if r.Over {
		if err := k.commit(ctx, hone.Change{Run: &run, Event: hone.Event{Action: "run.receipt", Version: run.Candidate, Sentence: r.Sentence, Data: marshal(r)}}); err != nil {
			return err
		}
	}
	k.remember(run)
	return nil
}

// concludeReceipt ends the receipt of the champion that a change takes the traffic from.
func (k *keeper) concludeReceipt(ctx context.Context, c hone.Change) error {
	if !slices.ContainsFunc(c.Aliases, func(m hone.AliasMove) bool { return m.Alias == hone.Champion }) {
		return nil
	}
	if err := k.receive(ctx, true); err != nil {
		return err
	}
	i := slices.IndexFunc(k.runs, func(r hone.Run) bool { return c.Run != nil && r.ID == c.Run.ID })
	if i >= 0 { // It is the run that is taken back.
		c.Run.Receipt = k.runs[i].Receipt
	}
	return nil
}
