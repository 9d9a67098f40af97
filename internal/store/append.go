package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/fault"
)

// AppendPredictions stores served answers, durably when it returns, and tells
// how many were new: an id that any kept file has is not stored again. It sets
// Seq and Received of what it stores, not of ps. It waits for the disk even
// when ctx ends.
func (db *DB) AppendPredictions(ctx context.Context, model string, ps []hone.Prediction) (stored int, err error) {
	if err := checkPredictions(model, ps); err != nil || len(ps) == 0 {
		return 0, err
	}
	r := &request{model: model, predictions: ps}
	if err := db.journal.send(ctx, r); err != nil {
		return 0, fmt.Errorf("store predictions of %s: %w", model, err)
	}
	return r.stored, nil
}

// AppendFeedback stores what came to be known of predictions, durably when it
// returns, and tells what each piece did. What repeats something known is not
// stored again. A Time that is not set becomes the time of arrival.
func (db *DB) AppendFeedback(ctx context.Context, model string, items []hone.Feedback) ([]hone.Effect, error) {
	if err := checkFeedback(model, items); err != nil || len(items) == 0 {
		return nil, err
	}
	r := &request{model: model, feedback: items}
	if err := db.journal.send(ctx, r); err != nil {
		return nil, fmt.Errorf("store feedback of %s: %w", model, err)
	}
	return r.effects, nil
}

// AppendShadows stores what a version that does not serve would have answered,
// durably when it returns.
func (db *DB) AppendShadows(ctx context.Context, model string, list []hone.ShadowScore) error {
	if model == "" {
		return errNoModel
	}
	if len(list) == 0 {
		return nil
	}
	if err := db.journal.send(ctx, &request{model: model, shadows: list}); err != nil {
		return fmt.Errorf("store shadow scores of %s: %w", model, err)
	}
	return nil
}

// Offer queues served answers and returns at once; they are stored within
// 100 ms, disk permitting. It reports false, and counts them as shed, when too
// many wait already or one of them is invalid. The store keeps ps.
func (db *DB) Offer(model string, ps []hone.Prediction) bool {
	if err := checkPredictions(model, ps); err != nil {
		db.journal.setErr(err)
		db.journal.shed.Add(int64(len(ps)))
		return false
	}
	return len(ps) == 0 || db.journal.offer(&request{model: model, predictions: ps})
}

// Flush waits until all that was offered before is stored, and returns an error
// when what still waited cannot be.
func (db *DB) Flush(ctx context.Context) error {
	return db.journal.send(ctx, &request{})
}

// LogStats counts predictions since opening: stored, shed, and offered but not
// yet stored; and tells the last error of the event log, if there was one.
func (db *DB) LogStats() (stored, shed, pending int64, lastErr error) {
	j := db.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stored.Load(), j.shed.Load(), j.pending.Load(), j.lastErr
}

// Changed returns a channel that is closed at the next append for the model. It
// is a hint: look, then wait, then look again.
func (db *DB) Changed(model string) <-chan struct{} {
	j := db.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tallyLocked(model).changed
}

// LastSeq returns the last numbers that the model's predictions, feedback and
// shadow scores have; 0 where there are none.
func (db *DB) LastSeq(ctx context.Context, model string) (predictions, feedback, shadows int64, err error) {
	last := db.journal.last(model)
	return last[predictionTable], last[feedbackTable], last[shadowTable], ctx.Err()
}

func (j *journal) last(model string) [3]int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if t := j.models[model]; t != nil {
		return t.last
	}
	return [3]int64{}
}

// Drop removes the files of all days, by arrival, that ended before the given
// time, and tells how many. The newest file always stays. Numbers go on from
// where they were.
func (db *DB) Drop(ctx context.Context, before time.Time) (files int, err error) {
	r := &request{drop: before.UTC().Format(time.DateOnly)}
	err = db.journal.send(ctx, r)
	return r.dropped, err
}

// drop runs in the writing goroutine.
func (j *journal) drop(r *request) error {
	n := 0
	for n < len(j.days)-1 && j.days[n].name < r.drop {
		n++
	}
	if n == 0 {
		return nil
	}
	if err := j.db.saveMarks(j); err != nil {
		return err
	}
	if err := fault.At(fault.DropMarked); err != nil {
		return err
	}
	var gone []*day
	j.mu.Lock()
	for _, d := range j.days[:n] {
		d.gone = true
		d.refs++
	}
	gone, j.days = j.days[:n:n], slices.Clone(j.days[n:])
	j.mu.Unlock()
	j.release(gone)
	r.dropped = n
	var err error
	j.waiting, err = j.findWaiting()
	return errors.Join(err, syncDir(j.dir))
}

func (db *DB) saveMarks(j *journal) error {
	j.mu.Lock()
	last := map[string][3]int64{}
	for model, t := range j.models {
		last[model] = t.last
	}
	j.mu.Unlock()
	return db.change(context.Background(), db.fence, "store the log's numbers", func(s *session) error {
		for model, n := range last {
			if err := s.putMark(model, n); err != nil {
				return err
			}
		}
		return fault.At(fault.DropMark)
	})
}

func (s *session) putMark(model string, n [3]int64) error {
	return s.exec("store the log's numbers", `INSERT INTO mark VALUES (?, ?, ?, ?) ON CONFLICT (model) DO UPDATE SET
		prediction = excluded.prediction, feedback = excluded.feedback, shadow = excluded.shadow`, model, n[0], n[1], n[2])
}

func (db *DB) loadMarks(models map[string]*tally) error {
	rows, err := db.read.Query("SELECT model, prediction, feedback, shadow FROM mark")
	if err != nil {
		return fmt.Errorf("read the log's numbers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var model string
		t := &tally{changed: make(chan struct{})}
		if err := rows.Scan(&model, &t.last[0], &t.last[1], &t.last[2]); err != nil {
			return fmt.Errorf("read the log's numbers: %w", err)
		}
		models[model] = t
	}
	return rows.Err()
}

var errNoModel = &hone.Error{Code: hone.Invalid, Message: "there is no model of that name", Hint: "name the model"}

func checkPredictions(model string, ps []hone.Prediction) error {
	if model == "" {
		return errNoModel
	}
	for i := range ps {
		if err := checkRow(ps[i].ID, ps[i].Time); err != nil {
			return fmt.Errorf("prediction %d of %d: %w", i+1, len(ps), err)
		}
	}
	return nil
}

func checkFeedback(model string, items []hone.Feedback) error {
	if model == "" {
		return errNoModel
	}
	for i := range items {
		err := checkRow(items[i].PredictionID, items[i].Time)
		if err == nil && kindCode(items[i].Kind) == 0 {
			err = &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%.80q is no kind of feedback", items[i].Kind),
				Hint: "it is label, correction, score or thumb"}
		}
		if err != nil {
			return fmt.Errorf("feedback %d of %d: %w", i+1, len(items), err)
		}
	}
	return nil
}

func checkRow(id hone.PredictionID, t time.Time) error {
	if id == "" || strings.ContainsRune(string(id), 0) {
		return &hone.Error{Code: hone.Invalid, Message: "the prediction id is empty or has a zero byte", Hint: "give every prediction an id of its own"}
	}
	if y := t.Year(); !t.IsZero() && (y < 1700 || y > 2200) {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the time %s cannot be stored", t), Hint: "it must lie between the years 1700 and 2200"}
	}
	return nil
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(filepath.Clean(dir))
}
