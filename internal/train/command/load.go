package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"hone"
	"hone/internal/predictor"
	"hone/internal/table"
	"hone/internal/train"
)

// Load reads the work that a trainer finds in its folder, as Train has put it
// there, so that a learner of ours can do it in a process of its own. Of the model
// it has the task, the label's name, the trainer and how it calibrates.
func Load(dir string) (train.Job, error) {
	var s schema
	job := train.Job{Dir: dir}
	if err := readJSON(filepath.Join(dir, "schema.json"), &s); err != nil {
		return job, err
	}
	if err := readJSON(filepath.Join(dir, "params.json"), &job.Params); err != nil {
		return job, err
	}
	job.Seed = s.Seed
	job.Model.Task, job.Model.Label.Name = s.Task, s.Label
	job.Model.Train.Trainer, job.Model.Train.Calibration = s.Trainer, s.Calibration
	job.Signature = hone.Signature{Task: s.Task, Features: s.Features, Classes: s.Classes, Threshold: s.Threshold}
	if _, err := os.Stat(filepath.Join(dir, "previous", predictor.ManifestName)); err == nil {
		job.Previous = filepath.Join(dir, "previous")
	}
	rows, extra, err := table.ReadParquet(filepath.Join(dir, "train.parquet"), s.Features)
	if err != nil {
		return job, err
	}
	job.Rows = rows
	return job, take(&job, s, extra)
}

// take finds the labels and the weights among the columns beside the features.
func take(job *train.Job, s schema, extra []table.Extra) error {
	for _, e := range extra {
		switch e.Name {
		case s.Label:
			job.Labels, job.Targets = e.Strings, e.Numbers
		case s.Weight:
			job.Weights = e.Numbers
		}
	}
	for _, label := range job.Labels {
		job.Targets = append(job.Targets, job.Signature.Target(label))
	}
	if len(job.Targets) != s.Rows || job.Rows.N != s.Rows || s.Weight != "" && len(job.Weights) != s.Rows {
		return fmt.Errorf("train.parquet has %d rows, %d labels and %d weights; schema.json says %d rows", job.Rows.N, len(job.Targets), len(job.Weights), s.Rows)
	}
	return nil
}

func readJSON(path string, to any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}
