package loop

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"hone"
	"hone/internal/dataset"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/say"
	"hone/internal/train"
)

// twinMark ends the name of a version that was trained without the holdout, and
// judged in place of the one that will serve.
const twinMark = "-twin"

// refits tells whether a candidate that passes is trained again on all rows. A
// strict owner promotes exactly what was proven.
func refits(m hone.Model) bool { return m.Evidence != hone.Strict }

// train makes the candidate from the training rows alone.
func (k *keeper) train(ctx context.Context, run hone.Run) (hone.Change, error) {
	if run.Decision.Reuse != "" {
		return k.reuse(run), nil
	}
	ds, c, err := k.thaw(ctx, run)
	if err != nil {
		return hone.Change{}, err
	}
	id, err := k.o.Registry.NextID(ctx, k.model.Name)
	if err != nil {
		return hone.Change{}, err
	}
	if refits(k.model) {
		id += twinMark
	}
	v, err := k.fit(ctx, run, id, c.Train, c.Train, ds)
	if err != nil {
		return hone.Change{}, err
	}
	sentence := fmt.Sprintf("%s trained %s on %d rows with %s%s.", run.ID, id, c.Train.Len(), k.model.Train.Trainer, chosen(v.Search))
	run = k.enter(run, hone.Evaluating, sentence)
	run.Twin = id
	if !refits(k.model) {
		run.Candidate = id
		if v, err = k.teach(ctx, v, c.Train); err != nil {
			return hone.Change{}, err
		}
	}
	return hone.Change{Run: &run, Version: &v,
		Aliases: []hone.AliasMove{k.move(hone.Candidate, id, run, "trained")},
		Event:   hone.Event{Action: "run.evaluating", Version: id, Sentence: sentence, Data: marshal(v)}}, nil
}

// reuse takes a version that is there already as the candidate.
func (k *keeper) reuse(run hone.Run) hone.Change {
	id := run.Decision.Reuse
	sentence := fmt.Sprintf("%s trains nothing: %s is there already.", run.ID, id)
	run = k.enter(run, hone.Evaluating, sentence)
	run.Twin, run.Candidate = id, id
	return hone.Change{Run: &run, Aliases: []hone.AliasMove{k.move(hone.Candidate, id, run, "came back")},
		Event: hone.Event{Action: "run.evaluating", Version: id, Sentence: sentence, Data: marshal(run.Decision.Forecast)}}
}

// chosen says how its params were found.
func chosen(s *hone.Searched) string {
	if s == nil {
		return ""
	}
	text := fmt.Sprintf(", the best of %s, which loses %s a row where the configured params lose %s", say.Count(s.Trials, "trial", "trials"), say.Num(s.Loss), say.Num(s.Configured))
	if s.Stopped != "" {
		text += "; the search ended early: " + s.Stopped
	}
	return text
}

func (k *keeper) move(a hone.Alias, v hone.VersionID, run hone.Run, why string) hone.AliasMove {
	return hone.AliasMove{Model: k.model.Name, Alias: a, Version: v, At: k.o.Clock.Now(), By: "hone", Run: run.ID, Reason: why}
}

// fit trains one version on rows, and profiles what it was trained on. The
// reference is taken over seen, in the order of time.
func (k *keeper) fit(ctx context.Context, run hone.Run, id hone.VersionID, rows, seen dataset.Rows, ds hone.Dataset) (hone.Version, error) {
	policy := k.model.Policy(ds.Recipe.Anchor)
	v := hone.Version{
		ID: id, Model: k.model.Name, Created: k.o.Clock.Now(),
		Signature: hone.Signature{Task: k.model.Task, Features: k.model.Features, Classes: ds.Classes},
		Lineage: hone.Lineage{Run: run.ID, Dataset: ds.ID, Trainer: k.model.Train.Trainer, Params: k.model.Train.Params,
			Config: k.o.ConfigHash(k.model), Policy: &policy, TrainedUntil: slices.MaxFunc(rows.Times, compareTimes), TrainedRows: rows.Len()},
	}
	if k.model.Task == hone.Binary {
		v.Signature.Threshold = k.model.Loss.DefaultThreshold()
	}
	job := train.Job{
		Model: k.model, Signature: v.Signature, Rows: rows.Frame, Labels: rows.Labels, Targets: rows.Targets(v.Signature), Weights: rows.Weights,
		Params: k.model.Train.Params, Seed: uint64(run.Number),
	}
	from := ""
	if k.model.Train.WarmStart && k.champion.ID != "" {
		if dir, err := k.o.Registry.Dir(k.champion); err == nil {
			job.Previous, v.Parent, from = dir, k.champion.ID, k.champion.Artefact
		}
	}
	k.tail.begin(id)
	if err := k.choose(ctx, run, &v, &job, rows, from); err != nil {
		return v, err
	}
	made, err := k.trained(ctx, run, string(id), k.inputs(ds.ID, v.Signature, from, v.Params), func() (train.Job, error) {
		return job, errors.Join(fault.At(fault.TrainPrepare), fault.At(fault.TrainStart))
	}, k.tail.report)
	if err == nil {
		err = fault.At(fault.TrainFinish)
	}
	if err != nil {
		return v, err
	}
	if v, err = k.o.Registry.Seal(made.Dir, v); err != nil {
		return v, err
	}
	v.Metrics, v.Sandbox = made.Metrics, made.Sandbox
	return k.profile(ctx, v, made.Dir, seen)
}

// choose fills in the params: those that a search finds best, or that the twin had.
func (k *keeper) choose(ctx context.Context, run hone.Run, v *hone.Version, job *train.Job, rows dataset.Rows, from string) (err error) {
	if run.Twin == "" {
		v.Params, v.Search, err = k.search(ctx, run, *job, rows, v.Dataset, from)
	} else if twin, e := k.o.Control.Version(ctx, v.Model, run.Twin); e == nil {
		v.Params, v.Search = twin.Params, twin.Search
	} else {
		err = e
	}
	job.Params = v.Params
	return err
}

// profile asks a version about the rows it was made from, and keeps what that
// looks like as the reference of drift.
func (k *keeper) profile(ctx context.Context, v hone.Version, dir string, seen dataset.Rows) (hone.Version, error) {
	scores, err := k.o.Registry.Score(ctx, v.Model, dir, seen.Frame)
	if err != nil {
		return v, fmt.Errorf("ask %s about its own rows: %w", v.ID, err)
	}
	targets := told(v.Signature, seen)
	ref := monitor.NewReference(v.Signature, seen.Frame, scores, targets, seen.Times)
	ref.Bound = lossBound(k.model.Loss, v.Signature, scores, targets, seen.Frame)
	b, err := ref.Marshal()
	if err != nil {
		return v, err
	}
	if err := fault.At(fault.Profile); err != nil {
		return v, err
	}
	v.Reference, err = k.o.Blobs.Put(b)
	return v, err
}

// lossBound is the most that one row counts for: the loss's own bound, or the
// 99th percentile of what the version loses on its own rows.
func lossBound(l hone.Loss, sig hone.Signature, s hone.Scores, targets []float64, rows *frame.Frame) float64 {
	if b := l.Bound(); b > 0 {
		return b
	}
	prices := l.Prices(rows)
	var all []float64
	for i, y := range targets {
		if math.IsNaN(y) {
			continue
		}
		loss := l.Of(sig, s.Row(i), y, prices[i])
		if l.Kind == hone.ByColumn {
			loss = prices[i]
		}
		if !math.IsNaN(loss) {
			all = append(all, loss)
		}
	}
	if len(all) == 0 {
		return 1
	}
	sort.Float64s(all)
	return math.Max(all[int(0.99*float64(len(all)-1))], 1e-9)
}
