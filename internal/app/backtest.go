package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"hone"
	"hone/internal/backtest"
	"hone/internal/cli"
	"hone/internal/clock"
	"hone/internal/predictor"
	"hone/internal/sandbox"
	"hone/internal/say"
	"hone/internal/train"
	"hone/internal/train/builtin"
	"hone/internal/train/command"
)

// champions trains by a trainer in folders of their own below dir, opens what it made
// as o says, and removes it when it was used.
func champions(dir string, trainer train.Trainer, o predictor.Options) backtest.Trainer {
	return func(ctx context.Context, job train.Job, use func(predictor.Predictor) error) (err error) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if job.Dir, err = os.MkdirTemp(dir, "backtest-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(job.Dir)) }()
		made, err := trainer.Train(ctx, job, nil)
		if err != nil {
			return err
		}
		p, err := predictor.Open(ctx, made.Dir, o)
		if err != nil {
			return err
		}
		return errors.Join(use(p), p.Close())
	}
}

// workbench returns a model as the configuration has it, with what trains it in this
// process, or for a command beside it.
func workbench(g cli.Globals, name string) (hone.Model, backtest.Trainer, error) {
	c, _, err := load(g.Config)
	if err != nil {
		return hone.Model{}, nil, err
	}
	m, ok := c.Models[name]
	if !ok {
		names := slices.Sorted(maps.Keys(c.Models))
		e := &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("%s has no model %q", g.Config, name), Hint: fmt.Sprintf("it has %q", names)}
		if near := say.Nearest(name, names); near != "" {
			e.Hint = fmt.Sprintf("did you mean %q? ", near) + e.Hint
		}
		return m, nil, e
	}
	trainer := builtin.New()
	if !m.Train.BuiltIn() {
		trainer = command.New(command.Options{Dir: c.Dir, Data: c.Server.Data, Box: sandbox.Spec{Program: g.Program}, Clock: clock.System{}})
	}
	models := func(string) (hone.Model, bool) { return m, true }
	opened := opening(models, c.Dir, g.Program, predictor.Options{ONNX: predictor.Runtime(c.Server.ONNX)})(name)
	return m, champions(os.TempDir(), trainer, opened), nil
}

// backtest plays policies on a model's log. A server that answers meanwhile trains one
// champion at a time, in a process that yields to it.
func (a *App) backtest(ctx context.Context, m hone.Model, o backtest.Options) (backtest.Result, error) {
	l, err := a.past(ctx, m, o)
	if err != nil {
		return backtest.Result{}, err
	}
	trainer := a.trainers()[m.Train.Trainer]
	if a.o.Passive {
		o.Workers = runtime.GOMAXPROCS(0)
		if m.Train.BuiltIn() {
			trainer = builtin.New()
		}
	}
	opened := opening(a.configs.Model, a.config.Dir, a.o.Program, predictor.Options{Log: a.o.Log, Clock: a.o.Clock, ONNX: predictor.Runtime(a.config.Server.ONNX)})(m.Name)
	return backtest.Run(ctx, m, l, o, champions(filepath.Join(a.config.Server.Data, "runs"), trainer, opened))
}

// past is a model's log with what is known of each row's label.
func (a *App) past(ctx context.Context, m hone.Model, of backtest.Options) (backtest.Log, error) {
	l := backtest.Log{Name: "the log of " + m.Name}
	predictions, feedback, _, err := a.db.LastSeq(ctx, m.Name)
	if err != nil {
		return l, err
	}
	if l.Schemas, err = a.db.Schemas(ctx, m.Name); err != nil {
		return l, err
	}
	err = a.db.Scan(ctx, m.Name, predictions, feedback, func(o hone.Outcome) error {
		o.Scores = nil // Of versions that take no part.
		l.Add(o, of)
		return nil
	})
	return l, err
}
