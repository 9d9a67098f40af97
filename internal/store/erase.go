package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hone"
)

// A tombstone is a row of the event log without what it said: its number and id
// stay, so that numbers are dense and what is sent again is not stored again.
// Its route, or version where it has no route, is the word of hone.Erased.

// Erasing is an erasure that was begun and is not finished.
type Erasing struct {
	ID      int64                          `json:"-"`
	By      string                         `json:"by"`
	Unit    string                         `json:"unit,omitempty"`
	IDs     []hone.PredictionID            `json:"ids,omitempty"`
	Model   string                         `json:"model,omitempty"` // All of them when empty.
	Subject string                         `json:"subject"`         // Salted.
	Found   map[string][]hone.PredictionID `json:"found"`           // By model.
}

// BeginErasure records what is to be forgotten, before anything is.
func (db *DB) BeginErasure(ctx context.Context, x Erasing, e hone.Event) (Erasing, error) {
	body, err := json.Marshal(x)
	if err != nil {
		return x, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	sealed, err := db.transact(context.WithoutCancel(ctx), db.fence, e, func(s *session) error {
		return s.tx.QueryRowContext(s.ctx, "INSERT INTO erasure (body) VALUES (?) RETURNING id", string(body)).Scan(&x.ID)
	})
	if err != nil {
		return x, fmt.Errorf("record the erasure: %w", full(err))
	}
	db.tell(sealed)
	return x, nil
}

// Erasures lists what was begun and is not finished.
func (db *DB) Erasures(ctx context.Context) (out []Erasing, err error) {
	rows, err := db.read.QueryContext(ctx, "SELECT id, body FROM erasure ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("read the erasures: %w", err)
	}
	return out, scanAll(rows, func(rows *sql.Rows) error {
		var id int64
		var body string
		if err := rows.Scan(&id, &body); err != nil {
			return err
		}
		x := Erasing{ID: id}
		err := json.Unmarshal([]byte(body), &x)
		x.ID = id
		out = append(out, x)
		return err
	})
}

// EndErasure drops the data of the named audit events, notes how many rows each
// dataset has lost, records the end and forgets who was meant, in one
// transaction; then no byte of it is left in the file.
func (db *DB) EndErasure(ctx context.Context, id int64, payloads []int64, lost map[hone.DatasetID]int, e hone.Event) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	sealed, err := db.transact(ctx, db.fence, e, func(s *session) error {
		for _, seq := range payloads {
			if err := s.exec("drop the data of an event", "UPDATE event SET data = NULL WHERE seq = ?", seq); err != nil {
				return err
			}
		}
		for ds, n := range lost {
			if err := s.exec("note the lost rows", "UPDATE dataset SET body = json_set(body, '$.erased_rows', ?) WHERE id = ?", n, ds); err != nil {
				return err
			}
		}
		return s.exec("end the erasure", "DELETE FROM erasure WHERE id = ?", id)
	})
	if err != nil {
		return fmt.Errorf("end the erasure: %w", full(err))
	}
	db.tell(sealed)
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return db.scour(ctx, conn)
}

// scour writes a database anew without what was deleted in it, and empties its
// write-ahead log.
func (db *DB) scour(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "VACUUM"); err != nil {
		return fmt.Errorf("write the file anew: %w", full(err))
	}
	// Whoever reads holds the log open, for a moment; each attempt waits for it.
	for range 5 {
		var busy, frames, done int
		err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done)
		if err != nil {
			return fmt.Errorf("empty the write-ahead log: %w", full(err))
		}
		if busy == 0 {
			return nil
		}
		select {
		case <-db.o.Clock.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return &hone.Error{Code: hone.Unavailable, Message: "the write-ahead log is in use and could not be emptied", Hint: "repeat when less is read"}
}

// Datasets returns the manifests of a model's datasets.
func (db *DB) Datasets(ctx context.Context, model string) ([]hone.Dataset, error) {
	return bodies[hone.Dataset](ctx, db.read, "SELECT body FROM dataset WHERE model = ?", model)
}

// Unit returns the ids of a model's predictions for a unit.
func (db *DB) Unit(ctx context.Context, model, unit string) ([]hone.PredictionID, error) {
	var out []hone.PredictionID
	err := db.eachDay(model, predictionTable, 0, func(d *day, id int64) (bool, error) {
		query := fmt.Sprintf("SELECT id FROM prediction_%d WHERE unit = ?", id)
		return true, d.each(ctx, query, func(rows *sql.Rows) error {
			var id hone.PredictionID
			err := rows.Scan(&id)
			out = append(out, id)
			return err
		}, unit)
	})
	if err != nil {
		return nil, fmt.Errorf("find the unit's predictions of %s: %w", model, err)
	}
	return out, nil
}

// Forget makes tombstones of a model's predictions of these ids, of the
// feedback on them and of their shadow scores, in all files, and returns how
// many of each there are. Then no byte of what they said is left in the files.
// Doing it again is harmless.
func (db *DB) Forget(ctx context.Context, model string, ids []hone.PredictionID) (n [3]int, err error) {
	if len(ids) == 0 {
		return n, nil
	}
	days := db.journal.hold()
	defer db.journal.release(days)
	for _, d := range days {
		found, err := db.forgetIn(ctx, d, model, ids)
		if err != nil {
			return n, fmt.Errorf("erase from %s: %w", d.path, err)
		}
		for k := range n {
			n[k] += found[k]
		}
	}
	return n, nil
}

// forgetIn asks the writing goroutine, which knows whether it has the file open
// for writing; a file of a day that is over is written here.
func (db *DB) forgetIn(ctx context.Context, d *day, model string, ids []hone.PredictionID) (n [3]int, err error) {
	id, _, known := d.of(model, predictionTable)
	if !known {
		if t := d.table(model); t == nil {
			return n, nil
		}
		id = d.table(model).id
	}
	f := &forgetting{day: d, table: id, ids: ids}
	if err := errors.Join(db.journal.send(ctx, &request{forget: f}), f.err); err != nil {
		return n, err
	}
	if !f.done {
		w, err := openWriter(d.path, db.fence)
		if err != nil {
			return n, err
		}
		w.day = d
		if err := errors.Join(f.do(ctx, db, w), w.close()); err != nil {
			return n, err
		}
	}
	return f.counts, nil
}

// forgetting is one file's part of an erasure.
type forgetting struct {
	day    *day
	table  int64
	ids    []hone.PredictionID
	counts [3]int
	done   bool
	err    error
}

func (f *forgetting) do(ctx context.Context, db *DB, w *writer) error {
	touched, err := f.bury(ctx, w)
	if err == nil && touched {
		w.forget()
		err = db.scour(ctx, w.conn)
	}
	f.done = err == nil
	return err
}

// bury makes the tombstones, and tells whether there are any rows of the ids.
func (f *forgetting) bury(ctx context.Context, w *writer) (touched bool, err error) {
	run := func(query string, args ...any) {
		if err == nil {
			_, err = w.conn.ExecContext(ctx, query, args...)
		}
	}
	// The ids must not reach a temporary file.
	run("PRAGMA temp_store = MEMORY")
	run("PRAGMA secure_delete = ON")
	run("CREATE TEMP TABLE forgotten (id TEXT PRIMARY KEY) WITHOUT ROWID")
	run("BEGIN IMMEDIATE")
	if err == nil {
		err = w.check()
	}
	for _, id := range f.ids {
		run("INSERT OR IGNORE INTO forgotten VALUES (?)", string(id))
	}
	for k, column := range []string{"id", "prediction_id", "id"} {
		if err == nil {
			query := fmt.Sprintf("SELECT count(*) FROM %s_%d WHERE %s IN (SELECT id FROM forgotten)", tableName[k], f.table, column)
			err = w.conn.QueryRowContext(ctx, query).Scan(&f.counts[k])
		}
		touched = touched || f.counts[k] > 0
	}
	if touched {
		run("INSERT INTO word (text) VALUES (?) ON CONFLICT DO NOTHING", string(hone.ByNobody))
		const word = "(SELECT id FROM word WHERE text = ?)"
		run(fmt.Sprintf(`UPDATE prediction_%d SET features = NULL, scores = NULL, unit = NULL, fault = NULL, route = %s
			WHERE id IN (SELECT id FROM forgotten)`, f.table, word), string(hone.ByNobody))
		run(fmt.Sprintf("UPDATE feedback_%d SET value = '', source = NULL, effect = %d WHERE prediction_id IN (SELECT id FROM forgotten)",
			f.table, effectCode(hone.Erased)))
		run(fmt.Sprintf(`UPDATE shadow_%d SET scores = NULL, served = NULL, fault = NULL, version = %s
			WHERE id IN (SELECT id FROM forgotten)`, f.table, word), string(hone.ByNobody))
	}
	run("COMMIT")
	if err != nil {
		w.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return false, errors.Join(full(err), w.dropTemporary())
	}
	return touched, errors.Join(f.day.learn(w), w.dropTemporary())
}

// dropTemporary also takes the temporary table away.
func (w *writer) dropTemporary() error {
	_, err := w.conn.ExecContext(context.Background(), "DROP TABLE IF EXISTS temp.forgotten; PRAGMA temp_store = DEFAULT")
	return err
}

// learn takes over words that were written past the drafts.
func (d *day) learn(w *writer) error {
	words, codes := map[int64]string{}, map[string]int64{}
	rows, err := w.conn.QueryContext(context.Background(), "SELECT id, text FROM word")
	if err != nil {
		return err
	}
	err = scanAll(rows, func(rows *sql.Rows) error {
		var id int64
		var text string
		err := rows.Scan(&id, &text)
		words[id], codes[text] = text, id
		return err
	})
	if err == nil {
		d.mu.Lock()
		d.words, d.codes = words, codes
		d.mu.Unlock()
	}
	return err
}

// erased is the code of a tombstone's route in this file, or 0, which none has.
func (d *day) erased() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.codes[string(hone.ByNobody)]
}
