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
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/predictor"
	"hone/internal/train"
)

// breakage is what a life puts between the parts.
func (l *life) breakage() app.Seams {
	return app.Seams{
		Trainer: func(_ string, t train.Trainer) train.Trainer { return shaky{t, l} },
		Open: func(name string, v hone.VersionID, p predictor.Predictor) predictor.Predictor {
			if name != model || l.rng.Float64() >= 0.3 {
				return p
			}
			return flaky{p, l, v}
		},
		Control: func(c loop.Control) loop.Control { return mortal{c, l} },
		Records: func(r loop.Records) loop.Records { return cramped{r, l} },
		Log:     func(g gateway.Log) gateway.Log { return crowded{g, l} },
	}
}

// shaky is a trainer that fails now and then, in every way that it can.
type shaky struct {
	train.Trainer
	l *life
}

func (s shaky) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	if job.Model.Name != model || s.l.rng.Float64() >= s.l.plan.trainer {
		return s.Trainer.Train(ctx, job, report)
	}
	s.l.tally.add("trainings broken", 1)
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
	s.l.kind.invert(&job)
	job.Previous = ""
	got, err := s.Trainer.Train(ctx, job, report)
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
	if plan, err := f.l.committed(); err == nil && (plan.Shadow == f.v || plan.Challenger == f.v) && f.l.unlucky(f.l.plan.faults) {
		f.l.tally.add("answers broken", 1)
		return hone.Scores{}, errors.New("the candidate crashed")
	}
	return f.Predictor.Predict(ctx, rows)
}

// unlucky draws beside the life's own luck: shadows are asked whenever they are.
func (l *life) unlucky(chance float64) bool {
	l.luck.Lock()
	defer l.luck.Unlock()
	return l.luck.Float64() < chance
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
	if err := m.l.room(); err != nil {
		m.l.tally.add("commits refused", 1)
		return hone.Event{}, err
	}
	crash := m.l.rng.Float64() < m.l.plan.crashes
	if crash && m.l.rng.IntN(2) == 0 {
		m.l.die(errors.New("killed before the commit of " + c.Event.Action))
		return hone.Event{}, m.l.dead
	}
	e, err := m.Control.Commit(ctx, fence, c)
	if err == nil {
		m.l.tell("%s %s %s", e.Actor, e.Action, e.Sentence)
		m.l.release(e, c)
		if e.Action == "rolled_back" {
			m.l.tally.add("champions taken back", 1)
		}
	}
	if crash {
		m.l.die(errors.New("killed after the commit of " + c.Event.Action))
		return hone.Event{}, m.l.dead
	}
	return e, err
}

// release holds what a person did with a run against the four eyes that it wants.
func (l *life) release(e hone.Event, c hone.Change) {
	if c.Run == nil || c.Run.Model != model {
		return
	}
	run := *c.Run
	if e.Action == "run.collecting" && l.changed {
		l.adas[run.ID] = true
	}
	onwards := e.Action == "run.shadow" || e.Action == "run.canary" || e.Action == "run.promoted"
	if !run.FourEyes || !onwards || e.Actor != "ada" && e.Actor != "grace" {
		return
	}
	l.tally.add("approvals under four eyes", 1)
	announced := run.Decision.Event != nil && run.Decision.Event.By == e.Actor
	if run.Decision.By == e.Actor || announced || e.Actor == "ada" && l.adas[run.ID] {
		l.t.Errorf("%s: %s released %s, which was their own: %s", l.clock.Now(), e.Actor, run.ID, e.Sentence)
	}
}

// room fails while the disk is full.
func (l *life) room() error {
	if l.full == 0 {
		return nil
	}
	return &hone.Error{Code: hone.Unavailable, Message: "the disk is full", Hint: "make room"}
}

// cramped are records on a disk that may be full.
type cramped struct {
	loop.Records
	l *life
}

func (c cramped) SaveDecision(ctx context.Context, d hone.Decision) error {
	if err := c.l.room(); err != nil {
		return err
	}
	return c.Records.SaveDecision(ctx, d)
}

func (c cramped) SaveSignals(ctx context.Context, s []hone.Signal) error {
	if err := c.l.room(); err != nil {
		return err
	}
	return c.Records.SaveSignals(ctx, s)
}

// crowded is the log on such a disk.
type crowded struct {
	gateway.Log
	l *life
}

func (c crowded) Offer(name string, ps []hone.Prediction) bool {
	if c.l.room() == nil {
		return c.Log.Offer(name, ps)
	}
	if name == model {
		for _, p := range ps {
			c.l.shed.Store(p.ID, true)
		}
	}
	return false
}

func (c crowded) AppendPredictions(ctx context.Context, name string, ps []hone.Prediction) (int, error) {
	if err := c.l.room(); err != nil {
		return 0, err
	}
	return c.Log.AppendPredictions(ctx, name, ps)
}
