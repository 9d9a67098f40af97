package app_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"hone"
	"hone/internal/app"
	"hone/internal/frame"
	"hone/internal/loop"
	"hone/internal/predictor"
	"hone/internal/train"
)

// breakage is what a life puts between the parts.
func (l *life) breakage() app.Seams {
	return app.Seams{
		Engine: func(_ string, e train.Engine) train.Engine { return shaky{e, l} },
		Open: func(_ string, v hone.VersionID, p predictor.Predictor) predictor.Predictor {
			if l.rng.Float64() >= 0.3 {
				return p
			}
			return flaky{p, l, v}
		},
		Control: func(c loop.Control) loop.Control { return mortal{c, l} },
	}
}

// shaky is a trainer that fails now and then, in every way that it can.
type shaky struct {
	train.Engine
	l *life
}

func (s shaky) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	if s.l.rng.Float64() >= s.l.plan.trainer {
		return s.Engine.Train(ctx, job, report)
	}
	switch s.l.rng.IntN(6) {
	case 0:
		return train.Result{}, &hone.Error{Code: hone.Invalid, Message: "the trainer failed: exit status 1"}
	case 1:
		return train.Result{}, &hone.Error{Code: hone.Unavailable, Message: "the trainer was stopped: it took longer than 30m"}
	case 2:
		return train.Result{}, errors.New("lost the machine")
	case 3:
		return train.Result{Dir: job.Dir}, nil // An artefact without a manifest.
	case 4:
		dir := filepath.Join(job.Dir, "garbage")
		err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, predictor.ManifestName), []byte(`{"format":"linear","signature":{`), 0o600))
		return train.Result{Dir: dir}, err
	}
	return s.upsideDown(ctx, job, report)
}

// upsideDown trains a model that says the opposite of what is true. Nothing
// may ever promote it.
func (s shaky) upsideDown(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	job.Targets, job.Labels = slices.Clone(job.Targets), slices.Clone(job.Labels)
	for i := range job.Targets {
		job.Targets[i] = 1 - job.Targets[i]
		job.Labels[i] = map[string]string{"0": "1", "1": "0"}[job.Labels[i]]
	}
	job.Previous = ""
	got, err := s.Engine.Train(ctx, job, report)
	if err == nil {
		err = os.WriteFile(filepath.Join(got.Dir, "upside-down"), nil, 0o600)
	}
	return got, err
}

// flaky is a version that does not always answer. The champion always does:
// what becomes of a visitor then is for other tests.
type flaky struct {
	predictor.Predictor
	l *life
	v hone.VersionID
}

func (f flaky) Predict(ctx context.Context, rows *frame.Frame) (hone.Scores, error) {
	if plan, err := f.l.committed(); err == nil && (plan.Shadow == f.v || plan.Challenger == f.v) && f.l.rng.Float64() < f.l.plan.faults {
		return hone.Scores{}, errors.New("the candidate crashed")
	}
	return f.Predictor.Predict(ctx, rows)
}

// mortal is a control state whose process may die before or after a commit.
type mortal struct {
	loop.Control
	l *life
}

func (m mortal) Commit(ctx context.Context, fence hone.Fence, c hone.Change) (hone.Event, error) {
	if m.l.dead != nil {
		return hone.Event{}, m.l.dead
	}
	crash := m.l.rng.Float64() < m.l.plan.crashes
	if crash && m.l.rng.IntN(2) == 0 {
		m.l.die(errors.New("killed before the commit of " + c.Event.Action))
		return hone.Event{}, m.l.dead
	}
	e, err := m.Control.Commit(ctx, fence, c)
	if err == nil {
		m.l.tell("%s %s %s", e.Actor, e.Action, e.Sentence)
	}
	if crash {
		m.l.die(errors.New("killed after the commit of " + c.Event.Action))
		return hone.Event{}, m.l.dead
	}
	return e, err
}
