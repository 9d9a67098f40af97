package dataset_test

import (
	"testing"

	"hone"
	"hone/internal/dataset"
	"hone/internal/frame"
)

// TestLeft holds that the rows that an erasure left are there to be looked at, and
// that a dataset whose files are gone has none, rather than an error.
func TestLeft(t *testing.T) {
	t.Parallel()
	m := model()
	c := assemble(t, dataset.Need{Model: m}, history(t, 1000))
	ds := hone.Dataset{ID: dataset.Identity(c), Recipe: c.Recipe, Classes: c.Classes}
	dir := t.TempDir() + "/d"
	if err := dataset.Freeze(dir, ds, c); err != nil {
		t.Fatal(err)
	}
	f := func(want int) *frame.Frame {
		t.Helper()
		got, err := dataset.Left(dir, m.Features)
		if err != nil || got.N != want {
			t.Fatalf("%d rows, %v; want %d", got.N, err, want)
		}
		return got
	}
	whole := f(1000)
	if whole.Value(0, 0) != c.Train.Frame.Value(0, 0) || whole.Value(999, 0) != c.Holdout.Frame.Value(199, 0) {
		t.Error("the rows are in another order")
	}
	gone := c.Train.IDs[0]
	if _, err := dataset.Erase(dir, m.Features, func(id hone.PredictionID, _ string) bool { return id == gone }); err != nil {
		t.Fatal(err)
	}
	if got := f(999); got.Value(0, 0) != c.Train.Frame.Value(1, 0) {
		t.Error("another row is gone")
	}
	dir = t.TempDir()
	f(0)
}
