package loop

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"hone"
	"hone/internal/trigger"
)

// Reconfigure puts other models in force, and the budget that they share, all of
// them or none, without a pause for those that stay as they are. A changed model is held between two of its
// steps, its open run and its training go on: from the next state on they are
// under the new configuration. A removed model is let go; what is stored of it
// stays. What cannot be changed now, or ever, is refused (conflict).
//
// Once nothing can fail any more, commit records the change; if it fails, all is
// as it was. It must be quick, for the changed models stand still meanwhile. In
// a simulation Reconfigure is called where Step is.
func (l *Loop) Reconfigure(ctx context.Context, models map[string]hone.Model, budget hone.SharedBudget, commit func(context.Context) error) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	if l.o.Passive || l.run == nil || l.run.Err() != nil {
		return &hone.Error{Code: hone.Unavailable, Message: "no server is running", Hint: "start one with `hone serve`, then repeat"}
	}
	c := change{loop: l, models: models, before: *l.keepers.Load()}
	defer c.release()
	if err := c.prepare(ctx); err != nil {
		c.forget()
		return err
	}
	if err := commit(ctx); err != nil {
		c.forget()
		return err
	}
	// Whoever asked may be gone; what is recorded must come into force.
	c.install(context.WithoutCancel(ctx))
	l.fund.budget.Store(&budget)
	return nil
}

// change is a reconfiguration on its way.
type change struct {
	loop   *Loop
	models map[string]hone.Model
	before map[string]*keeper
	held   []func()
	added  []*keeper
	// changed and removed are names; their keepers are held.
	changed, removed []string
}

// prepare holds whatever changes, refuses what may not, and makes what is new
// ready to serve.
func (c *change) prepare(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(c.before)) {
		k := c.before[name]
		m, stays := c.models[name]
		m.Name = name
		if stays && reflect.DeepEqual(k.view.Load().Model, m) {
			continue
		}
		release, err := c.loop.hold(ctx, k)
		if err != nil {
			return err
		}
		c.held = append(c.held, release)
		if !stays {
			if err := k.mayGo(); err != nil {
				return err
			}
			c.removed = append(c.removed, name)
			continue
		}
		if err := k.mayBecome(m); err != nil {
			return err
		}
		if err := k.o.Hints.SaveSchema(ctx, name, m.Features); err != nil {
			return err
		}
		c.changed = append(c.changed, name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.models)) {
		if _, old := c.before[name]; old {
			continue
		}
		m := c.models[name]
		m.Name = name
		k := newKeeper(c.loop.o, m, c.loop.fund)
		c.added = append(c.added, k)
		if err := k.resume(ctx); err != nil {
			return fmt.Errorf("resume %s: %w", name, err)
		}
	}
	return nil
}

// install puts in force what was prepared.
func (c *change) install(ctx context.Context) {
	now := maps.Clone(c.before)
	for _, name := range c.removed {
		delete(now, name)
	}
	for _, k := range c.added {
		now[k.model.Name] = k
	}
	for _, name := range c.changed {
		m := c.models[name]
		m.Name = name
		now[name].become(ctx, m)
	}
	c.loop.keepers.Store(&now)
	for _, k := range c.added {
		c.loop.keep(k)
	}
	for _, name := range c.removed {
		k := c.before[name]
		c.loop.letGo(k)
		c.loop.o.Gateway.Forget(name)
		k.log.InfoContext(ctx, "model removed")
	}
}

// forget undoes what was made ready.
func (c *change) forget() {
	for _, k := range c.added {
		k.close()
		c.loop.o.Gateway.Forget(k.model.Name)
	}
}

func (c *change) release() {
	for _, f := range c.held {
		f()
	}
}

// hold keeps a model between two steps until it is released: its fields are the
// caller's meanwhile. Work under way beside goes on.
func (l *Loop) hold(ctx context.Context, k *keeper) (release func(), err error) {
	if l.o.Inline {
		return func() {}, nil
	}
	r := request{release: make(chan struct{})}
	select {
	case k.requests <- r:
		return sync.OnceFunc(func() { close(r.release) }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keep lets a model's own goroutine turn its loop.
func (l *Loop) keep(k *keeper) {
	if l.o.Inline {
		return
	}
	ctx, end := context.WithCancel(l.run)
	over := make(chan struct{})
	k.end = func() { end(); <-over }
	l.wait.Go(func() {
		defer close(over)
		k.keep(ctx)
	})
}

// letGo ends a model's goroutine.
func (l *Loop) letGo(k *keeper) {
	close(k.gone)
	if k.end != nil {
		k.end()
	}
	k.close()
}

// mayGo refuses to remove a model in the middle of a run.
func (k *keeper) mayGo() error {
	if k.run == nil {
		return nil
	}
	return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s cannot be removed while %s is under way", k.model.Name, k.run.ID),
		Hint: fmt.Sprintf("end it with `hone cancel %s`, then apply again", k.run.ID)}
}

// mayBecome refuses a change that would make what is stored, or what the open
// run has found, mean something else.
func (k *keeper) mayBecome(m hone.Model) error {
	old := k.model
	other := "add a model of another name for it, and remove this one when the other serves"
	switch {
	case k.champion.ID != "" && m.Task != old.Task:
		return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has a champion that answers a %s question, and cannot become %s", m.Name, old.Task, m.Task), Hint: other}
	case k.champion.ID != "" && m.Label.Positive != old.Label.Positive:
		return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has a champion that gives the probability of %q, and not of %q", m.Name, old.Label.Positive, m.Label.Positive), Hint: other}
	case k.run == nil:
		return nil
	}
	for _, part := range []struct {
		name string
		same bool
	}{
		{"features", reflect.DeepEqual(old.Features, m.Features)},
		{"label", reflect.DeepEqual(old.Label, m.Label)},
		{"task", old.Task == m.Task},
		{"serving", old.Elsewhere() == m.Elsewhere()},
		{"loss", old.Loss == m.Loss},
	} {
		if !part.same {
			return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("the %s of %s cannot change while %s is under way", part.name, m.Name, k.run.ID),
				Hint: fmt.Sprintf("wait for its end, or end it with `hone cancel %s`; then apply again", k.run.ID)}
		}
	}
	return nil
}

// become takes over another configuration, between two steps. Triggers are
// looked at anew; where the change bears on what is measured, the log of the
// reign so far is read again.
func (k *keeper) become(ctx context.Context, m hone.Model) {
	k.stale = k.stale || !reflect.DeepEqual(measured(k.model), measured(m))
	if k.run != nil && k.run.Rollout != nil || k.watch != nil && !k.watch.Over { // What they are judged by is counted anew.
		k.stale = k.stale || !reflect.DeepEqual(k.model.Guardrails(), m.Guardrails()) || !reflect.DeepEqual(k.model.Metrics, m.Metrics)
	}
	k.unapplied = k.unapplied || k.model.Log != m.Log
	if !reflect.DeepEqual(k.model.Deliver, m.Deliver) {
		k.recallParcel()
		k.post.sent = ""
	}
	more := remembered(m) > remembered(k.model)
	k.model, k.looked = m, false
	k.heard.anchor.checked = time.Time{} // What a candidate is judged by may be another.
	if more {
		k.lookBack(ctx)
	}
	k.log.InfoContext(ctx, "configuration changed", "read_again", k.stale)
	if err := k.refresh(ctx); err != nil {
		k.log.ErrorContext(ctx, "view not refreshed", "error", err)
	}
}

// lookBack reads as many runs as the guards now look back on.
func (k *keeper) lookBack(ctx context.Context) {
	runs, err := k.o.Records.Runs(ctx, k.model.Name, remembered(k.model))
	if err != nil {
		k.log.ErrorContext(ctx, "runs not read; guards look back on fewer until the next start", "error", err)
		return
	}
	k.runs = runs
}

// measured is a model without what has no part in how its log is read.
func measured(m hone.Model) hone.Model {
	rivals, continuous := trigger.Reuse(m), m.Train.Continuous
	m.Deliver, m.Costs = hone.Delivery{}, hone.Costs{}
	m.Owner, m.Dataset, m.Train, m.Triggers, m.Guards, m.Gates, m.Metrics = "", hone.DatasetSpec{}, hone.TrainSpec{}, nil, hone.Guards{}, nil, nil
	m.Evidence, m.Approval, m.Rollout, m.Log, m.Retention = "", "", hone.RolloutSpec{}, "", 0
	m.Train.Continuous = continuous
	m.Triggers = []hone.Trigger{{RecoverableLoss: &hone.RecoverableLoss{Reuse: rivals}}}
	return m
}
