package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hone"
	"hone/internal/store"
)

// BenchmarkPredictions stores durable batches of 1,000 predictions of 20
// features; ids are random, as callers choose them.
func BenchmarkPredictions(b *testing.B) {
	db := open(b, b.TempDir(), store.Options{})
	r := rand.New(rand.NewPCG(1, 1))
	rows := 0
	for b.Loop() {
		if _, err := db.AppendPredictions(context.Background(), "fraud", batch(r, 1000)); err != nil {
			b.Fatal(err)
		}
		rows += 1000
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkLabels stores durable batches of 1,000 labels of known predictions.
func BenchmarkLabels(b *testing.B) {
	ctx := context.Background()
	db := open(b, b.TempDir(), store.Options{})
	r := rand.New(rand.NewPCG(1, 1))
	rows := 0
	for b.Loop() {
		b.StopTimer()
		ps := batch(r, 1000)
		if _, err := db.AppendPredictions(ctx, "fraud", ps); err != nil {
			b.Fatal(err)
		}
		fbs := make([]hone.Feedback, len(ps))
		for i := range ps {
			fbs[i] = hone.Feedback{PredictionID: ps[i].ID, Kind: hone.Label, Value: "1"}
		}
		b.StartTimer()
		effects, err := db.AppendFeedback(ctx, "fraud", fbs)
		if err != nil || effects[7] != hone.Joined {
			b.Fatal(effects, err)
		}
		rows += len(fbs)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkScan reads 20,000 predictions, half of them labelled.
func BenchmarkScan(b *testing.B) {
	ctx := context.Background()
	db := open(b, b.TempDir(), store.Options{})
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		ps := batch(r, 1000)
		var fbs []hone.Feedback
		for i := range ps[:500] {
			fbs = append(fbs, hone.Feedback{PredictionID: ps[i].ID, Kind: hone.Label, Value: "1"})
		}
		if _, err := db.AppendPredictions(ctx, "fraud", ps); err != nil {
			b.Fatal(err)
		}
		if _, err := db.AppendFeedback(ctx, "fraud", fbs); err != nil {
			b.Fatal(err)
		}
	}
	rows := 0
	for b.Loop() {
		err := db.Scan(ctx, "fraud", 1<<60, 1<<60, func(hone.Outcome) error { rows++; return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func batch(r *rand.Rand, n int) []hone.Prediction {
	out := make([]hone.Prediction, n)
	for i := range out {
		out[i] = hone.Prediction{ID: hone.PredictionID(fmt.Sprintf("%016x%08x", r.Uint64(), r.Uint32())), Time: noon,
			Version: "v3", Route: hone.ByChampion, Features: make([]byte, 200), Scores: []float64{0.25}, Latency: time.Millisecond}
	}
	return out
}
