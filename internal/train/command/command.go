// Package command trains by a program of the user's, in any language, that finds
// its work in the folder that HONE_RUN names. What the folder's artefact is
// worth is left to the stages that follow.
package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/predictor/child"
	"hone/internal/sandbox"
	"hone/internal/train"
)

const (
	lookEvery = 200 * time.Millisecond
	grace     = 5 * time.Second // From SIGTERM to SIGKILL: time to checkpoint.
	// A trainer shares the machine with what answers requests, and yields to it.
	nice = 10
	// maxProcesses is far above what parallel trainers start, and ends a trainer
	// that starts processes without end. The kernel counts threads too.
	maxProcesses = 512
	maxTasks     = 8 * maxProcesses
	// maxFiles bounds what a look at the folder takes.
	maxFiles = 100_000
)

// Options for New.
type Options struct {
	// Dir is the folder that commands run in: where the configuration lies, so
	// that train.py is found beside it.
	Dir    string
	Python string // For {python}; empty to look for one.
	// Data is the folder of everything that Hone stores, which no trainer sees.
	Data string
	// Box holds what of the sandbox is the same for every trainer: the program that
	// contains it, and what is left out.
	Box   sandbox.Spec
	Clock clock.Clock // Times the limits; nil is the machine's.
}

type trainer struct{ Options }

// New returns the trainer command. It is safe for concurrent use.
func New(o Options) train.Trainer {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	return &trainer{o}
}

// Train runs the model's command once. An error that the trainer, its limits or
// its artefact are to blame for is a *hone.Error; one whose code is unavailable
// is worth another attempt, which finds checkpoint/ as this one left it.
func (t *trainer) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	dir, err := filepath.Abs(job.Dir)
	if err != nil {
		return train.Result{}, err
	}
	job.Dir = dir
	if err := prepare(job); err != nil {
		return train.Result{}, fmt.Errorf("prepare the training in %s: %w", dir, err)
	}
	secrets, err := readSecrets(job.Model.Train.Env, t.Dir)
	if err != nil {
		return train.Result{}, err
	}
	ran, err := t.run(ctx, job, secrets, newRecorder(report))
	if err := errors.Join(secrets.sweep(job.Dir), err); err != nil {
		return ran, err
	}
	r, err := collect(job)
	r.Sandbox, r.Processor = ran.Sandbox, ran.Processor
	return r, err
}

// run returns the layers that contained the trainer, and the time that it took.
func (t *trainer) run(ctx context.Context, job train.Job, secrets secrets, r *recorder) (ran train.Result, err error) {
	limits := job.Model.Train.Limits
	before, err := treeSize(job.Dir)
	if err != nil {
		return ran, err
	}
	contained := t.box(job)
	c, err := child.Start(child.Spec{
		Command: job.Model.Train.Command, Python: t.Python, Dir: t.Dir, Env: environment(job, secrets),
		Mask: secrets.mask(), Stdout: r.stdout, Stderr: r.stderr, Box: contained,
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return ran, &hone.Error{Code: hone.Invalid, Message: err.Error(), Hint: "install the program, or name Python as {python}"}
	}
	if err != nil {
		return ran, err
	}
	box := c.Contained()
	if len(box.Missing) > 0 && contained.Program != "" {
		r.stderr("sandbox: " + box.String())
	}
	w := watch{trainer: t, limits: limits, child: c, dir: job.Dir, before: before, tasks: contained.Tasks}
	err = w.wait(ctx)
	// What is killed leaves children that nobody waited for: they were seen.
	ran = train.Result{Sandbox: box.Held, Processor: max(c.Processor(), w.seen)}
	if err != nil {
		return ran, err
	}
	if err := c.Err(); err != nil {
		return ran, &hone.Error{Code: hone.Invalid, Message: failure(err, c.Tail()), Hint: hint(job, box)}
	}
	return ran, nil
}

// hint says how to find out more: what the sandbox refused is not refused to who
// runs the command by hand.
func hint(job train.Job, box sandbox.Report) string {
	h := "run the command by hand with HONE_RUN=" + job.Dir
	if box.Holds(sandbox.Landlock) || box.Holds(sandbox.Mounts) {
		h += "; what it may read, write and reach here is in docs/guide/sandbox.md"
	}
	return h
}

func failure(err error, tail string) string {
	message := "the trainer failed: " + err.Error()
	if tail != "" {
		message += "; it said:\n" + tail
	}
	return message
}
