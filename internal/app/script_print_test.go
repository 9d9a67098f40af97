package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/monitor"
	"hone/internal/op"
	"hone/internal/say"
)

// do does one command and returns what it prints.
func (w *world) do(words []string) ([]string, error) {
	o := parseOptions(words[1:])
	switch words[0] {
	case "history":
		return nil, w.history(words[1], must(words[2]), o)
	case "traffic":
		return nil, w.traffic(words[1], must(words[2]), o)
	case "advance":
		d := parseOptions([]string{"d=" + words[1]}).duration("d", 0)
		return nil, w.advance(d, o.duration("step", max(d/20, time.Second)))
	case "restart":
		w.app.Stop()
		w.clock.Advance(o.duration("after", 0))
		if err := w.configure(o["config"]); err != nil {
			return nil, err
		}
		w.start()
		return nil, w.step()
	case "client": // From now on it asks one version, or calls it by another name.
		w.client.stuck, w.client.named = hone.VersionID(o["stuck"]), hone.VersionID(o["named"])
		return nil, nil
	case "cat":
		text, err := os.ReadFile(filepath.Join(w.config.Dir, words[1]))
		return strings.Split(strings.TrimSpace(string(text)), "\n"), err
	case "weights":
		return w.client.shown()
	case "predict":
		_, err := w.app.Gateway().Predict(w.ctx, model, gateway.Request{Frame: frame.New(w.model.Features, 1)})
		return said(err)
	case "event":
		return w.event(words[1], o)
	case "incidents":
		return w.incidents()
	case "copy":
		return nil, w.copy(words[1], words[2])
	case "remove":
		return nil, os.Remove(filepath.Join(w.config.Dir, words[1]))
	case "diff":
		return w.diff(words[1], o.number("days", 0))
	case "apply":
		return w.apply(words[1], o["reason"])
	case "eject": // As a gateway does that takes a version off its traffic.
		w.app.Loop().Eject(model, hone.VersionID(words[1]), o["reason"])
		return nil, w.step()
	case "feedback":
		return w.feedback(words[1:], o)
	case "run", "approve", "reject", "promote", "pause", "resume", "cancel", "rollback":
		return w.act(loop.Do(words[0]), o)
	case "register":
		return w.register(words[1], o)
	case "versions":
		return w.versions()
	case "snapshots":
		return w.snapshots()
	case "searches":
		return w.searches()
	case "label":
		return w.label(o)
	case "answer":
		return w.answer(o.number("n", math.MaxInt))
	case "replay":
		return w.replay(words[1])
	case "runs":
		return w.runs()
	case "forecasts":
		return w.forecasts()
	case "receipts":
		return w.receipts()
	case "costs":
		return w.costs()
	case "verdicts":
		return w.verdicts(o["run"])
	case "guards":
		return w.guards(o["run"])
	case "decisions":
		return w.newDecisions()
	case "events":
		return w.newEvents()
	case "aliases":
		return w.aliases()
	case "report":
		return w.report(o)
	case "plan":
		d, err := w.app.Loop().Plan(model)
		out := []string{d.Sentence}
		for _, r := range d.Reasons {
			if r.Guard == "" && o["reasons"] != "" {
				out = append(out, fmt.Sprintf("%s%s fired %v, unknown %v: %s", strings.Repeat("  ", r.Depth), r.Trigger, r.Fired, r.Unknown, r.Sentence))
			}
		}
		return out, err
	}
	return w.look(words, o)
}

func must(s string) int { return options{"n": s}.number("n", 0) }

// look does the commands that show one thing.
func (w *world) look(words []string, o options) ([]string, error) {
	v, err := w.app.Loop().View(model)
	if err != nil {
		return nil, err
	}
	switch words[0] {
	case "status":
		mood, sentence := op.Sentence(v)
		return []string{fmt.Sprintf("%s: %s", mood, sentence), op.Lead(v, w.clock.Now())}, nil
	case "drift":
		if v.Champion.ID == "" {
			return summaries(v), nil
		}
		out := []string{fmt.Sprintf("alarm %v, %d of %d features", v.Drift.Alarm, v.Drift.Drifted(), len(v.Model.Features))}
		for _, f := range v.Drift.Features {
			if f.Drifted {
				out = append(out, f.Feature)
			}
		}
		if v.Drift.Season > 0 {
			out = append(out, v.Drift.Sentence)
		}
		return out, nil
	case "texts":
		var out []string
		for _, f := range v.Drift.Features {
			if t := f.Text; t != nil {
				out = append(out, fmt.Sprintf("%s: %.1f %% of the words are new, %.1f %% expected, told %v, topics moved %v", f.Feature, 100*t.Unseen, 100*t.UnseenRef, len(t.New) > 0, t.TopicP < 0.001))
			}
		}
		return append(out, v.Drift.Sentence), nil
	case "together":
		got, err := w.call("drift", &op.DriftIn{Model: model, Joint: true})
		if err != nil {
			return said(err)
		}
		return []string{got.(op.Drifted).Joint.Sentence}, nil
	case "probation":
		if v.Watch == nil {
			return []string{"none"}, nil
		}
		return []string{fmt.Sprintf("over %v: %s", v.Watch.Over, v.Watch.Sentence)}, nil
	case "signal":
		for _, s := range v.Signals {
			if s.Name == words[1] && s.Slice == "" {
				return []string{fmt.Sprintf("%s %.3g on %d %s", s.Name, s.Value, s.N, s.Unknown)}, nil
			}
		}
		return []string{words[1] + " is not measured"}, nil
	case "trace":
		got, err := w.call("trace", &op.TraceIn{Prediction: words[1]})
		if err != nil {
			return said(err)
		}
		t := got.(op.Trace)
		return append([]string{t.Sentence}, t.Steps...), nil
	case "sight":
		got, err := w.call("sight", &op.ModelIn{Model: model})
		if err != nil {
			return said(err)
		}
		return []string{got.(op.Sight).Sentence}, nil
	case "performance":
		got, err := w.call("performance", &op.ModelIn{Model: model})
		if err != nil {
			return said(err)
		}
		p := got.(monitor.Performance)
		out := []string{p.Sentence}
		for _, s := range p.Matured {
			out = append(out, fmt.Sprintf("%s %.3f with labels to come, %.3f as they came, on %d %s", s.Name, s.Value, s.Plain, s.N, s.Unknown))
		}
		return out, nil
	case "checks":
		id := v.Champion.Dataset
		if all, err := w.allRuns(); err == nil && o["run"] != "" {
			for _, r := range all {
				if string(r.ID) == o["run"] {
					id = r.Dataset
				}
			}
		}
		got, err := w.call("dataset", &op.DatasetIn{Dataset: string(id)})
		if err != nil {
			return said(err)
		}
		var out []string
		for _, c := range got.(hone.Dataset).Checks {
			out = append(out, fmt.Sprintf("%s %v: %s", c.Rule, c.Passed, c.Sentence))
		}
		return out, nil
	case "verify":
		return w.verify(v)
	}
	return nil, fmt.Errorf("there is no command %q", words[0])
}

// said prints what a refusal says; other errors end the script.
func said(err error) ([]string, error) {
	e, ok := hone.AsError(err)
	if !ok {
		return nil, err
	}
	return []string{fmt.Sprintf("%s: %s (%s)", e.Code, e.Message, e.Hint)}, nil
}

func (w *world) act(do loop.Do, o options) ([]string, error) {
	a := loop.Act{Do: do, By: "ada", Reason: o["reason"], Force: o["force"] != "", Run: hone.RunID(o["run"]), Artefact: o["artefact"]}
	sentence, err := w.app.Loop().Act(w.ctx, model, a)
	if err != nil {
		out, err := said(err)
		return out, errors.Join(err, w.step())
	}
	return []string{sentence}, w.step()
}

// register adopts a file that stands under a heading of the script.
func (w *world) register(name string, o options) ([]string, error) {
	a := loop.Act{Do: loop.Register, By: "ada", Adopt: &loop.Adoption{Path: filepath.Join(w.config.Dir, name)}}
	if ago, ok := o["until"]; ok {
		a.Adopt.TrainedUntil = w.clock.Now().Add(options{"d": ago}.duration("d", 0))
	}
	sentence, err := w.app.Loop().Act(w.ctx, model, a)
	if err != nil {
		out, err := said(err)
		return out, errors.Join(err, w.step())
	}
	return []string{sentence}, w.step()
}

func (w *world) versions() (out []string, err error) {
	got, err := w.call("versions", &op.ModelIn{Model: model})
	if err != nil {
		return nil, err
	}
	for _, v := range got.(op.VersionList).Versions {
		out = append(out, fmt.Sprintf("%s %s by %s, %d rows, rows after %s judge it, baseline %.3f", v.ID, v.Format, v.Trainer, v.TrainedRows, v.TrainedUntil.UTC().Format(time.DateTime), v.Baseline["loss"]))
	}
	return out, nil
}

// snapshots says of each what it goes on from and how much it has learned, and whether
// another has its artefact.
func (w *world) snapshots() (out []string, err error) {
	got, err := w.call("versions", &op.ModelIn{Model: model})
	if err != nil {
		return nil, err
	}
	twin := map[string]hone.VersionID{}
	for _, v := range got.(op.VersionList).Versions {
		if v.Learned == 0 {
			continue
		}
		line := fmt.Sprintf("%s from %s, %d labels", v.ID, v.Parent, v.Learned)
		if other := twin[v.Artefact]; other != "" {
			line += ", the same as " + string(other)
		}
		twin[v.Artefact] = v.ID
		out = append(out, line)
	}
	return out, nil
}

func (w *world) searches() (out []string, err error) {
	got, err := w.call("versions", &op.ModelIn{Model: model})
	if err != nil {
		return nil, err
	}
	for _, v := range got.(op.VersionList).Versions {
		s := v.Search
		if s == nil {
			out = append(out, fmt.Sprintf("%s: no search", v.ID))
			continue
		}
		names := slices.Sorted(maps.Keys(s.Found))
		line := fmt.Sprintf("%s: %s, %d trials on %d rows, %d failed; loses %.4f, configured %.4f, found %s; trained with %d params %s",
			v.ID, s.Method, s.Trials, s.Rows, s.Failed, s.Loss, s.Configured, strings.Join(names, " "), len(v.Params), s.Stopped)
		if s.Cost > 0 {
			line += fmt.Sprintf("; cost %.1f", s.Cost)
		}
		out = append(out, line)
	}
	return out, nil
}

func (w *world) feedback(words []string, o options) ([]string, error) {
	item := op.FeedbackItem{PredictionID: hone.PredictionID(words[0])}
	if c, ok := o["correction"]; ok {
		item.Correction = c
	} else {
		item.Label = words[1]
	}
	if ago, ok := o["ago"]; ok {
		item.Time = w.clock.Now().Add(-options{"d": ago}.duration("d", 0))
	}
	got, err := w.call("feedback", &op.FeedbackIn{Model: model, Items: []op.FeedbackItem{item}})
	if err != nil {
		return said(err)
	}
	return []string{fmt.Sprint(got.(op.FeedbackOut).Effects)}, w.step()
}

// stamp writes a time as the scripts read it.
func stamp(t time.Time) string { return t.UTC().Format("Mon 02 15:04:05") }

func (w *world) allRuns() ([]hone.Run, error) {
	got, err := w.call("runs", &op.ListIn{Model: model, Limit: 1000})
	if err != nil {
		return nil, err
	}
	out := got.(op.RunList).Runs
	slices.Reverse(out)
	return out, nil
}

func (w *world) runs() ([]string, error) {
	all, err := w.allRuns()
	var out []string
	for _, r := range all {
		state := string(r.State)
		if r.Ending != "" {
			state = string(r.Ending)
		}
		out = append(out, fmt.Sprintf("%s %s by %s: %s", r.ID, state, r.Decision.Trigger, r.Sentence))
	}
	return out, err
}

// report prints what Hone saved or lost against other policies since a length of time.
func (w *world) report(o options) ([]string, error) {
	got, err := w.call("report", &op.ReportIn{Model: model, Since: hone.Duration(o.duration("since", 0))})
	if err != nil {
		return said(err)
	}
	c := got.(op.Reports).Reports[0]
	out := []string{c.Sentence, c.Objective.Sentence}
	for _, a := range c.Policies {
		out = append(out, fmt.Sprintf("%s: %s", a.Verdict, a.Sentence))
	}
	return out, nil
}

// costs prints what runs cost, without the hours, which vary.
func (w *world) costs() (out []string, err error) {
	all, err := w.allRuns()
	for _, r := range all {
		if s := r.Spent; s != nil {
			out = append(out, fmt.Sprintf("%s to cost %s, cost %s %s: trainers said %s, %d labels", r.ID, say.Num(r.Decision.Cost), say.Num(s.Cost), s.Currency, say.Num(s.Said), s.Labels))
		}
	}
	return out, err
}

func (w *world) forecasts() (out []string, err error) {
	all, err := w.allRuns()
	for _, r := range all {
		switch f := r.Decision.Forecast; {
		case f == nil:
			out = append(out, fmt.Sprintf("%s: none", r.ID))
		case f.Unknown != "":
			out = append(out, fmt.Sprintf("%s: none, aside %t: %s", r.ID, f.Aside, f.Unknown))
		default:
			out = append(out, fmt.Sprintf("%s: %.3g of %.3g measured over %d rows, %.3g to %.3g, aside %t", r.ID, f.Gain, f.Measured, f.Rows, f.Lower, f.Upper, f.Aside))
		}
	}
	return out, err
}

func (w *world) receipts() ([]string, error) {
	all, err := w.allRuns()
	var out []string
	for _, r := range all {
		if r.Receipt != nil {
			out = append(out, fmt.Sprintf("%s over %t: %s", r.ID, r.Receipt.Over, r.Receipt.Sentence))
		}
	}
	return out, err
}

func (w *world) verdicts(id string) ([]string, error) {
	all, err := w.allRuns()
	var out []string
	for _, r := range all {
		if string(r.ID) != id && id != "" || len(r.Verdicts) == 0 {
			continue
		}
		out = out[:0]
		for _, v := range r.Verdicts {
			name := v.Gate
			if v.Slice != "" {
				name += " " + v.Slice
			}
			out = append(out, fmt.Sprintf("%s %s: %s", name, v.Standing(), v.Sentence))
		}
	}
	return out, err
}

// guards prints those of the owner that a rollout is, or was, judged by.
func (w *world) guards(id string) ([]string, error) {
	got, err := w.call("show", &op.RunIn{Run: id})
	if err != nil {
		return said(err)
	}
	run := got.(hone.Run)
	if run.Rollout == nil {
		return []string{"no rollout"}, nil
	}
	var out []string
	for _, v := range run.Rollout.Verdicts {
		if strings.Contains(v.Gate, ".") {
			out = append(out, fmt.Sprintf("%s %s %s: %.4f, between %.4f and %.4f, at most %.4f, of %d: %s", v.Gate, v.Slice, v.Result, v.Value, v.Lower, v.Upper, v.Limit, v.N, v.Sentence))
		}
	}
	return out, nil
}

// newDecisions prints what was decided since the last time.
func (w *world) newDecisions() ([]string, error) {
	got, err := w.call("decisions", &op.ListIn{Model: model, Limit: 1000})
	if err != nil {
		return nil, err
	}
	all := got.(op.DecisionList).Decisions
	slices.Reverse(all)
	var out []string
	for _, d := range all[w.decisions:] {
		out = append(out, stamp(d.At)+" "+d.Sentence)
	}
	w.decisions = len(all)
	return out, nil
}

// newEvents prints the audit's events since the last time.
func (w *world) newEvents() ([]string, error) {
	got, err := w.call("export", &op.AuditIn{After: w.events, Limit: 10000})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range got.(op.AuditList).Events {
		out = append(out, fmt.Sprintf("%s %s %s: %s", stamp(e.At), e.Actor, e.Action, e.Sentence))
		w.events = e.Seq
	}
	return out, nil
}

func (w *world) aliases() ([]string, error) {
	v, err := w.app.Loop().View(model)
	var out []string
	for _, a := range []hone.Alias{hone.Champion, hone.Candidate, hone.Challenger, hone.Previous} {
		if v.Aliases[a] != "" {
			out = append(out, fmt.Sprintf("%s=%s", a, v.Aliases[a]))
		}
	}
	return []string{strings.Join(out, " ")}, err
}

// verify checks what must hold at any time: the audit chain is whole, there is
// one champion, the plan that the gateway has and the history of the aliases
// name it, and every dataset can be rebuilt from the log.
func (w *world) verify(v loop.View) ([]string, error) {
	got, err := w.call("audit verify", &op.VerifyIn{})
	if err != nil || !got.(op.Verified).Whole {
		return nil, fmt.Errorf("the audit: %v, %w", got, err)
	}
	champion, history := hone.VersionID(""), map[hone.Alias]hone.VersionID{}
	if list, err := w.call("versions", &op.ModelIn{Model: model}); err != nil {
		return nil, err
	} else {
		for _, m := range list.(op.VersionList).History {
			history[m.Alias] = m.Version
		}
		champion = history[hone.Champion]
	}
	plan, err := w.app.Service().Events.(interface {
		Plan(ctx context.Context, model string) (hone.Plan, error)
	}).Plan(w.ctx, model)
	if e, ok := hone.AsError(err); err != nil && !(ok && e.Code == hone.NotFound) {
		return nil, err
	}
	if champion != v.Champion.ID || champion != v.Aliases[hone.Champion] || champion != plan.Champion {
		return nil, fmt.Errorf("champion %s by history, %s in view, %s by alias, %s in plan", champion, v.Champion.ID, v.Aliases[hone.Champion], plan.Champion)
	}
	if challenger := v.Aliases[hone.Challenger]; v.Run == nil && (challenger != "" || plan.Challenger != "" || plan.Shadow != "") {
		return nil, fmt.Errorf("no run is under way, and the challenger is %q, the plan %+v", challenger, plan)
	}
	all, err := w.allRuns()
	n := 0
	for _, r := range all {
		if r.Dataset == "" {
			continue
		}
		got, err := w.call("dataset rebuild", &op.DatasetIn{Dataset: string(r.Dataset)})
		if err != nil || !got.(op.Rebuilt).Same {
			b, _ := json.Marshal(got)
			return nil, fmt.Errorf("rebuild the dataset of %s: %s, %v", r.ID, b, err)
		}
		n++
	}
	return []string{fmt.Sprintf("audit whole; champion %q; %d datasets rebuilt equal", champion, n)}, err
}

// summaries says what features look like while there is no champion.
func summaries(v loop.View) (out []string) {
	out = []string{"no champion"}
	for _, s := range v.Summaries {
		line := fmt.Sprintf("%s on %d rows, %.1f %% missing", s.Feature, s.N, 100*s.Missing)
		if q := s.Quantiles; q != nil {
			line += fmt.Sprintf(", %.3g to %.3g, median %.3g", q.Min, q.Max, q.Median)
		}
		out = append(out, line)
	}
	return out
}
