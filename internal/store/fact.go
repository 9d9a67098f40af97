package store

import (
	"database/sql"
	"fmt"
	"slices"

	"hone"
	"hone/internal/feedback"
)

// fact is all that is known of one prediction id.
type fact struct {
	known bool // The prediction itself.
	// erased is set where a tombstone is all that is left of it: nothing is to
	// be known of it any more.
	erased bool
	truth  feedback.Truth
	seen   []hone.Feedback
}

// add takes one more piece and tells what it did, and whether it need be stored:
// one that can never matter beside an equal one that is known need not.
func (f *fact) add(fb hone.Feedback) (hone.Effect, bool) {
	for _, e := range f.seen {
		if e.Kind != fb.Kind || e.Value != fb.Value {
			continue
		}
		order := e.Time.Compare(fb.Time)
		switch {
		case fb.Kind == hone.Label && order <= 0, fb.Kind == hone.Correction && order >= 0,
			order == 0 && e.Source == fb.Source:
			return hone.Repeated, false
		}
	}
	if f.saysAgain(fb) {
		return hone.Repeated, false
	}
	before := f.truth
	f.truth = before.With(fb)
	f.seen = append(f.seen, fb)
	return feedback.EffectOf(before, f.truth, f.known, fb), true
}

// saysAgain tells whether a score or thumb is the last that its source gave.
func (f *fact) saysAgain(fb hone.Feedback) bool {
	if fb.Kind != hone.Score && fb.Kind != hone.Thumb {
		return false
	}
	for _, e := range slices.Backward(f.seen) {
		if e.Kind == fb.Kind && e.Source == fb.Source {
			return e.Value == fb.Value
		}
	}
	return false
}

// facts gathers what all files, and this draft, know of the given ids.
func (d *draft) facts(s *share, ids []hone.PredictionID) (map[hone.PredictionID]*fact, error) {
	out := make(map[hone.PredictionID]*fact, len(ids))
	for _, id := range ids {
		out[id] = &fact{}
	}
	unknown := ids
	for _, day := range slices.Backward(d.j.days) {
		erased := day.erased()
		err := d.find(day, s.name, predictionTable, unknown, "SELECT id, coalesce(route, -1) FROM prediction_%d WHERE id IN (%s)", func(rows *sql.Rows) error {
			var id hone.PredictionID
			var route int64
			err := rows.Scan(&id, &route)
			out[id].known, out[id].erased = true, route == erased
			return err
		})
		if err != nil {
			return nil, err
		}
		unknown = slices.DeleteFunc(slices.Clone(unknown), func(id hone.PredictionID) bool { return out[id].known })
		err = d.find(day, s.name, feedbackTable, ids, `SELECT seq, prediction_id, kind, value, time, source, received, effect
			FROM feedback_%d WHERE prediction_id IN (%s)`, func(rows *sql.Rows) error {
			fb, err := scanFeedback(rows)
			if err != nil {
				return err
			}
			if fb.Effect == hone.Erased {
				return nil
			}
			f := out[fb.PredictionID]
			f.truth, f.seen = f.truth.With(fb), append(f.seen, fb)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// join appends, for each new prediction that feedback waited for, a row that
// says what is known of it.
func (d *draft) join(s *share, rows []row) error {
	waiting := d.j.waiting[s.name]
	if len(waiting) == 0 {
		return nil
	}
	var ids []hone.PredictionID
	for _, r := range rows {
		if waiting[r.p.ID] {
			ids = append(ids, r.p.ID)
		}
	}
	facts, err := d.facts(s, ids)
	if err != nil {
		return err
	}
	var joined []hone.Feedback
	for _, id := range ids {
		s.late[id] = true
		f := facts[id]
		fb := hone.Feedback{PredictionID: id, Kind: hone.Label, Value: f.truth.Label, Time: f.truth.Time, Effect: hone.Joined}
		switch {
		case f.truth.Corrected:
			fb.Kind = hone.Correction
		case f.truth.Contradicted:
			i := slices.IndexFunc(f.seen, func(e hone.Feedback) bool { return e.Kind == hone.Label })
			fb.Value, fb.Time, fb.Effect = f.seen[i].Value, f.seen[i].Time, hone.Contradicted
		case !f.truth.Known:
			continue
		}
		joined = append(joined, fb)
	}
	return d.insertFeedback(s, joined)
}

func (d *draft) feedback(s *share) error {
	var ids []hone.PredictionID
	for _, r := range s.requests {
		for i := range r.feedback {
			ids = append(ids, r.feedback[i].PredictionID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	facts, err := d.facts(s, slices.Compact(ids))
	if err != nil {
		return err
	}
	var rows []hone.Feedback
	for _, r := range s.requests {
		r.effects = make([]hone.Effect, len(r.feedback))
		for i, fb := range r.feedback {
			if fb.Time.IsZero() {
				fb.Time = d.now
			}
			f := facts[fb.PredictionID]
			if f.erased {
				r.effects[i] = hone.Erased
				continue
			}
			var fresh bool
			if fb.Effect, fresh = f.add(fb); fresh {
				rows = append(rows, fb)
			}
			if fb.Effect == hone.Early {
				s.early[fb.PredictionID] = true
			}
			r.effects[i] = fb.Effect
		}
	}
	return d.insertFeedback(s, rows)
}

func (d *draft) insertFeedback(s *share, rows []hone.Feedback) error {
	received := nanos(d.now)
	query := fmt.Sprintf("INSERT OR IGNORE INTO feedback_%d VALUES ", s.table.id)
	n, err := d.insert(query, 8, len(rows), func(i int, args []any) ([]any, error) {
		fb := &rows[i]
		s.last[feedbackTable]++
		return append(args, s.last[feedbackTable], string(fb.PredictionID), kindCode(fb.Kind), fb.Value, nanos(fb.Time),
			text(fb.Source), received, effectCode(fb.Effect)), nil
	})
	return all(n, len(rows), err)
}
