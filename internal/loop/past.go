package loop

import (
	"context"
	"fmt"

	"hone"
	"hone/internal/dataset"
	"hone/internal/evaluate"
)

// askPast asks both versions about former times, and puts what they say beside
// the evidence.
func (k *keeper) askPast(ctx context.Context, run hone.Run, ds hone.Dataset, c dataset.Collected, ev *evaluate.Evidence) error {
	if run.Champion == "" || len(k.model.Dataset.Eras) == 0 && ds.Recipe.Older < dataset.EraLeast {
		return nil
	}
	eras, err := k.eras(ctx, run, ds, c)
	if err != nil {
		return err
	}
	for _, era := range eras {
		rows, err := era.Labelled(k.decoder())
		if err != nil {
			return err
		}
		var cand, champ evaluate.Side
		if rows.Len() > 0 {
			if cand, err = k.side(ctx, run.Twin, rows.Frame); err != nil {
				return err
			}
			if champ, err = k.side(ctx, run.Champion, rows.Frame); err != nil {
				return err
			}
		}
		if err := ev.AddPast(era.Name, era.Keep, era.Trained, k.judged(rows), cand, champ); err != nil {
			return fmt.Errorf("keep the era %s: %w", era.Name, err)
		}
	}
	return nil
}

// judged are rows as they are compared on.
func (k *keeper) judged(rows dataset.Rows) evaluate.Rows {
	return evaluate.Rows{Frame: rows.Frame, Labels: rows.Labels, IDs: rows.IDs, Units: rows.Units, Weights: rows.Weights, Prices: k.model.Loss.Prices(rows.Frame)}
}

// eras reads the rows of former times from the log as the dataset had it.
func (k *keeper) eras(ctx context.Context, run hone.Run, ds hone.Dataset, c dataset.Collected) ([]dataset.Era, error) {
	r := ds.Recipe
	window := c.Train.Times[min(r.History, c.Train.Len()-1)]
	past := dataset.NewPast(k.model, window)
	err := k.scan(ctx, r.Predictions, r.Feedback, func(o hone.Outcome) error {
		if o, ok := k.counted(o, r.Heard, r.MatureAt); ok {
			past.Add(rowOf(o))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", k.model.Name, err)
	}
	champion, err := k.o.Control.Version(ctx, k.model.Name, run.Champion)
	if err != nil {
		return nil, err
	}
	ids, theirs := idsOf(c.Train), k.taught(ctx, champion)
	mine := func(r dataset.Row) bool { return ids[r.ID] }
	if id := run.Decision.Reuse; id != "" {
		v, err := k.o.Control.Version(ctx, k.model.Name, id)
		if err != nil {
			return nil, err
		}
		mine = k.taught(ctx, v)
	}
	newest := c.Train.Times[c.Train.Len()-1]
	if n := c.Holdout.Len(); n > 0 {
		newest = c.Holdout.Times[n-1]
	}
	return past.Eras(newest, func(row dataset.Row) (bool, bool) { return mine(row), theirs(row) }), nil
}

// taught tells which rows a version was trained on. Where its dataset is gone,
// it was trained on all that are no newer than the newest of its rows.
func (k *keeper) taught(ctx context.Context, v hone.Version) func(dataset.Row) bool {
	ds, err := k.o.Control.Dataset(ctx, v.Dataset)
	if err == nil && v.Learned == 0 {
		var c dataset.Collected
		if c, err = dataset.Thaw(k.datasetDir(ds.ID), ds, k.model); err == nil {
			ids := idsOf(c.Train)
			if v.TrainedRows > c.Train.Len() { // It was trained again on all rows.
				for id := range idsOf(c.Holdout) {
					ids[id] = true
				}
			}
			return func(r dataset.Row) bool { return ids[r.ID] }
		}
	}
	k.log.InfoContext(ctx, "champion's rows are not known one by one", "version_id", v.ID, "error", err)
	return func(r dataset.Row) bool { return !r.Time.After(v.TrainedUntil) }
}

func idsOf(rows dataset.Rows) map[hone.PredictionID]bool {
	out := make(map[hone.PredictionID]bool, rows.Len())
	for _, id := range rows.IDs {
		out[id] = true
	}
	return out
}
