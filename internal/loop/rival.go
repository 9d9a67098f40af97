package loop

import (
	"context"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/predictor"
	"hone/internal/trigger"
)

// former is a champion before this one, asked about the labelled rows that count for
// this one. It is opened for the loop alone: the gateway keeps what it serves with.
type former struct {
	k         *keeper
	version   hone.Version
	predictor predictor.Predictor
}

func (f *former) Version() hone.Version { return f.version }

func (f *former) Ask(ctx context.Context, rows *frame.Frame) (hone.Scores, error) {
	scores, err := f.predictor.Predict(ctx, rows)
	if err != nil && ctx.Err() == nil {
		f.k.log.WarnContext(ctx, "former champion is not asked any more", "version_id", f.version.ID, "error", err)
	}
	return scores, err
}

// openRivals has the last champions asked about the rows of this reign: those that are
// scored in this process, since another's server would have to be kept running for it.
// What a reign has found is found again when its log is read again.
func (k *keeper) openRivals(ctx context.Context) error {
	all, err := k.o.Registry.Champions(ctx, k.model.Name)
	if err != nil {
		return err
	}
	for _, id := range all {
		if len(k.formers) >= max(1, trigger.Reuse(k.model)) { // The one before is asked for the receipt.
			break
		}
		if id == k.champion.ID || k.tookBack(id) {
			continue
		}
		v, err := k.o.Control.Version(ctx, k.model.Name, id)
		if err != nil || predictor.ModelFile(v.Format) == "" || v.Signature.Task != k.champion.Signature.Task ||
			!slices.Equal(v.Signature.Features, k.champion.Signature.Features) {
			continue
		}
		p, err := k.o.Registry.Open(ctx, k.model.Name, id)
		if err != nil {
			k.log.WarnContext(ctx, "former champion is not asked", "version_id", id, "error", err)
			continue
		}
		f := &former{k, v, p}
		k.formers = append(k.formers, f)
		k.monitor.Beside(f)
	}
	return nil
}

// tookBack tells whether the last run of a version ended with its being taken back:
// it was worse than what was there.
func (k *keeper) tookBack(id hone.VersionID) bool {
	i := slices.IndexFunc(k.runs, func(r hone.Run) bool { return r.Candidate == id })
	return i >= 0 && k.runs[i].Ending == hone.RolledBack
}

// closeRivals ends the asking of former champions.
func (k *keeper) closeRivals() {
	for _, f := range k.formers {
		if err := f.predictor.Close(); err != nil {
			k.log.Warn("former champion not closed", "version_id", f.version.ID, "error", err)
		}
	}
	k.formers = nil
}

var _ monitor.Rival = (*former)(nil)
