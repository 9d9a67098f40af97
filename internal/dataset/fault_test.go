package dataset_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone/internal/dataset"
)

// TestFlips turns over bits of a frozen dataset's rows: each is noticed.
func TestFlips(t *testing.T) {
	t.Parallel()
	dir, ds, _ := frozen(t)
	n := 60
	if os.Getenv("HONE_TEST_LONG") != "" {
		n = 1000
	}
	for _, file := range []string{"train.parquet", "holdout.parquet", "sums.json"} {
		name := filepath.Join(dir, file)
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, refused := rand.New(rand.NewPCG(2, 2)), 0
		for range n {
			bit := r.IntN(8 * len(raw))
			flipped := append([]byte(nil), raw...)
			flipped[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(name, flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			// Before it is read: a reader of Parquet trusts the sizes in the file.
			if _, err := dataset.Thaw(dir, ds, model()); err != nil && strings.Contains(err.Error(), "sums.json cannot be read") || err != nil && strings.Contains(err.Error(), "is not what was written") {
				refused++
			}
		}
		if refused != n {
			t.Errorf("%d of %d bits of %s were noticed", refused, n, file)
		}
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dataset.Thaw(dir, ds, model()); err != nil {
		t.Error(err)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	dir, ds, c := frozen(t)
	if err := os.WriteFile(filepath.Join(dir, "train.parquet"), []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := dataset.Discard(dir); err != nil {
			t.Fatal(err)
		}
		if err := dataset.Freeze(dir, ds, c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dataset.Thaw(dir, ds, model()); err != nil {
		t.Error(err)
	}
}
