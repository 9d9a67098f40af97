package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"hone"
	"hone/internal/evaluate"
)

// clearRuns removes the rows that trainers and the owner's metrics were given, and
// returns the runs that are at work on some still. A dataset that is not there any
// more may have had such rows.
func (v *Vault) clearRuns(ctx context.Context, model string, datasets []hone.Dataset, lost map[hone.DatasetID]int) (kept []hone.RunID, err error) {
	thinner := map[hone.DatasetID]bool{}
	for _, ds := range datasets {
		_, err := os.Stat(filepath.Join(v.dir, "datasets", string(ds.ID)))
		thinner[ds.ID] = lost[ds.ID] > 0 || ds.Erased > 0 || errors.Is(err, fs.ErrNotExist)
	}
	runs, err := v.db.Runs(ctx, model, 1_000_000)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		dir, atWork := filepath.Join(v.dir, "runs", string(r.ID)), false
		switch r.State {
		case hone.Closed, hone.AwaitingApproval, hone.Shadowing, hone.Canary:
			// Its versions are sealed: it asks nothing of its folder.
			err = clearEnded(dir, thinner[r.Dataset])
		default:
			atWork, err = clearAtWork(dir, thinner[r.Dataset])
		}
		if err != nil {
			return nil, fmt.Errorf("erase from the folder of %s: %w", r.ID, err)
		}
		if atWork {
			kept = append(kept, r.ID)
		}
	}
	return kept, nil
}

// clearEnded removes the folder of a run that trains no more, or of one whose dataset
// lost nothing the folders of measurements. One that is under way on live rows fails,
// and is done again.
func clearEnded(dir string, thinner bool) error {
	if thinner {
		return os.RemoveAll(dir)
	}
	return clearMeasures(dir)
}

// clearCrashed removes the folders of measurements that a crash left. None is under
// way, and each is done anew.
func (v *Vault) clearCrashed() error {
	runs := filepath.Join(v.dir, "runs")
	entries, err := os.ReadDir(runs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := clearMeasures(filepath.Join(runs, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// clearMeasures removes the folders of measurements from the folder of a run.
func clearMeasures(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && (strings.HasPrefix(e.Name(), evaluate.LiveWork) || strings.HasPrefix(e.Name(), evaluate.HeldWork)) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// clearAtWork removes what a trainer was given. What a trainer made of it, and what a
// metric is asked about, stays: without, the run would fail. It tells whether any did.
func clearAtWork(dir string, thinner bool) (kept bool, err error) {
	err = each(dir, func(name string) error {
		switch base := path.Base(name); {
		case thinner && (base == "train.parquet" || base == "train.csv"):
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		case thinner, strings.HasPrefix(name, evaluate.HeldWork):
			kept = true
		}
		return nil
	})
	return kept, err
}
