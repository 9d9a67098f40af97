package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// month is a store with rows of thirty days, the last today.
func month(t *testing.T) (*store.DB, *clock.Fake) {
	t.Helper()
	clk := clock.NewFake(noon)
	db := open(t, t.TempDir(), store.Options{Clock: clk})
	for day := range 30 {
		if day > 0 {
			clk.Advance(24 * time.Hour)
		}
		predict(t, db, 1, fmt.Sprint("d", day))
		if err := db.SaveSignals(t.Context(), []hone.Signal{{Model: "fraud", Name: "loss", At: clk.Now(), Value: 1, N: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	return db, clk
}

// TestRetention lets days pass: each day one goes, and no look leaves any waiting.
func TestRetention(t *testing.T) {
	t.Parallel()
	db, clk := month(t)
	// Twenty days are too old at first, as after a long pause.
	for hour := range 19 {
		got, err := db.Retain(t.Context(), 10*24*time.Hour)
		if want := (store.Retained{Dropped: 1, Waiting: 18 - hour}); hour < 17 && (got != want || err != nil) {
			t.Fatalf("hour %d: %+v, want %+v (%v)", hour, got, want, err)
		}
	}
	for day := 19; day < 29; day++ {
		gone, there := hone.PredictionID(fmt.Sprint("d", day-1)), hone.PredictionID(fmt.Sprint("d", day))
		if has(db, gone) || !has(db, there) {
			t.Errorf("day %d: %s is there %v, %s %v", day, gone, has(db, gone), there, has(db, there))
		}
		clk.Advance(24 * time.Hour)
		predict(t, db, 1, fmt.Sprint("e", day))
		if got, err := db.Retain(t.Context(), 10*24*time.Hour); err != nil || got != (store.Retained{Dropped: 1}) {
			t.Errorf("day %d: %+v (%v)", day, got, err)
		}
	}
}

// TestClockJumpsPastRetention lets the clock jump ahead by a year and be set right
// an hour later: a day of the log is lost, not the log.
func TestClockJumpsPastRetention(t *testing.T) {
	t.Parallel()
	db, clk := month(t)
	clk.Advance(365 * 24 * time.Hour)
	predict(t, db, 1, "lost in time")
	got, err := db.Retain(context.Background(), 90*24*time.Hour)
	if want := (store.Retained{Dropped: 1, Waiting: 29}); err != nil || got != want {
		t.Errorf("%+v, want %+v (%v)", got, want, err)
	}
	clk.Advance(-365 * 24 * time.Hour)
	if got, err := db.Retain(context.Background(), 90*24*time.Hour); err != nil || got != (store.Retained{}) {
		t.Errorf("once the clock is right again: %+v (%v)", got, err)
	}
	for day := 1; day < 30; day++ {
		if !has(db, hone.PredictionID(fmt.Sprint("d", day))) {
			t.Errorf("day %d is lost", day)
		}
	}
	signals, err := db.Signals(t.Context(), "fraud", "loss", noon.Add(-time.Hour), 100)
	if err != nil || len(signals) != 29 {
		t.Errorf("%d signals of 30 are left (%v)", len(signals), err)
	}
}
