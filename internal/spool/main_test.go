package spool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/clock"
	"hone/internal/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var morning = time.Date(2026, 3, 1, 9, 0, 0, 1000, time.UTC)

// served makes predictions that have a value in every field.
func served(from, n int) []hone.Prediction {
	ps := make([]hone.Prediction, n)
	for i := range ps {
		ps[i] = hone.Prediction{ID: hone.PredictionID(fmt.Sprintf("gw1-%06d", from+i)), Model: "fraud", Time: morning.Add(time.Duration(from+i) * time.Millisecond),
			Version: "v2", Route: hone.ByFallback, Features: []byte{1, 2, 3, 0, byte(i)}, Scores: []float64{0.25, float64(i)}, Unit: "u-1",
			Latency: 1500, Fault: "v3: no answer"}
	}
	return ps
}

func scores(from, n int) []hone.ShadowScore {
	list := make([]hone.ShadowScore, n)
	for i := range list {
		list[i] = hone.ShadowScore{ID: hone.PredictionID(fmt.Sprintf("gw1-%06d", from+i)), Time: morning, Version: "v3",
			Scores: []float64{0.5}, Served: []float64{0.25, 1}, Latency: 7, Fault: "slow"}
	}
	return list
}

// log is the store's side: it knows predictions by their ids and scores not at
// all. It can be told to fail, before or after it has stored.
type log struct {
	predictions []hone.Prediction
	shadows     []hone.ShadowScore
	known       map[hone.PredictionID]bool
	before      error
	after       error
	shadowAfter error
}

func newLog() *log { return &log{known: map[hone.PredictionID]bool{}} }

func (l *log) AppendPredictions(_ context.Context, model string, ps []hone.Prediction) (int, error) {
	if l.before != nil {
		return 0, l.before
	}
	n := 0
	for _, p := range ps {
		if !l.known[p.ID] {
			l.known[p.ID] = true
			l.predictions = append(l.predictions, p)
			n++
		}
	}
	return n, l.after
}

func (l *log) AppendShadows(_ context.Context, _ string, list []hone.ShadowScore) error {
	if l.before != nil {
		return l.before
	}
	for _, s := range list {
		s.Seq = int64(len(l.shadows) + 1)
		l.shadows = append(l.shadows, s)
	}
	return l.shadowAfter
}

func (l *log) Shadows(_ context.Context, _ string, after int64, limit int) ([]hone.ShadowScore, error) {
	rest := l.shadows[min(int(after), len(l.shadows)):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (l *log) LastSeq(context.Context, string) (int64, int64, int64, error) {
	return int64(len(l.predictions)), 0, int64(len(l.shadows)), nil
}

// once holds that every row is there, once and in order.
func (l *log) once(t *testing.T, predictions, shadows int) {
	t.Helper()
	want := served(0, predictions)
	if len(l.predictions) != predictions || len(l.shadows) != shadows {
		t.Fatalf("stored %d predictions and %d scores, want %d and %d", len(l.predictions), len(l.shadows), predictions, shadows)
	}
	for i, p := range l.predictions {
		want[i].Features[4] = p.Features[4] // They count from the start of their batch.
		want[i].Scores[1] = p.Scores[1]
		if fmt.Sprintf("%+v", p) != fmt.Sprintf("%+v", want[i]) {
			t.Fatalf("row %d is %+v, want %+v", i, p, want[i])
		}
	}
	seen := map[hone.PredictionID]bool{}
	for _, s := range l.shadows {
		if seen[s.ID] {
			t.Fatalf("the score of %s is stored twice", s.ID)
		}
		seen[s.ID] = true
	}
}

func open(t *testing.T, data string, limit int64) *spool.Spool {
	t.Helper()
	s, err := spool.Open(data, "gw1", spool.Options{Clock: clock.System{}, Log: slog.New(slog.DiscardHandler), Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func drainOf(data string, l *log, ejected func(spool.Ejection) error) *spool.Drain {
	return spool.NewDrain(spool.DrainOptions{Data: data, Sink: l, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
		Ejected: func(_ context.Context, e spool.Ejection) error {
			if ejected == nil {
				return errors.New("nobody asked for ejections")
			}
			return ejected(e)
		}})
}

func drain(t *testing.T, d *spool.Drain) {
	t.Helper()
	if err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *spool.Spool, from, n int) {
	t.Helper()
	if _, err := s.AppendPredictions(t.Context(), "fraud", served(from, n)); err != nil {
		t.Fatal(err)
	}
}

func putScores(t *testing.T, s *spool.Spool, from, n int) {
	t.Helper()
	if err := s.AppendShadows(t.Context(), "fraud", scores(from, n)); err != nil {
		t.Fatal(err)
	}
}

// files lists the segments of the one gateway.
func files(t *testing.T, data string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(spool.Folder(data), "gw1", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
