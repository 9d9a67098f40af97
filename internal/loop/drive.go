package loop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hone"
	"hone/internal/monitor"
)

// result is what the work of one stage came to.
type result struct {
	run    hone.RunID
	state  hone.State
	change hone.Change
	err    error
}

// drive takes the open run on: the stages before a candidate gets traffic are
// work, done beside the loop; the rollout is judged at each step.
func (k *keeper) drive(ctx context.Context, now time.Time, found monitor.Step) error {
	run := k.run
	if run.Cancel != "" && k.work == nil {
		return k.closeRun(ctx, *run, hone.Cancelled, run.Cancel, fmt.Sprintf("%s was cancelled by %s.", run.ID, run.Cancel))
	}
	if run.Champion != k.champion.ID {
		k.endWork()
		return k.giveUp(ctx, *run)
	}
	switch run.State {
	case hone.Shadowing, hone.Canary:
		return k.roll(ctx, now)
	case hone.AwaitingApproval:
		return nil
	case hone.Deciding:
		if len(run.Verdicts) > 0 && !found.Ticked {
			// Inconclusive: it looks again when more labels have come.
			if due, err := k.answersDue(ctx, *run); err != nil || !due {
				return err
			}
		}
	}
	if k.work != nil || now.Before(k.retryAt) {
		return nil
	}
	return k.begin(ctx, *run)
}

// begin starts the work of the run's state.
func (k *keeper) begin(ctx context.Context, run hone.Run) error {
	w := k.worker()
	stage, ok := map[hone.State]func(context.Context, hone.Run) (hone.Change, error){
		hone.Collecting: w.collect,
		hone.Validating: w.validate,
		hone.Training:   w.train,
		hone.Evaluating: w.evaluate,
		hone.Deciding:   w.judge,
	}[run.State]
	if !ok {
		return fmt.Errorf("run %s is in the unknown state %q", run.ID, run.State)
	}
	if k.waitForRoom(ctx, run) {
		return nil
	}
	if k.o.Inline {
		change, err := stage(ctx, run)
		return k.finish(ctx, result{run.ID, run.State, change, err})
	}
	workCtx, stop := context.WithCancel(ctx)
	done := make(chan result, 1)
	k.work, k.stop = done, stop
	go func() {
		change, err := stage(workCtx, run)
		done <- result{run.ID, run.State, change, err}
	}()
	return nil
}

// worker is what a stage may look at while the loop goes on: the model as it
// stands now. A champion that changes meanwhile ends the run.
func (k *keeper) worker() *keeper {
	return &keeper{o: k.o, model: k.model, log: k.log, aliases: k.aliases, champion: k.champion, ref: k.ref, watch: k.watch, spoke: k.spoke,
		runs: append([]hone.Run(nil), k.runs...), schemas: k.schemas, tail: k.tail}
}

// endWork ends the stage under way, if any, and waits for it. Nothing of it is
// committed: the run is found where it was. Its training goes on, unless the run is
// closed or the engine is stopped.
func (k *keeper) endWork() {
	if k.work == nil {
		return
	}
	k.stop()
	<-k.work
	k.work, k.stop = nil, nil
}

// finish commits what a stage came to.
func (k *keeper) finish(ctx context.Context, r result) error {
	if k.stop != nil {
		k.stop()
	}
	k.work, k.stop = nil, nil
	if k.run == nil || k.run.ID != r.run || k.run.State != r.state {
		return nil
	}
	run := *k.run
	if run.Cancel != "" {
		return k.closeRun(ctx, run, hone.Cancelled, run.Cancel, fmt.Sprintf("%s was cancelled by %s.", run.ID, run.Cancel))
	}
	if run.Champion != k.champion.ID {
		return k.giveUp(ctx, run)
	}
	if r.err != nil {
		return k.stageFailed(ctx, run, r.err)
	}
	if r.change.Run != nil {
		r.change.Run.Pending = run.Pending // It may have fired while the stage worked.
	}
	return k.put(ctx, r.change)
}

// giveUp closes a run whose candidate was to replace a champion that is none
// any more.
func (k *keeper) giveUp(ctx context.Context, run hone.Run) error {
	return k.closeRun(ctx, run, hone.Cancelled, "hone", fmt.Sprintf("%s was given up: the champion changed from %s to %s meanwhile.", run.ID, run.Champion, k.champion.ID))
}

// waitForRoom holds a stage while the disk is nearly full, and says so.
func (k *keeper) waitForRoom(ctx context.Context, run hone.Run) bool {
	if k.o.Room == nil {
		return false
	}
	err := k.o.Room()
	if err == nil {
		return false
	}
	why := err.Error()
	if e, ok := hone.AsError(err); ok {
		why = e.Message
	}
	run.Sentence = fmt.Sprintf("%s waits before %s: %s.", run.ID, run.State, why)
	if k.run.Sentence != run.Sentence {
		k.log.WarnContext(ctx, "stage waits for room", "run_id", run.ID, "state", run.State, "why", why)
	}
	k.retryAt, k.run = k.o.Clock.Now().Add(roomEvery), &run
	return true
}

// roomEvery is how often a run that waits for room on the disk looks again.
const roomEvery = 2 * time.Second

// stageFailed closes a run whose stage could not be done. What may be other
// next time, such as a full disk, is tried again; the champion serves on.
func (k *keeper) stageFailed(ctx context.Context, run hone.Run, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := hone.AsError(err); ok && e.Code != hone.Unavailable {
		return k.closeRun(ctx, run, hone.Failed, "hone", fmt.Sprintf("%s failed while %s: %s", run.ID, run.State, e.Error()))
	}
	if k.waitForRoom(ctx, run) {
		return nil // It failed for want of room, and costs no attempt.
	}
	run.Attempt++
	if run.Attempt > 3 {
		k.log.ErrorContext(ctx, "run failed", "run_id", run.ID, "state", run.State, "error", err)
		return k.closeRun(ctx, run, hone.Failed, "hone", fmt.Sprintf("%s failed while %s: %v", run.ID, run.State, err))
	}
	k.log.WarnContext(ctx, "stage is tried again", "run_id", run.ID, "state", run.State, "error", err)
	k.retryAt = k.o.Clock.Now().Add(time.Duration(run.Attempt) * time.Second)
	k.run = &run
	return nil
}

// enter returns a run in its next state, and the time its last one took.
func (k *keeper) enter(run hone.Run, state hone.State, sentence string) hone.Run {
	now := k.o.Clock.Now()
	took := make(map[hone.State]hone.Duration, len(run.Took)+1)
	for s, d := range run.Took {
		took[s] = d
	}
	took[run.State] += hone.Duration(max(0, now.Sub(run.Since))) // The clock may have been put back.
	run.Took = took
	run.State, run.Since, run.Sentence = state, now, sentence
	if state == hone.Closed {
		run.Ended = now
	}
	return run
}

// moved takes over what was committed. Where that fails half way, all is read
// again.
func (k *keeper) moved(ctx context.Context, c hone.Change) (err error) {
	defer func() { k.unsure = k.unsure || err != nil }()
	if c.Run != nil {
		run := *c.Run
		k.remember(run)
		k.run = &run
		if run.State == hone.Closed || run.Rollout != nil && len(c.Aliases) > 0 { // It ended, or begins.
			k.readmit(run.Candidate)
		}
		if run.State == hone.Closed {
			k.run, k.arms, k.seen = nil, nil, nil
			k.clearTrials(run)
			k.looked = k.looked && run.Pending == nil
			k.o.Pool.Keep(k.model.Name, k.aliases[hone.Champion], k.before(), run.Candidate)
		}
		k.log.InfoContext(ctx, "run moved", "run_id", run.ID, "state", run.State, "ending", run.Ending, "why", run.Sentence)
	}
	if c.Plan != nil {
		if err := k.apply(ctx); err != nil {
			k.log.ErrorContext(ctx, "plan not applied", "error", err)
		}
	}
	if c.Watch != nil {
		k.watch = c.Watch
	}
	crowned := false
	for _, a := range c.Aliases {
		crowned = crowned || a.Alias == hone.Champion
	}
	if crowned {
		return k.reign(ctx)
	}
	if len(c.Aliases) > 0 {
		if k.aliases, err = k.o.Control.Aliases(ctx, k.model.Name); err != nil {
			return err
		}
		k.closeDuel()
		return k.openDuel(ctx)
	}
	return nil
}

func (k *keeper) remember(run hone.Run) {
	for i := range k.runs {
		if k.runs[i].ID == run.ID {
			k.runs[i] = run
			return
		}
	}
	k.runs = append([]hone.Run{run}, k.runs...)
	k.runs = k.runs[:min(len(k.runs), remembered(k.model))]
}

// closeRun ends a run that changes nothing about who serves. It stays open until it
// is certain that nothing trains for it any more.
func (k *keeper) closeRun(ctx context.Context, run hone.Run, ending hone.Ending, by, sentence string) error {
	if err := k.callOff(ctx, run); err != nil {
		return err
	}
	run = k.witnessed(ctx, run)
	withdrawn := k.withdraw(run, by, sentence)
	run = k.enter(run, hone.Closed, sentence)
	run.Ending = ending
	withdrawn.Run = &run
	withdrawn.Event = hone.Event{Actor: by, Action: "run." + string(ending), Version: run.Candidate, Sentence: sentence, Data: evidence(run)}
	return k.put(ctx, withdrawn)
}
