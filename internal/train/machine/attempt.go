package machine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"hone"
	"hone/internal/train"
)

// attempt is a training under way here.
type attempt struct {
	files
	record  record
	journal *journal
	cancel  context.CancelCauseFunc
	over    chan struct{} // Closed once its end is written down.
}

// start lets an attempt train beside the caller.
func (e *Engine) start(a *attempt, t train.Trainer, job train.Job) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		a.record.State = train.Lost
		return errors.Join(&hone.Error{Code: hone.Unavailable, Message: fmt.Sprintf("%s did not begin: Hone is stopping", a.name), Hint: "it is begun again at the next start"},
			a.write(a.record), a.journal.Close())
	}
	ctx, cancel := context.WithCancelCause(e.ctx)
	a.cancel = cancel
	e.under[a.name] = a
	e.wait.Go(func() {
		defer cancel(nil)
		made, err := t.Train(ctx, job, a.journal.report)
		e.finish(a, a.end(ctx, made, err))
	})
	return nil
}

// end writes down what came of an attempt, and returns why it failed. Where that
// cannot be written the attempt stays running on the disk, and so is lost.
func (a *attempt) end(ctx context.Context, made train.Result, err error) error {
	a.record.Seconds = made.Processor.Seconds()
	if err == nil {
		err = a.keep(made)
	}
	switch {
	case err == nil:
		a.record.State = train.Finished
	case errors.Is(context.Cause(ctx), errStopped):
		a.record.State = train.Lost
	case ctx.Err() != nil:
		a.record.State = train.Cancelled
	default:
		a.record.fail(err)
	}
	return errors.Join(err, a.write(a.record))
}

// keep brings an artefact to the disk, so that no record of it is there before it.
func (a *attempt) keep(made train.Result) (err error) {
	if a.record.Dir, err = filepath.Rel(a.work(), made.Dir); err != nil {
		return err
	}
	a.record.Metrics, a.record.Sandbox = made.Metrics, made.Sandbox
	return syncTree(made.Dir)
}

// finish lets go of an attempt that is over.
func (e *Engine) finish(a *attempt, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a.record.State == train.Failed {
		e.failures[a.name] = err
	}
	delete(e.under, a.name)
	_ = a.journal.Close() // What it said is no part of the result.
	close(a.over)
}
