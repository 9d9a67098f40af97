package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"hone"
	"hone/internal/fault"
	"hone/internal/frame"
)

// Predictions returns a model's predictions after the given number, oldest
// first.
func (db *DB) Predictions(ctx context.Context, model string, after int64, limit int) ([]hone.Prediction, error) {
	out := []hone.Prediction{}
	err := db.eachDay(model, predictionTable, after, func(d *day, id int64) (bool, error) {
		query := fmt.Sprintf("SELECT %s FROM prediction_%d p WHERE seq > ? AND route IS NOT ? ORDER BY seq LIMIT ?", predictionColumns, id)
		err := d.each(ctx, query, func(rows *sql.Rows) error {
			p, err := d.scanPrediction(rows, model)
			out = append(out, p)
			return err
		}, after, d.erased(), limit-len(out))
		return len(out) < limit, err
	})
	if err != nil {
		return nil, fmt.Errorf("read predictions of %s: %w", model, err)
	}
	return out, nil
}

// Labels returns, oldest first, what feedback after the given number did to
// labels: an outcome for each that joined, corrected or contradicted one, with
// its prediction. LabelReceived never goes back along the journal. next is the number up to which all was read, for the next
// call. Mature is left to the caller. Labels whose prediction retention has
// dropped are skipped.
func (db *DB) Labels(ctx context.Context, model string, after int64, limit int) (out []hone.Outcome, next int64, err error) {
	if limit <= 0 {
		return nil, after, nil
	}
	next = max(after, db.journal.last(model)[feedbackTable])
	seen := 0
	err = db.eachDay(model, feedbackTable, after, func(d *day, id int64) (bool, error) {
		page, err := db.labelPage(ctx, d, id, model, after, next, limit-seen)
		if err != nil {
			return false, err
		}
		out = append(out, page...)
		if seen += len(page); seen >= limit && len(page) > 0 {
			next = page[len(page)-1].LabelSeq
		}
		return seen < limit, nil
	})
	if err == nil {
		err = db.complete(ctx, model, out)
	}
	if err != nil {
		return nil, after, fmt.Errorf("read labels of %s: %w", model, err)
	}
	return slices.DeleteFunc(out, func(o hone.Outcome) bool { return o.Seq == 0 }), next, nil
}

// labelPage reads one file's labels. A label whose prediction is in another
// file has Seq 0.
func (db *DB) labelPage(ctx context.Context, d *day, id int64, model string, after, upTo int64, limit int) ([]hone.Outcome, error) {
	var page []hone.Outcome
	query := fmt.Sprintf(`SELECT f.seq, f.prediction_id, f.value, f.time, f.received, f.effect, coalesce(p.seq, 0), coalesce(p.id, ''),
			coalesce(p.time, 0), coalesce(p.received, 0), p.version, p.route, p.features, p.scores, p.unit, coalesce(p.latency_ns, 0), p.fault, p.action, p.propensity
		FROM feedback_%[1]d f LEFT JOIN prediction_%[1]d p ON p.id = f.prediction_id
		WHERE f.seq > ? AND f.seq <= ? AND f.effect IN (%[2]d, %[3]d, %[4]d) ORDER BY f.seq LIMIT ?`,
		id, effectCode(hone.Joined), effectCode(hone.Corrected), effectCode(hone.Contradicted))
	err := d.each(ctx, query, func(rows *sql.Rows) error {
		var o hone.Outcome
		var predictionID hone.PredictionID
		var at, received, effect int64
		var err error
		o.Prediction, err = d.scanPrediction(rows, model, &o.LabelSeq, &predictionID, &o.Label, &at, &received, &effect)
		if err != nil {
			return err
		}
		o.LabelTime, o.LabelReceived, o.Effect, o.ID = fromNanos(at), fromNanos(received), effects[effect-1], predictionID
		page = append(page, o)
		return nil
	}, after, upTo, limit)
	return page, err
}

// complete fills in the predictions that are in other files than their labels.
func (db *DB) complete(ctx context.Context, model string, out []hone.Outcome) error {
	lacking := map[hone.PredictionID][]int{}
	var ids []hone.PredictionID
	for i := range out {
		if out[i].Seq == 0 {
			lacking[out[i].ID] = append(lacking[out[i].ID], i)
			ids = append(ids, out[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	days := db.journal.hold()
	defer db.journal.release(days)
	for _, d := range slices.Backward(days) {
		err := d.find(ctx, model, predictionTable, ids, "SELECT "+predictionColumns+" FROM prediction_%d p WHERE id IN (%s)", func(rows *sql.Rows) error {
			p, err := d.scanPrediction(rows, model)
			for _, i := range lacking[p.ID] {
				out[i].Prediction = p
			}
			return err
		})
		if err != nil {
			return err
		}
		ids = slices.DeleteFunc(ids, func(id hone.PredictionID) bool { return out[lacking[id][0]].Seq > 0 })
	}
	return nil
}

// Find returns one prediction of a model and all feedback on it, oldest first.
// Where the prediction is unknown it fails with NotFound, and still returns
// feedback that waits for it. What is left of an erased one has the route
// ByNobody.
func (db *DB) Find(ctx context.Context, model string, id hone.PredictionID) (hone.Prediction, []hone.Feedback, error) {
	days := db.journal.hold()
	defer db.journal.release(days)
	var found hone.Prediction
	fbs := []hone.Feedback{}
	ids := []hone.PredictionID{id}
	for _, d := range days {
		err := d.find(ctx, model, predictionTable, ids, "SELECT "+predictionColumns+" FROM prediction_%d p WHERE id IN (%s)", func(rows *sql.Rows) (err error) {
			found, err = d.scanPrediction(rows, model)
			return err
		})
		if err != nil {
			return found, nil, fmt.Errorf("find prediction %s of %s: %w", id, model, err)
		}
		err = d.find(ctx, model, feedbackTable, ids, `SELECT seq, prediction_id, kind, value, time, source, received, effect
			FROM feedback_%d WHERE prediction_id IN (%s) ORDER BY seq`, func(rows *sql.Rows) error {
			fb, err := scanFeedback(rows)
			if fb.Effect != hone.Erased {
				fbs = append(fbs, fb)
			}
			return err
		})
		if err != nil {
			return found, nil, fmt.Errorf("find feedback on %s of %s: %w", id, model, err)
		}
	}
	if found.Seq == 0 {
		hint := "check the id; retention may have dropped it"
		if len(fbs) > 0 {
			hint = "feedback waits for it; it will be joined when the prediction comes"
		}
		return found, fbs, &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("%s has no prediction %q", model, id), Hint: hint}
	}
	return found, fbs, nil
}

// FindAny is Find over all models. Where several have the id, the first by name
// is taken.
func (db *DB) FindAny(ctx context.Context, id hone.PredictionID) (hone.Prediction, []hone.Feedback, error) {
	db.journal.mu.Lock()
	var models []string
	for name := range db.journal.models {
		models = append(models, name)
	}
	db.journal.mu.Unlock()
	slices.Sort(models)
	for _, model := range models {
		p, fbs, err := db.Find(ctx, model, id)
		if e, ok := hone.AsError(err); err == nil || !ok || e.Code != hone.NotFound {
			return p, fbs, err
		}
	}
	return hone.Prediction{}, nil, &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("no model has a prediction %q", id),
		Hint: "check the id; retention may have dropped it"}
}

// Shadows returns a model's shadow scores after the given number, oldest first.
func (db *DB) Shadows(ctx context.Context, model string, after int64, limit int) ([]hone.ShadowScore, error) {
	out := []hone.ShadowScore{}
	err := db.eachDay(model, shadowTable, after, func(d *day, id int64) (bool, error) {
		query := fmt.Sprintf("SELECT seq, id, time, version, scores, served, latency_ns, fault FROM shadow_%d WHERE seq > ? AND version IS NOT ? ORDER BY seq LIMIT ?", id)
		err := d.each(ctx, query, func(rows *sql.Rows) error {
			var s hone.ShadowScore
			var at int64
			var version sql.NullInt64
			var scores, served sql.RawBytes
			var fault sql.NullString
			err := rows.Scan(&s.Seq, &s.ID, &at, &version, &scores, &served, &s.Latency, &fault)
			s.Time, s.Version, s.Fault = fromNanos(at), hone.VersionID(d.word(version.Int64)), fault.String
			s.Scores, s.Served = unpackScores(scores), unpackScores(served)
			out = append(out, s)
			return err
		}, after, d.erased(), limit-len(out))
		return len(out) < limit, err
	})
	if err != nil {
		return nil, fmt.Errorf("read shadow scores of %s: %w", model, err)
	}
	return out, nil
}

// SaveSchema keeps a schema by its fingerprint, with which rows encoded by it
// begin. The same again is harmless; another of the same fingerprint is refused.
func (db *DB) SaveSchema(ctx context.Context, model string, s frame.Schema) error {
	fields, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the schema of %s: %w", model, err)
	}
	return db.change(ctx, db.fence, "store the schema of "+model, func(tx *session) error {
		res, err := tx.tx.ExecContext(tx.ctx, `INSERT INTO schema VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET fields = excluded.fields WHERE fields = excluded.fields`, model, s.Fingerprint(), string(fields))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return conflict("another schema of %s has the fingerprint %08x", model, s.Fingerprint())
		}
		return fault.At(fault.SaveSchema)
	})
}

// Schemas returns the schemas that rows of the model were ever encoded by.
func (db *DB) Schemas(ctx context.Context, model string) (map[uint32]frame.Schema, error) {
	list, err := bodies[frame.Schema](ctx, db.read, "SELECT fields FROM schema WHERE model = ?", model)
	if err != nil {
		return nil, fmt.Errorf("read the schemas of %s: %w", model, err)
	}
	out := map[uint32]frame.Schema{}
	for _, s := range list {
		out[s.Fingerprint()] = s
	}
	return out, nil
}
