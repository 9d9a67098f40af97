package loop

import (
	"context"
	"fmt"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/rollout"
)

// duel scores labelled rows with two versions: a challenger and the champion
// while a rollout is under way; and, beside it, a new champion under probation and
// the last one before it that is proven on labels.
type duel struct {
	*monitor.Duel
	a, b hone.Version
	// after is the last prediction that does not count: a probation counts what
	// its version served.
	after int64
	// gauges measure the rows by the owner's metrics.
	gauges []*gauge
}

func (d *duel) paired() hone.Paired { return d.Duel.Paired() }
func (d *duel) n() int              { return d.Duel.Paired().N }

// openDuel begins to pair the challenger of a rollout, if there is one.
func (k *keeper) openDuel(ctx context.Context) (err error) {
	if k.run != nil && k.run.Rollout != nil {
		if k.duel, err = k.pair(ctx, k.run.Rollout.Version, k.champion.ID, 0); err == nil {
			k.openGauges(ctx, k.duel, k.run.ID, k.run.Rollout.Evidence)
		}
	}
	return err
}

// openVigil begins to pair a champion under probation.
func (k *keeper) openVigil(ctx context.Context) (err error) {
	if k.watch != nil && !k.watch.Over {
		if k.vigil, err = k.pair(ctx, k.watch.Version, rollout.Against(*k.watch), k.watch.From); err == nil {
			k.openGauges(ctx, k.vigil, k.watch.Run, k.watch.Evidence)
		}
	}
	return err
}

func (k *keeper) pair(ctx context.Context, id, other hone.VersionID, after int64) (*duel, error) {
	if id == "" || other == "" {
		return nil, nil
	}
	a, err := k.o.Control.Version(ctx, k.model.Name, id)
	if err != nil {
		return nil, err
	}
	b, err := k.o.Control.Version(ctx, k.model.Name, other)
	if err != nil {
		return nil, err
	}
	bound := k.model.Loss.Bound()
	if bound == 0 {
		bound = k.ref.Bound
	}
	return &duel{Duel: monitor.NewDuel(k.model.Loss, bound, a.Signature, b.Signature), a: a, b: b, after: after}, nil
}

func (k *keeper) closeDuel() { k.duel = nil }

// feedDuels counts outcomes for whoever is paired.
func (k *keeper) feedDuels(ctx context.Context, mature []hone.Outcome) error {
	for _, d := range []*duel{k.duel, k.vigil} {
		if d == nil {
			continue
		}
		if err := k.feedDuel(ctx, d, mature); err != nil {
			return err
		}
	}
	return nil
}

// feedDuel counts outcomes that neither version was trained on.
func (k *keeper) feedDuel(ctx context.Context, d *duel, mature []hone.Outcome) error {
	var rows [][]byte
	var counted []hone.Outcome
	for _, o := range mature {
		if o.Seq > d.after && o.Time.After(d.a.TrainedUntil) && o.Time.After(d.b.TrainedUntil) {
			rows, counted = append(rows, o.Features), append(counted, o)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	f, err := frame.Decoder{Target: d.a.Signature.Features, Schemas: k.schemas}.Frame(rows)
	if err != nil {
		return err
	}
	a, err := k.ask(d.a.ID)(ctx, f)
	if err != nil {
		k.log.WarnContext(ctx, "version does not answer", "version_id", d.a.ID, "error", err)
		return nil // The gateway's faults and ejection speak for it.
	}
	b, err := k.ask(d.b.ID)(ctx, f)
	if err != nil {
		return fmt.Errorf("ask %s: %w", d.b.ID, err)
	}
	prices := k.model.Loss.Prices(f)
	fresh := make([]answered, len(counted))
	for i, o := range counted {
		fresh[i] = answered{Outcome: o, a: a.Row(i), b: b.Row(i), price: prices[i]}
		d.Add(monitor.Row{Unit: o.Unit, Label: o.Label, A: a.Row(i), B: b.Row(i), Price: prices[i], Weight: o.Weight()})
	}
	d.wait(fresh)
	return nil
}
