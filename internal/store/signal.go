package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"hone"
	"hone/internal/fault"
)

// SaveDecision stores a decision that starts nothing, which needs no audit
// event. The same again is harmless.
func (db *DB) SaveDecision(ctx context.Context, d hone.Decision) error {
	return db.change(ctx, db.fence, "store a decision", func(s *session) error {
		return errors.Join(putDecision(s.ctx, s.tx, d), fault.At(fault.SaveDecision))
	})
}

func putDecision(ctx context.Context, q querier, d hone.Decision) error {
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode decision %s: %w", d.ID, err)
	}
	res, err := q.ExecContext(ctx, `INSERT INTO decision (id, model, starts, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE body = excluded.body`, d.ID, d.Model, d.Start, string(body))
	if err != nil {
		return fmt.Errorf("store decision %s: %w", d.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return conflict("decision %s exists with other content", d.ID)
	}
	return putLook(ctx, q, d)
}

// Decisions returns a model's decisions, or all when model is "", newest first.
func (db *DB) Decisions(ctx context.Context, model string, limit int) ([]hone.Decision, error) {
	return recent[hone.Decision](ctx, db.read, "decision", model, limit)
}

// SaveSignals stores measured facts: all of them, or none.
func (db *DB) SaveSignals(ctx context.Context, list []hone.Signal) error {
	return db.change(ctx, db.fence, "store signals", func(s *session) error {
		for _, x := range list {
			if err := s.putSignal(x); err != nil {
				return fmt.Errorf("store signal %s of %s: %w", x.Name, x.Model, err)
			}
		}
		return fault.At(fault.SaveSignals)
	})
}

func (s *session) putSignal(x hone.Signal) error {
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	at := nanos(x.At)
	_, err = s.tx.ExecContext(s.ctx, "INSERT INTO signal (model, name, slice, at, body) VALUES (?, ?, ?, ?, ?)",
		x.Model, x.Name, x.Slice, at, string(body))
	if err != nil {
		return err
	}
	_, err = s.tx.ExecContext(s.ctx, `INSERT INTO latest_signal VALUES (?, ?, ?, ?, ?) ON CONFLICT (model, name, slice)
		DO UPDATE SET at = excluded.at, body = excluded.body WHERE excluded.at >= at`, x.Model, x.Name, x.Slice, at, string(body))
	return err
}

// Signals returns the values of one of a model's signals from since on, oldest
// first: the newest limit of them.
func (db *DB) Signals(ctx context.Context, model, name string, since time.Time, limit int) ([]hone.Signal, error) {
	return bodies[hone.Signal](ctx, db.read, `SELECT body FROM (SELECT body, at, seq FROM signal
		WHERE model = ? AND name = ? AND at >= ? ORDER BY at DESC, seq DESC LIMIT ?) ORDER BY at, seq`, model, name, nanos(since), limit)
}

// LatestSignals returns the newest value of each of a model's signals, by name
// and slice.
func (db *DB) LatestSignals(ctx context.Context, model string) ([]hone.Signal, error) {
	return bodies[hone.Signal](ctx, db.read, "SELECT body FROM latest_signal WHERE model = ? ORDER BY name, slice", model)
}

// nanos is how times are stored: nanoseconds since 1970, and the least number
// for no time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// Prune removes signals and decisions from before a moment, but for decisions
// that started a run, and says how many rows those were. What other policies would
// have done then goes with them.
func (db *DB) Prune(ctx context.Context, before time.Time) (rows int64, err error) {
	err = db.change(ctx, db.fence, "prune", func(s *session) error {
		for query, limit := range map[string]any{
			"DELETE FROM signal WHERE at < ?": nanos(before),
			"DELETE FROM look WHERE at < ?":   nanos(before),
			// Times in bodies are RFC 3339 in UTC, which sorts as it stands.
			"DELETE FROM decision WHERE starts = 0 AND json_extract(body, '$.at') < ?": before.UTC().Format(time.RFC3339),
		} {
			res, err := s.tx.ExecContext(s.ctx, query, limit)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			rows += n
		}
		return fault.At(fault.Prune)
	})
	if err != nil {
		return 0, err
	}
	return rows, nil
}
