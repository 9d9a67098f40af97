package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"hone"
	"hone/internal/audit"
)

const timeFormat = time.RFC3339Nano

// Runs returns a model's runs, or those of all models when model is "", newest
// first.
func (db *DB) Runs(ctx context.Context, model string, limit int) ([]hone.Run, error) {
	return recent[hone.Run](ctx, db.read, "run", model, limit)
}

// Run returns one run.
func (db *DB) Run(ctx context.Context, id hone.RunID) (hone.Run, error) {
	return body[hone.Run](ctx, db.read, fmt.Sprintf("there is no run %q", id), "hone runs lists them",
		"SELECT body FROM run WHERE id = ?", id)
}

// OpenRuns returns the runs that are not closed, oldest first.
func (db *DB) OpenRuns(ctx context.Context) ([]hone.Run, error) {
	return bodies[hone.Run](ctx, db.read, "SELECT body FROM run WHERE state <> 'closed' ORDER BY seq")
}

// Versions returns a model's versions, oldest first.
func (db *DB) Versions(ctx context.Context, model string) ([]hone.Version, error) {
	return bodies[hone.Version](ctx, db.read, "SELECT body FROM version WHERE model = ? ORDER BY seq", model)
}

// Version returns one version of a model.
func (db *DB) Version(ctx context.Context, model string, id hone.VersionID) (hone.Version, error) {
	return body[hone.Version](ctx, db.read, fmt.Sprintf("%s has no version %q", model, id), "hone show lists its versions",
		"SELECT body FROM version WHERE model = ? AND id = ?", model, id)
}

// Aliases returns where a model's aliases point. It is empty, never nil, when
// there are none.
func (db *DB) Aliases(ctx context.Context, model string) (map[hone.Alias]hone.VersionID, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT alias, version FROM alias WHERE model = ?", model)
	if err != nil {
		return nil, fmt.Errorf("read the aliases of %s: %w", model, err)
	}
	defer rows.Close()
	out := map[hone.Alias]hone.VersionID{}
	for rows.Next() {
		var a hone.Alias
		var v hone.VersionID
		if err := rows.Scan(&a, &v); err != nil {
			return nil, fmt.Errorf("read the aliases of %s: %w", model, err)
		}
		out[a] = v
	}
	return out, rows.Err()
}

// AliasHistory returns every move of a model's aliases, oldest first.
func (db *DB) AliasHistory(ctx context.Context, model string) ([]hone.AliasMove, error) {
	return bodies[hone.AliasMove](ctx, db.read, "SELECT body FROM alias_move WHERE model = ? ORDER BY seq", model)
}

// Dataset returns the manifest of one dataset.
func (db *DB) Dataset(ctx context.Context, id hone.DatasetID) (hone.Dataset, error) {
	return body[hone.Dataset](ctx, db.read, fmt.Sprintf("there is no dataset %q", id), "hone show RUN names a run's dataset",
		"SELECT body FROM dataset WHERE id = ?", id)
}

// Plans returns the current plan of every model, by name.
func (db *DB) Plans(ctx context.Context) ([]hone.Plan, error) {
	return bodies[hone.Plan](ctx, db.read, "SELECT body FROM plan ORDER BY model")
}

// Plan returns a model's current plan.
func (db *DB) Plan(ctx context.Context, model string) (hone.Plan, error) {
	return body[hone.Plan](ctx, db.read, fmt.Sprintf("%s has no plan", model), "it serves nothing until its first version is promoted",
		"SELECT body FROM plan WHERE model = ?", model)
}

// Watch returns a model's newest probation, or nil when there never was one.
func (db *DB) Watch(ctx context.Context, model string) (*hone.Watch, error) {
	return newest[hone.Watch](ctx, db.read, "SELECT body FROM watch WHERE model = ? ORDER BY seq DESC LIMIT 1", model)
}

// Config returns the configuration that was applied last, or nil when none was.
func (db *DB) Config(ctx context.Context) (*hone.Applied, error) {
	return newest[hone.Applied](ctx, db.read, "SELECT body FROM config ORDER BY seq DESC LIMIT 1")
}

// Configs returns the configurations that were applied, newest first, without
// their texts.
func (db *DB) Configs(ctx context.Context, limit int) ([]hone.Applied, error) {
	return bodies[hone.Applied](ctx, db.read, "SELECT json_remove(body, '$.text') FROM config ORDER BY seq DESC LIMIT ?", limit)
}

// ConfigAt returns the newest configuration whose hash begins so.
func (db *DB) ConfigAt(ctx context.Context, sha string) (hone.Applied, error) {
	return body[hone.Applied](ctx, db.read, fmt.Sprintf("no configuration %q was applied", sha), "`hone config history` lists them",
		"SELECT body FROM config WHERE substr(sha256, 1, length(?)) = ? ORDER BY seq DESC LIMIT 1", sha, sha)
}

// ConfigsSince returns the configuration that was in force at a time, and those
// that were applied after it, oldest first.
func (db *DB) ConfigsSince(ctx context.Context, since time.Time) ([]hone.Applied, error) {
	all, err := bodies[hone.Applied](ctx, db.read, "SELECT body FROM config ORDER BY seq")
	var out []hone.Applied
	for _, c := range all {
		if !c.At.After(since) {
			out = out[:0]
		}
		out = append(out, c)
	}
	return out, err
}

// Events returns audit events after the given number, oldest first: those of a
// model, or all when model is "".
func (db *DB) Events(ctx context.Context, after int64, model string, limit int) ([]hone.Event, error) {
	query := `SELECT seq, at, actor, action, model, run, version, sentence, data, salt, data_hash, prev, hash
		FROM event WHERE seq > ? AND model = ? ORDER BY seq LIMIT ?`
	args := []any{after, model, limit}
	if model == "" {
		query = `SELECT seq, at, actor, action, model, run, version, sentence, data, salt, data_hash, prev, hash
			FROM event WHERE seq > ? ORDER BY seq LIMIT ?`
		args = []any{after, limit}
	}
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", err)
	}
	defer rows.Close()
	out := []hone.Event{}
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return nil, fmt.Errorf("read audit events: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func scanEvent(rows *sql.Rows) (e hone.Event, err error) {
	var at string
	var data sql.NullString
	err = rows.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Model, &e.Run, &e.Version, &e.Sentence, &data, &e.Salt,
		&e.DataHash, &e.Prev, &e.Hash)
	if err != nil {
		return e, err
	}
	if data.Valid {
		e.Data = json.RawMessage(data.String)
	}
	e.At, err = time.Parse(timeFormat, at)
	return e, err
}

// Audit returns the whole chain, for audit.Verify and audit.Export.
func (db *DB) Audit(ctx context.Context) iter.Seq2[hone.Event, error] {
	return func(yield func(hone.Event, error) bool) {
		var after int64
		for {
			page, err := db.Events(ctx, after, "", 1000)
			if err != nil {
				yield(hone.Event{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			after = page[len(page)-1].Seq
		}
	}
}

// Subscribe returns a channel of the events that are committed from now on, and
// a function that ends it. The events are hints: a slow reader misses some and
// finds them in Events. The channel is closed when either side ends.
func (db *DB) Subscribe() (<-chan hone.Event, func()) {
	c := make(chan hone.Event, 64)
	db.subMu.Lock()
	defer db.subMu.Unlock()
	if db.subs == nil {
		close(c)
		return c, func() {}
	}
	db.subs[c] = true
	return c, func() {
		db.subMu.Lock()
		defer db.subMu.Unlock()
		if db.subs[c] {
			delete(db.subs, c)
			close(c)
		}
	}
}

func (db *DB) tell(e hone.Event) {
	db.subMu.Lock()
	defer db.subMu.Unlock()
	for c := range db.subs {
		select {
		case c <- e:
		default:
		}
	}
}

// Head returns the number and hash of the newest audit event: 0 and "" when
// there is none.
func (db *DB) Head(ctx context.Context) (int64, string, error) {
	h, err := readHead(ctx, db.read)
	return h.Seq, h.Hash, err
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func readHead(ctx context.Context, q querier) (h audit.Head, err error) {
	err = q.QueryRowContext(ctx, "SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").Scan(&h.Seq, &h.Hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return h, fmt.Errorf("read the head of the audit chain: %w", err)
	}
	return h, nil
}

// recent reads the newest rows of a table: of one model, or of all when it is "".
func recent[T any](ctx context.Context, q *sql.DB, table, model string, limit int) ([]T, error) {
	if model == "" {
		return bodies[T](ctx, q, "SELECT body FROM "+table+" ORDER BY seq DESC LIMIT ?", limit)
	}
	return bodies[T](ctx, q, "SELECT body FROM "+table+" WHERE model = ? ORDER BY seq DESC LIMIT ?", model, limit)
}

// body reads one JSON body. missing and hint are said when there is none.
func body[T any](ctx context.Context, q *sql.DB, missing, hint, query string, args ...any) (T, error) {
	p, err := newest[T](ctx, q, query, args...)
	if err != nil {
		return *new(T), err
	}
	if p == nil {
		return *new(T), &hone.Error{Code: hone.NotFound, Message: missing, Hint: hint}
	}
	return *p, nil
}

func newest[T any](ctx context.Context, q *sql.DB, query string, args ...any) (*T, error) {
	list, err := bodies[T](ctx, q, query, args...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func bodies[T any](ctx context.Context, q *sql.DB, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %T: %w", *new(T), err)
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		var raw sql.RawBytes
		var v T
		if err := rows.Scan(&raw); err != nil {
			return nil, fmt.Errorf("read %T: %w", v, err)
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, fmt.Errorf("decode %T: %w", v, err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Aliased returns, by model, the versions that an alias points at.
func (db *DB) Aliased(ctx context.Context) (map[string][]hone.VersionID, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT DISTINCT model, version FROM alias")
	if err != nil {
		return nil, fmt.Errorf("read the aliases: %w", err)
	}
	out := map[string][]hone.VersionID{}
	return out, scanAll(rows, func(rows *sql.Rows) error {
		var model string
		var v hone.VersionID
		err := rows.Scan(&model, &v)
		out[model] = append(out[model], v)
		return err
	})
}
