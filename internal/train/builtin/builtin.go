// Package builtin trains by the learners that Hone brings with it. Programs of
// the user's own are left to package command.
package builtin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/learn/calibrate"
	"hone/internal/predictor"
	"hone/internal/train"
)

// heldOut is the share of the newest rows by which a learner stops early or is
// calibrated. The model that is made then learns them too.
const heldOut = 0.1

// isotonicRows are fewer than a curve of any form can be learned from.
const isotonicRows = 1000

// errStopped is returned by a learner that report asked to stop.
var errStopped = errors.New("training stopped")

// rows are examples in the order of time.
type rows struct {
	*frame.Frame
	targets, weights []float64
}

func (r rows) slice(from, to int) rows {
	out := rows{Frame: r.Slice(from, to), targets: r.targets[from:to]}
	if r.weights != nil {
		out.weights = r.weights[from:to]
	}
	return out
}

// model is what a learner makes.
type model interface {
	Predict(f *frame.Frame, out []float64)
	Width() int
	Marshal() ([]byte, error)
}

// learner is one of the learners, with its parameters for one training.
type learner interface {
	// held tells whether it wants rows that it does not learn.
	held() bool
	// fit learns from r; late, where there are some, only say when to stop. It returns
	// errStopped once report returns false.
	fit(r rows, late *rows, report func(step int, loss float64) bool) (model, error)
	// settle takes over from a model, fitted with rows held out, what these decided.
	settle(m model)
	// threads are the most that it runs on.
	threads() int
	// metrics of the training that made m, and a sentence on what it began from.
	about(m model) (metrics map[string]float64, said string)
}

// learners by the name of the trainer, which is the format of their artefacts too.
var learners = map[string]func(job train.Job, report func(train.Progress)) (learner, error){
	"linear": newLinear,
	"gbdt":   newTrees,
}

// Names lists the trainers.
func Names() []string { return slices.Sorted(maps.Keys(learners)) }

type engine struct{}

// New returns the trainers that Names lists. It is safe for concurrent use.
func New() train.Trainer { return engine{} }

// Train fits a model by the learner that job.Model.Train.Trainer names and writes its
// artefact into model/ under job.Dir. It begins from job.Previous where that is an
// artefact of the same learner that fits, else anew, and says so in its progress. The
// limit of time is enforced; memory is bounded by the learner itself. What it takes of
// processors is not told apart from what else this process does: it counts as the time
// that passes on each of its threads, which is the most that it can be.
func (engine) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	watch := clock.Start()
	if report == nil {
		report = func(train.Progress) {}
	}
	start, ok := learners[job.Model.Train.Trainer]
	if !ok {
		return train.Result{}, invalid(fmt.Errorf("there is no learner %q", job.Model.Train.Trainer), "use linear or gbdt")
	}
	l, err := start(job, report)
	if err != nil {
		return train.Result{}, err
	}
	r, err := learn(ctx, job, l, report)
	r.Processor = watch.Elapsed() * time.Duration(l.threads())
	return r, err
}

// learn fits a model and writes its artefact.
func learn(ctx context.Context, job train.Job, l learner, report func(train.Progress)) (train.Result, error) {
	spec := job.Model.Train
	if limit := time.Duration(spec.Limits.Time); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, &hone.Error{Code: hone.Unavailable,
			Message: fmt.Sprintf("the training was stopped: it took longer than %s", spec.Limits.Time),
			Hint:    "raise train.limits.time, or let the trainer do less"})
		defer cancel()
	}
	t := training{job: job, learner: l, report: report, all: rows{job.Rows, job.Targets, job.Weights}}
	m, c, err := t.run(ctx)
	if errors.Is(err, errStopped) {
		return train.Result{}, fmt.Errorf("train: %w", context.Cause(ctx))
	}
	if err != nil {
		return train.Result{}, invalid(err, "look at the dataset's report: what it holds cannot be learned from")
	}
	metrics, said := l.about(m)
	if said != "" {
		report(train.Progress{Line: said})
	}
	maps.Copy(metrics, t.metrics)
	dir := filepath.Join(job.Dir, "model")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return train.Result{}, err
	}
	if err := predictor.WriteModel(dir, predictor.Manifest{Format: spec.Trainer, Signature: job.Signature, Calibration: c}, m); err != nil {
		return train.Result{}, fmt.Errorf("write the artefact: %w", err)
	}
	return train.Result{Dir: dir, Metrics: metrics}, nil
}

// training is one under way.
type training struct {
	job     train.Job
	learner learner
	report  func(train.Progress)
	all     rows
	metrics map[string]float64
	steps   int // Of the fits before.
}

// run fits once, or where rows are held out twice: what these decide, then the model
// that learns all rows, since the newest say most of what is to come.
func (t *training) run(ctx context.Context) (model, *calibrate.Map, error) {
	t.metrics = map[string]float64{}
	method := t.job.Model.Train.Calibration
	calibrates := method != "" && method != hone.NoCalibration && t.job.Signature.Task == hone.Binary
	from := t.all.N - int(heldOut*float64(t.all.N))
	if !calibrates && !t.learner.held() || from == t.all.N {
		m, err := t.learner.fit(t.all, nil, t.follow(ctx))
		return m, nil, err
	}
	late := t.all.slice(from, t.all.N)
	first, err := t.learner.fit(t.all.slice(0, from), &late, t.follow(ctx))
	if err != nil {
		return nil, nil, err
	}
	t.learner.settle(first)
	var c *calibrate.Map
	if calibrates {
		c = t.calibrate(calibrate.Method(method), first, late)
	}
	m, err := t.learner.fit(t.all, nil, t.follow(ctx))
	return m, c, err
}

// follow reports the steps of a fit, which go on from those of the one before.
func (t *training) follow(ctx context.Context) func(int, float64) bool {
	before := t.steps
	return func(step int, loss float64) bool {
		t.steps = before + step
		t.report(train.Progress{Step: t.steps, Values: map[string]float64{"loss": loss}})
		return ctx.Err() == nil
	}
}

// calibrate learns from rows that the model has not seen what its scores stand for.
func (t *training) calibrate(method calibrate.Method, m model, late rows) *calibrate.Map {
	scores := make([]float64, late.N)
	m.Predict(late.Frame, scores)
	if method == calibrate.Isotonic && late.N < isotonicRows {
		method = calibrate.Platt
		t.report(train.Progress{Line: fmt.Sprintf("calibrated by platt: isotonic wants %d rows held out, and there are %d", isotonicRows, late.N)})
	}
	c, err := calibrate.Fit(method, scores, late.targets, late.weights)
	if err != nil {
		t.report(train.Progress{Line: "the scores stay as they are: " + err.Error()})
		return nil
	}
	least := 1 / float64(late.N+2) // So many rows prove no case impossible.
	for i, x := range c.Shares {
		c.Shares[i] = min(max(x, least), 1-least)
	}
	t.metrics["calibrated_on"] = float64(late.N)
	return &c
}

func invalid(err error, hint string) error {
	return &hone.Error{Code: hone.Invalid, Message: err.Error(), Hint: hint}
}
