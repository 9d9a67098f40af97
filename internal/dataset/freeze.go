package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hone"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/table"
)

// manifestName is the file that says what a frozen dataset is and how to find
// its rows again.
const manifestName = "dataset.json"

// sumsName is the file with the SHA-256 of each file of rows. They are checked
// before the rows are read: what a damaged Parquet file says of its own sizes is
// not to be believed.
const sumsName = "sums.json"

// Freeze writes the rows as Parquet, and the manifest, into dir, whose name is
// the dataset's id. A dataset that is there already is left alone. The folder
// appears whole or not at all.
func Freeze(dir string, ds hone.Dataset, c Collected) error {
	if _, err := os.Stat(filepath.Join(dir, manifestName)); err == nil {
		return syncDir(filepath.Dir(dir)) // A crash may have come before it.
	}
	if err := fault.At(fault.FreezeBegin); err != nil {
		return err
	}
	tmp := dir + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("clear %s: %w", tmp, err)
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return fmt.Errorf("make the dataset's folder: %w", err)
	}
	sums := map[string]string{}
	for name, rows := range map[string]Rows{"train": c.Train, "holdout": c.Holdout, "anchor": c.Anchor} {
		if rows.Len() == 0 {
			continue
		}
		sum, err := writeRows(filepath.Join(tmp, name+".parquet"), rows)
		if err != nil {
			return fmt.Errorf("freeze the %s rows: %w", name, err)
		}
		sums[name+".parquet"] = sum
	}
	s, err := json.Marshal(sums)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(tmp, sumsName), s); err != nil {
		return err
	}
	b, err := json.MarshalIndent(ds, "", "  ")
	if err != nil {
		return err
	}
	if err := errors.Join(fault.At(fault.FreezeManifest), writeFile(filepath.Join(tmp, manifestName), b)); err != nil {
		return err
	}
	if err := syncDir(tmp); err != nil {
		return err
	}
	if err := errors.Join(fault.At(fault.FreezeRename), fault.IO("rename", dir)); err != nil {
		return fmt.Errorf("put the dataset in place: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("put the dataset in place: %w", err)
	}
	return errors.Join(fault.At(fault.FreezeRenamed), syncDir(filepath.Dir(dir)), syncDir(filepath.Dir(filepath.Dir(dir))))
}

// Where the label of a frozen row is from: feedback, or the lack of it.
const told, lacking = "feedback", "absence"

// writeRows returns the SHA-256 of the file.
func writeRows(path string, r Rows) (sum string, err error) {
	if err := errors.Join(fault.At(fault.FreezeRows), fault.IO("create", path)); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	times := make([]int64, r.Len())
	ids := make([]string, r.Len())
	for i, t := range r.Times {
		times[i], ids[i] = t.UnixMicro(), string(r.IDs[i])
	}
	extra := []table.Extra{
		{Name: "__label", Strings: r.Labels}, {Name: "__time", Times: times}, {Name: "__id", Strings: ids}, {Name: "__unit", Strings: r.Units}}
	if r.Weights != nil {
		extra = append(extra, table.Extra{Name: "__weight", Numbers: r.Weights})
	}
	if r.Inferred != nil {
		from := make([]string, r.Len())
		for i, is := range r.Inferred {
			from[i] = map[bool]string{true: lacking, false: told}[is]
		}
		extra = append(extra, table.Extra{Name: "__label_from", Strings: from})
	}
	err = table.WriteParquet(io.MultiWriter(f, h), r.Frame, extra)
	err = errors.Join(err, fault.IO("write", path), fault.Sync(f), f.Close())
	return hex.EncodeToString(h.Sum(nil)), err
}

func writeFile(path string, b []byte) error {
	if err := fault.IO("write", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, fault.Sync(f), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fault.Sync(d), d.Close())
}

// Thaw reads what Freeze wrote and checks the rows against the dataset's hash.
func Thaw(dir string, ds hone.Dataset, m hone.Model) (Collected, error) {
	c := Collected{Recipe: ds.Recipe, Classes: ds.Classes}
	if ds.Erased > 0 {
		return c, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%d rows of dataset %.12s were erased since it was frozen", ds.Erased, ds.ID),
			Hint: "start another run: it trains on what is left"}
	}
	if err := fault.At(fault.Thaw); err != nil {
		return c, fmt.Errorf("read dataset %s: %w", ds.ID, err)
	}
	if err := checkSums(dir, ds.ID); err != nil {
		return c, err
	}
	for name, rows := range map[string]*Rows{"train": &c.Train, "holdout": &c.Holdout, "anchor": &c.Anchor} {
		var err error
		*rows, err = readRows(filepath.Join(dir, name+".parquet"), m)
		if _, unread := errors.AsType[*fs.PathError](err); unread {
			return c, fmt.Errorf("read dataset %s: %w", ds.ID, err)
		}
		if err != nil {
			return c, damaged(ds.ID, fmt.Sprintf("its %s rows cannot be read (%v)", name, err))
		}
	}
	if got := Identity(c); got != ds.ID {
		return c, damaged(ds.ID, fmt.Sprintf("its rows have the hash %.12s", got))
	}
	return c, nil
}

// checkSums holds the files of rows against their sums. Datasets that were
// frozen by older programs have none.
func checkSums(dir string, id hone.DatasetID) error {
	b, err := os.ReadFile(filepath.Join(dir, sumsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read dataset %s: %w", id, err)
	}
	sums := map[string]string{}
	if err := json.Unmarshal(b, &sums); err != nil {
		return damaged(id, sumsName+" cannot be read")
	}
	for name, want := range sums {
		got, err := sumOf(filepath.Join(dir, filepath.Base(name)))
		if err != nil || got != want {
			return damaged(id, fmt.Sprintf("%.80q is not what was written", name))
		}
	}
	return nil
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func damaged(id hone.DatasetID, how string) error {
	return &hone.Error{Code: hone.Internal, Message: fmt.Sprintf("dataset %.12s is damaged: %s", id, how),
		Hint: "start another run; a dataset is rebuilt from the log by its manifest"}
}

// Discard makes room for a dataset whose files are damaged.
func Discard(dir string) error {
	tmp := dir + ".tmp" // Which Freeze clears, should it end half way.
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.Rename(dir, tmp); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(tmp), syncDir(filepath.Dir(dir)))
}

func readRows(path string, m hone.Model) (Rows, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Rows{Frame: frame.New(m.Features, 0)}, nil
	}
	f, extra, err := table.ReadParquet(path, m.Features)
	if err != nil {
		return Rows{}, err
	}
	r := Rows{Frame: f}
	for _, e := range extra {
		switch e.Name {
		case "__label":
			r.Labels = e.Strings
		case "__unit":
			r.Units = e.Strings
		case "__weight":
			r.Weights = e.Numbers
		case "__label_from":
			r.Inferred = make([]bool, len(e.Strings))
			for i, from := range e.Strings {
				r.Inferred[i] = from == lacking
			}
		case "__id":
			for _, id := range e.Strings {
				r.IDs = append(r.IDs, hone.PredictionID(id))
			}
		case "__time":
			for _, t := range e.Times {
				r.Times = append(r.Times, time.UnixMicro(t).UTC())
			}
		}
	}
	whole := (r.Weights == nil || len(r.Weights) == f.N) && (r.Inferred == nil || len(r.Inferred) == f.N)
	if !whole || len(r.Labels) != f.N || len(r.Times) != f.N || len(r.IDs) != f.N || len(r.Units) != f.N {
		return r, fmt.Errorf("%s lacks columns", filepath.Base(path))
	}
	return r, nil
}

// Join puts b behind a.
func Join(a, b Rows) Rows {
	out := Rows{Frame: frame.New(a.Frame.Schema, 0)}
	for _, r := range []Rows{a, b} {
		for i := range r.Labels {
			out.add(out.Len()+i, r.weight(i), r.inferred(i), r.source(i))
		}
		out.Frame.Append(r.Frame)
		out.Labels = append(out.Labels, r.Labels...)
		out.IDs = append(out.IDs, r.IDs...)
		out.Times = append(out.Times, r.Times...)
		out.Units = append(out.Units, r.Units...)
	}
	return out
}

// Extend puts newer rows behind r, in the order of time.
func Extend(r Rows, d frame.Decoder, rows []Row) (Rows, error) {
	if len(rows) == 0 {
		return r, nil
	}
	sortRows(rows)
	more, err := toRows(d, rows)
	if err != nil {
		return r, err
	}
	return Join(r, more), nil
}
