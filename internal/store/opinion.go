package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"hone"
)

// Opinions returns, oldest first, the scores and thumbs that came after the given
// number of the journal, each with its prediction, and the number up to which all was
// read, for the next call. One whose prediction is not stored is skipped.
func (db *DB) Opinions(ctx context.Context, model string, after int64, limit int) (out []hone.Opinion, next int64, err error) {
	if limit <= 0 {
		return nil, after, nil
	}
	next = max(after, db.journal.last(model)[feedbackTable])
	err = db.eachDay(model, feedbackTable, after, func(d *day, id int64) (bool, error) {
		query := fmt.Sprintf(`SELECT seq, prediction_id, kind, value, time, source, received, effect FROM feedback_%d
			WHERE seq > ? AND seq <= ? AND kind IN (%d, %d) AND effect <> %d ORDER BY seq LIMIT ?`,
			id, kindCode(hone.Score), kindCode(hone.Thumb), effectCode(hone.Erased))
		err := d.each(ctx, query, func(rows *sql.Rows) error {
			fb, err := scanFeedback(rows)
			out = append(out, hone.Opinion{Prediction: hone.Prediction{ID: fb.PredictionID}, Kind: fb.Kind, Value: fb.Value, Received: fb.Received, Journal: fb.Seq})
			return err
		}, after, next, limit-len(out))
		return len(out) < limit, err
	})
	if err == nil && len(out) >= limit {
		next = out[len(out)-1].Journal
	}
	if err == nil {
		err = db.about(ctx, model, out)
	}
	if err != nil {
		return nil, after, fmt.Errorf("read scores and thumbs of %s: %w", model, err)
	}
	return slices.DeleteFunc(out, func(o hone.Opinion) bool { return o.Seq == 0 }), next, nil
}

// about fills in the predictions that opinions are about.
func (db *DB) about(ctx context.Context, model string, out []hone.Opinion) error {
	at := map[hone.PredictionID][]int{}
	var ids []hone.PredictionID
	for i, o := range out {
		if at[o.ID] == nil {
			ids = append(ids, o.ID)
		}
		at[o.ID] = append(at[o.ID], i)
	}
	days := db.journal.hold()
	defer db.journal.release(days)
	for _, d := range slices.Backward(days) {
		if len(ids) == 0 {
			return nil
		}
		err := d.find(ctx, model, predictionTable, ids, "SELECT "+predictionColumns+" FROM prediction_%d p WHERE id IN (%s)", func(rows *sql.Rows) error {
			p, err := d.scanPrediction(rows, model)
			for _, i := range at[p.ID] {
				out[i].Prediction = p
			}
			return err
		})
		if err != nil {
			return err
		}
		ids = slices.DeleteFunc(ids, func(id hone.PredictionID) bool { return out[at[id][0]].Seq > 0 })
	}
	return nil
}
