package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/evaluate"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/predictor"
	"hone/internal/registry"
	"hone/internal/rollout"
)

// Adoption is a version that was made elsewhere.
type Adoption struct {
	// Path of the artefact on this machine: a folder with hone.json, or a model file.
	Path string
	// TrainedUntil is the time of the newest row that it learned from; zero where that
	// is not known, and then no row before this moment judges it.
	TrainedUntil time.Time
	// Classes in the order of a model file's scores; empty where the task and the
	// labels leave no choice.
	Classes []string
}

// registered is the trainer of a version that was made elsewhere.
const registered = "registered"

// adopt makes a version that was trained elsewhere the first champion. A first
// version that is being made meanwhile is given up.
func (k *keeper) adopt(ctx context.Context, a Act) (string, error) {
	if k.champion.ID != "" {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has a champion already: %s", k.model.Name, k.champion.ID),
			Hint: "a version made elsewhere is proven like any other: let a trainer of your own (trainer: command) bring it"}
	}
	v, err := k.foreign(ctx, *a.Adopt)
	if err != nil {
		return "", err
	}
	if k.run != nil {
		if _, err := k.cancelRun(ctx, Act{By: a.By, Reason: "a version that was made elsewhere is registered"}); err != nil {
			return "", err
		}
	}
	predictions, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return "", err
	}
	if err := fault.At(fault.Crown); err != nil {
		return "", err
	}
	watch := unwatched(hone.Watch{Model: k.model.Name, Version: v.ID, Since: v.Created, From: predictions, FromFeedback: feedback})
	plan := rollout.PlanFor(k.model, v.ID, "", nil, nil)
	sentence := fmt.Sprintf("%s registered %s, made elsewhere, as champion of %s; rows after %s judge it%s.",
		a.By, v.ID, k.model.Name, v.TrainedUntil.UTC().Format(time.DateTime), because(a.Reason))
	return sentence, k.put(ctx, hone.Change{Version: &v, Plan: &plan, Watch: &watch,
		Aliases: registry.Crown(k.model.Name, k.aliases, v.ID, v.Created, a.By, "", "registered"),
		Event:   hone.Event{Actor: a.By, Action: "version.registered", Version: v.ID, Sentence: sentence, Data: marshal(v)}})
}

// foreign seals the artefact, and profiles it on the log.
func (k *keeper) foreign(ctx context.Context, a Adoption) (hone.Version, error) {
	now := k.o.Clock.Now()
	if a.TrainedUntil.After(now) {
		return hone.Version{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the version cannot have been trained on rows of %s: that is to come", a.TrainedUntil.Format(time.RFC3339)),
			Hint: "give the time of the newest row that it learned from"}
	}
	if a.TrainedUntil.IsZero() {
		a.TrainedUntil = now
	}
	rows, err := k.readLog(ctx, now)
	if err != nil {
		return hone.Version{}, err
	}
	id, err := k.o.Registry.NextID(ctx, k.model.Name)
	if err != nil {
		return hone.Version{}, err
	}
	v := hone.Version{ID: id, Model: k.model.Name, Created: now,
		Lineage: hone.Lineage{Trainer: registered, Params: map[string]any{"path": a.Path}, Config: k.o.ConfigHash(k.model), TrainedUntil: a.TrainedUntil}}
	dir, err := k.unpack(a, rows.labels(), &v)
	if dir != a.Path {
		defer os.RemoveAll(dir)
	}
	if err != nil {
		return v, err
	}
	if v, err = k.o.Registry.Seal(dir, v); err != nil {
		return v, err
	}
	learned, later := rows.part(a.TrainedUntil)
	if v, err = k.profile(ctx, v, dir, learned); err != nil {
		return v, err
	}
	if v, err = k.teach(ctx, v, learned); err != nil || later.Len() == 0 {
		return v, err
	}
	scores, err := k.o.Registry.Score(ctx, v.Model, dir, later.Frame)
	if err != nil {
		return v, err
	}
	e := evaluate.Compare(k.model, evaluate.Side{Version: v.ID, Signature: v.Signature, Scores: scores}, nil, k.judged(later))
	v.Baseline = baseline(&e)
	return v, nil
}

// unpack finds or makes the artefact's folder, and gives the version its signature.
func (k *keeper) unpack(a Adoption, labels []string, v *hone.Version) (string, error) {
	info, err := os.Stat(a.Path)
	if errors.Is(err, os.ErrNotExist) {
		return "", &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("there is no %s on the server's machine", a.Path), Hint: "copy the artefact there, and name it by its whole path"}
	}
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		m, err := predictor.ReadManifest(a.Path)
		if err != nil {
			return "", err
		}
		v.Signature = hone.Signature{Task: k.model.Task, Features: k.model.Features, Classes: m.Signature.Classes, Threshold: m.Signature.Threshold}
		return a.Path, k.knows(v.Signature, labels)
	}
	v.Signature = hone.Signature{Task: k.model.Task, Features: k.model.Features}
	if k.model.Task == hone.Binary {
		v.Signature.Threshold = k.model.Loss.DefaultThreshold()
	}
	if v.Signature.Classes, err = k.classes(a.Classes, labels); err != nil {
		return "", err
	}
	if err := k.knows(v.Signature, labels); err != nil {
		return "", err
	}
	dir := filepath.Join(k.o.Dir, "runs", k.model.Name+"-"+registered)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return "", err
	}
	return dir, predictor.Wrap(dir, a.Path, v.Signature)
}

// classes are those that a model file scores, in its order.
func (k *keeper) classes(given, labels []string) ([]string, error) {
	switch {
	case k.model.Task == hone.Regression:
		return nil, nil
	case len(given) > 0:
		return given, nil
	case k.model.Task == hone.Multiclass:
		return nil, &hone.Error{Code: hone.Invalid, Message: "a file does not say which class each of its scores is for",
			Hint: "name them in the order in which the model was trained: --classes a --classes b"}
	}
	positive := k.model.Label.Positive
	for _, l := range labels {
		if l != positive {
			return []string{l, positive}, nil
		}
	}
	if positive == "1" {
		return []string{"0", "1"}, nil
	}
	return nil, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("no label of the log is another than %s", positive), Hint: "name both classes, the negative first: --classes no --classes yes"}
}

// knows fails where the log has a label that the version does not, or the classes are
// in another order than the model's.
func (k *keeper) knows(s hone.Signature, labels []string) error {
	if k.model.Task == hone.Binary && (len(s.Classes) != 2 || s.Classes[1] != k.model.Label.Positive) {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the classes are %q, and the positive one of %s is %s", s.Classes, k.model.Name, k.model.Label.Positive),
			Hint: "name the negative class, then the positive"}
	}
	for _, l := range labels {
		if k.model.Task != hone.Regression && !slices.Contains(s.Classes, l) {
			return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the log has the label %q, and the classes are %q", l, s.Classes), Hint: "name every class that the model scores, in its order"}
		}
	}
	return nil
}

// history is what the log has: all predictions, and those with a label that counts.
type history struct {
	all, labelled dataset.Rows
}

// readLog reads the newest rows of the log, as many as a dataset may have.
func (k *keeper) readLog(ctx context.Context, now time.Time) (r history, err error) {
	predictions, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return r, err
	}
	var all, labelled []dataset.Row
	most := k.model.Dataset.MaxRows
	add := func(to []dataset.Row, o hone.Outcome) []dataset.Row {
		if to = append(to, rowOf(o)); len(to) > 2*most {
			to = slices.Delete(to, 0, len(to)-most)
		}
		return to
	}
	err = k.scan(ctx, predictions, feedback, func(o hone.Outcome) error {
		all = add(all, o)
		if o, ok := k.counted(o, k.spoke, now); ok {
			labelled = add(labelled, o)
		}
		return nil
	})
	if err == nil && len(all) < monitor.MinWindow {
		err = &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the log of %s has %d predictions, and drift is judged against %d or more", k.model.Name, len(all), monitor.MinWindow),
			Hint: "import what the model has answered before: `hone import data.csv`"}
	}
	if err != nil {
		return r, err
	}
	if r.all, err = k.rows(all); err == nil {
		r.labelled, err = k.rows(labelled)
	}
	return r, err
}

func (k *keeper) rows(of []dataset.Row) (dataset.Rows, error) {
	return dataset.Extend(dataset.Rows{Frame: frame.New(k.model.Features, 0)}, k.decoder(), of)
}

// labels lists the labels that there are, each once.
func (r history) labels() []string {
	out := slices.Clone(r.labelled.Labels)
	slices.Sort(out)
	return slices.Compact(out)
}

// part is what the version has probably learned, by its time, or all there is where
// that is too little to take a reference from; and the labelled rows after it.
func (r history) part(until time.Time) (learned, later dataset.Rows) {
	learned = r.all.Without(func(i int) bool { return r.all.Times[i].After(until) })
	if learned.Len() < monitor.MinWindow {
		learned = r.all
	}
	return learned, r.labelled.Without(func(i int) bool { return !r.labelled.Times[i].After(until) })
}
