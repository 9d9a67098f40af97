package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/feedback"
)

// Scan calls fn with every kept prediction of the model up to a number, in its
// order, and what feedback up to another number says of it: Effect is joined,
// corrected or contradicted, or "" where there is no label. The same numbers
// give the same outcomes, whenever it is called, until retention drops files.
// Mature is left to the caller. It holds one truth a labelled row in memory.
func (db *DB) Scan(ctx context.Context, model string, predictionsUpTo, feedbackUpTo int64, fn func(hone.Outcome) error) error {
	var pace rests
	if db.o.Gentle {
		pace.left = restLongest
	}
	truths, err := db.truths(ctx, model, feedbackUpTo, &pace)
	if err != nil {
		return fmt.Errorf("read feedback of %s: %w", model, err)
	}
	err = db.eachDay(model, predictionTable, 0, func(d *day, id int64) (bool, error) {
		query := fmt.Sprintf("SELECT %s FROM prediction_%d p WHERE seq <= ? AND route IS NOT ? ORDER BY seq", predictionColumns, id)
		return true, d.each(ctx, query, func(rows *sql.Rows) error {
			p, err := d.scanPrediction(rows, model)
			if err != nil {
				return err
			}
			pace.row()
			return fn(outcome(p, truths[p.ID]))
		}, predictionsUpTo, d.erased())
	})
	if err != nil {
		return fmt.Errorf("scan predictions of %s: %w", model, err)
	}
	return nil
}

const (
	// On a machine with two processors, eight rows at a time leave the slowest
	// hundredth of the answers beside them as quick as it was; 32 double it.
	restEvery = 8
	restFor   = 20 * time.Microsecond // About 1 ms by the time that the kernel wakes us.
	// restLongest bounds what resting adds to the scan of a long log, to about 20 s.
	restLongest = 20_000
)

// rests holds a scan up so that what answers requests finds the processors free.
type rests struct{ rows, left int }

func (r *rests) row() {
	if r.rows++; r.left > 0 && r.rows%restEvery == 0 {
		r.left--
		time.Sleep(restFor)
	}
}

// truths folds all labels and corrections of a model up to a number.
func (db *DB) truths(ctx context.Context, model string, upTo int64, pace *rests) (map[hone.PredictionID]feedback.Truth, error) {
	out := map[hone.PredictionID]feedback.Truth{}
	held := map[string]string{} // Few labels and sources: hold each once.
	once := func(s string) string {
		if h, ok := held[s]; ok {
			return h
		}
		if len(held) < 10_000 {
			held[s] = s
		}
		return s
	}
	err := db.eachDay(model, feedbackTable, 0, func(d *day, id int64) (bool, error) {
		query := fmt.Sprintf(`SELECT seq, prediction_id, kind, value, time, source, received, effect FROM feedback_%d
			WHERE seq <= ? AND kind IN (%d, %d) AND effect <> %d ORDER BY seq`, id, kindCode(hone.Label), kindCode(hone.Correction), effectCode(hone.Erased))
		return true, d.each(ctx, query, func(rows *sql.Rows) error {
			fb, err := scanFeedback(rows)
			if err != nil {
				return err
			}
			fb.Value, fb.Source = once(fb.Value), once(fb.Source)
			out[fb.PredictionID] = out[fb.PredictionID].With(fb)
			pace.row()
			return nil
		}, upTo)
	})
	return out, err
}

func outcome(p hone.Prediction, t feedback.Truth) hone.Outcome {
	o := hone.Outcome{Prediction: p, Label: t.Label, LabelTime: t.Time, LabelSeq: t.Seq, LabelReceived: t.Received, Source: t.Source}
	switch {
	case t.Corrected:
		o.Effect = hone.Corrected
	case t.Contradicted:
		o.Effect = hone.Contradicted
	case t.Known:
		o.Effect = hone.Joined
	}
	return o
}

// findWaiting returns the ids, by model, that have feedback and no prediction.
func (j *journal) findWaiting() (map[string]map[hone.PredictionID]bool, error) {
	ctx := context.Background()
	out := map[string]map[hone.PredictionID]bool{}
	for _, d := range j.days {
		for _, model := range d.models() {
			id, _, ok := d.of(model, feedbackTable)
			if !ok {
				continue
			}
			if out[model] == nil {
				out[model] = map[hone.PredictionID]bool{}
			}
			// The effect is written out so that SQLite takes the partial index.
			query := fmt.Sprintf("SELECT prediction_id FROM feedback_%d WHERE effect = 2", id)
			err := d.each(ctx, query, func(rows *sql.Rows) error {
				var id hone.PredictionID
				err := rows.Scan(&id)
				out[model][id] = true
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("find early feedback in %s: %w", d.path, err)
			}
		}
	}
	for model, ids := range out {
		if err := j.arrived(ctx, model, ids); err != nil {
			return nil, fmt.Errorf("find early feedback of %s: %w", model, err)
		}
	}
	return out, nil
}

// arrived removes the ids whose prediction is stored.
func (j *journal) arrived(ctx context.Context, model string, ids map[hone.PredictionID]bool) error {
	list := make([]hone.PredictionID, 0, len(ids))
	for id := range ids {
		list = append(list, id)
	}
	slices.Sort(list)
	for _, d := range j.days {
		err := d.find(ctx, model, predictionTable, list, "SELECT id FROM prediction_%d WHERE id IN (%s)", func(rows *sql.Rows) error {
			var id hone.PredictionID
			err := rows.Scan(&id)
			delete(ids, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Sample returns about n of the model's kept predictions, evenly spread over the
// log, oldest first, and what is said of each; Effect is "" where there is no
// label. LabelReceived is when its first label arrived.
func (db *DB) Sample(ctx context.Context, model string, n int) ([]hone.Outcome, error) {
	out := []hone.Outcome{}
	err := db.eachDay(model, predictionTable, 0, func(d *day, id int64) (bool, error) {
		err := d.findSeqs(ctx, id, db.spread(model, d, n), func(rows *sql.Rows) error {
			p, err := d.scanPrediction(rows, model)
			out = append(out, hone.Outcome{Prediction: p})
			return err
		})
		return true, err
	})
	if err == nil {
		err = db.addTruths(ctx, model, out, math.MaxInt64)
	}
	if err != nil {
		return nil, fmt.Errorf("sample predictions of %s: %w", model, err)
	}
	return out, nil
}

// spread lists the numbers in one file that a sample of about n of all takes.
func (db *DB) spread(model string, d *day, n int) []int64 {
	days := db.journal.hold()
	defer db.journal.release(days)
	var first, last int64
	for _, d := range days {
		if _, s, ok := d.of(model, predictionTable); ok {
			if first == 0 {
				first = s.first
			}
			last = s.last
		}
	}
	step := max(1, (last-first+1)/int64(max(n, 1)))
	_, s, _ := d.of(model, predictionTable)
	var out []int64
	for seq := s.first + (step-s.first%step)%step; seq <= s.last; seq += step {
		out = append(out, seq)
	}
	return out
}

// findSeqs reads the predictions of the given numbers.
func (d *day) findSeqs(ctx context.Context, id int64, seqs []int64, scan func(*sql.Rows) error) error {
	query := fmt.Sprintf("SELECT %s FROM prediction_%d p WHERE seq = ?", predictionColumns, id)
	stmt, err := d.read.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, seq := range seqs {
		rows, err := stmt.QueryContext(ctx, seq)
		if err != nil {
			return err
		}
		if err := scanAll(rows, scan); err != nil {
			return err
		}
	}
	return nil
}

// addTruths fills in what feedback up to a number says of predictions.
func (db *DB) addTruths(ctx context.Context, model string, out []hone.Outcome, upTo int64) error {
	at := map[hone.PredictionID]int{}
	var ids []hone.PredictionID
	for i, o := range out {
		at[o.ID] = i
		ids = append(ids, o.ID)
	}
	said := make([][]hone.Feedback, len(out))
	days := db.journal.hold()
	defer db.journal.release(days)
	for _, d := range days {
		err := d.find(ctx, model, feedbackTable, ids, `SELECT seq, prediction_id, kind, value, time, source, received, effect
			FROM feedback_%d WHERE prediction_id IN (%s) ORDER BY seq`, func(rows *sql.Rows) error {
			fb, err := scanFeedback(rows)
			if fb.Seq <= upTo {
				said[at[fb.PredictionID]] = append(said[at[fb.PredictionID]], fb)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for i := range out {
		p := out[i].Prediction
		out[i] = outcome(p, feedback.Fold(said[i]))
		first := slices.IndexFunc(said[i], func(fb hone.Feedback) bool { return fb.Kind == hone.Label || fb.Kind == hone.Correction })
		if first >= 0 {
			out[i].LabelReceived = said[i][first].Received
		}
	}
	return nil
}
