package dataset_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/dataset"
	"hone/internal/fault/power"
)

// TestPowerCut lets the power go while datasets are frozen, while rows are erased
// from one and while a damaged one makes room: what was frozen is there and whole,
// what was erased stays so, and what was on its way can be frozen again.
func TestPowerCut(t *testing.T) {
	data := t.TempDir()
	sets := map[string]hone.Dataset{}
	made := map[string]dataset.Collected{}
	tape, err := power.Record(data)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first := ""
	for _, n := range []int{120, 200, 300} {
		c := assemble(t, dataset.Need{Model: model()}, history(t, n))
		ds := hone.Dataset{ID: dataset.Identity(c), Model: "fraud", Recipe: c.Recipe, Classes: c.Classes, Train: c.Train.Len()}
		id := string(ds.ID)
		sets[id], made[id] = ds, c
		must(dataset.Freeze(filepath.Join(data, "datasets", id), ds, c))
		tape.Note("frozen " + id)
		if first == "" {
			first = id
		}
	}
	gone := map[hone.PredictionID]bool{made[first].Train.IDs[0]: true, made[first].Train.IDs[5]: true, made[first].Holdout.IDs[1]: true}
	out := func(id hone.PredictionID, _ string) bool { return gone[id] }
	tape.Note("erasing " + first)
	left, err := dataset.Erase(filepath.Join(data, "datasets", first), model().Features, out)
	must(err)
	tape.Note(fmt.Sprintf("erased %s", first))
	must(tape.Stop())
	before := made[first].Train.Len() + made[first].Holdout.Len() + made[first].Anchor.Len()
	if left != before-3 {
		t.Fatalf("%d rows of %d are left", left, before)
	}
	tape.Cuts(t, 60, 10_000, func(_ *testing.T, data string, notes []string) error {
		frozen, erasing, erased := map[string]bool{}, false, false
		for _, note := range notes {
			what, id, _ := strings.Cut(note, " ")
			switch what {
			case "frozen":
				frozen[id] = true
			case "erasing":
				erasing = true
			case "erased":
				erased = true
			}
		}
		for id, ds := range sets {
			dir := filepath.Join(data, "datasets", id)
			if id == first && erasing {
				was, err := dataset.Erase(dir, model().Features, func(hone.PredictionID, string) bool { return false })
				if err != nil || was > before || was < left || erased && was != left {
					return fmt.Errorf("of the erased one %d rows are left (%v)", was, err)
				}
				if n, err := dataset.Erase(dir, model().Features, out); err != nil || n != left {
					return fmt.Errorf("erased again %d rows are left (%v)", n, err)
				}
				continue
			}
			_, err := dataset.Thaw(dir, ds, model())
			if err != nil && frozen[id] {
				return fmt.Errorf("what was frozen: %w", err)
			}
			if err == nil {
				continue
			}
			if err := dataset.Freeze(dir, ds, made[id]); err != nil {
				return fmt.Errorf("freeze again: %w", err)
			}
			if _, err := dataset.Thaw(dir, ds, model()); err != nil {
				return fmt.Errorf("frozen again: %w", err)
			}
		}
		if files, err := os.ReadDir(filepath.Join(data, "datasets")); len(frozen) > 0 && err != nil {
			return fmt.Errorf("%v %w", files, err)
		}
		return nil
	})
}
