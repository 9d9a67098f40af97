package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/fault"
	"hone/internal/monitor"
	"hone/internal/registry"
	"hone/internal/rollout"
)

// roll judges the step of the open rollout, and moves it.
func (k *keeper) roll(ctx context.Context, now time.Time) error {
	run := *k.run
	r := *run.Rollout
	if why, yes := k.wasEjected(r.Version); yes {
		return k.takeBack(ctx, run, "hone", fmt.Sprintf("%s was taken off the traffic of %s: %s", r.Version, k.model.Name, why))
	}
	if err := k.countShadows(ctx, r); err != nil {
		return err
	}
	if err := k.countOpinions(ctx, r, now); err != nil {
		return err
	}
	health := k.health()
	last, _, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return err
	}
	next, action, sentence := rollout.Advance(k.model, r, health, now, last)
	run.Rollout = &next
	if k.seen = k.sighted(r, health); k.seen == nil {
		next.Evidence = "" // What was kept is of other verdicts.
	}
	switch action {
	case rollout.Rollback:
		return k.takeBack(ctx, run, "hone", sentence)
	case rollout.Promote:
		c, err := k.crown(ctx, run, hone.Change{}, "hone", sentence)
		if err != nil {
			return err
		}
		return k.put(ctx, c)
	case rollout.StepOn:
		run = k.witnessed(ctx, run)
		return k.stepOn(ctx, run, *run.Rollout, health, sentence)
	case rollout.Stay, rollout.Hold:
		if did, err := k.measureDue(ctx, k.duel, run, rollout.Blocks(next.Verdicts), now); err != nil || did && k.unsure {
			return err
		} else if did {
			return k.roll(ctx, now)
		}
	}
	said := ""
	switch {
	case next.Ask != r.Ask:
		said = "rollout.ask"
	case action == rollout.Hold && !k.holding:
		said = "rollout.held"
	}
	k.holding = action == rollout.Hold
	if k.holding || said != "" {
		run.Sentence = sentence
	}
	if said != "" {
		run = k.witnessed(ctx, run)
		return k.put(ctx, hone.Change{Run: &run, Event: hone.Event{Action: said, Version: r.Version, Sentence: sentence, Data: marshal(next.Verdicts)}})
	}
	k.run = &run
	return nil
}

func (k *keeper) stepOn(ctx context.Context, run hone.Run, next hone.Rollout, before hone.Health, sentence string) error {
	k.foresee(&next, before)
	state, _ := k.rolloutState(run, next)
	if next.Outlook != nil && next.Outlook.Sentence != "" {
		sentence += " " + next.Outlook.Sentence
	}
	run = k.enter(run, state, sentence)
	run.Rollout = &next
	plan := rollout.PlanFor(k.model, k.champion.ID, k.before(), &next, nil)
	if err := k.put(ctx, hone.Change{Run: &run, Plan: &plan, Event: hone.Event{
		Action: "run." + string(state), Version: run.Candidate, Sentence: sentence, Data: marshal(next.Verdicts)}}); err != nil {
		return err
	}
	return k.openArms(ctx)
}

// openArms begins to count a step, for the owner's guardrails too.
func (k *keeper) openArms(ctx context.Context) error {
	k.arms = monitor.NewArms(max(k.monitor.SlowLatency(), k.model.LatencyLimit()), k.champion.ID)
	gs := k.model.Guardrails()
	if len(gs) == 0 || k.run == nil || k.run.Rollout == nil {
		return nil
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, k.run.Rollout.Version)
	if err != nil {
		k.arms = nil
		return err
	}
	k.arms.Guard(gs, v.Signature, k.champion.Signature)
	return nil
}

// countOpinions counts what people sent of the answers of the step under way.
func (k *keeper) countOpinions(ctx context.Context, r hone.Rollout, now time.Time) error {
	if !slices.ContainsFunc(k.model.Rollout.Guardrails, func(g hone.Guardrail) bool { return g.Feedback != "" }) {
		return nil
	}
	if k.watch != nil {
		k.cursor.opinions = max(k.cursor.opinions, k.watch.FromFeedback)
	}
	for {
		os, next, err := k.o.Opinions.Opinions(ctx, k.model.Name, k.cursor.opinions, page)
		if err != nil {
			return err
		}
		for _, o := range os {
			if o.Seq > r.From {
				if k.names != nil {
					o.Prediction = k.routed(o.Prediction)
				}
				k.arms.Opinion(o)
			}
		}
		if next == k.cursor.opinions {
			break
		}
		k.cursor.opinions = next
	}
	k.arms.Ripen(now)
	return nil
}

// health is what has been seen of the step under way.
func (k *keeper) health() hone.Health {
	h := k.arms.Health()
	h.Champion.Requests, h.Champion.Faults = k.monitor.Served()
	h.Elsewhere = k.names != nil
	if k.duel == nil {
		return h
	}
	h.Quality = k.duel.paired()
	for _, own := range k.duel.readings(ownGuardrails(k.model)) {
		i := slices.IndexFunc(h.Guards, func(r hone.Reading) bool { return r.Gate == own.Gate })
		if i < 0 {
			h.Guards = append(h.Guards, own)
			continue
		}
		h.Guards[i] = own
	}
	return h
}

// countArms counts served answers of the step under way.
func (k *keeper) countArms(ctx context.Context, ps []hone.Prediction) error {
	if k.run == nil || k.run.Rollout == nil {
		return nil
	}
	if k.arms == nil {
		if err := k.openArms(ctx); err != nil {
			return err
		}
	}
	for _, p := range ps {
		if p.Seq > k.run.Rollout.From {
			k.arms.Prediction(p)
		}
	}
	return nil
}

// countShadows counts shadow answers of the step under way.
func (k *keeper) countShadows(ctx context.Context, r hone.Rollout) error {
	if k.arms == nil {
		if err := k.openArms(ctx); err != nil {
			return err
		}
	}
	if k.run.State != hone.Shadowing {
		return nil
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, r.Version)
	if err != nil {
		return err
	}
	for {
		ss, err := k.o.Events.Shadows(ctx, k.model.Name, k.cursor.shadows, page)
		if err != nil {
			return err
		}
		for _, s := range ss {
			k.cursor.shadows = s.Seq
			if s.Version == r.Version && len(s.Served) == k.champion.Signature.Width() {
				k.arms.Shadow(s, v.Signature, k.champion.Signature.Answer(s.Served))
			}
		}
		if len(ss) < page {
			return nil
		}
	}
}

// crown is the change that gives a candidate all traffic: aliases, plan,
// reference, baseline and the watch on it move in one transaction.
func (k *keeper) crown(ctx context.Context, run hone.Run, c hone.Change, by, why string) (hone.Change, error) {
	if err := fault.At(fault.Crown); err != nil {
		return c, err
	}
	predictions, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return c, err
	}
	now := k.o.Clock.Now()
	run = k.witnessed(ctx, run)
	sentence := fmt.Sprintf("%s is champion of %s: %s.", run.Candidate, k.model.Name, strings.TrimSuffix(why, "."))
	run = k.enter(run, hone.Closed, sentence)
	run.Ending = hone.Promoted
	watch := hone.Watch{
		Model: k.model.Name, Version: run.Candidate, Previous: k.champion.ID, Run: run.ID, Since: now, Reused: run.Decision.Reuse != "",
		From: predictions, FromFeedback: feedback, Labels: k.model.Rollout.Probation.Labels,
	}
	watch.Proven, watch.Unproven = k.proven()
	watch.Sentence = fmt.Sprintf("%s is under probation against %s.", run.Candidate, rollout.Against(watch))
	if watch.Previous == "" {
		watch = unwatched(watch)
	}
	plan := rollout.PlanFor(k.model, run.Candidate, rollout.Against(watch), nil, nil)
	c.Run, c.Plan, c.Watch = &run, &plan, &watch
	c.Aliases = append(c.Aliases, registry.Crown(k.model.Name, k.aliasesWith(c.Aliases), run.Candidate, now, by, run.ID, why)...)
	c.Event = hone.Event{Actor: by, Action: "run.promoted", Version: run.Candidate, Sentence: sentence, Data: evidence(run)}
	return c, nil
}

// unwatched is the watch on a first version, which is over as it begins.
func unwatched(w hone.Watch) hone.Watch {
	w.Over, w.Sentence = true, fmt.Sprintf("%s is the first version: nothing to go back to.", w.Version)
	return w
}

// proven is the newest champion that is proven on labels: the one that serves,
// where its probation is over, else the one that it was to go back to; and the
// champions since, whose labels have not come.
func (k *keeper) proven() (v hone.VersionID, unproven []hone.VersionID) {
	switch w := k.watch; {
	case w == nil || w.Over || w.Version != k.champion.ID:
		return k.champion.ID, nil
	default:
		return rollout.Against(*w), append(slices.Clone(w.Unproven), k.champion.ID)
	}
}

// before is the champion that a rollback goes to, and that is kept loaded for it.
func (k *keeper) before() hone.VersionID {
	if k.watch != nil && k.watch.Version == k.champion.ID && k.watch.Proven != "" {
		return k.watch.Proven
	}
	return k.aliases[hone.Previous]
}

// aliasesWith is the aliases after moves that are not committed yet.
func (k *keeper) aliasesWith(moves []hone.AliasMove) map[hone.Alias]hone.VersionID {
	out := map[hone.Alias]hone.VersionID{}
	for a, v := range k.aliases {
		out[a] = v
	}
	for _, m := range moves {
		out[m.Alias] = m.Version
	}
	return out
}

// takeBack ends a rollout: the champion answers everything again.
func (k *keeper) takeBack(ctx context.Context, run hone.Run, by, sentence string) error {
	run = k.witnessed(ctx, run)
	c := k.withdraw(run, by, sentence)
	run = k.enter(run, hone.Closed, sentence)
	run.Ending = hone.RolledBack
	c.Run = &run
	c.Event = hone.Event{Actor: by, Action: "run.rolled_back", Version: run.Candidate, Sentence: sentence, Data: evidence(run)}
	return k.put(ctx, c)
}

// withdraw is the change that takes a candidate's aliases and traffic away.
func (k *keeper) withdraw(run hone.Run, by, why string) hone.Change {
	c := hone.Change{Aliases: registry.Withdraw(k.model.Name, k.aliases, k.o.Clock.Now(), by, run.ID, why)}
	if run.Rollout != nil {
		plan := rollout.PlanFor(k.model, k.champion.ID, k.before(), nil, nil)
		c.Plan = &plan
	}
	return c
}

// guardWatch looks whether a new champion is worse than the one before.
func (k *keeper) guardWatch(ctx context.Context, now time.Time) error {
	if k.watch == nil || k.watch.Over || k.vigil == nil || k.monitor == nil {
		return nil
	}
	holds := ""
	if k.vigil.n() >= k.watch.Labels {
		holds = rollout.Blocks(k.watch.Verdicts)
	}
	if _, err := k.measureDue(ctx, k.vigil, hone.Run{ID: k.watch.Run}, holds, now); err != nil || k.unsure {
		return err
	}
	if k.vigil.n() == k.watch.Quality.N && !k.remeasured {
		return nil
	}
	w := k.watched()
	next, back := rollout.WatchStep(w, w.Quality, ownGuardrails(k.model)...)
	if back {
		against := rollout.Against(next)
		to, passed, err := k.sound(ctx, against)
		if err != nil {
			return err
		}
		past := ""
		if to == against {
			past = skipped(next)
		}
		why := fmt.Sprintf("%s is worse than %s on %d labels: rolled back%s.%s", next.Version, against, next.Quality.N, past, passed)
		if v := rollout.Failed(next.Verdicts); v != nil {
			why = fmt.Sprintf("%s is rolled back to %s%s: %s%s", next.Version, against, past, v.Sentence, passed)
			told := *k.watch
			told.Guards, told.Verdicts = next.Guards, next.Verdicts
			k.watch = &told // The record says what it rests on.
		}
		return k.goBack(ctx, to, "hone", why)
	}
	k.watch, k.remeasured = &next, false
	if !next.Over {
		return nil
	}
	evident, over := k.attested(ctx, w), next
	over.Evidence, over.Verdicts = evident.Evidence, evident.Verdicts
	return k.put(ctx, hone.Change{Watch: &over, Event: hone.Event{Action: "probation.over", Run: next.Run, Version: next.Version, Sentence: next.Sentence, Data: marshal(next.Quality)}})
}

// sound returns the version to go back to: the one that is wanted, or, where its
// files are damaged, the newest champion before whose files are whole; passed
// says so.
func (k *keeper) sound(ctx context.Context, want hone.VersionID) (to hone.VersionID, passed string, err error) {
	tried := []hone.VersionID{k.champion.ID}
	candidates := []hone.VersionID{want}
	for _, r := range k.runs {
		if r.Ending == hone.Promoted {
			candidates = append(candidates, r.Candidate)
		}
	}
	var first error
	for _, id := range candidates {
		if slices.Contains(tried, id) {
			continue
		}
		tried = append(tried, id)
		v, err := k.o.Control.Version(ctx, k.model.Name, id)
		if err == nil {
			_, err = k.o.Registry.Dir(v)
		}
		if err == nil && id != want {
			passed = fmt.Sprintf(" The files of %s are damaged, so it went to the champion before, %s.", want, id)
		}
		if err == nil {
			return id, passed, nil
		}
		k.log.ErrorContext(ctx, "version cannot take the traffic back", "version_id", id, "error", err)
		if first == nil {
			first = err
		}
	}
	return "", "", &hone.Error{Code: hone.Unavailable, Message: fmt.Sprintf("no former champion of %s is whole: %v", k.model.Name, first),
		Hint: "restore the artefacts from a backup; the champion serves on"}
}

// skipped says which champions a rollback passes over.
func skipped(w hone.Watch) string {
	if len(w.Unproven) == 0 {
		return ""
	}
	names := make([]string, len(w.Unproven))
	for i, v := range w.Unproven {
		names[i] = string(v)
	}
	was := "was"
	if len(names) > 1 {
		was = "were"
	}
	return fmt.Sprintf(", past %s, which %s never proven on labels", strings.Join(names, " and "), was)
}

// goBack gives a former champion all traffic again, and its reference and
// baseline with it.
func (k *keeper) goBack(ctx context.Context, to hone.VersionID, by, sentence string) error {
	predictions, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return err
	}
	now, from := k.o.Clock.Now(), k.champion.ID
	watch := hone.Watch{Model: k.model.Name, Version: to, Since: now, From: predictions, FromFeedback: feedback, Over: true,
		Sentence: fmt.Sprintf("%s serves again since %s.", to, now.Format(time.RFC3339))}
	if k.watch != nil {
		watch.Run = k.watch.Run
	}
	plan := rollout.PlanFor(k.model, to, "", nil, nil)
	c := hone.Change{Plan: &plan, Watch: &watch,
		Event: hone.Event{Actor: by, Action: "rolled_back", Run: watch.Run, Version: to, Sentence: sentence}}
	if k.watch != nil {
		c.Event.Data = marshal(k.watch)
	}
	run := k.run
	for i := range k.runs {
		if k.runs[i].Candidate == from && k.runs[i].Ending == hone.Promoted {
			r := k.runs[i]
			r.Ending, r.Sentence = hone.RolledBack, sentence
			c.Run = &r
			break
		}
	}
	c.Aliases = registry.Dethrone(k.model.Name, k.aliases, to, now, by, watch.Run, sentence)
	err = k.put(ctx, c)
	if !k.unsure {
		k.run = run
	}
	return err
}
