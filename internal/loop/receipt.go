package loop

import (
	"context"
	"fmt"
	"slices"

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
	r = trigger.Value(k.model, run, k.runs, r)
	r.Sentence = accounted(r, run, k.watch.Previous, k.model.Costs.PerLoss())
	run.Receipt = &r
	if r.Over {
		if err := k.commit(ctx, hone.Change{Run: &run, Event: hone.Event{Action: "run.receipt", Version: run.Candidate, Sentence: r.Sentence, Data: marshal(r)}}); err != nil {
			return err
		}
	}
	k.remember(run)
	return nil
}

// accounted says what a run won back against what it was to, and what it cost.
func accounted(r hone.Receipt, run hone.Run, before hone.VersionID, perLoss float64) string {
	share := perLoss * float64(r.Rows) / float64(r.Forecast.Rows)
	amount := func(x float64) string {
		if r.Currency == "" {
			return say.Num(x)
		}
		return say.Amount(x, r.Currency)
	}
	out := fmt.Sprintf("On %s %s won back %s against %s; %s were forecast, %s to %s", say.Count(r.Rows, "labelled row", "labelled rows"), run.Candidate,
		amount(r.Worth), before, amount(r.Promised), say.Num(share*r.Forecast.Lower), say.Num(share*r.Forecast.Upper))
	if r.Forecast.Aside {
		out += ", which is not what started the run"
	}
	if r.Cost > 0 {
		out += ". The run cost " + amount(r.Cost)
	}
	return out + "."
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
