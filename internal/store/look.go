package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"hone"
)

// putLook keeps what other policies would have done at a decision where it is found
// without the decision's evidence.
func putLook(ctx context.Context, q querier, d hone.Decision) error {
	if len(d.Others) == 0 {
		return nil
	}
	others, err := json.Marshal(d.Others)
	if err != nil {
		return fmt.Errorf("encode what others would do at %s: %w", d.ID, err)
	}
	if _, err := q.ExecContext(ctx, "INSERT OR REPLACE INTO look VALUES (?, ?, ?, ?)", d.Model, nanos(d.At), d.ID, string(others)); err != nil {
		return fmt.Errorf("store what others would do at %s: %w", d.ID, err)
	}
	return nil
}

// Looks returns a model's decisions from since on beside which other policies were
// asked, oldest first: their names, times and what the others would have done, and
// nothing of their evidence.
func (db *DB) Looks(ctx context.Context, model string, since time.Time) ([]hone.Decision, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT decision, at, others FROM look WHERE model = ? AND at >= ? ORDER BY at, decision", model, nanos(since))
	if err != nil {
		return nil, fmt.Errorf("read the looks at %s: %w", model, err)
	}
	defer rows.Close()
	out := []hone.Decision{}
	for rows.Next() {
		d, at, others := hone.Decision{Model: model}, int64(0), ""
		if err := rows.Scan(&d.ID, &at, &others); err != nil {
			return nil, fmt.Errorf("read the looks at %s: %w", model, err)
		}
		d.At = fromNanos(at)
		if err := json.Unmarshal([]byte(others), &d.Others); err != nil {
			return nil, fmt.Errorf("decode what others would do at %s: %w", d.ID, err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Decision returns one decision with its evidence.
func (db *DB) Decision(ctx context.Context, id string) (hone.Decision, error) {
	return body[hone.Decision](ctx, db.read, fmt.Sprintf("there is no decision %q", id), "hone decisions lists them",
		"SELECT body FROM decision WHERE id = ?", id)
}

// LastEvent returns the newest event of an action on a model; one whose Seq is 0
// where there is none.
func (db *DB) LastEvent(ctx context.Context, model, action string) (hone.Event, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT seq, at, actor, action, model, run, version, sentence, data, salt, data_hash, prev, hash
		FROM event WHERE model = ? AND action = ? ORDER BY seq DESC LIMIT 1`, model, action)
	if err != nil {
		return hone.Event{}, fmt.Errorf("read the last %s of %s: %w", action, model, err)
	}
	defer rows.Close()
	if !rows.Next() {
		return hone.Event{}, rows.Err()
	}
	e, err := scanEvent(rows)
	if err != nil {
		return e, fmt.Errorf("read the last %s of %s: %w", action, model, err)
	}
	return e, rows.Err()
}
