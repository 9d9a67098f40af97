package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"hone"
)

// What is written in a file stands for these by its place, from 1.
var (
	kinds   = []hone.FeedbackKind{hone.Label, hone.Correction, hone.Score, hone.Thumb}
	effects = []hone.Effect{hone.Joined, hone.Early, hone.Repeated, hone.Corrected, hone.Contradicted, hone.Noted, hone.Erased}
)

func kindCode(k hone.FeedbackKind) int64 { return int64(slices.Index(kinds, k) + 1) }
func effectCode(e hone.Effect) int64     { return int64(slices.Index(effects, e) + 1) }

const predictionColumns = "p.seq, p.id, p.time, p.received, p.version, p.route, p.features, p.scores, p.unit, p.latency_ns, p.fault, p.action, p.propensity"

// eachDay calls fn, oldest first, with each file that has rows of the model
// after the given number, until fn says that it has enough.
func (db *DB) eachDay(model string, kind int, after int64, fn func(d *day, id int64) (more bool, err error)) error {
	days := db.journal.hold()
	defer db.journal.release(days)
	for _, d := range days {
		id, s, ok := d.of(model, kind)
		if !ok || s.last <= after {
			continue
		}
		if more, err := fn(d, id); err != nil || !more {
			return err
		}
	}
	return nil
}

func (d *day) each(ctx context.Context, query string, scan func(*sql.Rows) error, args ...any) error {
	rows, err := d.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	return scanAll(rows, scan)
}

func scanAll(rows *sql.Rows, scan func(*sql.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// find asks the file for committed rows of the given ids. The query has %d for
// the model's number and %s for the ids.
func (d *day) find(ctx context.Context, model string, kind int, ids []hone.PredictionID, query string, scan func(*sql.Rows) error) error {
	id, _, ok := d.of(model, kind)
	if !ok {
		return nil
	}
	return findIn(id, d.table(model).possible(kind, ids), query, scan, func(query string, args []any) (*sql.Rows, error) {
		return d.read.QueryContext(ctx, query, args...)
	})
}

// findIn asks for many ids at a time. A short rest is filled up with its last
// id, so that there are few different statements.
func findIn(table int64, ids []hone.PredictionID, query string, scan func(*sql.Rows) error, ask func(string, []any) (*sql.Rows, error)) error {
	for len(ids) > 0 {
		size := 128
		for _, fewer := range []int{16, 1} {
			if len(ids) <= fewer {
				size = fewer
			}
		}
		n := min(size, len(ids))
		args := make([]any, size)
		for i := range args {
			args[i] = string(ids[min(i, n-1)])
		}
		ids = ids[n:]
		rows, err := ask(fmt.Sprintf(query, table, "?"+strings.Repeat(",?", size-1)), args)
		if err != nil {
			return err
		}
		if err := scanAll(rows, scan); err != nil {
			return err
		}
	}
	return nil
}

// scanPrediction reads predictionColumns, after what is to be read into before.
func (d *day) scanPrediction(rows *sql.Rows, model string, before ...any) (hone.Prediction, error) {
	p := hone.Prediction{Model: model}
	var at, received int64
	var version, route sql.NullInt64
	var scores sql.RawBytes
	var unit, fault, action sql.NullString
	var propensity sql.NullFloat64
	err := rows.Scan(append(before, &p.Seq, &p.ID, &at, &received, &version, &route, &p.Features, &scores, &unit, &p.Latency, &fault, &action, &propensity)...)
	p.Time, p.Received = fromNanos(at), fromNanos(received)
	p.Version, p.Route = hone.VersionID(d.word(version.Int64)), hone.Route(d.word(route.Int64))
	p.Scores, p.Unit, p.Fault = unpackScores(scores), unit.String, fault.String
	p.Action, p.Propensity = action.String, propensity.Float64
	return p, err
}

func scanFeedback(rows *sql.Rows) (fb hone.Feedback, err error) {
	var kind, at, received, effect int64
	var source sql.NullString
	if err := rows.Scan(&fb.Seq, &fb.PredictionID, &kind, &fb.Value, &at, &source, &received, &effect); err != nil {
		return fb, err
	}
	if kind < 1 || int(kind) > len(kinds) || effect < 1 || int(effect) > len(effects) {
		return fb, errors.New("the event log has feedback of an unknown kind or effect")
	}
	fb.Kind, fb.Effect, fb.Source = kinds[kind-1], effects[effect-1], source.String
	fb.Time, fb.Received = fromNanos(at), fromNanos(received)
	return fb, nil
}

func unpackScores(b []byte) []float64 {
	if len(b) < 8 {
		return nil
	}
	v := make([]float64, len(b)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}

func packScores(v []float64) []byte {
	if len(v) == 0 {
		return nil
	}
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func blob(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func real(x float64) any {
	if x == 0 {
		return nil
	}
	return x
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
