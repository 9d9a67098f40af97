package dataset_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/dataset"
)

// frozen assembles rows with anchors among them and freezes them.
func frozen(t *testing.T) (dir string, ds hone.Dataset, c dataset.Collected) {
	t.Helper()
	c = assemble(t, dataset.Need{Model: model()}, history(t, 500))
	c.Anchor = c.Holdout.Slice(0, 5)
	c.Holdout = c.Holdout.Slice(5, c.Holdout.Len())
	ds = hone.Dataset{ID: dataset.Identity(c), Model: "fraud", Recipe: c.Recipe, Classes: c.Classes, Train: c.Train.Len(), Salted: dataset.SaltedIDs(c, "s")}
	dir = filepath.Join(t.TempDir(), string(ds.ID))
	if err := dataset.Freeze(dir, ds, c); err != nil {
		t.Fatal(err)
	}
	return dir, ds, c
}

func TestFreezeAndThaw(t *testing.T) {
	t.Parallel()
	dir, ds, want := frozen(t)
	got, err := dataset.Thaw(dir, ds, model())
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]dataset.Rows{"train": {got.Train, want.Train}, "holdout": {got.Holdout, want.Holdout}, "anchor": {got.Anchor, want.Anchor}} {
		g, w := pair[0], pair[1]
		if !slices.Equal(g.Labels, w.Labels) || !slices.Equal(g.IDs, w.IDs) || !slices.Equal(g.Times, w.Times) || !slices.Equal(g.Units, w.Units) ||
			!reflect.DeepEqual(g.Frame.EncodeRows(), w.Frame.EncodeRows()) {
			t.Errorf("the %s rows came back as other ones", name)
		}
	}
	if got.Recipe != want.Recipe || !slices.Equal(got.Classes, want.Classes) || dataset.Identity(got) != ds.ID || dataset.SaltedIDs(got, "s") != ds.Salted {
		t.Errorf("recipe %+v, classes %q came back", got.Recipe, got.Classes)
	}
	var manifest hone.Dataset
	b, err := os.ReadFile(filepath.Join(dir, "dataset.json"))
	if err != nil || json.Unmarshal(b, &manifest) != nil || manifest.ID != ds.ID {
		t.Errorf("the manifest names %q (%v)", manifest.ID, err)
	}
	if left, err := filepath.Glob(dir + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFreezeAgain(t *testing.T) {
	t.Parallel()
	dir, ds, c := frozen(t)
	before, err := os.Stat(filepath.Join(dir, "train.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.Freeze(dir, ds, c); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if after, err := os.Stat(filepath.Join(dir, "train.parquet")); err != nil || !os.SameFile(before, after) {
		t.Errorf("the frozen rows were written again (%v)", err)
	}
	// What a crash left half-written is no obstacle.
	other := filepath.Join(t.TempDir(), "d")
	if err := os.MkdirAll(other+".tmp", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other+".tmp", "train.parquet"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dataset.Freeze(other, ds, c); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.Thaw(other, ds, model()); err != nil {
		t.Error(err)
	}
}

func TestThawFindsDamage(t *testing.T) {
	t.Parallel()
	f := func(what string, damage func(path string, whole []byte) error) {
		t.Helper()
		dir, ds, _ := frozen(t)
		path := filepath.Join(dir, "train.parquet")
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(path, whole); err != nil {
			t.Fatal(err)
		}
		_, err = dataset.Thaw(dir, ds, model())
		if err == nil {
			t.Errorf("%s: nothing was found", what)
		} else if e, ok := hone.AsError(err); !ok || e.Hint == "" {
			t.Errorf("%s: %v does not say what to do", what, err)
		}
	}
	f("cut short", func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)/2], 0o600) })
	f("empty", func(p string, b []byte) error { return os.WriteFile(p, nil, 0o600) })
	f("gone", func(p string, _ []byte) error { return os.Remove(p) })
	f("another file's rows", func(p string, _ []byte) error {
		return os.Rename(filepath.Join(filepath.Dir(p), "holdout.parquet"), p)
	})
	for _, at := range []float64{0.05, 0.2, 0.4, 0.6} {
		f("bytes turned round", func(p string, b []byte) error {
			for i := range 16 {
				b[int(at*float64(len(b)))+i] ^= 0x5a
			}
			return os.WriteFile(p, b, 0o600)
		})
	}
}

func TestThawRefusesAnotherModel(t *testing.T) {
	t.Parallel()
	dir, ds, _ := frozen(t)
	m := model()
	m.Features = m.Features[:2]
	if _, err := dataset.Thaw(dir, ds, m); err == nil || !strings.Contains(err.Error(), string(ds.ID[:12])) {
		t.Errorf("got %v, want an error that names the dataset", err)
	}
}
