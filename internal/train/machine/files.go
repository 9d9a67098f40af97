package machine

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"hone/internal/predictor/child"
	"hone/internal/train"
)

// checkpoint is what of an attempt's folder the next one finds in its own.
const checkpoint = "checkpoint"

// files are where an attempt lies on the disk.
type files struct {
	name train.Name
	run  string // The folder of its run.
}

func (e *Engine) files(n train.Name) files {
	return files{n, filepath.Join(e.o.Dir, string(n.Run))}
}

func (f files) path(kind string) string {
	return filepath.Join(f.run, f.name.Part+"."+strconv.Itoa(f.name.Attempt)+kind)
}

// work is the folder that it trains in.
func (f files) work() string { return f.path("") }

func (f files) artefact(r record) string { return filepath.Join(f.work(), r.Dir) }

func (f files) before() files {
	f.name.Attempt--
	return f
}

// prepare makes the folder to train in: empty, but for a checkpoint that the
// newest earlier attempt at the same left. The folders of earlier attempts go:
// with the rows in them they are large, and what was found out is in the records.
func (f files) prepare(inputs string) error {
	if err := f.empty(); err != nil {
		return err
	}
	kept := filepath.Join(f.work(), checkpoint)
	for old := f.before(); old.name.Attempt > 0; old = old.before() {
		r, err := old.read()
		if err != nil {
			return err
		}
		if _, err := os.Stat(kept); errors.Is(err, fs.ErrNotExist) && r.Inputs == inputs {
			if err := os.Rename(filepath.Join(old.work(), checkpoint), kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if err := os.RemoveAll(old.work()); err != nil {
			return err
		}
	}
	return nil
}

// empty makes the folder. A checkpoint in it is the work of a process that died
// before it had written down that the attempt begins.
func (f files) empty() error {
	if err := os.MkdirAll(f.work(), 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(f.work())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == checkpoint {
			continue
		}
		if err := os.RemoveAll(filepath.Join(f.work(), e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// settle returns the record of an attempt that was running. Where no process has
// its log open it is over for good: what its process left running is ended, and
// it is lost.
func (f files) settle() (record, error) {
	j, err := f.open()
	if err != nil {
		return record{}, err
	}
	if j == nil {
		return f.read()
	}
	defer j.Close()
	r, err := f.read()
	if err != nil || r.State != train.Running { // It ended between two looks.
		return r, err
	}
	dir, err := filepath.Abs(f.work())
	if err != nil {
		return r, err
	}
	if err := child.EndOrphans("HONE_RUN=" + dir); err != nil {
		return r, err
	}
	r.State = train.Lost
	return r, f.write(r)
}
