package loop

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/frame"
	"hone/internal/trigger"
	"hone/internal/validate"
)

// collect assembles the run's dataset from the log as it stands, freezes it and
// names it by its hash.
func (k *keeper) collect(ctx context.Context, run hone.Run) (hone.Change, error) {
	now := k.o.Clock.Now()
	need := dataset.Need{Model: k.model, Seed: uint64(run.Number)}
	if run.Champion != "" {
		need.HeldBack = k.champion.TrainedUntil
	}
	if run.Decision.Trigger == hone.OnLoss {
		need.Suffix = trigger.SinceChange(run.Decision.Ticks)
	}
	if id := run.Decision.Reuse; id != "" {
		v, err := k.o.Control.Version(ctx, k.model.Name, id)
		if err != nil {
			return hone.Change{}, err
		}
		need.Returns = run.Decision.Forecast.Rows
		if v.TrainedUntil.After(need.HeldBack) {
			need.HeldBack = v.TrainedUntil
		}
	}
	predictions, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return hone.Change{}, err
	}
	recipe := hone.Recipe{Predictions: predictions, Feedback: feedback, MatureAt: now, Caps: k.model.Dataset.Caps()}
	if k.model.Label.Infers() {
		recipe.Heard = k.spoke
	}
	c, seen, err := k.assemble(ctx, need, recipe)
	if err != nil {
		return hone.Change{}, err
	}
	in := k.suspicions(ctx, c, seen, now)
	found, suspects := validate.Examine(in)
	c, trimmed := k.sift(c, rejected(suspects, in.Rows))
	checks := append(dataset.Validate(k.model, c), seen.selected.Check())
	if c.Recipe.Caps != nil {
		checks = append(checks, dataset.CapCheck(c.Recipe.Left))
	}
	checks = append(checks, dataset.SiftChecks(c.Recipe, trimmed)...)
	ds, err := k.freeze(run, c, now, append(checks, found...))
	if err != nil {
		return hone.Change{}, err
	}
	sentence := fmt.Sprintf("%s collected %d rows to train on and %d to hold out%s.", run.ID, ds.Train, ds.Holdout, nature(ds, k.model))
	run = k.enter(run, hone.Validating, sentence)
	run.Dataset = ds.ID
	return hone.Change{Run: &run, Dataset: &ds, Event: hone.Event{
		Action: "run.validating", Sentence: sentence, Data: marshal(ds)}}, nil
}

// nature says what is special about the rows of a dataset: labels that are none,
// and weights.
func nature(ds hone.Dataset, m hone.Model) string {
	out := ""
	if ds.Inferred > 0 {
		out += fmt.Sprintf("; %d of them count as %s because no label came", ds.Inferred, m.Label.AbsentMeans)
	}
	if ds.Effective > 0 {
		out += fmt.Sprintf("; weighted by how likely each was to get a label, those to train on say as much as %.0f rows", ds.Effective)
	}
	return out
}

// assemble reads the labelled, mature rows that a recipe names and cuts them.
func (k *keeper) assemble(ctx context.Context, need dataset.Need, r hone.Recipe) (dataset.Collected, *survey, error) {
	var rows []dataset.Row
	seen := newSurvey(k.model)
	err := k.scan(ctx, r.Predictions, r.Feedback, func(o hone.Outcome) error {
		if !o.Time.Add(time.Duration(k.model.Label.Delay)).After(r.MatureAt) {
			seen.selected.Add(o)
		}
		seen.add(o)
		if o, ok := k.counted(o, r.Heard, r.MatureAt); ok {
			seen.count(o)
			rows = append(rows, rowOf(o))
		}
		return nil
	})
	if err != nil {
		return dataset.Collected{}, seen, fmt.Errorf("read the log of %s: %w", k.model.Name, err)
	}
	need.Caps, need.At, need.Heard = r.Caps, r.MatureAt, seen.heard
	c, err := dataset.Assemble(need, k.decoder(), rows, dataset.LinearProxy(k.model))
	if err != nil {
		return c, seen, err
	}
	c.Recipe.Predictions, c.Recipe.Feedback, c.Recipe.MatureAt, c.Recipe.Heard = r.Predictions, r.Feedback, r.MatureAt, r.Heard
	c.Recipe.Suffix, c.Recipe.Returns = need.Suffix, need.Returns
	if k.model.Dataset.Anchor != "" {
		c.Anchor, c.Recipe.Anchor, err = dataset.ReadAnchors(k.file(k.model.Dataset.Anchor), k.model)
	}
	return k.withoutCopies(c), seen, err
}

func rowOf(o hone.Outcome) dataset.Row {
	return dataset.Row{ID: o.ID, Time: o.Time, Seq: o.Seq, Label: o.Label, Unit: o.Unit, Source: o.Source, Features: o.Features,
		Weight: o.Weight(), Inferred: o.Inferred}
}

// freeze writes a dataset's files under its hash.
func (k *keeper) freeze(run hone.Run, c dataset.Collected, now time.Time, checks []hone.Check) (hone.Dataset, error) {
	salt := make([]byte, 16)
	if _, err := io.ReadFull(k.o.Rand, salt); err != nil {
		return hone.Dataset{}, err
	}
	ds := hone.Dataset{
		ID: dataset.Identity(c), Model: k.model.Name, Run: run.ID, Created: now, Recipe: c.Recipe, Classes: c.Classes,
		Train: c.Train.Len(), Holdout: c.Holdout.Len(), Anchor: c.Anchor.Len(), Checks: checks,
		Inferred: c.Train.Lacks() + c.Holdout.Lacks(),
		Salted:   hex.EncodeToString(salt) + ":" + dataset.SaltedIDs(c, string(salt)),
	}
	if c.Train.Weights != nil {
		ds.Effective = c.Train.Effective()
	}
	return ds, dataset.Freeze(k.datasetDir(ds.ID), ds, c)
}

// validate reads the frozen rows back, and stops the run where one of their
// named rules is not passed.
func (k *keeper) validate(ctx context.Context, run hone.Run) (hone.Change, error) {
	ds, _, err := k.thaw(ctx, run)
	if e, ok := hone.AsError(err); ok && e.Code == hone.Internal {
		// The same rows have the same name: the damaged copy would stop every run
		// that chooses them again.
		err = errors.Join(err, dataset.Discard(k.datasetDir(ds.ID)))
	}
	if err != nil {
		return hone.Change{}, err
	}
	bad, ok := dataset.Passed(ds.Checks, forced(run))
	run.Checks = ds.Checks
	if !ok {
		return k.ended(run, hone.Failed, fmt.Sprintf("%s stopped before training, by rule %s: %s", run.ID, bad.Rule, bad.Sentence)), nil
	}
	sentence := fmt.Sprintf("%s trains on %d valid rows%s.", run.ID, ds.Train, remarks(ds.Checks))
	run = k.enter(run, hone.Training, sentence)
	return hone.Change{Run: &run, Event: hone.Event{Action: "run.training", Sentence: sentence, Data: marshal(ds.Checks)}}, nil
}

// ended is the change that closes a run from within a stage.
func (k *keeper) ended(run hone.Run, ending hone.Ending, sentence string) hone.Change {
	c := k.withdraw(run, "hone", sentence)
	run = k.enter(run, hone.Closed, sentence)
	run.Ending = ending
	c.Run = &run
	c.Event = hone.Event{Action: "run." + string(ending), Version: run.Candidate, Sentence: sentence, Data: evidence(run)}
	return c
}

func (k *keeper) thaw(ctx context.Context, run hone.Run) (hone.Dataset, dataset.Collected, error) {
	ds, err := k.o.Control.Dataset(ctx, run.Dataset)
	if err != nil {
		return ds, dataset.Collected{}, err
	}
	c, err := dataset.Thaw(k.datasetDir(ds.ID), ds, k.model)
	return ds, c, err
}

func (k *keeper) decoder() frame.Decoder {
	return frame.Decoder{Target: k.model.Features, Schemas: k.schemas}
}

func (k *keeper) datasetDir(id hone.DatasetID) string {
	return filepath.Join(k.o.Dir, "datasets", string(id))
}

func (k *keeper) runDir(run hone.Run) string {
	return filepath.Join(k.o.Dir, "runs", string(run.ID))
}

// file finds a path of the configuration.
func (k *keeper) file(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(k.o.Files, path)
}

// marshal writes evidence; what cannot be written as JSON is a programmer's
// mistake.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("write evidence: %v", err))
	}
	return b
}

// evidence is what the audit keeps of a run that closes.
func evidence(run hone.Run) json.RawMessage {
	return marshal(map[string]any{"checks": run.Checks, "verdicts": run.Verdicts, "evaluation": run.Evaluation, "rollout": run.Rollout, "took": run.Took})
}

// Rebuild assembles a dataset again from the log by its manifest and the
// configuration of its time, and returns the hash of what it gives today.
func (l *Loop) Rebuild(ctx context.Context, ds hone.Dataset) (hone.DatasetID, error) {
	k, err := l.keeper(ds.Model)
	if err != nil {
		return "", err
	}
	schemas, err := k.o.Hints.Schemas(ctx, ds.Model)
	if err != nil {
		return "", err
	}
	m := k.view.Load().Model
	if k.o.ModelAt != nil {
		if m, err = k.o.ModelAt(ctx, ds.Model, ds.Created); err != nil {
			return "", err
		}
	}
	r := ds.Recipe
	k = &keeper{o: k.o, model: m, schemas: schemas}
	c, _, err := k.assemble(ctx, dataset.Need{Model: k.model, HeldBack: r.HeldBack, Suffix: r.Suffix, Returns: r.Returns, Seed: r.Seed}, r)
	if err != nil {
		return "", err
	}
	c, _ = k.sift(c, r.Rejected)
	return dataset.Identity(c), nil
}
