package vault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault/power"
	"hone/internal/store"
	"hone/internal/vault"
)

// TestPowerCut lets the power go while backups are made, the second of which
// shares the first one's files, and while one is restored: a backup that was
// acknowledged is whole, one that was not is whole or none, and so with the folder
// that was restored.
func TestPowerCut(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it opens a folder many times")
	}
	hands := clock.NewFake(made)
	all := t.TempDir()
	db, err := store.Open(filepath.Join(all, "data"), store.Options{Clock: hands})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "model.json"), []byte(strings.Repeat(fmt.Sprint("weights ", n), 300)), 0o600))
		_, _, err := db.Blobs().PutDir(dir)
		must(t, err)
	}
	put := func(id string) {
		t.Helper()
		_, err := db.AppendPredictions(t.Context(), "fraud", []hone.Prediction{{ID: hone.PredictionID(id), Time: made, Features: []byte("abcd")}})
		must(t, err)
	}
	put("before")
	v := vault.New(db, filepath.Join(all, "data"), hands, nil, false)
	tape, err := power.Record(all)
	must(t, err)
	backup := func(name string) {
		t.Helper()
		_, err := v.Backup(t.Context(), filepath.Join(all, "backups", name), "ada")
		must(t, err)
		tape.Note("backed up " + name)
	}
	backup("one")
	put("after")
	backup("two")
	_, err = vault.Restore(t.Context(), filepath.Join(all, "backups", "two"), filepath.Join(all, "new", "again"), hands, "ada")
	must(t, err)
	tape.Note("restored again")
	must(t, db.Close())
	must(t, tape.Stop())
	tape.Cuts(t, 60, 2000, func(t *testing.T, all string, notes []string) error {
		done := map[string]bool{}
		for _, note := range notes {
			done[note] = true
		}
		for _, name := range []string{"one", "two"} {
			_, err := vault.Verify(t.Context(), filepath.Join(all, "backups", name))
			if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound && !done["backed up "+name] {
				err = nil
			}
			if err != nil {
				return fmt.Errorf("backup %s (acknowledged: %v): %w", name, done["backed up "+name], err)
			}
		}
		if _, err := os.Stat(filepath.Join(all, "new", "again")); errors.Is(err, fs.ErrNotExist) && !done["restored again"] {
			return nil
		}
		db, err := store.Open(filepath.Join(all, "new", "again"), store.Options{Clock: hands})
		if err != nil {
			return fmt.Errorf("what was restored: %w", err)
		}
		defer db.Close()
		for _, id := range []hone.PredictionID{"before", "after"} {
			if _, _, err := db.Find(t.Context(), "fraud", id); err != nil {
				return fmt.Errorf("what was restored: %w", err)
			}
		}
		return nil
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
