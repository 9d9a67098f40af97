package loop

import (
	"context"
	"errors"
	"fmt"

	"hone"
	"hone/internal/trigger"
)

// Do is what a person can ask of the loop.
type Do string

// The acts.
const (
	Retrain  Do = "run"
	Cancel   Do = "cancel"
	Approve  Do = "approve"
	Refuse   Do = "reject"
	Pass     Do = "promote" // Ends the rollout's steps: the candidate gets all traffic.
	Pause    Do = "pause"
	Resume   Do = "resume"
	Rollback Do = "rollback"
	Register Do = "register" // A version that was made elsewhere, as Adopt says.

	ask Do = "ask" // For labels, by Label.
)

// Act is what a person asks for.
type Act struct {
	Do     Do
	By     string
	Reason string
	Run    hone.RunID // Must be the open run where it is set.
	Force  bool
	// Guarded holds a run to the guards that triggers are held to.
	Guarded bool
	// Artefact that an approval is for; it must still be the candidate's.
	Artefact string
	Adopt    *Adoption
	// Request for labels, with what is handed out now.
	Request *hone.LabelRequest
}

// act does what a person asked for, in the loop's own goroutine, and shows what
// came of it before it answers.
func (k *keeper) act(ctx context.Context, a Act) (string, error) {
	if k.unsure {
		if err := k.reread(ctx); err != nil {
			k.log.ErrorContext(ctx, "state not read", "error", err)
			return "", errors.Join(&hone.Error{Code: hone.Unavailable, Message: "the state of " + k.model.Name + " cannot be read just now", Hint: "repeat in a moment; the log has the cause"}, k.refresh(ctx))
		}
	}
	sentence, err := k.obey(ctx, a)
	return sentence, errors.Join(err, k.refresh(ctx))
}

func (k *keeper) obey(ctx context.Context, a Act) (string, error) {
	if a.Run != "" && (k.run == nil || k.run.ID != a.Run) {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s is not under way", a.Run), Hint: "`hone runs` shows what is"}
	}
	switch a.Do {
	case Retrain:
		return k.retrain(ctx, a)
	case Rollback:
		return k.rollBack(ctx, a)
	case Register:
		return k.adopt(ctx, a)
	}
	if k.run == nil {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has no run under way", k.model.Name), Hint: "`hone run " + k.model.Name + "` starts one"}
	}
	switch a.Do {
	case Cancel:
		return k.cancelRun(ctx, a)
	case Approve, Refuse:
		return k.answer(ctx, a)
	case Pass, Pause, Resume:
		return k.steer(ctx, a)
	case ask:
		return k.keepAsked(ctx, a)
	}
	return "", &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%q is not something to do", a.Do)}
}

// retrain starts a run by hand, or says why not.
func (k *keeper) retrain(ctx context.Context, a Act) (string, error) {
	refused := func(why string) (string, error) {
		return "", &hone.Error{Code: hone.Conflict, Message: why, Hint: "`hone plan " + k.model.Name + "` says what holds it back"}
	}
	if k.run != nil {
		return refused(fmt.Sprintf("%s is under way: %s", k.run.ID, k.run.State))
	}
	k.manual = &trigger.Manual{By: a.By, Reason: a.Reason, Force: a.Force, Guarded: a.Guarded}
	err := k.step(ctx)
	k.manual = nil
	switch {
	case err != nil:
		return "", err
	case k.replaying:
		return "", &hone.Error{Code: hone.Unavailable, Message: k.model.Name + " still reads what came since its champion began to serve", Hint: "repeat in a moment"}
	case k.run == nil:
		return refused(k.decision.Sentence)
	}
	return k.run.Sentence, nil
}

// cancelRun ends the open run; a candidate with traffic loses it at once.
func (k *keeper) cancelRun(ctx context.Context, a Act) (string, error) {
	run := *k.run
	k.endWork()
	sentence := fmt.Sprintf("%s was cancelled by %s%s.", run.ID, a.By, because(a.Reason))
	return sentence, k.closeRun(ctx, run, hone.Cancelled, a.By, sentence)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// answer approves or refuses the candidate that waits for a person.
func (k *keeper) answer(ctx context.Context, a Act) (string, error) {
	run := *k.run
	asked := run.Rollout != nil && run.Rollout.Ask != ""
	if run.State != hone.AwaitingApproval && !asked {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s is %s and waits for nobody", run.ID, run.State)}
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, run.Candidate)
	if err != nil {
		return "", err
	}
	if a.Artefact != "" && a.Artefact != v.Artefact {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("the candidate is %.12s, not %.12s", v.Artefact, a.Artefact), Hint: "look at the run again before you approve it"}
	}
	if a.Do == Refuse {
		sentence := fmt.Sprintf("%s refused %s%s.", a.By, run.Candidate, because(a.Reason))
		return sentence, k.closeRun(ctx, run, hone.Rejected, a.By, sentence)
	}
	if err := k.fourEyes(ctx, run, a.By); err != nil {
		return "", err
	}
	if asked {
		return k.steer(ctx, Act{Do: Pass, By: a.By, Reason: a.Reason})
	}
	var c hone.Change
	if run.Champion == "" {
		c, err = k.crown(ctx, run, c, a.By, "approved by "+a.By)
	} else {
		c, err = k.launch(ctx, run, c, a.By)
	}
	if err != nil {
		return "", err
	}
	c.Event.Data = marshal(map[string]any{"approved": v.Artefact, "by": a.By, "reason": a.Reason, "verdicts": run.Verdicts})
	return c.Run.Sentence, k.put(ctx, c)
}

// fourEyes refuses to let somebody release what is their own: a run that they
// started, or that was judged under a configuration that they applied.
func (k *keeper) fourEyes(ctx context.Context, run hone.Run, by string) error {
	if !k.model.FourEyes && !run.FourEyes {
		return nil
	}
	own := func(why string) error {
		return &hone.Error{Code: hone.Denied, Message: fmt.Sprintf("%s %s, and %s wants four eyes", by, why, k.model.Name), Hint: "let another approver look at it; anybody who may can still reject it"}
	}
	if run.Decision.By == by {
		return own("started " + string(run.ID))
	}
	if e := run.Decision.Event; e != nil && e.By == by {
		return own("announced what started " + string(run.ID))
	}
	configs, err := k.o.Configs(ctx, run.Started)
	if err != nil {
		return err
	}
	for _, c := range configs {
		if c.By == by {
			return own("applied a configuration that " + string(run.ID) + " ran under")
		}
	}
	return nil
}

// steer pauses, resumes or ends a rollout.
func (k *keeper) steer(ctx context.Context, a Act) (string, error) {
	run := *k.run
	if run.Rollout == nil {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s is %s: there is no rollout to %s", run.ID, run.State, a.Do), Hint: "only a candidate that passed its gates can be rolled out"}
	}
	if a.Do == Pass {
		if err := k.fourEyes(ctx, run, a.By); err != nil {
			return "", err
		}
		c, err := k.crown(ctx, run, hone.Change{}, a.By, fmt.Sprintf("%s ended its rollout%s", a.By, because(a.Reason)))
		if err != nil {
			return "", err
		}
		return c.Run.Sentence, k.put(ctx, c)
	}
	run = k.witnessed(ctx, run)
	r := *run.Rollout
	r.Paused = a.Do == Pause
	run.Rollout = &r
	verb := map[Do]string{Pause: "paused", Resume: "resumed"}[a.Do]
	run.Sentence = fmt.Sprintf("%s %s the rollout of %s%s.", a.By, verb, run.Candidate, because(a.Reason))
	return run.Sentence, k.put(ctx, hone.Change{Run: &run, Event: hone.Event{Actor: a.By, Action: "rollout." + verb, Version: run.Candidate, Sentence: run.Sentence}})
}

// rollBack takes a challenger off the traffic, or gives the traffic back to the
// champion before.
func (k *keeper) rollBack(ctx context.Context, a Act) (string, error) {
	if k.run != nil && k.run.Rollout != nil {
		sentence := fmt.Sprintf("%s took %s off the traffic of %s%s.", a.By, k.run.Candidate, k.model.Name, because(a.Reason))
		return sentence, k.takeBack(ctx, *k.run, a.By, sentence)
	}
	to := k.before()
	if to == "" {
		return "", &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has no previous champion to go back to", k.model.Name), Hint: "`hone versions " + k.model.Name + "` lists its versions"}
	}
	to, passed, err := k.sound(ctx, to)
	if err != nil {
		return "", err
	}
	past := ""
	if k.watch != nil && to == k.watch.Proven {
		past = skipped(*k.watch)
	}
	sentence := fmt.Sprintf("%s rolled %s back to %s%s%s.%s", a.By, k.model.Name, to, past, because(a.Reason), passed)
	return sentence, k.goBack(ctx, to, a.By, sentence)
}

func (k *keeper) eject(v hone.VersionID, why string) {
	k.mu.Lock()
	k.ejected[v] = why
	k.mu.Unlock()
	k.rouse()
}

// readmit forgets an ejection: it was of an earlier rollout, and the gateway tries
// a version anew with each plan that names it.
func (k *keeper) readmit(v hone.VersionID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.ejected, v)
}

func (k *keeper) rouse() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) wasEjected(v hone.VersionID) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	why, yes := k.ejected[v]
	return why, yes
}
