package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"hone"
)

func (s *session) putLabelRequest(r hone.LabelRequest) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the request for labels %s: %w", r.ID, err)
	}
	return s.exec("store the request for labels "+r.ID, `INSERT INTO label_request (id, model, body) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET body = excluded.body`, r.ID, r.Model, string(body))
}

// LabelRequests returns what was asked of a model's labels, oldest first.
func (db *DB) LabelRequests(ctx context.Context, model string) ([]hone.LabelRequest, error) {
	return bodies[hone.LabelRequest](ctx, db.read, "SELECT body FROM label_request WHERE model = ? ORDER BY seq", model)
}

// Outcomes returns a model's predictions of the given numbers, by these, with what
// feedback up to another number says of each; Effect is "" where there is no
// label. LabelReceived is when its first label arrived. What was erased, or passed
// its retention, is not there.
func (db *DB) Outcomes(ctx context.Context, model string, seqs []int64, feedback int64) (map[int64]hone.Outcome, error) {
	seqs = slices.Compact(slices.Sorted(slices.Values(seqs)))
	var list []hone.Outcome
	err := db.eachDay(model, predictionTable, 0, func(d *day, id int64) (bool, error) {
		_, s, _ := d.of(model, predictionTable)
		var here []int64
		for _, seq := range seqs {
			if s.first <= seq && seq <= s.last {
				here = append(here, seq)
			}
		}
		return true, d.findSeqs(ctx, id, here, func(rows *sql.Rows) error {
			p, err := d.scanPrediction(rows, model)
			if p.Route != hone.ByNobody {
				list = append(list, hone.Outcome{Prediction: p})
			}
			return err
		})
	})
	if err == nil {
		err = db.addTruths(ctx, model, list, feedback)
	}
	if err != nil {
		return nil, fmt.Errorf("find predictions of %s: %w", model, err)
	}
	out := make(map[int64]hone.Outcome, len(list))
	for _, o := range list {
		out[o.Seq] = o
	}
	return out, nil
}
