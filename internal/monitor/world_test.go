package monitor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/linear"
	"hone/internal/monitor"
	"hone/internal/stream"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a champion with its reference, and what it is asked about.
type world struct {
	model   hone.Model
	version hone.Version
	ref     *monitor.Reference
	// next makes the features of a row, and its label.
	next func(f *frame.Frame, row int) string
	// score is what the champion says of the rows.
	score func(f *frame.Frame) hone.Scores
	rows  int
}

func (w *world) monitor(t testing.TB) *monitor.Monitor {
	t.Helper()
	m, err := monitor.New(w.model, w.version, w.ref, frame.Decoder{}, func(_ context.Context, f *frame.Frame) (hone.Scores, error) {
		return w.score(f), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// serve makes n more predictions, a second apart, with their labels, which come
// at once.
func (w *world) serve(n int) []hone.Outcome {
	f := frame.New(w.version.Signature.Features, n)
	out := make([]hone.Outcome, n)
	for i := range out {
		label := w.next(f, i)
		w.rows++
		at := noon.Add(time.Duration(w.rows) * time.Second)
		out[i] = hone.Outcome{Label: label, LabelTime: at, LabelSeq: int64(w.rows), Effect: hone.Joined,
			Prediction: hone.Prediction{ID: hone.PredictionID(fmt.Sprint("p", w.rows)), Seq: int64(w.rows), Time: at, Received: at,
				Version: w.version.ID, Route: hone.ByChampion, Latency: 2 * time.Millisecond}}
	}
	scores := w.score(f)
	for i, b := range f.EncodeRows() {
		out[i].Features, out[i].Scores = b, scores.Row(i)
	}
	return out
}

func predictions(os []hone.Outcome) []hone.Prediction {
	out := make([]hone.Prediction, len(os))
	for i, o := range os {
		out[i] = o.Prediction
	}
	return out
}

// newSEA trains a linear champion on the first 3000 rows of a SEA stream, whose
// variant changes from 3 to 2 at row change, and is 3 throughout where that is 0.
func newSEA(t testing.TB, seed uint64, change int) *world {
	t.Helper()
	const train = 3000
	s := stream.NewSEA(seed, func(i int) int {
		if change > 0 && i >= change {
			return 2
		}
		return 3
	}, 0.05)
	rows, targets := frame.New(s.Schema(), train), make([]float64, train)
	sig := hone.Signature{Task: hone.Binary, Features: s.Schema(), Classes: []string{"0", "1"}, Threshold: 0.5}
	for i := range targets {
		targets[i] = sig.Target(s.Next(rows, i))
	}
	o := linear.Defaults()
	o.Epochs = 10
	fit, err := linear.Fit(rows, targets, nil, o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	score := func(f *frame.Frame) hone.Scores {
		s := hone.Scores{Width: 1, V: make([]float64, f.N)}
		fit.Predict(f, s.V)
		return s
	}
	return &world{
		model: hone.Model{Name: "sea", Task: hone.Binary, Features: s.Schema(), Label: hone.LabelSpec{Positive: "1"},
			Loss: hone.Loss{Kind: hone.ZeroOne}, Monitor: hone.MonitorSpec{Window: 1000, Tick: 200}},
		version: hone.Version{ID: "v1", Model: "sea", Signature: sig, Lineage: hone.Lineage{TrainedUntil: noon, TrainedRows: train}},
		ref:     monitor.NewReference(sig, rows, score(rows), targets, nil),
		next:    s.Next,
		score:   score,
	}
}

// newMixed has twelve features of every kind, and a champion whose score follows
// the first. Shift changes a row before it is served.
func newMixed(t testing.TB, seed uint64, shift func(f *frame.Frame, row int)) *world {
	t.Helper()
	var schema frame.Schema
	for i := range 7 {
		schema = append(schema, frame.Field{Name: fmt.Sprint("n", i), Kind: frame.Number})
	}
	for i := range 4 {
		schema = append(schema, frame.Field{Name: fmt.Sprint("c", i), Kind: frame.Category})
	}
	schema = append(schema, frame.Field{Name: "text", Kind: frame.Text})
	r := rand.New(rand.NewPCG(seed, 77))
	fill := func(f *frame.Frame, row int) {
		for i := range 7 {
			x := r.NormFloat64()
			switch i {
			case 3:
				x = float64(int(4 * r.ExpFloat64())) // Counts.
			case 4:
				x = r.ExpFloat64() * r.ExpFloat64() // A long tail.
			case 5:
				x = float64(r.IntN(2))
			}
			f.Cols[i].Num[row] = x
		}
		if r.IntN(20) == 0 {
			f.Cols[6].Num[row] = frame.New(schema, 1).Cols[6].Num[0] // Missing.
		}
		for i := range 4 {
			f.Cols[7+i].Str[row] = strconv.Itoa(int(float64(i*i*3+2) * r.Float64() * r.Float64()))
		}
		f.Cols[11].Str[row] = "some words of text, and some more of them"[:r.IntN(41)]
	}
	score := func(f *frame.Frame) hone.Scores {
		s := hone.Scores{Width: 1, V: make([]float64, f.N)}
		for i, x := range f.Cols[0].Num {
			s.V[i] = 1 / (1 + x*x)
		}
		return s
	}
	sig := hone.Signature{Task: hone.Binary, Features: schema, Classes: []string{"0", "1"}, Threshold: 0.5}
	reference := frame.New(schema, 6000)
	for row := range reference.N {
		fill(reference, row)
	}
	return &world{
		model:   hone.Model{Name: "mixed", Task: hone.Binary, Features: schema, Loss: hone.Loss{Kind: hone.ZeroOne}, Monitor: hone.MonitorSpec{Window: 500}},
		version: hone.Version{ID: "v1", Signature: sig, Lineage: hone.Lineage{TrainedUntil: noon}},
		ref:     monitor.NewReference(sig, reference, score(reference), nil, nil),
		next: func(f *frame.Frame, row int) string {
			fill(f, row)
			if shift != nil {
				shift(f, row)
			}
			return strconv.Itoa(r.IntN(2))
		},
		score: score,
	}
}
