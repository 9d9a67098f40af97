package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault"
	"hone/internal/store"
)

// deeds are what a store does to files, and how to see that one was done.
var deeds = []struct {
	name string
	do   func(t *testing.T, db *store.DB, dir string, clk *clock.Fake) error
	done func(db *store.DB) bool
}{
	{"append", func(_ *testing.T, db *store.DB, _ string, _ *clock.Fake) error {
		var ps []hone.Prediction
		for i := range 200 {
			ps = append(ps, prediction(fmt.Sprint("new-", i)))
		}
		_, err := db.AppendPredictions(context.Background(), "fraud", ps)
		return err
	}, func(db *store.DB) bool { return has(db, "new-0") && has(db, "new-199") }},
	{"label", func(_ *testing.T, db *store.DB, _ string, _ *clock.Fake) error {
		_, err := db.AppendFeedback(context.Background(), "fraud", []hone.Feedback{label("d1-0-1", "0", 5)})
		return err
	}, func(db *store.DB) bool {
		_, fbs, err := db.Find(context.Background(), "fraud", "d1-0-1")
		return err == nil && len(fbs) == 1
	}},
	{"next day", func(_ *testing.T, db *store.DB, _ string, clk *clock.Fake) error {
		if _, err := db.AppendPredictions(context.Background(), "fraud", []hone.Prediction{prediction("evening")}); err != nil {
			return err
		}
		clk.Advance(48 * time.Hour)
		_, err := db.AppendPredictions(context.Background(), "other", []hone.Prediction{prediction("morning")})
		return err
	}, func(db *store.DB) bool {
		_, _, err := db.Find(context.Background(), "other", "morning")
		return err == nil && has(db, "evening")
	}},
	{"publish", func(t *testing.T, db *store.DB, _ string, _ *clock.Fake) error {
		_, _, err := db.Blobs().PutDir(artefact(t, "v3"))
		return err
	}, nil},
	{"register", func(t *testing.T, db *store.DB, _ string, _ *clock.Fake) error {
		return register(db, "v3", artefact(t, "v3"))
	},
		func(db *store.DB) bool { _, err := db.Version(context.Background(), "fraud", "v3"); return err == nil }},
	{"promote", func(_ *testing.T, db *store.DB, _ string, _ *clock.Fake) error { return promote(db, "v2") },
		func(db *store.DB) bool { return champion(db) == "v2" }},
	{"roll back", func(_ *testing.T, db *store.DB, _ string, _ *clock.Fake) error {
		return errors.Join(promote(db, "v2"), back(db))
	}, func(db *store.DB) bool { return champion(db) == "v1" }},
	{"drop", func(_ *testing.T, db *store.DB, _ string, _ *clock.Fake) error {
		_, err := db.Drop(context.Background(), noon.AddDate(0, 0, 1).Truncate(24*time.Hour))
		return err
	}, func(db *store.DB) bool { return !has(db, "d0-0-0") }},
	{"open", func(_ *testing.T, db *store.DB, dir string, clk *clock.Fake) error {
		db.Close()
		again, err := store.Open(dir, store.Options{Clock: clk})
		if err != nil {
			return err
		}
		_, err = again.AppendPredictions(context.Background(), "fraud", []hone.Prediction{prediction("reopened")})
		again.Close()
		return err
	}, func(db *store.DB) bool { return has(db, "reopened") }},
	{"close", func(_ *testing.T, db *store.DB, _ string, _ *clock.Fake) error {
		if _, err := db.AppendPredictions(context.Background(), "fraud", []hone.Prediction{prediction("last")}); err != nil {
			return err
		}
		db.Close() // What it did before it was closed counts.
		return nil
	}, func(db *store.DB) bool { return has(db, "last") }},
}

func has(db *store.DB, id hone.PredictionID) bool {
	_, _, err := db.Find(context.Background(), "fraud", id)
	return err == nil
}

func champion(db *store.DB) hone.VersionID {
	aliases, err := db.Aliases(context.Background(), "fraud")
	if err != nil {
		return "?"
	}
	return aliases[hone.Champion]
}

// back gives v1 the traffic again.
func back(db *store.DB) error {
	_, err := db.Commit(context.Background(), db.Fence(), hone.Change{
		Plan:    &hone.Plan{Model: "fraud", Champion: "v1"},
		Aliases: []hone.AliasMove{{Model: "fraud", Alias: hone.Champion, Version: "v1", At: noon}},
		Event:   hone.Event{Action: "rolled_back", Model: "fraud", Version: "v1"}})
	return err
}

// TestEveryIO fails the first touch of a file that a deed makes, then the second
// and so on, until the deed is done without a failure: once, or from there on;
// as a broken disk does, or a full one. What was said to be done is there after
// the next opening, and all else is as it was. HONE_TEST_LONG=1 fails each
// touch, not one in forty.
func TestEveryIO(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it opens a folder hundreds of times")
	}
	from := quick(t)
	clk := clock.NewFake(noon)
	db, err := store.Open(from, store.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db, clk)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	step, total := 41, 0
	if long() {
		step = 1
	}
	for _, d := range deeds {
		positions := 0
		for _, how := range []struct {
			err  error
			stay bool
		}{{syscall.EIO, false}, {syscall.EIO, true}, {syscall.ENOSPC, false}, {syscall.ENOSPC, true}} {
			for n := 1; ; n += step {
				trial := &ioTrial{from: from, now: clk.Now().Add(-24 * time.Hour), n: int64(n), err: how.err, stay: how.stay}
				if reached := trial.run(t, d.do, d.done, d.name); !reached {
					break
				}
				positions++
			}
		}
		t.Logf("%s: %d positions", d.name, positions)
		total += positions
	}
	t.Logf("%d positions in all", total)
}

// ioTrial is one deed with one failure.
type ioTrial struct {
	from string
	now  time.Time
	n    int64
	err  error
	stay bool
}

// run does the deed on a copy of the folder, and tells whether it came as far as
// the failure.
func (x *ioTrial) run(t *testing.T, do func(*testing.T, *store.DB, string, *clock.Fake) error, done func(*store.DB) bool, name string) (reached bool) {
	t.Helper()
	dir := quick(t)
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(x.from)); err != nil {
		t.Fatal(err)
	}
	clk := clock.NewFake(x.now)
	db, err := store.Open(dir, store.Options{Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	var touched atomic.Int64
	disarm := fault.ArmIO(func(op, path string) error {
		if !strings.HasPrefix(path, dir) {
			return nil
		}
		if at := touched.Add(1); at == x.n || x.stay && at > x.n {
			return fmt.Errorf("%s %s: %w", op, path, x.err)
		}
		return nil
	})
	failed := do(t, db, dir, clk)
	seen := touched.Load() >= x.n
	if x.stay {
		db.Close() // It is still broken.
	}
	disarm()
	db.Close()
	x.check(t, dir, name, failed, done)
	return seen
}

// check opens the folder again.
func (x *ioTrial) check(t *testing.T, dir, name string, failed error, done func(*store.DB) bool) {
	t.Helper()
	which := fmt.Sprintf("%s, touch %d fails with %v (stays: %v; it said %v)", name, x.n, x.err, x.stay, failed)
	db, err := store.Open(dir, store.Options{Clock: clock.NewFake(x.now.Add(72 * time.Hour))})
	if err != nil {
		t.Fatalf("%s: %v", which, err)
	}
	defer db.Close()
	if _, err := answer(db); err != nil && !(name == "drop" && onlyMissing(err)) {
		t.Errorf("%s: %v", which, err)
	}
	if failed == nil && done != nil && !done(db) {
		t.Errorf("%s: it is not there", which)
	}
	for _, id := range []hone.PredictionID{"d1-0-0", "d1-2-29"} {
		if !has(db, id) {
			t.Errorf("%s: %s is lost", which, id)
		}
	}
	plan, err := db.Plan(context.Background(), "fraud")
	if err != nil || plan.Champion != champion(db) {
		t.Errorf("%s: the plan serves %s, the champion is %s (%v)", which, plan.Champion, champion(db), err)
	}
	if name == "append" && has(db, "new-0") != has(db, "new-199") {
		t.Errorf("%s: half of it is there", which)
	}
	// It goes on.
	if _, err := db.AppendPredictions(context.Background(), "fraud", []hone.Prediction{prediction("after")}); err != nil || !has(db, "after") {
		t.Errorf("%s: %v", which, err)
	}
	if err := register(db, "v3", artefact(t, "v3")); err != nil {
		t.Errorf("%s: %v", which, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "artefacts", "tmp", "*")); err != nil || len(left) > 0 {
		t.Errorf("%s: %v is left", which, left)
	}
}

// onlyMissing tells whether all that is wrong is that rows are not there.
func onlyMissing(err error) bool {
	e, ok := hone.AsError(err)
	return ok && e.Code == hone.NotFound
}

// TestPoison fails one fsync: what waited for it is not acknowledged, nothing
// more is taken, and the words say what to do.
func TestPoison(t *testing.T) {
	for _, file := range []string{"control.db-wal", "2026-03-01.db-wal"} {
		dir := t.TempDir()
		db := open(t, dir, store.Options{Clock: clock.NewFake(noon)})
		predict(t, db, 1, "a")
		write := func(id string) error {
			if file == "control.db-wal" {
				_, err := db.Commit(t.Context(), db.Fence(), hone.Change{Event: hone.Event{Action: id}})
				return err
			}
			_, err := db.AppendPredictions(t.Context(), "fraud", []hone.Prediction{prediction(id)})
			return err
		}
		disarm := fault.ArmIO(func(op, path string) error {
			if op == "sync" && path == filepath.Join(dir, file) || op == "sync" && path == filepath.Join(dir, "events", file) {
				return syscall.EIO
			}
			return nil
		})
		first := write("b")
		disarm()
		second := write("c")
		wantCode(t, second, hone.Unavailable)
		if first == nil || second == nil || !strings.Contains(second.Error(), "restart hone") {
			t.Errorf("%s: %v, then %v", file, first, second)
		}
	}
}

// TestOrderOnDisk looks at the order in which an artefact comes to the disk:
// each file is there before its name is, and the name before it is spoken of.
func TestOrderOnDisk(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, store.Options{})
	var ops []string
	disarm := fault.ArmIO(func(op, path string) error {
		if rel, err := filepath.Rel(filepath.Join(dir, "artefacts"), path); err == nil && !strings.HasPrefix(rel, "..") {
			parts := strings.Split(rel, "/")
			ops = append(ops, fmt.Sprintf("%s %s/%d", op, parts[0], len(parts)))
		}
		return nil
	})
	_, _, err := db.Blobs().PutDir(artefact(t, "x"))
	_, err2 := db.Blobs().Put([]byte("y"))
	disarm()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	file, folder := "create tmp/3 write tmp/3 sync tmp/3 ", "sync tmp/2 rename tree/2 sync tree/1 "
	same(t, "order", strings.Join(ops, " "), file+file+folder+"create tmp/2 write tmp/2 sync tmp/2 rename blob/2 sync blob/1")
}
