package loop

import (
	"context"
	"fmt"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

// duel scores labelled rows with two versions: a challenger and the champion
// while a rollout is under way, else a new champion and the one before.
type duel struct {
	*monitor.Duel
	a, b hone.Version
	// after is the last prediction that does not count: a probation counts what
	// its version served.
	after int64
}

func (d *duel) paired() hone.Paired { return d.Duel.Paired() }
func (d *duel) n() int              { return d.Duel.Paired().N }

// openDuel begins to pair whoever is to be paired now, or nobody.
func (k *keeper) openDuel(ctx context.Context) error {
	var id, other hone.VersionID
	after := int64(0)
	switch {
	case k.run != nil && k.run.Rollout != nil:
		id, other = k.run.Rollout.Version, k.champion.ID
	case k.watch != nil && !k.watch.Over:
		id, other, after = k.watch.Version, k.watch.Previous, k.watch.From
	}
	if id == "" || other == "" {
		return nil
	}
	a, err := k.o.Control.Version(ctx, k.model.Name, id)
	if err != nil {
		return err
	}
	b, err := k.o.Control.Version(ctx, k.model.Name, other)
	if err != nil {
		return err
	}
	bound := k.model.Loss.Bound()
	if bound == 0 {
		bound = k.ref.Bound
	}
	k.duel = &duel{monitor.NewDuel(k.model.Loss, bound, a.Signature, b.Signature), a, b, after}
	return nil
}

func (k *keeper) closeDuel() { k.duel = nil }

// feedDuel counts outcomes that neither version was trained on.
func (k *keeper) feedDuel(ctx context.Context, mature []hone.Outcome) error {
	if k.duel == nil {
		return nil
	}
	var rows [][]byte
	var labels []string
	for _, o := range mature {
		if o.Seq > k.duel.after && o.Time.After(k.duel.a.TrainedUntil) && o.Time.After(k.duel.b.TrainedUntil) {
			rows, labels = append(rows, o.Features), append(labels, o.Label)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	f, err := frame.Decoder{Target: k.duel.a.Signature.Features, Schemas: k.schemas}.Frame(rows)
	if err != nil {
		return err
	}
	a, err := k.ask(k.duel.a.ID)(ctx, f)
	if err != nil {
		k.log.WarnContext(ctx, "version does not answer", "version_id", k.duel.a.ID, "error", err)
		return nil // The gateway's faults and ejection speak for it.
	}
	b, err := k.ask(k.duel.b.ID)(ctx, f)
	if err != nil {
		return fmt.Errorf("ask %s: %w", k.duel.b.ID, err)
	}
	prices := k.model.Loss.Prices(f)
	for i, l := range labels {
		k.duel.Add(l, a.Row(i), b.Row(i), prices[i])
	}
	return nil
}
