package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// old makes a data folder whose day files have layout 1, as a program before
// actions and propensities wrote them.
func old(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	b, err := os.ReadFile("testdata/layout1/2026-03-01.db")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "events"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "events", "2026-03-01.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestLayout1 opens an old file, reads what it holds and writes to it, on its own
// day and after a restart.
func TestLayout1(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := old(t)
	clk := clock.NewFake(noon.Add(time.Hour))
	db := open(t, dir, store.Options{Clock: clk})
	const kept = "1:a=1:joined 2:b=:contradicted 3:c=:"
	same(t, "old rows", scan(t, db, 100, 100), kept)
	ps, err := db.Predictions(ctx, "fraud", 0, 10)
	if err != nil || len(ps) != 3 || ps[0].Action != "" || ps[0].Propensity != 0 || ps[0].Weight() != 1 || ps[0].Version != "v1" || ps[0].Scores[1] != -1 {
		t.Errorf("got %+v, %v", ps, err)
	}
	shadows, err := db.Shadows(ctx, "fraud", 0, 10)
	if err != nil || len(shadows) != 1 || shadows[0].Scores[0] != 0.25 {
		t.Errorf("got %+v, %v", shadows, err)
	}
	now := prediction("late") // A label has waited for it since.
	now.Action, now.Propensity = "approved", 0.25
	if n, err := db.AppendPredictions(ctx, "fraud", []hone.Prediction{now, prediction("a")}); n != 1 || err != nil {
		t.Errorf("stored %d, %v; want the one that is new", n, err)
	}
	tell(t, db, hone.Repeated, label("a", "1", 1))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clk})
	same(t, "after a restart", scan(t, db, 100, 100), kept+" 4:late=1:joined")
	got, _, err := db.Find(ctx, "fraud", "late")
	if err != nil || got.Action != "approved" || got.Propensity != 0.25 || got.Weight() != 4 {
		t.Errorf("got %+v, %v", got, err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "events", "*.db")); len(files) != 1 || err != nil {
		t.Errorf("the day has the files %v, %v", files, err)
	}
}

// TestHorizon holds that what has arrived by a horizon can be read, and that what
// comes after arrives later, also where the clock stands still or goes back.
func TestHorizon(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	clk := clock.NewFake(noon)
	db := open(t, dir, store.Options{Clock: clk})
	at := func(id string, back time.Duration) time.Time {
		t.Helper()
		clk.Advance(-back)
		predict(t, db, 1, id)
		tell(t, db, hone.Joined, label(id, "1", 0))
		os, _, err := db.Labels(ctx, "fraud", 0, 100)
		if err != nil || os[len(os)-1].ID != hone.PredictionID(id) || !os[len(os)-1].LabelReceived.Equal(os[len(os)-1].Received) {
			t.Fatalf("got %+v, %v", os, err)
		}
		return os[len(os)-1].LabelReceived
	}
	after := func(what string, a, b time.Time) {
		t.Helper()
		if !b.After(a) {
			t.Errorf("%s: %v is not after %v", what, b, a)
		}
	}
	first := at("a", 0)
	horizon := db.Horizon()
	if horizon.Before(first) {
		t.Errorf("the horizon %v is before what arrived at %v", horizon, first)
	}
	second := at("b", 0)
	after("the clock stands still", horizon, second)
	third := at("c", time.Hour)
	if third.Before(second) {
		t.Errorf("the clock was set back: %v arrived after %v", third, second)
	}
	horizon = db.Horizon()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, store.Options{Clock: clk})
	if fourth := at("d", 0); fourth.Before(third) {
		t.Errorf("after a restart: %v arrived after %v", fourth, third)
	}
	clk.Advance(-365 * day) // The clock had been a year ahead.
	if got := db.Horizon(); got.After(clk.Now()) {
		t.Errorf("the horizon is %v, the time %v", got, clk.Now())
	}
	if fifth := at("e", 0); fifth.After(horizon) {
		t.Errorf("%v is still a year ahead", fifth)
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clk := clock.NewFake(noon)
	db := open(t, t.TempDir(), store.Options{Clock: clk})
	for d := range 3 {
		var ids []string
		for i := range 100 {
			ids = append(ids, string(rune('a'+d))+time.Duration(i).String())
		}
		predict(t, db, 100, ids...)
		clk.Advance(day)
		tell(t, db, hone.Joined, label(ids[9], "1", 0)) // Number 10, 110 or 210, a day late.
	}
	all, err := db.Sample(ctx, "fraud", 1000)
	if err != nil || len(all) != 300 || all[0].Seq != 1 || all[299].Seq != 300 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	some, err := db.Sample(ctx, "fraud", 30)
	if err != nil || len(some) != 30 {
		t.Fatalf("%d rows, %v; want 30", len(some), err)
	}
	labelled := map[int64]time.Duration{}
	for _, o := range some {
		if o.Effect == hone.Joined && o.Label == "1" {
			labelled[o.Seq] = o.LabelReceived.Sub(o.Received)
		}
	}
	if diff := cmp.Diff(map[int64]time.Duration{10: day, 110: day, 210: day}, labelled); diff != "" {
		t.Error(diff)
	}
	if none, err := db.Sample(ctx, "nobody", 30); err != nil || none == nil || len(none) != 0 {
		t.Errorf("got %v, %v", none, err)
	}
}
