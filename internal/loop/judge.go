package loop

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"hone"
	"hone/internal/dataset"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/gate"
	"hone/internal/rollout"
	"hone/internal/validate"
)

// replayRequests is how many logged requests both versions answer again.
const replayRequests = 300

// evaluate compares the candidate with the champion on the held-out rows.
func (k *keeper) evaluate(ctx context.Context, run hone.Run) (hone.Change, error) {
	ds, c, err := k.thaw(ctx, run)
	if err != nil {
		return hone.Change{}, err
	}
	ev, err := k.begun(ctx, run)
	if err == nil {
		err = k.askPast(ctx, run, ds, c, ev)
	}
	if err != nil {
		return hone.Change{}, err
	}
	e, err := k.compare(ctx, run, ev, c.Holdout, c.Anchor)
	if err != nil {
		return hone.Change{}, err
	}
	sentence := fmt.Sprintf("%s compared %s with %s on %d rows that neither was trained on.", run.ID, run.Twin, orNobody(run.Champion), e.Loss.N)
	run = k.enter(run, hone.Deciding, sentence)
	run.Evaluation = &e
	return hone.Change{Run: &run, Event: hone.Event{
		Action: "run.deciding", Version: run.Twin, Sentence: sentence, Data: marshal(e)}}, nil
}

func orNobody(v hone.VersionID) string {
	if v == "" {
		return "the best constant answer"
	}
	return string(v)
}

// compare asks both versions about the rows that the evidence has not got yet and
// about the anchor cases, and replays requests to see what answering costs. The
// evaluation is that of the evidence as it is kept.
func (k *keeper) compare(ctx context.Context, run hone.Run, ev *evaluate.Evidence, rows, anchors dataset.Rows) (hone.Evaluation, error) {
	ev, err := k.gather(ctx, run, ev, rows)
	if err != nil {
		return hone.Evaluation{}, err
	}
	b, err := ev.Marshal()
	if err != nil {
		return hone.Evaluation{}, err
	}
	e := ev.Compare()
	if e.Evidence, err = k.o.Blobs.Put(b); err != nil {
		return e, fmt.Errorf("keep the evidence: %w", err)
	}
	e.Dataset, e.At = run.Dataset, k.o.Clock.Now()
	if anchors.Len() > 0 {
		if err := k.askAnchors(ctx, &e, run.Twin, run.Champion, anchors); err != nil {
			return e, err
		}
	}
	e.Replay, err = k.replay(ctx, run.Twin, run.Champion, rows.Frame)
	return e, err
}

// gather adds to the evidence, or to one that begins (nil), the rows that are new.
func (k *keeper) gather(ctx context.Context, run hone.Run, ev *evaluate.Evidence, rows dataset.Rows) (*evaluate.Evidence, error) {
	if ev == nil {
		first, err := k.begun(ctx, run)
		if err != nil {
			return nil, err
		}
		ev = first
	}
	fresh := ev.Fresh(rows.IDs)
	if len(fresh) == 0 {
		return ev, nil
	}
	rows = rows.Pick(fresh)
	cand, err := k.side(ctx, run.Twin, rows.Frame)
	if err != nil {
		return nil, err
	}
	var champ *evaluate.Side
	if run.Champion != "" {
		s, err := k.side(ctx, run.Champion, rows.Frame)
		if err != nil {
			return nil, err
		}
		champ = &s
	}
	all := k.judged(rows)
	for _, s := range []*evaluate.Side{&cand, champ} {
		if s == nil {
			continue
		}
		if err := k.measure(ctx, run, all, s); err != nil {
			return nil, err
		}
	}
	if err := ev.Add(all, cand, champ); err != nil {
		return nil, err
	}
	return ev, k.permute(ctx, run, ev, rows.Frame)
}

// measure asks the owner's metrics what a version's answers were worth.
func (k *keeper) measure(ctx context.Context, run hone.Run, rows evaluate.Rows, s *evaluate.Side) error {
	for _, name := range slices.Sorted(maps.Keys(k.model.Metrics)) {
		values, err := k.o.Owner.Measure(ctx, k.model, name, filepath.Join(k.runDir(run), evaluate.HeldWork+name), rows, *s)
		if err != nil {
			return err
		}
		if s.Owned == nil {
			s.Owned = map[string][]float64{}
		}
		s.Owned[name] = values
	}
	return nil
}

// begun is evidence without a row, under the salt of the run's dataset.
func (k *keeper) begun(ctx context.Context, run hone.Run) (*evaluate.Evidence, error) {
	ds, err := k.o.Control.Dataset(ctx, run.Dataset)
	if err != nil {
		return nil, err
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, run.Twin)
	if err != nil {
		return nil, err
	}
	var champ *evaluate.Side
	if run.Champion != "" {
		c, err := k.o.Control.Version(ctx, k.model.Name, run.Champion)
		if err != nil {
			return nil, err
		}
		champ = &evaluate.Side{Version: c.ID, Signature: c.Signature}
	}
	salt, _, _ := strings.Cut(ds.Salted, ":")
	return evaluate.NewEvidence(k.model, salt, evaluate.Side{Version: v.ID, Signature: v.Signature}, champ), nil
}

// side scores rows with one version.
func (k *keeper) side(ctx context.Context, id hone.VersionID, rows *frame.Frame) (evaluate.Side, error) {
	v, err := k.o.Control.Version(ctx, k.model.Name, id)
	if err != nil {
		return evaluate.Side{}, err
	}
	scores, err := k.ask(id)(ctx, rows)
	if err != nil {
		return evaluate.Side{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s does not answer: %v", id, err), Hint: "look at the artefact's server log"}
	}
	return evaluate.Side{Version: id, Signature: v.Signature, Scores: scores}, nil
}

func (k *keeper) askAnchors(ctx context.Context, e *hone.Evaluation, id, champion hone.VersionID, anchors dataset.Rows) error {
	cand, err := k.side(ctx, id, anchors.Frame)
	if err != nil {
		return err
	}
	cases := make([]evaluate.Case, anchors.Len())
	for i := range cases {
		cases[i] = evaluate.Case{Name: string(anchors.IDs[i]), Want: anchors.Labels[i], Got: cand.Signature.Answer(cand.Scores.Row(i))}
	}
	if champion != "" {
		champ, err := k.side(ctx, champion, anchors.Frame)
		if err != nil {
			return err
		}
		for i := range cases {
			cases[i].Had = champ.Signature.Answer(champ.Scores.Row(i))
		}
	}
	e.AnchorCases = len(cases)
	e.Anchors = evaluate.Anchors(k.model, cases)
	return nil
}

// replay answers logged requests with both versions in turn, one row each.
func (k *keeper) replay(ctx context.Context, id, champion hone.VersionID, rows *frame.Frame) (hone.Replay, error) {
	one, release, err := k.o.Pool.Acquire(ctx, k.model.Name, id)
	if err != nil {
		return hone.Replay{}, err
	}
	defer release()
	ask := func(p func(context.Context, *frame.Frame) (hone.Scores, error)) func(int) error {
		return func(i int) error {
			_, err := p(ctx, rows.Slice(i%rows.N, i%rows.N+1))
			return err
		}
	}
	n := min(replayRequests, max(rows.N, 100))
	if champion == "" {
		r := evaluate.Interleave(ctx, ask(one.Predict), nil, n)
		r.CandidateMem = one.Memory()
		return r, ctx.Err()
	}
	other, release2, err := k.o.Pool.Acquire(ctx, k.model.Name, champion)
	if err != nil {
		return hone.Replay{}, err
	}
	defer release2()
	r := evaluate.Interleave(ctx, ask(one.Predict), ask(other.Predict), n)
	r.CandidateMem, r.ChampionMem = one.Memory(), other.Memory()
	return r, ctx.Err()
}

// judge holds the evaluation against the gates, and sends the candidate on,
// away, or back to wait for more labels.
func (k *keeper) judge(ctx context.Context, run hone.Run) (hone.Change, error) {
	again := len(run.Verdicts) > 0
	if !again {
		// The configuration may be another since the candidate was compared.
		ev, err := k.evidence(run)
		if err != nil {
			return hone.Change{}, err
		}
		again = ev != nil && !ev.IsUnder(k.model)
	}
	if again {
		if err := k.lookAgain(ctx, &run); err != nil {
			return hone.Change{}, err
		}
	}
	e := *run.Evaluation
	e.Trial = k.trial()
	run.Evaluation = &e
	run.Verdicts = gate.Judge(k.model, run, e, e.Trial, nil)
	ruling := gate.Rule(k.model, run.Verdicts, gate.Rows(e) >= gate.Deadline(k.model, e))
	why := summary(run.Verdicts, ruling)
	switch ruling {
	case hone.Reject:
		return k.ended(run, hone.Rejected, fmt.Sprintf("%s rejected %s: %s", run.ID, run.Twin, why)), nil
	case hone.Hold:
		run.Sentence = fmt.Sprintf("%s waits%s: %s", run.ID, k.priceOfWaiting(run), why)
		return hone.Change{Run: &run, Event: hone.Event{Action: "run.held", Version: run.Twin, Sentence: run.Sentence, Data: marshal(run.Verdicts)}}, nil
	}
	return k.passed(ctx, run)
}

// lookAgain evaluates an undecided candidate on the rows held out and on all
// that have matured since.
func (k *keeper) lookAgain(ctx context.Context, run *hone.Run) error {
	ds, c, err := k.thaw(ctx, *run)
	if err != nil {
		return err
	}
	last := c.Holdout.Times[c.Holdout.Len()-1]
	now := k.o.Clock.Now()
	predictions, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return err
	}
	if err := k.recallAsked(ctx); err != nil {
		return err
	}
	requests := k.asked.byRun(run.ID)
	drawn := frames{requests, map[string]bool{}}
	var rows []dataset.Row
	err = k.scan(ctx, predictions, feedback, func(o hone.Outcome) error {
		held := drawn.hold(o)
		if o, ok := k.counted(o, k.spoke, now); ok && o.Time.After(last) && !held {
			rows = append(rows, rowOf(o))
		}
		return nil
	})
	if err != nil {
		return err
	}
	more, err := dataset.Extend(c.Holdout, k.decoder(), rows)
	if err != nil {
		return err
	}
	ev, err := k.evidence(*run)
	if err == nil && (ev == nil || !ev.Under(k.model)) {
		if ev, err = k.begun(ctx, *run); err == nil { // All rows are asked again.
			err = k.askPast(ctx, *run, ds, c, ev)
		}
	}
	if err != nil {
		return err
	}
	if ev.Asked, err = k.drawn(ctx, *run, requests, feedback); err != nil {
		return err
	}
	e, err := k.compare(ctx, *run, ev, more, c.Anchor)
	run.Evaluation = &e
	return err
}

// evidence reads what a run was judged by; nil where its record is of an older
// Hone that kept none.
func (k *keeper) evidence(run hone.Run) (*evaluate.Evidence, error) {
	if run.Evaluation == nil || run.Evaluation.Evidence == "" {
		return nil, nil
	}
	b, err := k.o.Blobs.Get(run.Evaluation.Evidence)
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
		return nil, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("the evidence of %s is gone: rows of it were erased", run.ID),
			Hint: "`hone show " + string(run.ID) + "` has its verdicts; a run that waits on it must be started again"}
	}
	if err != nil {
		return nil, fmt.Errorf("read the evidence of %s: %w", run.ID, err)
	}
	return evaluate.ReadEvidence(b)
}

// trial counts the candidates judged since the last promotion that stood, this
// one included. The last one's own count is in its record, which reaches further
// back than the runs that are remembered.
func (k *keeper) trial() int {
	n := 1
	for _, r := range k.runs {
		if r.State != hone.Closed || r.Evaluation == nil {
			continue
		}
		if r.Ending == hone.Promoted {
			break
		}
		if r.Evaluation.Trial > 0 {
			return n + r.Evaluation.Trial
		}
		n++
	}
	return n
}

// summary says which verdict decided.
func summary(vs []hone.Verdict, r hone.Ruling) string {
	want := map[hone.Ruling]hone.Result{hone.Reject: hone.Fail, hone.Hold: hone.Inconclusive, hone.Promote: hone.Pass}[r]
	var out []string
	for _, v := range vs {
		if v.Result == want && !v.Warns {
			out = append(out, v.Sentence)
		}
	}
	if len(out) == 0 {
		return "no gate gave a verdict."
	}
	return strings.Join(out[:min(2, len(out))], " ")
}

// passed trains the candidate on all rows where that is allowed, and sends it
// on: to a person, to its rollout, or, where nobody serves yet, to the traffic.
func (k *keeper) passed(ctx context.Context, run hone.Run) (hone.Change, error) {
	c := hone.Change{}
	if run.Candidate == "" {
		v, verdict, err := k.refit(ctx, &run)
		if err != nil {
			return c, err
		}
		run.Verdicts = append(run.Verdicts, verdict)
		if verdict.Result != hone.Pass {
			return k.ended(run, hone.Rejected, fmt.Sprintf("%s rejected %s: %s", run.ID, v.ID, verdict.Sentence)), nil
		}
		run.Candidate, c.Version = v.ID, &v
		c.Aliases = []hone.AliasMove{k.move(hone.Candidate, v.ID, run, "refitted on all rows")}
	}
	asks := validate.Questions(run.Checks)
	if k.model.Approval == hone.Manual || len(asks) > 0 {
		sentence := fmt.Sprintf("%s waits for approval of %s%s.", run.ID, run.Candidate, k.priceOfWaiting(run))
		if len(asks) > 0 {
			sentence += " " + strings.Join(asks[:min(3, len(asks))], " ")
		}
		run = k.enter(run, hone.AwaitingApproval, sentence)
		c.Run = &run
		c.Event = hone.Event{Action: "run.awaiting_approval", Version: run.Candidate, Sentence: sentence, Data: marshal(run.Verdicts)}
		return c, nil
	}
	if run.Champion == "" {
		return k.crown(ctx, run, c, "hone", "the first version that is better than a constant answer")
	}
	return k.launch(ctx, run, c, "hone")
}

// priceOfWaiting says what the champion is thought to lose while nobody decides.
func (k *keeper) priceOfWaiting(run hone.Run) string {
	if run.Decision.LossRate <= 0 {
		return ""
	}
	return fmt.Sprintf("; each 1000 rows of waiting cost about %.0f units of loss", 1000*run.Decision.LossRate)
}

// refit trains the version that will serve on all rows, and checks that it is
// still what was proven: it must answer, keep the anchors, and not be clearly
// worse on rows that it has now seen.
func (k *keeper) refit(ctx context.Context, run *hone.Run) (hone.Version, hone.Verdict, error) {
	ds, c, err := k.thaw(ctx, *run)
	if err != nil {
		return hone.Version{}, hone.Verdict{}, err
	}
	id := hone.VersionID(strings.TrimSuffix(string(run.Twin), twinMark))
	all := dataset.Join(c.Train, c.Holdout)
	v, err := k.fit(ctx, *run, id, all, all, ds)
	if err != nil {
		return v, hone.Verdict{}, err
	}
	v.Baseline = baseline(run.Evaluation)
	if v, err = k.teach(ctx, v, all); err != nil {
		return v, hone.Verdict{}, err
	}
	scores, err := k.o.Registry.ScoreVersion(ctx, v, c.Holdout.Frame)
	if err != nil {
		return v, hone.Verdict{}, err
	}
	found := hone.Refit{Version: id, Loss: meanLoss(k.model.Loss, v.Signature, scores, c.Holdout), N: c.Holdout.Len()}
	if c.Anchor.Len() > 0 {
		if found.Failed, err = k.refitAnchors(ctx, v, c.Anchor); err != nil {
			return v, hone.Verdict{}, err
		}
	}
	e := *run.Evaluation
	e.Refit = &found
	run.Evaluation = &e
	return v, gate.Refit(e), nil
}

// meanLoss is what a version loses on a row, each counted for its weight.
func meanLoss(l hone.Loss, sig hone.Signature, scores hone.Scores, rows dataset.Rows) float64 {
	prices, shares, sum := l.Prices(rows.Frame), rows.Shares(), 0.0
	for i, y := range rows.Targets(sig) {
		sum += shares[i] * l.Of(sig, scores.Row(i), y, prices[i])
	}
	return sum
}

// refitAnchors counts the anchor cases that the refitted version gets wrong.
func (k *keeper) refitAnchors(ctx context.Context, v hone.Version, anchors dataset.Rows) (int, error) {
	scores, err := k.o.Registry.ScoreVersion(ctx, v, anchors.Frame)
	if err != nil {
		return 0, err
	}
	cases := make([]evaluate.Case, anchors.Len())
	for i := range cases {
		cases[i] = evaluate.Case{Name: string(anchors.IDs[i]), Want: anchors.Labels[i], Got: v.Signature.Answer(scores.Row(i))}
	}
	return len(evaluate.Anchors(k.model, cases)), nil
}

// baseline is what a version promised on rows it had not seen.
func baseline(e *hone.Evaluation) map[string]float64 {
	out := map[string]float64{"loss": e.Loss.Candidate}
	for _, m := range e.Metrics {
		out[m.Metric] = m.Candidate
	}
	return out
}

// launch begins the candidate's rollout.
func (k *keeper) launch(ctx context.Context, run hone.Run, c hone.Change, by string) (hone.Change, error) {
	last, _, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return c, err
	}
	r := rollout.Begin(k.model, run.Candidate, run.Decision, k.o.Clock.Now(), last, string(run.ID))
	k.foresee(&r, hone.Health{})
	state, sentence := k.rolloutState(run, r)
	if len(r.Steps) == 1 {
		run.Rollout = &r
		return k.crown(ctx, run, c, by, "its gates passed and the strategy is immediate")
	}
	run = k.enter(run, state, sentence)
	run.Rollout = &r
	plan := rollout.PlanFor(k.model, k.champion.ID, k.before(), &r, nil)
	c.Run, c.Plan = &run, &plan
	c.Aliases = append(c.Aliases, k.move(hone.Challenger, run.Candidate, run, "rollout began"))
	c.Event = hone.Event{Actor: by, Action: "run." + string(state), Version: run.Candidate, Sentence: sentence, Data: marshal(run.Verdicts)}
	return c, nil
}

func (k *keeper) rolloutState(run hone.Run, r hone.Rollout) (hone.State, string) {
	step, outlook := r.Steps[r.Step], ""
	if r.Outlook != nil && r.Outlook.Sentence != "" {
		outlook = " " + r.Outlook.Sentence
	}
	if r.Step == 0 && r.Hurry != "" {
		outlook = " " + r.Hurry + outlook
	}
	if step.Weight == 0 {
		return hone.Shadowing, fmt.Sprintf("%s answers %d requests of %s unseen.%s", run.Candidate, step.Shadow, k.model.Name, outlook)
	}
	return hone.Canary, fmt.Sprintf("%s is in canary with %.0f %% of the traffic of %s.%s", run.Candidate, 100*step.Weight, k.model.Name, outlook)
}

// foresee has the rollout say what its step can see with the traffic it will get.
// The step before, if there was one, tells how often the versions differ.
func (k *keeper) foresee(r *hone.Rollout, before hone.Health) {
	if k.monitor == nil {
		return
	}
	t := rollout.Traffic{Guardrails: k.model.Guardrails()}
	t.PerSecond, t.Labels, t.Delay = k.monitor.Pace()
	if requests, faults := k.monitor.Served(); requests > 0 {
		t.Faults = float64(faults) / float64(requests)
	}
	if n := before.Canary.Requests; n > 0 && k.model.Loss.Kind == hone.ZeroOne && r.Step > 0 && r.Steps[r.Step-1].Shadow > 0 {
		t.Differ = 1 - float64(before.Agree)/float64(n)
	}
	o := rollout.Foresee(r.Steps[r.Step], t)
	r.Outlook = &o
}
