package loop

import (
	"context"
	"fmt"
	"slices"

	"hone"
	"hone/internal/fault"
)

// put commits a change and takes it over. Evidence that other evidence has taken
// the place of goes: it has no row that the later one has not.
func (k *keeper) put(ctx context.Context, c hone.Change) error {
	if err := k.concludeReceipt(ctx, c); err != nil {
		return err
	}
	k.spend(ctx, c)
	var before []string
	if k.run != nil && c.Run != nil && k.run.ID == c.Run.ID {
		before = evident(k.run, nil)
	}
	if c.Watch != nil {
		before = append(before, evident(nil, k.watch)...)
	}
	if err := k.commit(ctx, c); err != nil {
		return err
	}
	err := k.moved(ctx, c)
	after := append(evident(k.run, k.watch), evident(c.Run, c.Watch)...)
	for _, digest := range before {
		if slices.Contains(after, digest) {
			continue
		}
		if err := k.o.Blobs.Drop(digest); err != nil {
			k.log.WarnContext(ctx, "evidence of an earlier look stays", "digest", digest, "error", err)
		}
	}
	return err
}

// evident lists what the verdicts of a run and of a probation rest on.
func evident(run *hone.Run, w *hone.Watch) (digests []string) {
	add := func(digest string) {
		if digest != "" {
			digests = append(digests, digest)
		}
	}
	if run != nil && run.Evaluation != nil {
		add(run.Evaluation.Evidence)
	}
	if run != nil && run.Rollout != nil {
		add(run.Rollout.Evidence)
	}
	if w != nil {
		add(w.Evidence)
	}
	return digests
}

// commit moves the model's state, with its audit event.
func (k *keeper) commit(ctx context.Context, c hone.Change) error {
	c.Event.At = k.o.Clock.Now()
	c.Event.Model = k.model.Name
	if c.Event.Actor == "" {
		c.Event.Actor = "hone"
	}
	if c.Run != nil {
		c.Event.Run = c.Run.ID
	}
	before, after := doors(c)
	err := pass(before)
	if err == nil {
		_, err = k.o.Control.Commit(ctx, k.o.Fence, c)
	}
	if err == nil {
		err = pass(after)
	}
	k.unsure = k.unsure || err != nil
	return err
}

// apply hands the newest committed plan to the gateway, if there is one. A plan that
// logs otherwise than the configuration now says is followed by one that does.
func (k *keeper) apply(ctx context.Context) error {
	plan, err := k.o.Records.Plan(ctx, k.model.Name)
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
		k.unapplied = false
		return nil
	}
	if err != nil {
		return err
	}
	k.unapplied = true
	if plan.Log != k.model.Log {
		plan.Log = k.model.Log
		return k.put(ctx, hone.Change{Plan: &plan, Event: hone.Event{Action: "plan.changed", Version: plan.Champion,
			Sentence: fmt.Sprintf("The log of %s is %s from now on.", k.model.Name, plan.Log)}})
	}
	if err := fault.At(fault.ApplyPlan); err != nil {
		return err
	}
	if err := k.o.Gateway.Apply(plan); err != nil {
		return fmt.Errorf("apply the plan of %s: %w", k.model.Name, err)
	}
	if err := fault.At(fault.AppliedPlan); err != nil {
		return err
	}
	k.post.plan = plan
	k.unapplied = false
	return nil
}
