package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"hone"
)

const (
	// remembered is how long an announcement that waits for nothing is kept, so
	// that one sent again is known.
	remembered = 30 * 24 * time.Hour
	// maxRemembered bounds how many of those are kept, of all models: a sender that
	// floods makes Hone forget the oldest sooner, and does not fill its disk.
	maxRemembered = 100_000
	// maxPending bounds what waits for one model.
	maxPending = 1000
)

// ReceiveEvent stores an announcement, with the audit event where it waits for
// a run. It says whether it is new: one of the same source and id is known for
// 30 days, and for as long as it waits, and is not stored again.
func (db *DB) ReceiveEvent(ctx context.Context, e hone.CloudEvent, record hone.Event) (fresh bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = db.change(ctx, db.fence, "receive event "+e.ID, func(s *session) (err error) {
		if fresh, err = s.receive(e); err != nil || !fresh || !e.Pending {
			return err
		}
		record, err = db.seal(s, record)
		return err
	})
	if err != nil {
		return false, err
	}
	if fresh && e.Pending {
		db.tell(record)
	}
	return fresh, nil
}

func (s *session) receive(e hone.CloudEvent) (fresh bool, err error) {
	if err := s.exec("forget old events", "DELETE FROM event_inbox WHERE pending = 0 AND received < ?", nanos(e.Received.Add(-remembered))); err != nil {
		return false, err
	}
	if err := s.exec("forget the oldest of too many events", "DELETE FROM event_inbox WHERE pending = 0 AND seq <= (SELECT max(seq) FROM event_inbox) - ?", maxRemembered); err != nil {
		return false, err
	}
	// What an event brought is in the audit event of one that waits; of others
	// only that they came is worth its room.
	res, err := s.tx.ExecContext(s.ctx, `INSERT INTO event_inbox (model, source, id, type, subject, time, received, sent_by, pending, run)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '') ON CONFLICT (model, source, id) DO NOTHING`,
		e.Model, e.Source, e.ID, e.Type, e.Subject, nanos(e.Time), nanos(e.Received), e.By, e.Pending)
	if err != nil {
		return false, fmt.Errorf("store event %s: %w", e.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	var waiting int
	if err := s.tx.QueryRowContext(s.ctx, "SELECT count(*) FROM event_inbox WHERE model = ? AND pending = 1", e.Model).Scan(&waiting); err != nil {
		return false, fmt.Errorf("count the events of %s: %w", e.Model, err)
	}
	if e.Pending && waiting > maxPending {
		return false, &hone.Error{Code: hone.Overloaded, Message: fmt.Sprintf("%d events wait for a run of %s already", maxPending, e.Model),
			Hint: "`hone plan " + e.Model + "` says what holds the run back; the newest event stands for all"}
	}
	return true, nil
}

// PendingEvents returns the announcements that wait for a run of the model,
// newest first, without their data.
func (db *DB) PendingEvents(ctx context.Context, model string) ([]hone.CloudEvent, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT seq, model, source, id, type, subject, time, received, sent_by, pending, run
		FROM event_inbox WHERE model = ? AND pending = 1 ORDER BY seq DESC`, model)
	if err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", model, err)
	}
	defer rows.Close()
	var out []hone.CloudEvent
	for rows.Next() {
		e, err := scanCloudEvent(rows)
		if err != nil {
			return nil, fmt.Errorf("read the events of %s: %w", model, err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func scanCloudEvent(rows *sql.Rows) (e hone.CloudEvent, err error) {
	var at, received int64
	err = rows.Scan(&e.Seq, &e.Model, &e.Source, &e.ID, &e.Type, &e.Subject, &at, &received, &e.By, &e.Pending, &e.Run)
	e.Time, e.Received = fromNanos(at), fromNanos(received)
	return e, err
}

// answer lets the announcements up to a number wait no more: the run answers
// them.
func (s *session) answer(model string, upTo int64, run hone.RunID) error {
	return s.exec("answer the events of "+model, "UPDATE event_inbox SET pending = 0, run = ? WHERE model = ? AND pending = 1 AND seq <= ?",
		run, model, upTo)
}

func (s *session) putIncident(i hone.Incident) error {
	body, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("encode incident %s: %w", i.ID, err)
	}
	return s.exec("store incident "+i.ID, `INSERT INTO incident (id, model, body) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET body = excluded.body`, i.ID, i.Model, string(body))
}

// Incidents returns a model's incidents, or those of all models when model is
// "", newest first.
func (db *DB) Incidents(ctx context.Context, model string, limit int) ([]hone.Incident, error) {
	return recent[hone.Incident](ctx, db.read, "incident", model, limit)
}
