package dataset_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hone"
	"hone/internal/clock"
	"hone/internal/dataset"
	"hone/internal/frame"
	"hone/internal/store"
)

// told is a Hone of which this and that is said, in some order.
func told(t *testing.T, ps []hone.Prediction, items []hone.Feedback, r *rand.Rand) *store.DB {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hone-order-")
	if err != nil {
		dir = t.TempDir()
	}
	clk := clock.NewFake(midday)
	db, err := store.Open(dir, store.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	early := r.IntN(len(items) + 1) // So many come before the predictions.
	for i := 0; i <= len(items); {
		if i == early {
			if _, err := db.AppendPredictions(ctx, "m", ps); err != nil {
				t.Fatal(err)
			}
			early = -1
		}
		n := min(1+r.IntN(4), len(items)-i)
		if early > i {
			n = min(n, early-i)
		}
		if n == 0 {
			break
		}
		if _, err := db.AppendFeedback(ctx, "m", items[i:i+n]); err != nil {
			t.Fatal(err)
		}
		i += n
		clk.Advance(time.Duration(r.IntN(20)) * time.Hour)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return db
}

var midday = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// identity is the hash of the dataset that a Hone makes of what it was told.
func identity(t *testing.T, db *store.DB, m hone.Model) hone.DatasetID {
	t.Helper()
	var rows []dataset.Row
	predictions, feedback, _, err := db.LastSeq(context.Background(), "m")
	if err != nil {
		t.Fatal(err)
	}
	err = db.Scan(context.Background(), "m", predictions, feedback, func(o hone.Outcome) error {
		if o.Effect == hone.Contradicted {
			return nil
		}
		if o.Effect == "" {
			o.Label, o.Inferred = m.Label.AbsentMeans, true
		}
		rows = append(rows, dataset.Row{ID: o.ID, Time: o.Time, Seq: o.Seq, Label: o.Label, Features: o.Features, Weight: o.Weight(), Inferred: o.Inferred})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataset.Assemble(dataset.Need{Model: m}, frame.Decoder{Target: m.Features, Schemas: map[uint32]frame.Schema{m.Features.Fingerprint(): m.Features}}, rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dataset.Identity(c)
}

// TestOrderOfFeedback holds that the same feedback gives the same dataset, in any
// order, in any batches, however often each piece is sent, before or after its
// prediction.
func TestOrderOfFeedback(t *testing.T) {
	checks := "100"
	switch {
	case os.Getenv("HONE_TEST_LONG") != "":
		checks = "2000"
	case testing.Short():
		checks = "10"
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		t.Fatal(err)
	}
	schema := frame.Schema{{Name: "x", Kind: frame.Number}}
	m := hone.Model{Name: "m", Task: hone.Multiclass, Features: schema, Dataset: hone.DatasetSpec{Window: "all", Holdout: 0.2},
		Label: hone.LabelSpec{AbsentMeans: "none", After: 1}}
	const n = 12
	f := frame.New(schema, n)
	var ps []hone.Prediction
	for i := range n {
		f.Cols[0].Num[i] = float64(i)
	}
	for i, b := range f.EncodeRows() {
		ps = append(ps, hone.Prediction{ID: hone.PredictionID(fmt.Sprint("p", i)), Time: midday.Add(time.Duration(i) * time.Minute), Route: hone.Logged,
			Features: b, Propensity: []float64{0, 1, 0.5}[i%3]})
	}
	kinds := []hone.FeedbackKind{hone.Label, hone.Label, hone.Label, hone.Correction, hone.Thumb}
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 3))
		var items []hone.Feedback
		for range rapid.IntRange(1, 30).Draw(rt, "items") {
			fb := hone.Feedback{PredictionID: ps[r.IntN(n)].ID, Kind: kinds[r.IntN(len(kinds))], Value: []string{"a", "b"}[r.IntN(2)],
				Time: midday.Add(time.Duration(r.IntN(4)) * time.Minute)}
			if fb.Kind == hone.Thumb {
				fb.Value = "up"
			}
			items = append(items, fb)
		}
		want := identity(t, told(t, ps, items, r), m)
		for range r.IntN(2 * len(items)) {
			items = append(items, items[r.IntN(len(items))])
		}
		r.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		if got := identity(t, told(t, ps, items, r), m); got != want {
			rt.Fatalf("another order gives the dataset %.12s, not %.12s: %v", got, want, items)
		}
	})
}
