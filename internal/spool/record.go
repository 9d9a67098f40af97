package spool

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"hone"
)

// The kinds of record. Each is a byte, the model, the number of rows, and the
// rows: strings and bytes behind their length, times and durations in
// nanoseconds, scores as 8 bytes each.
const (
	predictionRecord = 'p'
	shadowRecord     = 's'
)

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendScores(b []byte, v []float64) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, 0)
	}
	return binary.AppendVarint(b, t.UnixNano())
}

func appendHead(b []byte, kind byte, model string, rows int) []byte {
	return binary.AppendUvarint(appendBytes(append(b, kind), model), uint64(rows))
}

func appendPredictions(b []byte, model string, ps []hone.Prediction) []byte {
	b = appendHead(b, predictionRecord, model, len(ps))
	for i := range ps {
		p := &ps[i]
		b = appendBytes(b, string(p.ID))
		b = appendTime(b, p.Time)
		b = appendBytes(b, string(p.Version))
		b = appendBytes(b, string(p.Route))
		b = appendBytes(b, p.Features)
		b = appendScores(b, p.Scores)
		b = appendBytes(b, p.Unit)
		b = binary.AppendVarint(b, int64(p.Latency))
		b = appendBytes(b, p.Fault)
	}
	return b
}

func appendShadows(b []byte, model string, list []hone.ShadowScore) []byte {
	b = appendHead(b, shadowRecord, model, len(list))
	for i := range list {
		s := &list[i]
		b = appendBytes(b, string(s.ID))
		b = appendTime(b, s.Time)
		b = appendBytes(b, string(s.Version))
		b = appendScores(b, s.Scores)
		b = appendScores(b, s.Served)
		b = binary.AppendVarint(b, int64(s.Latency))
		b = appendBytes(b, s.Fault)
	}
	return b
}

// rows are what was read of a spool, by model.
type rows struct {
	predictions map[string][]hone.Prediction
	shadows     map[string][]hone.ShadowScore
	n           int
}

func newRows() *rows {
	return &rows{predictions: map[string][]hone.Prediction{}, shadows: map[string][]hone.ShadowScore{}}
}

// add reads the records of a frame. It adds all of them or none.
func (r *rows) add(frame []byte) error {
	got := newRows()
	for c := (&cursor{b: frame[headerBytes:]}); len(c.b) > 0; {
		if err := got.record(c.bytes()); err != nil || c.bad {
			return errRecord
		}
	}
	for model, ps := range got.predictions {
		r.predictions[model] = append(r.predictions[model], ps...)
	}
	for model, list := range got.shadows {
		r.shadows[model] = append(r.shadows[model], list...)
	}
	r.n += got.n
	return nil
}

var errRecord = errors.New("a record cannot be read")

func (r *rows) record(b []byte) error {
	c := &cursor{b: b}
	kind, model, n := c.byte(), string(c.bytes()), c.count(7)
	for range n {
		switch kind {
		case predictionRecord:
			r.predictions[model] = append(r.predictions[model], c.prediction(model))
		case shadowRecord:
			r.shadows[model] = append(r.shadows[model], c.shadow())
		default:
			return errRecord
		}
		r.n++
	}
	if c.bad || len(c.b) > 0 || model == "" {
		return errRecord
	}
	return nil
}

// cursor reads values one after another. Once there is too little it is bad and
// gives zeros.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.bad, c.b = true, nil
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) byte() byte {
	if b := c.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// count reads a number of things that take so many bytes each, at least.
func (c *cursor) count(each int) int {
	n, w := binary.Uvarint(c.b)
	if w <= 0 || n > uint64(len(c.b)/each) {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[w:]
	return int(n)
}

func (c *cursor) bytes() []byte { return c.take(c.count(1)) }

func (c *cursor) text() string { return string(c.bytes()) }

func (c *cursor) int() int64 {
	x, w := binary.Varint(c.b)
	if w <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[w:]
	return x
}

func (c *cursor) time() time.Time {
	if ns := c.int(); ns != 0 {
		return time.Unix(0, ns).UTC()
	}
	return time.Time{}
}

func (c *cursor) scores() []float64 {
	n := c.count(8)
	if n == 0 {
		return nil
	}
	v := make([]float64, n)
	for i := range v {
		if b := c.take(8); b != nil {
			v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	}
	return v
}

func (c *cursor) prediction(model string) hone.Prediction {
	return hone.Prediction{Model: model, ID: hone.PredictionID(c.text()), Time: c.time(), Version: hone.VersionID(c.text()),
		Route: hone.Route(c.text()), Features: c.bytes(), Scores: c.scores(), Unit: c.text(), Latency: time.Duration(c.int()), Fault: c.text()}
}

func (c *cursor) shadow() hone.ShadowScore {
	return hone.ShadowScore{ID: hone.PredictionID(c.text()), Time: c.time(), Version: hone.VersionID(c.text()),
		Scores: c.scores(), Served: c.scores(), Latency: time.Duration(c.int()), Fault: c.text()}
}
