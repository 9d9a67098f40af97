package command

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/table"
	"hone/internal/train"
)

// maxMetrics bounds metrics.json, in bytes.
const maxMetrics = 1 << 20

// schema is the file schema.json.
type schema struct {
	Task      hone.Task    `json:"task"`
	Features  frame.Schema `json:"features"`
	Label     string       `json:"label"`
	Weight    string       `json:"weight,omitempty"` // Of the rows: the column's name, where they have one.
	Classes   []string     `json:"classes,omitempty"`
	Threshold float64      `json:"threshold,omitempty"`
	Rows      int          `json:"rows"`
	Seed      uint64       `json:"seed"`
	// Trainer and Calibration are for the learners of Hone's own.
	Trainer     string `json:"trainer,omitempty"`
	Calibration string `json:"calibration,omitempty"`
}

// prepare fills the folder of a training. What an earlier attempt left is
// removed, but for checkpoint/.
func prepare(job train.Job) error {
	if len(job.Labels) != job.Rows.N || len(job.Targets) != job.Rows.N || job.Weights != nil && len(job.Weights) != job.Rows.N {
		return fmt.Errorf("%d labels and %d targets for %d rows", len(job.Labels), len(job.Targets), job.Rows.N)
	}
	in := func(name string) string { return filepath.Join(job.Dir, name) }
	for _, name := range []string{"output", "previous", scratch} {
		if err := os.RemoveAll(in(name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"output", "previous", "checkpoint", scratch} {
		if err := os.MkdirAll(in(name), 0o700); err != nil {
			return err
		}
	}
	params := job.Params
	if params == nil {
		params = map[string]any{}
	}
	s := schema{Task: job.Signature.Task, Features: job.Signature.Features, Label: job.Model.Label.Name, Weight: weightColumn(job),
		Classes: job.Signature.Classes, Threshold: job.Signature.Threshold, Rows: job.Rows.N, Seed: job.Seed}
	if job.Model.Train.BuiltIn() {
		s.Trainer, s.Calibration = job.Model.Train.Trainer, job.Model.Train.Calibration
	}
	err := errors.Join(writeJSON(in("schema.json"), s), writeJSON(in("params.json"), params), writeRows(job, in))
	if err != nil || job.Previous == "" {
		return err
	}
	if err := regularOnly(job.Previous); err != nil {
		return err
	}
	return copyTree(in("previous"), job.Previous)
}

// weightColumn is the name of the column of weights: weight, unless a feature or the
// label is called so; none where each row counts as one.
func weightColumn(job train.Job) string {
	if job.Weights == nil {
		return ""
	}
	name := "weight"
	for job.Rows.Schema.Index(name) >= 0 || name == job.Model.Label.Name {
		name = "_" + name
	}
	return name
}

// writeRows writes the features and, under the label's name, the truth: the
// value itself for regression, else the class; and the weights, if there are any.
func writeRows(job train.Job, in func(string) string) error {
	label := table.Extra{Name: job.Model.Label.Name, Strings: job.Labels}
	if job.Signature.Task == hone.Regression {
		label = table.Extra{Name: job.Model.Label.Name, Numbers: job.Targets}
	}
	extra := []table.Extra{label}
	if job.Weights != nil {
		extra = append(extra, table.Extra{Name: weightColumn(job), Numbers: job.Weights})
	}
	write := func(name string, to func(io.Writer, *frame.Frame, []table.Extra) error) error {
		f, err := os.OpenFile(in(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		b := bufio.NewWriterSize(f, 1<<16)
		err = to(b, job.Rows, extra)
		return errors.Join(err, b.Flush(), f.Close())
	}
	err := write("train.parquet", table.WriteParquet)
	if err != nil || !job.Model.Train.CSV {
		return err
	}
	return write("train.csv", table.WriteCSV)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// copyTree copies the files of from, so that a trainer cannot change what they
// were copied from.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		return copyFile(filepath.Join(to, name), path)
	})
}

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// collect takes up what the trainer left, as far as it is what was asked for.
func collect(job train.Job) (train.Result, error) {
	output := filepath.Join(job.Dir, "output")
	if err := regularOnly(output); errors.Is(err, fs.ErrNotExist) {
		return train.Result{}, refuse("the trainer removed the folder output", "leave the artefact in output/model")
	} else if err != nil {
		return train.Result{}, err
	}
	model := filepath.Join(output, "model")
	m, err := predictor.ReadManifest(model)
	if err != nil {
		e, ok := hone.AsError(err)
		if !ok {
			return train.Result{}, err
		}
		return train.Result{}, refuse("output/model: "+e.Message, e.Hint)
	}
	if what := difference(m.Signature, job.Signature); what != "" {
		return train.Result{}, refuse("the signature in output/model/hone.json is another one: "+what, "copy task, features, classes and threshold from schema.json")
	}
	metrics, err := readMetrics(filepath.Join(output, "metrics.json"))
	if cost := metrics[train.CostMetric]; err == nil && cost < 0 {
		err = refuse(fmt.Sprintf("%q in output/metrics.json is %v", train.CostMetric, cost), "write what the training cost in the currency of costs, 0 or more, or leave it out")
	}
	return train.Result{Dir: model, Metrics: metrics}, err
}

// regularOnly refuses links, devices and the like under dir: they would make the
// artefact something else on each machine, or hold what is not the trainer's.
func regularOnly(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := "is not a regular file"
		if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() {
			if st.Nlink == 1 {
				return nil
			}
			what = "is a hard link"
		}
		name, err := filepath.Rel(filepath.Dir(dir), path)
		if err != nil {
			name = path
		}
		return refuse(fmt.Sprintf("%s %s", name, what), "copy the file itself there, no link to it")
	})
}

// difference says where two signatures differ, or nothing.
func difference(got, want hone.Signature) string {
	switch {
	case got.Task != want.Task:
		return fmt.Sprintf("task %q in the place of %q", got.Task, want.Task)
	case len(got.Features) != len(want.Features):
		return fmt.Sprintf("%d features in the place of %d", len(got.Features), len(want.Features))
	case !slices.Equal(got.Classes, want.Classes):
		return fmt.Sprintf("classes %q in the place of %q", got.Classes, want.Classes)
	case got.Threshold != want.Threshold:
		return fmt.Sprintf("threshold %v in the place of %v", got.Threshold, want.Threshold)
	}
	for i, f := range got.Features {
		if w := want.Features[i]; f != w {
			return fmt.Sprintf("feature %d is %q (%s) in the place of %q (%s)", i+1, f.Name, f.Kind, w.Name, w.Kind)
		}
	}
	return ""
}

func readMetrics(path string) (map[string]float64, error) {
	const hint = `write an object of numbers, such as {"auc": 0.91}, or none at all`
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMetrics+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxMetrics {
		return nil, refuse(fmt.Sprintf("output/metrics.json is over %d bytes", maxMetrics), hint)
	}
	var read map[string]*float64 // Pointers, since the decoder reads null as 0.
	if err := json.Unmarshal(b, &read); err != nil || read == nil {
		return nil, refuse("output/metrics.json is not an object of numbers", hint)
	}
	m := make(map[string]float64, len(read))
	for name, x := range read {
		if x == nil {
			return nil, refuse(fmt.Sprintf("%q in output/metrics.json is null", name), hint)
		}
		m[name] = *x
	}
	return m, nil
}

func refuse(message, hint string) error {
	return &hone.Error{Code: hone.Invalid, Message: message, Hint: hint}
}
