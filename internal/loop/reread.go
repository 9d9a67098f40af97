package loop

import (
	"context"

	"hone"
	"hone/internal/fault"
)

// reread takes the model up where the store says that it stands: at the start,
// and after a change of which it is not known whether it was stored, or that
// could not be taken over. Until that is done nothing is decided, for it would
// be decided on a state that is no more; the gateway serves on.
func (k *keeper) reread(ctx context.Context) error {
	k.unsure = true
	if err := fault.At(fault.Resume); err != nil {
		return err
	}
	if err := k.o.Hints.SaveSchema(ctx, k.model.Name, k.model.Features); err != nil {
		return err
	}
	runs, err := k.o.Records.Runs(ctx, k.model.Name, remembered(k.model))
	if err != nil {
		return err
	}
	k.runs, k.run = runs, nil
	for i := range runs {
		if runs[i].State != hone.Closed {
			run := runs[i]
			k.run = &run
		}
	}
	if !k.o.Passive {
		if err := k.apply(ctx); err != nil {
			k.log.ErrorContext(ctx, "plan not applied; it is tried again", "error", err)
		}
	}
	if err := k.recallAsked(ctx); err != nil {
		return err
	}
	if err := k.reign(ctx); err != nil {
		return err
	}
	if err := k.recall(ctx); err != nil {
		return err
	}
	k.unsure = false
	return nil
}

// standStill lets the model's plan serve while its state cannot be read.
func (k *keeper) standStill(ctx context.Context, why error) {
	k.log.ErrorContext(ctx, "model stands still; it serves by its last plan", "error", why)
	k.unsure = true
	if err := k.refresh(ctx); err != nil {
		k.log.ErrorContext(ctx, "view not made", "error", err)
	}
}

// doors are the points that a change passes before it is committed, and after.
func doors(c hone.Change) (before, after []fault.Point) {
	add := func(b, a fault.Point) { before, after = append(before, b), append(after, a) }
	if c.Run != nil {
		switch c.Run.State {
		case hone.Collecting:
			add(fault.BeforeCollecting, fault.AfterCollecting)
		case hone.Validating:
			add(fault.BeforeValidating, fault.AfterValidating)
		case hone.Training:
			add(fault.BeforeTraining, fault.AfterTraining)
		case hone.Evaluating:
			add(fault.BeforeEvaluating, fault.AfterEvaluating)
		case hone.Deciding:
			add(fault.BeforeDeciding, fault.AfterDeciding)
		case hone.AwaitingApproval:
			add(fault.BeforeApproval, fault.AfterApproval)
		case hone.Shadowing:
			add(fault.BeforeShadow, fault.AfterShadow)
		case hone.Canary:
			add(fault.BeforeCanary, fault.AfterCanary)
		case hone.Closed:
			add(fault.BeforeClosed, fault.AfterClosed)
		}
	}
	switch c.Event.Action {
	case "run.promoted":
		add(fault.CrownBefore, fault.CrownAfter)
	case "rolled_back":
		add(fault.RollbackFirst, fault.RollbackAfter)
	case "probation.over":
		add(fault.WatchBefore, fault.WatchAfter)
	}
	return before, after
}

// pass passes points until one is broken.
func pass(points []fault.Point) error {
	for _, p := range points {
		if err := fault.At(p); err != nil {
			return err
		}
	}
	return nil
}
