package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"hone"
	"hone/internal/fault"
)

// The tables that each model has in a day's file.
const (
	predictionTable = iota
	feedbackTable
	shadowTable
)

var tableName = [3]string{"prediction", "feedback", "shadow"}

// dayVersion is the layout of a day's file, kept in SQLite's user_version.
const dayVersion = 2

const daySchema = `
	CREATE TABLE model (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
	CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
	PRAGMA user_version = 2;`

// fromLayout1 gives a model's predictions the columns that layout 2 has more.
const fromLayout1 = `
	ALTER TABLE prediction_%[1]d ADD COLUMN action TEXT;
	ALTER TABLE prediction_%[1]d ADD COLUMN propensity REAL;`

// modelSchema has %[1]d for the model's number. Versions and routes are words.
// The partial index finds early feedback again at opening; it is nearly empty.
const modelSchema = `
	CREATE TABLE prediction_%[1]d (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, time INTEGER, received INTEGER,
		version INTEGER, route INTEGER, features BLOB, scores BLOB, unit TEXT, latency_ns INTEGER, fault TEXT,
		action TEXT, propensity REAL);
	CREATE UNIQUE INDEX prediction_%[1]d_id ON prediction_%[1]d (id);
	CREATE TABLE feedback_%[1]d (seq INTEGER PRIMARY KEY, prediction_id TEXT NOT NULL, kind INTEGER NOT NULL,
		value TEXT NOT NULL, time INTEGER, source TEXT, received INTEGER, effect INTEGER NOT NULL);
	CREATE INDEX feedback_%[1]d_id ON feedback_%[1]d (prediction_id);
	CREATE INDEX feedback_%[1]d_early ON feedback_%[1]d (prediction_id) WHERE effect = 2;
	CREATE TABLE shadow_%[1]d (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, time INTEGER, version INTEGER,
		scores BLOB, served BLOB, latency_ns INTEGER, fault TEXT);`

// day is one file of the event log, open for reading.
type day struct {
	name string // Such as 2026-03-01.
	path string
	read *sql.DB

	refs int  // Guarded by the journal's mu.
	gone bool // Likewise.

	mu     sync.RWMutex
	tables map[string]*table // By model.
	words  map[int64]string
	codes  map[string]int64 // The other way round.
}

// table numbers a model within its file.
type table struct {
	id   int64
	span [3]span // By table; guarded by the day's mu.

	filter [2]atomic.Pointer[filter] // Of predictions and feedback.
}

// span is the first and last number in a table, both 0 when it is empty.
type span struct{ first, last int64 }

func openDay(path string, db *DB) (*day, error) {
	d := &day{name: strings.TrimSuffix(filepath.Base(path), ".db"), path: path}
	if err := prepareDay(path, db); err != nil {
		return nil, fmt.Errorf("open event log %s: %w", path, err)
	}
	var err error
	if d.read, err = openSQL(path, false); err != nil {
		return nil, err
	}
	if err := d.load(); err != nil {
		d.read.Close()
		return nil, fmt.Errorf("open event log %s: %w", path, err)
	}
	return d, nil
}

// prepareDay gives a new file, or one whose making was cut short, its layout, and
// brings an old one up to it: whole or not at all.
func prepareDay(path string, owner *DB) error {
	if err := owner.checkLog(path); err != nil {
		return err
	}
	db, err := openSQL(path, true)
	if err != nil {
		return err
	}
	defer db.Close()
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version > dayVersion:
		return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("the file has layout %d, and this program knows layouts up to %d", version, dayVersion),
			Hint: "it was written by a newer hone: start that one"}
	case version == dayVersion:
		return nil
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if version == 0 {
		_, err = tx.Exec(daySchema)
	} else {
		err = upgradeDay(tx)
	}
	if err != nil {
		return err
	}
	if err := fault.At(fault.DayLayout); err != nil {
		return err
	}
	return tx.Commit()
}

func upgradeDay(tx *sql.Tx) error {
	rows, err := tx.Query("SELECT id FROM model")
	if err != nil {
		return err
	}
	var ids []int64
	err = scanAll(rows, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	for _, id := range ids {
		if err == nil {
			_, err = tx.Exec(fmt.Sprintf(fromLayout1, id))
		}
	}
	if err == nil {
		_, err = tx.Exec("PRAGMA user_version = 2")
	}
	return err
}

// load reads the file's models and words, in place of what was known of them.
func (d *day) load() error {
	tables, words, codes := map[string]*table{}, map[int64]string{}, map[string]int64{}
	err := each(d.read, "SELECT id, text FROM word", func(id int64, text string) { words[id], codes[text] = text, id })
	if err == nil {
		err = each(d.read, "SELECT id, name FROM model", func(id int64, name string) { tables[name] = &table{id: id} })
	}
	if err != nil {
		return err
	}
	for _, t := range tables {
		for k, name := range tableName {
			var first, last sql.NullInt64
			// Two queries in one: SQLite finds each by the index only when it stands alone.
			row := d.read.QueryRow(fmt.Sprintf("SELECT (SELECT min(seq) FROM %[1]s_%[2]d), (SELECT max(seq) FROM %[1]s_%[2]d)", name, t.id))
			if err := row.Scan(&first, &last); err != nil {
				return err
			}
			t.span[k] = span{first.Int64, last.Int64}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tables, d.words, d.codes = tables, words, codes
	return nil
}

func each(db *sql.DB, query string, fn func(int64, string)) error {
	rows, err := db.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		fn(id, text)
	}
	return rows.Err()
}

// of returns the number of the model's tables and the span of one, and whether
// the file has any row in it.
func (d *day) of(model string, kind int) (id int64, s span, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	t := d.tables[model]
	if t == nil {
		return 0, span{}, false
	}
	return t.id, t.span[kind], t.span[kind].last > 0
}

// table returns the model's table, or nil.
func (d *day) table(model string) *table {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.tables[model]
}

func (d *day) models() []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []string
	for name := range d.tables {
		out = append(out, name)
	}
	return out
}

func (d *day) word(id int64) string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.words[id]
}

// extend lets the spans reach up to the new last numbers.
func (d *day) extend(t *table, before, after [3]int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for k := range after {
		if after[k] == before[k] {
			continue
		}
		if t.span[k].first == 0 {
			t.span[k].first = before[k] + 1
		}
		t.span[k].last = after[k]
	}
}

func (d *day) close() error { return d.read.Close() }

func (d *day) remove() error {
	err := errors.Join(d.read.Close(), fault.At(fault.DropRemove))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if e := os.Remove(d.path + suffix); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// writer is the one writing connection of the newest day's file.
type writer struct {
	day   *day
	db    *sql.DB
	conn  *sql.Conn
	fence hone.Fence
	stmts map[string]*sql.Stmt
}

// openWriter marks the file with the fence: the rounds of another process, with
// an older one, are refused from then on.
func openWriter(path string, fence hone.Fence) (*writer, error) {
	db, err := openSQL(path, true)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	w := &writer{db: db, conn: conn, fence: fence, stmts: map[string]*sql.Stmt{}}
	err = fault.At(fault.OpenClaim)
	if err == nil {
		_, err = conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA application_id = %d", mark(fence)))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take %s: %w", path, err), conn.Close(), db.Close())
	}
	return w, nil
}

// mark is a fence as a file's header holds it.
func mark(f hone.Fence) int32 { return int32((f ^ f>>31) & math.MaxInt32) }

// check refuses to write where another process has taken the file.
func (w *writer) check() error {
	s, err := w.prepare("PRAGMA application_id")
	if err != nil {
		return err
	}
	var now int32
	if err := s.QueryRow().Scan(&now); err != nil {
		return err
	}
	if now != mark(w.fence) {
		return fenced(w.fence, hone.Fence(now))
	}
	return nil
}

// prepare keeps statements for the next round, though not without end: many
// models have many.
func (w *writer) prepare(query string) (*sql.Stmt, error) {
	if s := w.stmts[query]; s != nil {
		return s, nil
	}
	if len(w.stmts) >= 2000 {
		w.forget()
	}
	s, err := w.conn.PrepareContext(context.Background(), query)
	if err == nil {
		w.stmts[query] = s
	}
	return s, err
}

func (w *writer) forget() {
	for _, s := range w.stmts {
		s.Close()
	}
	clear(w.stmts)
}

func (w *writer) exec(query string, args ...any) (sql.Result, error) {
	s, err := w.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

// rollback undoes the round and forgets what it had named.
func (w *writer) rollback() error {
	// SQLite has rolled back by itself after some errors, and then says that
	// there is no transaction: the check below is what counts.
	w.conn.ExecContext(context.Background(), "ROLLBACK")
	if _, err := w.conn.ExecContext(context.Background(), "BEGIN IMMEDIATE; ROLLBACK"); err != nil {
		return err
	}
	return w.day.load()
}

// close leaves the whole file in one piece, without a write-ahead log.
func (w *writer) close() error {
	_, err := w.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	w.forget()
	return errors.Join(err, w.conn.Close(), w.db.Close())
}
