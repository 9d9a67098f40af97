package app_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hone"
	"hone/internal/trigger"
)

// memory30 is what a life knows of the past, to hold the present against.
type memory30 struct {
	runs  map[hone.RunID]hone.Run
	token int64
}

var order = []hone.State{hone.Collecting, hone.Validating, hone.Training, hone.Evaluating, hone.Deciding, hone.AwaitingApproval, hone.Shadowing, hone.Canary, hone.Closed}

// check holds the model against what must be true at any moment.
func (l *life) check() {
	l.t.Helper()
	runs, err := l.allRuns()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, err := range []error{l.checkRuns(runs), l.checkBudget(runs), l.checkAliases(runs), l.checkPromotions(runs)} {
		if err != nil {
			l.t.Fatalf("%s: %v", l.clock.Now(), err)
		}
	}
}

// checkRuns: numbers without gaps, one run open, no way back, and what is closed
// stays as it is.
func (l *life) checkRuns(runs []hone.Run) error {
	open := 0
	now := map[hone.RunID]hone.Run{}
	for i, r := range runs {
		now[r.ID] = r
		if r.Number != i+1 {
			return fmt.Errorf("run %s has number %d", r.ID, r.Number)
		}
		if r.State != hone.Closed {
			open++
		} else if r.Ending == "" || r.Sentence == "" {
			return fmt.Errorf("run %s closed without a word", r.ID)
		}
		was, known := l.seen.runs[r.ID]
		if !known {
			continue
		}
		if slices.Index(order, r.State) < slices.Index(order, was.State) {
			return fmt.Errorf("run %s went from %s back to %s", r.ID, was.State, r.State)
		}
		if was.Ending != "" && was.Ending != r.Ending && (was.Ending != hone.Promoted || r.Ending != hone.RolledBack) {
			return fmt.Errorf("run %s was %s and is %s", r.ID, was.Ending, r.Ending)
		}
	}
	if open > 1 {
		return fmt.Errorf("%d runs are open", open)
	}
	if len(now) < len(l.seen.runs) {
		return fmt.Errorf("of %d runs %d are left", len(l.seen.runs), len(now))
	}
	l.seen.runs = now
	return nil
}

// checkBudget: triggers keep to the guards, whatever happens.
func (l *life) checkBudget(runs []hone.Run) error {
	g := l.model.Guards
	for i, r := range runs {
		if i < l.governed {
			continue
		}
		if err := afforded(g.Budget, runs[:i+1]); err != nil {
			return err
		}
		if r.Decision.Trigger == hone.OnManual {
			continue
		}
		started, month := 0, 0
		for _, other := range runs[:i+1] {
			if other.Decision.Trigger != hone.OnManual && lately(r, other.Started, 24*time.Hour) {
				started++
			}
			if other.Decision.Trigger != hone.OnManual && lately(r, other.Started, 30*24*time.Hour) {
				month++
			}
		}
		if started > g.MaxPerDay || month > g.MaxPerMonth {
			return fmt.Errorf("%s is the %d. run in 24 hours and the %d. in 30 days; %d and %d are allowed", r.ID, started, month, g.MaxPerDay, g.MaxPerMonth)
		}
		for _, other := range runs[:i] {
			if lately(r, other.Ended, time.Duration(g.Cooldown)) {
				return fmt.Errorf("%s began %s after the end of %s; the cooldown is %s", r.ID, r.Started.Sub(other.Ended), other.ID, g.Cooldown)
			}
		}
	}
	return nil
}

// lately tells whether something was less than so long before a run began. What
// the clock stamped before it was put back by more than a day is not counted.
func lately(r hone.Run, at time.Time, d time.Duration) bool {
	since := r.Started.Sub(at)
	return since < d && since > -max(d, 25*time.Hour)
}

// afforded: what the newest run and those before it cost is under the caps,
// whoever started them.
func afforded(b hone.Budget, runs []hone.Run) error {
	last := runs[len(runs)-1]
	day, month := 0.0, 0.0
	for _, r := range runs {
		cost := b.RunCost
		if r.Decision.Reuse != "" {
			cost *= trigger.ReuseShare
		}
		if lately(last, r.Started, 24*time.Hour) {
			day += cost
		}
		if lately(last, r.Started, 30*24*time.Hour) {
			month += cost
		}
	}
	if b.PerDay > 0 && day > b.PerDay || b.PerMonth > 0 && month > b.PerMonth {
		return fmt.Errorf("with %s runs cost %v in 24 hours and %v in 30 days; the budget is %+v", last.ID, day, month, b)
	}
	return nil
}

// checkEvents: what waits came after the last run began, or as it began.
func (l *life) checkEvents(runs []hone.Run) error {
	waiting, err := l.app.Service().Inbox.(interface {
		PendingEvents(ctx context.Context, model string) ([]hone.CloudEvent, error)
	}).PendingEvents(l.ctx, model)
	if err != nil || len(runs) == 0 {
		return err
	}
	last := runs[len(runs)-1].Started
	for _, e := range waiting {
		if e.Received.Before(last.Add(-2 * time.Hour)) { // The clock may have been put back.
			return fmt.Errorf("event %s of %s waits, and %s began %s", e.ID, e.Received, runs[len(runs)-1].ID, last)
		}
	}
	return nil
}

// checkAliases: one champion, the plan's and the alias's; a challenger only
// while a run rolls it out; plans only grow.
func (l *life) checkAliases(runs []hone.Run) error {
	v, err := l.app.Loop().View(model)
	if err != nil {
		return err
	}
	plan, err := l.committed()
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
		if v.Champion.ID != "" {
			return fmt.Errorf("%s is champion without a plan", v.Champion.ID)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if plan.Token < l.seen.token {
		return fmt.Errorf("plan %d follows plan %d", plan.Token, l.seen.token)
	}
	l.seen.token = plan.Token
	if plan.Champion == "" || plan.Champion != v.Aliases[hone.Champion] || plan.Champion != v.Champion.ID {
		return fmt.Errorf("champion %q in the plan, %q by alias, %q in the loop", plan.Champion, v.Aliases[hone.Champion], v.Champion.ID)
	}
	rolling := v.Run != nil && v.Run.Rollout != nil
	if !rolling && (plan.Challenger != "" || plan.Shadow != "" || v.Aliases[hone.Challenger] != "") {
		return fmt.Errorf("nothing is rolled out; the plan is %+v, the challenger %q", plan, v.Aliases[hone.Challenger])
	}
	if v.Watch != nil && v.Watch.Version != v.Champion.ID {
		return fmt.Errorf("the watch is on %s, the champion is %s", v.Watch.Version, v.Champion.ID)
	}
	if v.Champion.Reference == "" {
		return fmt.Errorf("champion %s has no reference", v.Champion.ID)
	}
	return nil
}

// checkPromotions: no gate failed but those that only warn, nothing upside down got through, and where a
// person must release it, one did.
func (l *life) checkPromotions(runs []hone.Run) error {
	forbidden := map[hone.VersionID]bool{}
	if len(runs) > 0 {
		got, err := l.app.Service().Control.Versions(l.ctx, model)
		if err != nil {
			return err
		}
		for _, v := range got {
			forbidden[v.ID] = slices.ContainsFunc(v.Files, func(f hone.File) bool { return f.Name == "upside-down" })
		}
	}
	for _, r := range runs {
		if r.Rollout == nil && r.Ending != hone.Promoted {
			continue
		}
		for _, v := range r.Verdicts {
			if v.Result == hone.Fail && !v.Warns {
				return fmt.Errorf("%s went on to users although %s failed: %s", r.ID, v.Gate, v.Sentence)
			}
		}
		if forbidden[r.Candidate] && !heldToNothing(r) {
			return fmt.Errorf("%s let %s through, which says the opposite of the truth", r.ID, r.Candidate)
		}
	}
	return nil
}

// checkReplays judges every run that was judged again, by what is kept of it: to
// the last bit the same.
func (l *life) checkReplays(runs []hone.Run) {
	l.t.Helper()
	for _, r := range runs {
		if len(r.Verdicts) == 0 || r.State != hone.Closed { // It ended before it was judged.
			continue
		}
		got, err := l.app.Loop().Replay(l.ctx, r)
		if err != nil || !got.Same || !got.Measured {
			l.t.Errorf("%s judged again: %s %+v (%v)", r.ID, got.Sentence, got.Verdicts, err)
			continue
		}
		l.tally.add("decisions judged again", 1)
		l.tally.add("verdicts judged again", len(got.Verdicts))
		for _, v := range got.Verdicts {
			if v.Of == "rollout" {
				l.tally.add("verdicts of guards judged again", 1)
			}
		}
	}
}

// heldToNothing tells a run whose owner forced it past the gate on quality.
func heldToNothing(r hone.Run) bool {
	return slices.ContainsFunc(r.Decision.Reasons, func(why hone.Reason) bool { return why.Guard == trigger.Forced })
}
