package spool_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/spool"
	"hone/internal/store"
)

// dying stores, and dies before anybody hears of it.
type dying struct{ *store.DB }

func (d dying) AppendPredictions(ctx context.Context, model string, ps []hone.Prediction) (int, error) {
	_, err := d.DB.AppendPredictions(ctx, model, ps)
	return 0, errors.Join(err, errors.New("died"))
}

func (d dying) AppendShadows(ctx context.Context, model string, s []hone.ShadowScore) error {
	return errors.Join(d.DB.AppendShadows(ctx, model, s), errors.New("died"))
}

// What was stored before midnight, by a process that then died, comes again
// after midnight, when the log has another file: it is stored once.
func TestMidnight(t *testing.T) {
	t.Parallel()
	data, c := t.TempDir(), clock.NewFake(time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC))
	s := open(t, data, 0)
	put(t, s, 0, 10)
	putScores(t, s, 0, 10)
	drain := func(wrap func(*store.DB) spool.Sink) error {
		db, err := store.Open(data, store.Options{Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return spool.NewDrain(spool.DrainOptions{Data: data, Sink: wrap(db), Clock: c, Log: slog.New(slog.DiscardHandler)}).Once(t.Context())
	}
	if err := drain(func(db *store.DB) spool.Sink { return dying{db} }); err == nil {
		t.Error("it did not die")
	}
	c.Advance(2 * time.Second)
	put(t, s, 10, 5)
	for range 2 {
		if err := drain(func(db *store.DB) spool.Sink { return db }); err != nil {
			t.Fatal(err)
		}
	}
	db, err := store.Open(data, store.Options{Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ps, err := db.Predictions(t.Context(), "fraud", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	seen, days := map[hone.PredictionID]bool{}, map[int]int{}
	for _, p := range ps {
		if seen[p.ID] {
			t.Errorf("%s is stored twice", p.ID)
		}
		seen[p.ID] = true
		days[p.Received.Day()]++
	}
	if len(seen) != 15 || days[1] != 10 || days[2] != 5 {
		t.Errorf("%d rows, by day of arrival %v", len(seen), days)
	}
	shadows, err := db.Shadows(t.Context(), "fraud", 0, 100)
	if err != nil || len(shadows) != 10 {
		t.Errorf("%d scores, %v", len(shadows), err)
	}
}
