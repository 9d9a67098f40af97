package vault_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/op"
	"hone/internal/store"
)

// leave puts a file with the canary into the folder of a run.
func leave(w *world, name string) {
	w.t.Helper()
	p := filepath.Join(w.data, "runs", filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte("__label,country\n1,"+place+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// TestEraseMeasures forgets somebody whose rows an owner's metric was asked about: by
// a run whose dataset has no row of theirs, and by one that is open.
func TestEraseMeasures(t *testing.T) {
	t.Parallel()
	w := old(t)
	plant(w)
	for _, name := range []string{"fraud-1/live-profit/rows.csv", "fraud-3/metric-profit/tmp/seen", "fraud-4/live-profit/rows.csv", "fraud-4/v4/output/sample.csv"} {
		leave(w, name)
	}
	got := do[hone.Erasure](w, "erase", &op.EraseIn{Subject: who})
	if got := left(w); len(got) > 0 {
		t.Errorf("it is still there: %v", got)
	}
	if len(got.Runs) > 0 {
		t.Errorf("runs %v are said to keep it", got.Runs)
	}
	w.approve("fraud-4")
	w.step(3)
	if _, run := w.view(); run.State != hone.Shadowing && run.State != hone.Canary {
		t.Errorf("without its folder %s is %s: %s", run.ID, run.State, run.Sentence)
	}
}

// TestEraseAtWork forgets somebody while a run trains on their rows: what its trainer
// has stays, the erasure says so, and one after the run takes it.
func TestEraseAtWork(t *testing.T) {
	t.Parallel()
	w := old(t)
	plant(w)
	_, run := w.view()
	db := w.Service().Control.(*store.DB)
	put := func(r hone.Run) {
		t.Helper()
		if _, err := db.Commit(t.Context(), db.Fence(), hone.Change{Run: &r, Event: hone.Event{Action: "test"}}); err != nil {
			t.Fatal(err)
		}
	}
	run.State = hone.Training
	put(run)
	for _, name := range []string{"fraud-3/live-profit/rows.csv", "fraud-4/v4/train.csv", "fraud-4/v4/checkpoint/rows.csv", "fraud-4/metric-profit/rows.csv"} {
		leave(w, name)
	}
	got := do[hone.Erasure](w, "erase", &op.EraseIn{Subject: who})
	if !slices.Equal(got.Runs, []hone.RunID{"fraud-4"}) || !slices.ContainsFunc(got.Next, func(s string) bool {
		return strings.Contains(s, "fraud-4 is at work") && strings.Contains(s, "erase again")
	}) {
		t.Errorf("it says %v: %q", got.Runs, got.Next)
	}
	want := []string{"runs/fraud-4/metric-profit/rows.csv has " + place, "runs/fraud-4/v4/checkpoint/rows.csv has " + place}
	if got := left(w); !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
	run.State, run.Ending = hone.Closed, hone.Failed
	put(run)
	if got := do[hone.Erasure](w, "erase", &op.EraseIn{Subject: who}); len(got.Runs) > 0 {
		t.Errorf("a second time it says %v", got.Runs)
	}
	if got := left(w); len(got) > 0 {
		t.Errorf("it is still there: %v", got)
	}
}

// TestCrashedMeasure starts anew after a crash amid a measurement.
func TestCrashedMeasure(t *testing.T) {
	t.Parallel()
	w := old(t)
	w.Stop()
	leave(w, "fraud-3/live-profit/rows.csv")
	leave(w, "fraud-3/v3/keep")
	w = start(t, w.dir, w.data)
	if got, want := left(w), []string{"runs/fraud-3/v3/keep has " + place}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}
