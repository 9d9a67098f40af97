package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hone"
	"hone/internal/frame"
)

// Erase takes rows out of a frozen dataset's files, and returns how many are
// left. Files without such rows stay as they are; so does the manifest.
func Erase(dir string, schema frame.Schema, gone func(id hone.PredictionID, unit string) bool) (left int, err error) {
	for _, name := range []string{"train", "holdout", "anchor"} {
		n, err := eraseRows(filepath.Join(dir, name+".parquet"), hone.Model{Features: schema}, gone)
		if err != nil {
			return 0, fmt.Errorf("erase from the %s rows: %w", name, err)
		}
		left += n
	}
	return left, nil
}

func eraseRows(path string, m hone.Model, gone func(hone.PredictionID, string) bool) (int, error) {
	r, err := readRows(path, m)
	if err != nil {
		return 0, err
	}
	var stay []int
	for i, id := range r.IDs {
		if !gone(id, r.Units[i]) {
			stay = append(stay, i)
		}
	}
	if len(stay) == r.Len() {
		return len(stay), nil
	}
	// The sums are of what was frozen.
	if err := os.Remove(filepath.Join(filepath.Dir(path), sumsName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if len(stay) == 0 {
		return 0, errors.Join(os.Remove(path), syncDir(filepath.Dir(path)))
	}
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if _, err := writeRows(tmp, r.Pick(stay)); err != nil {
		return 0, errors.Join(err, os.Remove(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return 0, err
	}
	return len(stay), syncDir(filepath.Dir(path))
}
