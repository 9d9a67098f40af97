package dataset_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"hone"
	"hone/internal/dataset"
)

// FuzzThaw: whatever a manifest says, a frozen dataset is read only as what its
// hash says, and never by leaving its folder.
func FuzzThaw(f *testing.F) {
	c := assemble(f, dataset.Need{Model: model()}, history(f, 300))
	ds := hone.Dataset{ID: dataset.Identity(c), Model: "fraud", Recipe: c.Recipe, Classes: c.Classes, Train: c.Train.Len(), Salted: dataset.SaltedIDs(c, "s")}
	dir := filepath.Join(f.TempDir(), string(ds.ID))
	if err := dataset.Freeze(dir, ds, c); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, "dataset.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"dataset":"../../..","classes":["0","1"],"train_rows":-1}`))
	f.Add([]byte(`{"dataset":"","recipe":{"window":"all"},"erased_rows":9223372036854775807}`))
	f.Add([]byte(`{"classes":null,"recipe":{}}`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		var said hone.Dataset
		if json.Unmarshal(manifest, &said) != nil {
			return
		}
		got, err := dataset.Thaw(dir, said, model())
		if err == nil && dataset.Identity(got) != said.ID {
			t.Fatalf("%q was read as %s", manifest, dataset.Identity(got))
		}
		if err != nil && said.ID == ds.ID && said.Erased == 0 && dataset.Identity(dataset.Collected{Recipe: said.Recipe, Classes: said.Classes, Train: c.Train, Holdout: c.Holdout, Anchor: c.Anchor}) == ds.ID {
			t.Fatalf("%q: %v", manifest, err)
		}
	})
}

// FuzzReadAnchors: a file of curated cases is read whole or refused by its name.
func FuzzReadAnchors(f *testing.F) {
	f.Add([]byte("x,country,note,y,name\n1,CH,said,1,first\n"))
	f.Add([]byte("{\"x\":1e400,\"y\":0}\n"))
	f.Add([]byte("y\n\"1\n"))
	f.Add([]byte("x,x,y\n1,2,1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"a.csv", "a.jsonl"} {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			rows, sum, err := dataset.ReadAnchors(path, model())
			if err != nil {
				if _, told := hone.AsError(err); !told {
					t.Fatalf("%q: %v", text, err)
				}
				continue
			}
			if len(sum) != 64 || rows.Len() != rows.Frame.N || len(rows.IDs) != rows.Len() {
				t.Fatalf("%q: %d rows, %d labels", text, rows.Frame.N, rows.Len())
			}
		}
	})
}
