// Package machine is the engine of trainings on this machine, in this process and
// its children, with its memory in a folder. How one training is done is left to
// its trainers.
package machine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"hone"
	"hone/internal/clock"
	"hone/internal/train"
)

// Options for New.
type Options struct {
	// Dir is the folder of all runs. An attempt has its work in RUN/PART.ATTEMPT/,
	// and beside it what is known of it (.json) and what it said (.jsonl).
	Dir      string
	Trainers map[string]train.Trainer // By their names in the configuration.
	Clock    clock.Clock              // Times looks at attempts of other processes; nil is the machine's.
}

// Engine trains here. An attempt does not outlive the process that submitted it:
// its programs die with it, by the kernel where it can see to that, and whoever
// asks next finds what was left, ends it and tells the attempt as lost. While the
// process lives another one over the same folder may follow the attempt, and not
// cancel it. Which of the two holds is told by a lock on the log, which the
// kernel lets go of however a process ends.
type Engine struct {
	o    Options
	ctx  context.Context // Of all that trains here.
	end  context.CancelCauseFunc
	wait sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	under   map[train.Name]*attempt // Under way here.
	// failures of this life as they came; a record keeps their text alone.
	failures map[train.Name]error
}

var (
	errStopped   = errors.New("the engine was stopped")
	errCancelled = errors.New("the training was cancelled")
)

// New returns an engine over a folder, which need not be there yet. Whoever makes
// one must Stop it.
func New(o Options) *Engine {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	e := &Engine{o: o, under: map[train.Name]*attempt{}, failures: map[train.Name]error{}}
	e.ctx, e.end = context.WithCancelCause(context.Background())
	return e
}

// Stop ends what trains here as Cancel does, but tells it as lost, and returns
// once all of it is over. It may be called twice.
func (e *Engine) Stop() {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()
	e.end(errStopped)
	e.wait.Wait()
}

// Submit begins a training.
func (e *Engine) Submit(ctx context.Context, n train.Name, job train.Job) error {
	if err := n.Check(); err != nil {
		return err
	}
	trainer, ok := e.o.Trainers[job.Model.Train.Trainer]
	if !ok {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("there is no trainer %q", job.Model.Train.Trainer),
			Hint: "use one of " + strings.Join(slices.Sorted(maps.Keys(e.o.Trainers)), ", ")}
	}
	if err := e.alone(ctx, n); err != nil {
		return err
	}
	f := e.files(n)
	j, err := f.open()
	if err != nil || j == nil { // Who has it open trains under this name.
		return err
	}
	a, err := e.admit(f, j, job)
	if err != nil || a == nil {
		return errors.Join(err, j.Close())
	}
	job.Dir = f.work()
	return e.start(a, trainer, job)
}

// alone refuses an attempt while an earlier one is running.
func (e *Engine) alone(ctx context.Context, n train.Name) error {
	for m := n; m.Attempt > 1; {
		m.Attempt--
		s, err := e.State(ctx, m)
		if err != nil {
			return err
		}
		if s.State == train.Running {
			return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s cannot begin: %s is running", n, m), Hint: "cancel that one first"}
		}
	}
	return nil
}

// admit writes down that an attempt begins, where its name was never used; else
// it returns nil. The caller holds the journal.
func (e *Engine) admit(f files, j *journal, job train.Job) (*attempt, error) {
	switch r, err := f.read(); {
	case err != nil:
		return nil, err
	case r.State != train.Unknown && r.Inputs != job.Inputs:
		return nil, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s was used for other inputs", f.name), Hint: "use the next attempt's name"}
	case r.State != train.Unknown:
		return nil, nil
	}
	if err := j.Truncate(0); err != nil { // Of a process that died right here.
		return nil, err
	}
	if err := f.prepare(job.Inputs); err != nil {
		return nil, fmt.Errorf("prepare the folder of %s: %w", f.name, err)
	}
	r := record{Inputs: job.Inputs, State: train.Running}
	return &attempt{files: f, record: r, journal: j, over: make(chan struct{})}, f.write(r)
}

// State tells how an attempt stands. One that its process left behind is ended
// first, whatever runs of it.
func (e *Engine) State(_ context.Context, n train.Name) (train.Status, error) {
	if err := n.Check(); err != nil {
		return train.Status{}, err
	}
	f := e.files(n)
	r, err := f.read()
	if err == nil && r.State == train.Running {
		r, err = f.settle()
	}
	return train.Status{State: r.State, Inputs: r.Inputs, Processor: r.processor()}, err
}

// Cancel ends an attempt.
func (e *Engine) Cancel(ctx context.Context, n train.Name) error {
	if a := e.attempt(n); a != nil {
		a.cancel(errCancelled)
		select {
		case <-a.over:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s, err := e.State(ctx, n)
	if err == nil && s.State == train.Running {
		err = &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s is the training of another process", n), Hint: "stop that process"}
	}
	return err
}

// Result returns what an attempt left in its folder.
func (e *Engine) Result(ctx context.Context, n train.Name) (train.Result, error) {
	s, err := e.State(ctx, n)
	if err != nil {
		return train.Result{}, err
	}
	f := e.files(n)
	r, err := f.read()
	switch {
	case err != nil:
		return train.Result{}, err
	case s.State == train.Finished:
		return train.Result{Dir: f.artefact(r), Metrics: r.Metrics, Sandbox: r.Sandbox, Processor: r.processor()}, nil
	case s.State == train.Failed:
		e.mu.Lock()
		defer e.mu.Unlock()
		if err := e.failures[n]; err != nil {
			return train.Result{}, err
		}
		return train.Result{}, r.failure()
	}
	return train.Result{}, &hone.Error{Code: hone.Unavailable, Message: fmt.Sprintf("the training %s has no result: it is %s", n, cmp.Or(string(s.State), "unknown")),
		Hint: "another attempt goes on from its checkpoint"}
}

// attempt returns what is under way here, or nil.
func (e *Engine) attempt(n train.Name) *attempt {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.under[n]
}
