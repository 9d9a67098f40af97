package dataset_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/dataset"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadAnchors(t *testing.T) {
	t.Parallel()
	f := func(name, text string, ids ...hone.PredictionID) {
		t.Helper()
		rows, sum, err := dataset.ReadAnchors(write(t, name, text), model())
		if err != nil {
			t.Error(err)
			return
		}
		want := sha256.Sum256([]byte(text))
		if sum != hex.EncodeToString(want[:]) {
			t.Errorf("%s: the hash is %s", name, sum)
		}
		if rows.Len() != 2 || rows.Frame.N != 2 || rows.Labels[0] != "1" || rows.Labels[1] != "0" || rows.IDs[0] != ids[0] || rows.IDs[1] != ids[1] {
			t.Errorf("%s: labels %q, ids %q", name, rows.Labels, rows.IDs)
			return
		}
		if rows.Frame.Value(0, 0) != 1.5 || rows.Frame.Value(0, 1) != "CH" || rows.Frame.Value(0, 2) != nil || rows.Frame.Value(1, 0) != nil || rows.Frame.Value(1, 1) != "FR" {
			t.Errorf("%s: the features are %v", name, rows.Frame.Cols)
		}
		if id := dataset.Identity(dataset.Collected{Anchor: rows}); len(id) != 64 {
			t.Errorf("%s: the identity is %q", name, id)
		}
	}
	f("a.jsonl", `{"name": "rich", "x": 1.5, "country": "CH", "y": 1}`+"\n"+`{"name": "poor", "country": "FR", "y": false}`+"\n", "rich", "poor")
	f("b.csv", "country,x,y,other\nCH,1.5,1.0,z\nFR,,0,z\n", "line 2", "line 3")
}

func TestReadAnchorsRefuses(t *testing.T) {
	t.Parallel()
	f := func(path string, want ...string) {
		t.Helper()
		_, _, err := dataset.ReadAnchors(path, model())
		e, ok := hone.AsError(err)
		if !ok || e.Hint == "" {
			t.Errorf("%s: got %v, want an error that says what to do", path, err)
			return
		}
		for _, w := range append(want, path) {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v does not say %q", err, w)
			}
		}
	}
	f(filepath.Join(t.TempDir(), "none.csv"))
	f(write(t, "nolabel.csv", "x,country\n1,CH\n"), `"y"`)
	f(write(t, "text.csv", "x,y\n1,1\ntwelve,0\n"), "line 3", `"x"`, "twelve")
	f(write(t, "empty.csv", "x,y\n1,1\n2,\n"), "line 3", "fraud")
	f(write(t, "broken.jsonl", "{\"x\": 1, \"y\": 1}\n{\"x\": 1, \"y\"\n"))
	f(write(t, "kind.xlsx", "x"))
	f(write(t, "many.csv", "x,y\n"+strings.Repeat("1,1\n", 10001)), "10000")
}
