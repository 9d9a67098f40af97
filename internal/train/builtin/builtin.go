// Package builtin trains by the learners that Hone brings with it. Programs of
// the user's own are left to package command.
package builtin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hone"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
	"hone/internal/train"
)

type engine struct{}

// New returns the engine of the trainer linear. It is safe for concurrent use.
func New() train.Engine { return engine{} }

// Train fits a linear model and writes its artefact into model/ under job.Dir.
// It begins from job.Previous where that is a linear artefact that fits, else
// anew, and says so in its progress. The limit of time is enforced; memory is
// bounded by the learner itself.
func (engine) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	if report == nil {
		report = func(train.Progress) {}
	}
	o, err := options(job)
	if err != nil {
		return train.Result{}, err
	}
	if limit := time.Duration(job.Model.Train.Limits.Time); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, &hone.Error{Code: hone.Unavailable,
			Message: fmt.Sprintf("the training was stopped: it took longer than %s", job.Model.Train.Limits.Time),
			Hint:    "raise train.limits.time, or lower epochs"})
		defer cancel()
	}
	from := previous(job, report)
	m, err := linear.Fit(job.Rows, job.Targets, job.Weights, o, from, func(step int, loss float64) bool {
		report(train.Progress{Step: step, Values: map[string]float64{"loss": loss}})
		return ctx.Err() == nil
	})
	if errors.Is(err, linear.ErrStopped) {
		return train.Result{}, fmt.Errorf("train: %w", context.Cause(ctx))
	}
	if err != nil {
		return train.Result{}, invalid(err, "look at the dataset's report: what it holds cannot be learned from")
	}
	if from != nil && !m.WarmStarted {
		report(train.Progress{Line: "began anew: the champion's features, classes or parameters are other ones"})
	}
	dir := filepath.Join(job.Dir, "model")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return train.Result{}, err
	}
	if err := predictor.WriteLinear(dir, job.Signature, m); err != nil {
		return train.Result{}, fmt.Errorf("write the artefact: %w", err)
	}
	return train.Result{Dir: dir, Metrics: metrics(m)}, nil
}

func options(job train.Job) (linear.Options, error) {
	o, err := linear.OptionsFrom(job.Params)
	if err != nil {
		return o, invalid(err, "mend train.params")
	}
	o.Seed = job.Seed
	switch job.Signature.Task {
	case hone.Binary:
		o.Task = linear.Logistic
	case hone.Multiclass:
		o.Task, o.Classes = linear.Softmax, len(job.Signature.Classes)
	case hone.Regression:
		o.Task = linear.LeastSquares
	default:
		return o, invalid(fmt.Errorf("the linear trainer knows no task %q", job.Signature.Task), "use the trainer command")
	}
	return o, nil
}

// previous returns the champion's model to begin from, or nil. A champion that
// cannot be read is no reason not to train its successor.
func previous(job train.Job, report func(train.Progress)) *linear.Model {
	if job.Previous == "" {
		return nil
	}
	m, _, err := predictor.ReadLinear(job.Previous)
	if err != nil {
		report(train.Progress{Line: "began anew: " + err.Error()})
		return nil
	}
	return m
}

func metrics(m *linear.Model) map[string]float64 {
	warm := 0.0
	if m.WarmStarted {
		warm = 1
	}
	all := map[string]float64{"train_loss": m.Loss, "steps": float64(m.Steps), "warm_start": warm}
	if m.Options().L1 > 0 {
		all["nonzero_weights"] = float64(m.Nonzero())
	}
	return all
}

func invalid(err error, hint string) error {
	return &hone.Error{Code: hone.Invalid, Message: err.Error(), Hint: hint}
}
