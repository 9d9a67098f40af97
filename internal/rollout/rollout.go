// Package rollout moves a proven candidate towards all of the traffic, step by
// step, and back as soon as it does harm. Counting answers and routing them by
// the plan are left to loop and gateway.
package rollout

import (
	"time"

	"hone"
	"hone/internal/say"
)

// Action is what a rollout does next.
type Action string

// The actions.
const (
	Stay     Action = "stay"
	StepOn   Action = "step" // The next step began; the rollout returned stands at it.
	Promote  Action = "promote"
	Rollback Action = "rollback"
	Ask      Action = "ask"  // A person must decide; nothing moves until then.
	Hold     Action = "hold" // Too little traffic for too long; it stays and says so.
)

const (
	defaultShadow  = 500
	defaultWeight  = 0.5
	defaultMin     = 200
	defaultMaxWait = hone.Duration(48 * time.Hour)
)

// Begin returns the rollout of v at its first step, for a run that d started. The number
// fromSeq is the model's last prediction so far: only later ones count. The salt decides
// who is a guinea pig; it must differ from one rollout to the next.
func Begin(m hone.Model, v hone.VersionID, d hone.Decision, at time.Time, fromSeq int64, salt string) hone.Rollout {
	r := hone.Rollout{Version: v, Steps: steps(m.Rollout), Since: at, From: fromSeq, Salt: salt}
	r.Hurry = hurry(m, d, r.Steps)
	return r
}

// steps returns the steps of a strategy with their defaults filled in. The last
// is 100 %.
func steps(spec hone.RolloutSpec) []hone.Step {
	var out []hone.Step
	for _, s := range spec.Steps {
		shadow := s.Shadow > 0
		if spec.Strategy == "immediate" || (spec.Strategy == "blue_green" && !shadow) {
			continue
		}
		if shadow || (s.Weight > 0 && s.Weight < 1) {
			out = append(out, s)
		}
	}
	if len(spec.Steps) == 0 && spec.Strategy != "immediate" {
		out = append(out, hone.Step{Shadow: defaultShadow})
		if spec.Strategy != "blue_green" {
			out = append(out, hone.Step{Weight: defaultWeight})
		}
	}
	out = append(out, hone.Step{Weight: 1})
	for i := range out {
		if out[i].MinRequests <= 0 && out[i].Shadow == 0 {
			out[i].MinRequests = defaultMin
		}
		if out[i].MaxWait <= 0 {
			out[i].MaxWait = defaultMaxWait
		}
		if out[i].OnInsufficient == "" {
			out[i].OnInsufficient = "hold"
		}
	}
	return out
}

// Advance judges the step under way by what was seen of it and says what to do,
// with one sentence. It is a pure function, and may be called as often as
// wanted: its guards are valid at every look. A step of 100 % is a promotion.
// Verdicts of the rollout returned are those of the step just judged. Pausing,
// or waiting for a person, holds the steps but never the guards.
func Advance(m hone.Model, r hone.Rollout, h hone.Health, now time.Time, lastSeq int64) (hone.Rollout, Action, string) {
	who := m.Name + " " + string(r.Version)
	if r.Step < 0 || r.Step >= len(r.Steps) {
		return r, Hold, who + " stays where it is: its rollout has no such step."
	}
	step := r.Steps[r.Step]
	last := step.Shadow == 0 && step.Weight >= 1
	if !last {
		r.Verdicts = judge(m.Guardrails(), step, h)
		for _, v := range r.Verdicts {
			if v.Result == hone.Fail {
				return r, Rollback, who + " is rolled back: " + v.Sentence
			}
		}
	}
	switch {
	case r.Paused:
		return r, Stay, who + " is paused at " + place(step) + "."
	case r.Ask != "":
		return r, Stay, r.Ask
	case last:
		return r, Promote, who + " takes all of the traffic."
	}
	missing := blocking(r.Verdicts)
	if missing == nil {
		return next(m, r, h, now, lastSeq)
	}
	if now.Sub(r.Since) < time.Duration(step.MaxWait) {
		return r, Stay, who + " stays at " + place(step) + ": " + missing.Sentence
	}
	return insufficient(who, r, step, *missing)
}

// next leaves a step that was passed.
func next(m hone.Model, r hone.Rollout, h hone.Health, now time.Time, lastSeq int64) (hone.Rollout, Action, string) {
	who := m.Name + " " + string(r.Version)
	proof := " after " + say.Count(h.Canary.Requests, "answer", "answers") + " without harm"
	if r.Steps[r.Step].Shadow > 0 {
		proof = " after " + say.Count(h.Canary.Requests, "shadow answer", "shadow answers") + " without harm"
	}
	if h.Quality.N == 0 {
		proof += ", judged without labels"
	}
	r.Step++
	r.Since, r.From, r.Outlook = now, lastSeq, nil
	if r.Step >= len(r.Steps) || (r.Steps[r.Step].Shadow == 0 && r.Steps[r.Step].Weight >= 1) {
		r.Step = min(r.Step, len(r.Steps)-1)
		return r, Promote, who + " takes all of the traffic" + proof + "."
	}
	return r, StepOn, who + " goes on to " + place(r.Steps[r.Step]) + proof + "."
}

// insufficient does what the owner wants done when a step's time is over and it
// still cannot be judged.
func insufficient(who string, r hone.Rollout, s hone.Step, missing hone.Verdict) (hone.Rollout, Action, string) {
	since := " within " + s.MaxWait.String() + " at " + place(s) + ": " + missing.Sentence
	switch s.OnInsufficient {
	case "ask":
		r.Ask = who + " could not be judged" + since + " Promote it or roll it back."
		return r, Ask, r.Ask
	case "promote":
		if missing.Gate == "quality" {
			break // Too little traffic may be put up with, broken numbers may not.
		}
		return r, Promote, who + " is promoted without proof, as configured; it could not be judged" + since
	case "rollback":
		return r, Rollback, who + " is rolled back, as configured; it could not be judged" + since
	}
	return r, Hold, who + " is held; it could not be judged" + since
}

// Judge gives the verdicts of a step again, by what was seen of it.
func Judge(m hone.Model, s hone.Step, h hone.Health) []hone.Verdict {
	return judge(m.Guardrails(), s, h)
}

// Blocks names the guard that keeps a step from being passed, empty where none does.
func Blocks(verdicts []hone.Verdict) string {
	if v := blocking(verdicts); v != nil {
		return v.Gate
	}
	return ""
}

func place(s hone.Step) string {
	if s.Shadow > 0 {
		return "shadow"
	}
	return say.Percent(s.Weight) + " of the traffic"
}
