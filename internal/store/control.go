package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	sqlite3 "modernc.org/sqlite/lib"

	"hone"
	"hone/internal/audit"
	"hone/internal/fault"
)

// Commit stores the change and its audit event in one transaction, and returns
// the event as it was sealed. It fails with Conflict, and stores nothing, when
// the fence is an old one, when the model has another open run, when the run is
// closed, or when the version exists with other content. A plan gets its token
// here, also in c.Plan. Once begun, it does not stop when ctx ends.
func (db *DB) Commit(ctx context.Context, fence hone.Fence, c hone.Change) (hone.Event, error) {
	if err := ctx.Err(); err != nil {
		return hone.Event{}, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	var plan *hone.Plan
	var known holders
	e, err := db.record(ctx, fence, c.Event, true, func(s *session) error {
		if c.Plan != nil {
			copied := *c.Plan
			plan = &copied
		}
		if err := errors.Join(s.apply(c, plan), fault.At(fault.CommitApply)); err != nil || c.Principal == nil {
			return err
		}
		var err error
		known, err = readPrincipals(ctx, s.tx, *db.principals.Load())
		return err
	})
	if err != nil {
		return hone.Event{}, err
	}
	if c.Principal != nil {
		db.principals.Store(&known)
	}
	if plan != nil {
		c.Plan.Token = plan.Token
	}
	db.tell(e)
	return e, full(fault.At(fault.CommitDone))
}

var errControl = &hone.Error{Code: hone.Unavailable, Message: "control.db failed to write and takes nothing more",
	Hint: "check the disk, then restart hone"}

// change runs one transaction on control state, in its turn.
func (db *DB) change(ctx context.Context, fence hone.Fence, what string, fn func(s *session) error) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.settle(fence, what, db.attempt(ctx, fence, fn))
}

// transact does a change together with its audit event. db.mu is held.
func (db *DB) transact(ctx context.Context, fence hone.Fence, e hone.Event, change func(*session) error) (hone.Event, error) {
	return db.record(ctx, fence, e, false, change)
}

// record is transact that may take the reserve where the disk is full.
func (db *DB) record(ctx context.Context, fence hone.Fence, e hone.Event, dear bool, change func(*session) error) (hone.Event, error) {
	write := func() (sealed hone.Event, err error) {
		err = db.attempt(ctx, fence, func(s *session) (err error) {
			if err := change(s); err != nil {
				return err
			}
			if sealed, err = db.seal(s, e); err != nil {
				return err
			}
			return fault.At(fault.CommitSeal)
		})
		return sealed, err
	}
	var sealed hone.Event
	var err error
	if dear {
		sealed, err = spared(db, write)
	} else {
		sealed, err = write()
	}
	return sealed, db.settle(fence, e.Action, err)
}

// attempt is one transaction, refused when the fence is an old one. Once begun,
// it does not stop when ctx ends. db.mu is held.
func (db *DB) attempt(ctx context.Context, fence hone.Fence, fn func(s *session) error) error {
	if db.poison != nil {
		return db.poison
	}
	if err := fault.At(fault.CommitBegin); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a change: %w", err)
	}
	defer tx.Rollback()
	s := &session{ctx: ctx, tx: tx}
	if err := s.checkFence(fence); err != nil {
		return err
	}
	if err := fn(s); err != nil {
		return err
	}
	return tx.Commit()
}

// settle says what became of a change. After a failure of which nobody knows
// what reached the disk there is no further one. db.mu is held.
func (db *DB) settle(fence hone.Fence, what string, err error) error {
	if err == nil {
		return nil
	}
	if _, lost := errors.AsType[*fencedError](err); lost && fence == db.fence {
		db.lose(err)
	}
	if !harmless(err) && (db.reserve == nil || !db.reserve.lacks(err)) {
		db.o.Log.Error("control.db failed to write; nothing more is taken until hone is started again", "what", what, "error", err)
		db.poison = errControl
	}
	if e, ok := hone.AsError(full(err)); ok {
		return e
	}
	return fmt.Errorf("%s: %w", what, err)
}

// lose says, once, that another process has the folder now.
func (db *DB) lose(why error) {
	db.loseOnce.Do(func() {
		db.o.Log.Error("another process has taken the data folder over; this one steps down", "fence", db.fence, "error", why)
		close(db.lost)
	})
}

// seal gives the event its place in the chain and stores it.
func (db *DB) seal(s *session, e hone.Event) (hone.Event, error) {
	head, err := readHead(s.ctx, s.tx)
	if err != nil {
		return e, err
	}
	var salt [16]byte
	if _, err := io.ReadFull(db.o.Rand, salt[:]); err != nil {
		return e, fmt.Errorf("draw a salt: %w", err)
	}
	if e.At.IsZero() {
		e.At = db.o.Clock.Now()
	}
	e.Seq, e.Salt = head.Seq+1, hex.EncodeToString(salt[:])
	e = audit.Seal(head.Hash, e)
	var data any
	if len(e.Data) > 0 {
		data = string(e.Data)
	}
	return e, s.exec("store the audit event", "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		e.Seq, e.At.Format(timeFormat), e.Actor, e.Action, e.Model, e.Run, e.Version, e.Sentence, data, e.Salt,
		e.DataHash, e.Prev, e.Hash)
}

// session is one transaction on control state.
type session struct {
	ctx context.Context
	tx  *sql.Tx
}

func (s *session) exec(what, query string, args ...any) error {
	if _, err := s.tx.ExecContext(s.ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (s *session) checkFence(fence hone.Fence) error {
	var now hone.Fence
	if err := s.tx.QueryRowContext(s.ctx, "SELECT value FROM counter WHERE name = 'fence'").Scan(&now); err != nil {
		return fmt.Errorf("read the fence: %w", err)
	}
	if fence != now {
		return fenced(fence, now)
	}
	return nil
}

// fencedError is what a write is refused by because another process has taken
// over.
type fencedError struct{ told *hone.Error }

func (e *fencedError) Error() string { return e.told.Error() }
func (e *fencedError) Unwrap() error { return e.told }

func fenced(have, now hone.Fence) error {
	return &fencedError{&hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("fence %d is not the current one, %d", have, now),
		Hint: "another process has taken over; this one must stop moving states"}}
}

func (s *session) apply(c hone.Change, plan *hone.Plan) error {
	var steps []func() error
	if c.Version != nil {
		steps = append(steps, func() error { return s.putVersion(*c.Version) })
	}
	if c.Decision != nil {
		steps = append(steps, func() error { return putDecision(s.ctx, s.tx, *c.Decision) })
	}
	if c.Dataset != nil {
		steps = append(steps, func() error { return s.putDataset(*c.Dataset) })
	}
	if c.Run != nil {
		steps = append(steps, func() error { return s.putRun(*c.Run) })
	}
	for _, m := range c.Aliases {
		steps = append(steps, func() error { return s.moveAlias(m) })
	}
	if plan != nil {
		steps = append(steps, func() error { return s.putPlan(plan) })
	}
	if c.Watch != nil {
		steps = append(steps, func() error { return s.putWatch(*c.Watch) })
	}
	if c.Principal != nil {
		steps = append(steps, func() error { return s.putPrincipal(*c.Principal) })
	}
	if c.Config != nil {
		steps = append(steps, func() error { return s.putConfig(*c.Config) })
	}
	if c.Answered > 0 && c.Run != nil {
		steps = append(steps, func() error { return s.answer(c.Run.Model, c.Answered, c.Run.ID) })
	}
	if c.Request != nil {
		steps = append(steps, func() error { return s.putLabelRequest(*c.Request) })
	}
	if c.Incident != nil {
		steps = append(steps, func() error { return s.putIncident(*c.Incident) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) putRun(r hone.Run) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode run %s: %w", r.ID, err)
	}
	var old string
	err = s.tx.QueryRowContext(s.ctx, "SELECT body FROM run WHERE id = ?", r.ID).Scan(&old)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read run %s: %w", r.ID, err)
	}
	if err == nil {
		if err := mayBecome(old, r); err != nil {
			return err
		}
	}
	err = s.exec("store run "+string(r.ID), `INSERT INTO run (id, model, state, ending, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, ending = excluded.ending, body = excluded.body`,
		r.ID, r.Model, r.State, r.Ending, string(body))
	if isUnique(err) {
		return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s already has a run under way", r.Model),
			Hint: "wait for it to close, or cancel it"}
	}
	return err
}

// mayBecome refuses to change a closed run, but for one that was promoted: it may be
// rolled back after all, as its sentence then says, and it gets its receipt once.
func mayBecome(old string, r hone.Run) error {
	var was hone.Run
	if err := json.Unmarshal([]byte(old), &was); err != nil {
		return fmt.Errorf("decode run %s: %w", r.ID, err)
	}
	if was.Model != r.Model {
		return conflict("run %s belongs to model %s, not %s", r.ID, was.Model, r.Model)
	}
	if was.State != hone.Closed {
		return nil
	}
	if was.Ending == hone.Promoted && r.Ending == hone.RolledBack {
		was.Ending, was.Sentence = r.Ending, r.Sentence
	}
	if was.Receipt == nil && (was.Ending == hone.Promoted || was.Ending == hone.RolledBack) {
		was.Receipt = r.Receipt
	}
	if !sameJSON(was, r) {
		return conflict("run %s is closed as %s", r.ID, was.Ending)
	}
	return nil
}

func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func conflict(format string, args ...any) error {
	return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf(format, args...), Hint: "the state has moved on; look again"}
}

func (s *session) putVersion(v hone.Version) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode version %s of %s: %w", v.ID, v.Model, err)
	}
	const find = "SELECT body FROM version WHERE model = ? AND id = ?"
	var old string
	if v.Tested != "" && s.tx.QueryRowContext(s.ctx, find, v.Model, v.ID).Scan(&old) == nil && gotTested(old, v) {
		return s.exec("store how "+string(v.ID)+" was tested", "UPDATE version SET body = ? WHERE model = ? AND id = ?", string(body), v.Model, v.ID)
	}
	return s.immutable(fmt.Sprintf("version %s of %s", v.ID, v.Model), body,
		find, []any{v.Model, v.ID},
		"INSERT INTO version (model, id, artefact, body) VALUES (?, ?, ?, ?)", []any{v.Model, v.ID, v.Artefact, string(body)})
}

// gotTested tells whether a version is what it was, but that its probe was tested since.
func gotTested(old string, v hone.Version) bool {
	var was hone.Version
	if json.Unmarshal([]byte(old), &was) != nil || was.Tested != "" {
		return false
	}
	v.Tested = ""
	return sameJSON(was, v)
}

func (s *session) putDataset(d hone.Dataset) error {
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode dataset %s: %w", d.ID, err)
	}
	// The same rows chosen again are the same dataset; its first manifest stays.
	return s.exec("store dataset "+string(d.ID), "INSERT INTO dataset VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
		d.ID, d.Model, string(body))
}

// immutable inserts a body once. The same again is harmless, another one is a
// conflict.
func (s *session) immutable(what string, body []byte, find string, key []any, insert string, args []any) error {
	var old string
	err := s.tx.QueryRowContext(s.ctx, find, key...).Scan(&old)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s.exec("store "+what, insert, args...)
	case err != nil:
		return fmt.Errorf("read %s: %w", what, err)
	case old != string(body):
		return conflict("%s exists with other content", what)
	}
	return nil
}

func (s *session) moveAlias(m hone.AliasMove) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode the move of %s: %w", m.Alias, err)
	}
	if m.Version == "" {
		err = s.exec("clear alias", "DELETE FROM alias WHERE model = ? AND alias = ?", m.Model, m.Alias)
	} else {
		err = s.exec("move alias", `INSERT INTO alias VALUES (?, ?, ?)
			ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version`, m.Model, m.Alias, m.Version)
	}
	if sqliteCode(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY {
		return &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("%s has no version %s to be its %s", m.Model, m.Version, m.Alias),
			Hint: "register the version first"}
	}
	if err != nil {
		return err
	}
	return s.exec("store the alias move", "INSERT INTO alias_move (model, alias, body) VALUES (?, ?, ?)", m.Model, m.Alias, string(body))
}

func (s *session) putPlan(p *hone.Plan) error {
	row := s.tx.QueryRowContext(s.ctx, "UPDATE counter SET value = value + 1 WHERE name = 'plan_token' RETURNING value")
	if err := row.Scan(&p.Token); err != nil {
		return fmt.Errorf("draw a plan token: %w", err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode the plan of %s: %w", p.Model, err)
	}
	return s.exec("store the plan of "+p.Model, `INSERT INTO plan VALUES (?, ?, ?)
		ON CONFLICT (model) DO UPDATE SET token = excluded.token, body = excluded.body`, p.Model, p.Token, string(body))
}

func (s *session) putWatch(w hone.Watch) error {
	body, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("encode the watch on %s: %w", w.Version, err)
	}
	return s.exec("store the watch on "+string(w.Version), `INSERT INTO watch (model, version, run, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (model, version, run) DO UPDATE SET body = excluded.body`, w.Model, w.Version, w.Run, string(body))
}

func (s *session) putConfig(c hone.Applied) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode the configuration: %w", err)
	}
	return s.exec("store the configuration", "INSERT INTO config (sha256, body) VALUES (?, ?)", c.SHA256, string(body))
}
