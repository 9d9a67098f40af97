package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/fault"
)

// draft is one round while it is written: nothing of it counts before the
// commit.
type draft struct {
	j      *journal
	w      *writer
	now    time.Time
	stored int64
	models map[string]*share
	order  []string
	args   []any // Reused.
}

// share is one model's part of a draft.
type share struct {
	name        string
	table       *table
	last        [3]int64
	requests    []*request
	early, late map[hone.PredictionID]bool // Ids that begin and end to wait.
}

func newDraft(j *journal, w *writer) *draft {
	return &draft{j: j, w: w, now: j.begin(), models: map[string]*share{}}
}

func (d *draft) commit(batch []*request) error {
	if err := fault.At(fault.RoundBegin); err != nil {
		return fmt.Errorf("begin a round of the event log: %w", err)
	}
	if _, err := d.w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin a round of the event log: %w", err)
	}
	if err := d.w.check(); err != nil {
		return fmt.Errorf("begin a round of the event log: %w", err)
	}
	for _, r := range batch {
		if r.rows() == 0 {
			continue
		}
		s, err := d.share(r.model)
		if err != nil {
			return fmt.Errorf("make the tables of %s: %w", r.model, err)
		}
		s.requests = append(s.requests, r)
	}
	for _, name := range d.order {
		s := d.models[name]
		for _, write := range []func(*share) error{d.predictions, d.feedback, d.shadows} {
			if err := write(s); err != nil {
				return fmt.Errorf("write the event log of %s: %w", name, err)
			}
		}
	}
	if err := fault.At(fault.RoundWrite); err != nil {
		return fmt.Errorf("write the event log: %w", err)
	}
	if _, err := d.w.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit the event log: %w", err)
	}
	if err := fault.At(fault.RoundDone); err != nil {
		return fmt.Errorf("commit the event log: %w", err)
	}
	return nil
}

// share returns the model's part, and makes its tables where the file has none.
func (d *draft) share(model string) (*share, error) {
	if s := d.models[model]; s != nil {
		return s, nil
	}
	t := d.w.day.tables[model]
	if t == nil {
		if err := fault.At(fault.RoundTables); err != nil {
			return nil, err
		}
		t = &table{}
		if err := d.w.conn.QueryRowContext(context.Background(), "INSERT INTO model (name) VALUES (?) RETURNING id", model).Scan(&t.id); err != nil {
			return nil, err
		}
		if _, err := d.w.conn.ExecContext(context.Background(), fmt.Sprintf(modelSchema, t.id)); err != nil {
			return nil, err
		}
		d.w.day.mu.Lock()
		d.w.day.tables[model] = t
		d.w.day.mu.Unlock()
	}
	s := &share{name: model, table: t, last: d.j.last(model), early: map[hone.PredictionID]bool{}, late: map[hone.PredictionID]bool{}}
	d.models[model] = s
	d.order = append(d.order, model)
	return s, nil
}

// row is one prediction to store, and who asked.
type row struct {
	p *hone.Prediction
	r *request
}

// offered returns the predictions to store, each id once.
func (s *share) offered() []row {
	var rows []row
	seen := map[hone.PredictionID]bool{}
	for _, r := range s.requests {
		for i := range r.predictions {
			if p := &r.predictions[i]; !seen[p.ID] {
				seen[p.ID] = true
				rows = append(rows, row{p, r})
			}
		}
	}
	return rows
}

func (d *draft) predictions(s *share) error {
	rows := s.offered()
	if len(rows) == 0 {
		return nil
	}
	rows, err := d.without(s, rows, d.j.days[:len(d.j.days)-1])
	if err != nil {
		return err
	}
	// Most batches hold nothing that today's file has: insert first, look after.
	before := s.last[predictionTable]
	n, err := d.insertPredictions(s, rows)
	if err != nil {
		return err
	}
	if n != int64(len(rows)) {
		undo := fmt.Sprintf("DELETE FROM prediction_%d WHERE seq > ?", s.table.id)
		if _, err := d.w.exec(undo, before); err != nil {
			return err
		}
		s.last[predictionTable] = before
		if rows, err = d.without(s, rows, []*day{d.w.day}); err != nil {
			return err
		}
		n, err := d.insertPredictions(s, rows)
		if err := all(n, len(rows), err); err != nil {
			return err
		}
	}
	for _, r := range rows {
		r.r.stored++
	}
	d.stored += int64(len(rows))
	return d.join(s, rows)
}

// without drops the rows whose ids the given days have.
func (d *draft) without(s *share, rows []row, days []*day) ([]row, error) {
	var ids []hone.PredictionID
	for _, r := range rows {
		if len(days) == 1 && days[0] == d.w.day || !strings.HasPrefix(string(r.p.ID), hone.OwnPrefix) {
			ids = append(ids, r.p.ID)
		}
	}
	known := map[hone.PredictionID]bool{}
	for _, day := range days {
		err := d.find(day, s.name, predictionTable, ids, "SELECT id FROM prediction_%d WHERE id IN (%s)", func(rows *sql.Rows) error {
			var id hone.PredictionID
			err := rows.Scan(&id)
			known[id] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(known) == 0 {
		return rows, nil
	}
	return slices.DeleteFunc(rows, func(r row) bool { return known[r.p.ID] }), nil
}

func (d *draft) insertPredictions(s *share, rows []row) (int64, error) {
	received := nanos(d.now)
	query := fmt.Sprintf("INSERT OR IGNORE INTO prediction_%d VALUES ", s.table.id)
	return d.insert(query, 13, len(rows), func(i int, args []any) ([]any, error) {
		p := rows[i].p
		version, err := d.code(string(p.Version))
		if err != nil {
			return nil, err
		}
		route, err := d.code(string(p.Route))
		if err != nil {
			return nil, err
		}
		s.last[predictionTable]++
		return append(args, s.last[predictionTable], string(p.ID), nanos(p.Time), received, version, route,
			blob(p.Features), blob(packScores(p.Scores)), text(p.Unit), int64(p.Latency), text(p.Fault), text(p.Action), real(p.Propensity)), nil
	})
}

func (d *draft) shadows(s *share) error {
	for _, r := range s.requests {
		query := fmt.Sprintf("INSERT OR IGNORE INTO shadow_%d VALUES ", s.table.id)
		n, err := d.insert(query, 8, len(r.shadows), func(i int, args []any) ([]any, error) {
			x := &r.shadows[i]
			version, err := d.code(string(x.Version))
			if err != nil {
				return nil, err
			}
			s.last[shadowTable]++
			return append(args, s.last[shadowTable], string(x.ID), nanos(x.Time), version, blob(packScores(x.Scores)),
				blob(packScores(x.Served)), int64(x.Latency), text(x.Fault)), nil
		})
		if err := all(n, len(r.shadows), err); err != nil {
			return err
		}
	}
	return nil
}

// insert stores n rows of so many columns, many in one statement, and returns
// how many SQLite took. The query ignores rows that break a rule: SQLite then
// needs no journal to undo half a statement.
func (d *draft) insert(query string, columns, n int, add func(i int, args []any) ([]any, error)) (int64, error) {
	var taken int64
	for i := 0; i < n; {
		size := 1
		for _, many := range []int{48, 8} {
			if n-i >= many {
				size = many
				break
			}
		}
		d.args = d.args[:0]
		for range size {
			var err error
			if d.args, err = add(i, d.args); err != nil {
				return taken, err
			}
			i++
		}
		one := "(?" + strings.Repeat(",?", columns-1) + ")"
		res, err := d.w.exec(query+one+strings.Repeat(","+one, size-1), d.args...)
		if err != nil {
			return taken, err
		}
		k, err := res.RowsAffected()
		if err != nil {
			return taken, err
		}
		taken += k
	}
	return taken, nil
}

// all makes an error of rows that SQLite did not take.
func all(taken int64, want int, err error) error {
	if err == nil && taken != int64(want) {
		err = fmt.Errorf("the file took %d of %d rows", taken, want)
	}
	return err
}

// code returns the number that stands for a version or a route in this file.
func (d *draft) code(word string) (any, error) {
	if word == "" {
		return nil, nil
	}
	if id, ok := d.w.day.codes[word]; ok {
		return id, nil
	}
	var id int64
	err := d.w.conn.QueryRowContext(context.Background(), "INSERT INTO word (text) VALUES (?) RETURNING id", word).Scan(&id)
	if err != nil {
		return nil, err
	}
	d.w.day.mu.Lock()
	defer d.w.day.mu.Unlock()
	d.w.day.words[id], d.w.day.codes[word] = word, id
	return id, nil
}

// find asks one day's file for ids. It sees what this draft has written.
func (d *draft) find(day *day, model string, kind int, ids []hone.PredictionID, query string, scan func(*sql.Rows) error) error {
	if len(ids) == 0 {
		return nil
	}
	if day == d.w.day {
		return findIn(d.models[model].table.id, ids, query, scan, func(query string, args []any) (*sql.Rows, error) {
			s, err := d.w.prepare(query)
			if err != nil {
				return nil, err
			}
			return s.Query(args...)
		})
	}
	return day.find(context.Background(), model, kind, ids, query, scan)
}
