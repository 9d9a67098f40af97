package config

import (
	"maps"
	"slices"
	"time"

	"hone"
)

const day = hone.Duration(24 * time.Hour)

// Defaults fills in what m leaves unset. A false WarmStart cannot be told from
// an unset one and becomes true: set it, like any other intended zero,
// afterwards. Parse does that for what a file says.
func Defaults(m *hone.Model) {
	if m.Task == hone.Binary {
		or(&m.Label.Positive, "1")
	}
	kind := hone.ZeroOne
	if m.Task == hone.Regression {
		kind = hone.Squared
	}
	or(&m.Loss.Kind, kind)
	or(&m.Monitor.Window, 1000)
	or(&m.Monitor.Late, m.Monitor.Every/10)

	or(&m.Dataset.Window, "auto")
	or(&m.Dataset.Holdout, 0.2)
	or(&m.Dataset.MaxRows, 200_000)
	or(&m.Dataset.MinRows, 200)
	or(&m.Dataset.MaxPerUser, 0.01)
	or(&m.Dataset.MaxPerSource, 0.2)

	or(&m.Train.Trainer, "linear")
	m.Train.WarmStart = true
	or(&m.Train.Limits.Time, hone.Duration(30*time.Minute))
	or(&m.Train.Limits.Memory, 4<<30)
	or(&m.Train.Limits.Output, 2<<30)
	or(&m.Train.Sandbox, "best_effort")

	if m.Train.Search != nil {
		filled := *m.Train.Search
		or(&filled.Method, "tpe")
		or(&filled.Parallel, 1)
		or(&filled.Time, m.Train.Limits.Time/2)
		m.Train.Search = &filled
	}

	or(&m.Guards.Cooldown, hone.Duration(time.Hour))
	or(&m.Guards.MaxPerDay, 4)
	or(&m.Guards.MaxPerMonth, max(40, m.Guards.MaxPerDay))
	or(&m.Guards.MinNewLabels, 200)

	if len(m.Deliver.Command) > 0 {
		or(&m.Deliver.Timeout, hone.Duration(10*time.Minute))
	}
	m.Metrics = defaultMetrics(m.Metrics)
	or(&m.Evidence, hone.Balanced)
	or(&m.Approval, hone.Auto)
	or(&m.Log, hone.Buffered)
	or(&m.Retention, 90*day)

	m.Triggers = defaultTriggers(m.Triggers)
	if b := &m.Guards.Budget; b.PerDay > 0 || b.PerMonth > 0 {
		or(&b.RunCost, max(0, float64(retrainCost(m.Triggers)))) // What auto comes to is not known yet.
	}
	or(&m.Rollout.Strategy, "canary")
	or(&m.Rollout.Probation.Labels, 3000)
	or(&m.Rollout.Patience, defaultPatience(m.Rollout, m.Evidence))
	m.Rollout.Steps = defaultSteps(m.Rollout, m.Evidence)
}

// defaultMetrics returns a copy with the defaults.
func defaultMetrics(in map[string]hone.Metric) map[string]hone.Metric {
	out := maps.Clone(in)
	for name, metric := range out {
		or(&metric.Direction, hone.Higher)
		or(&metric.Timeout, hone.Duration(time.Minute))
		or(&metric.Memory, 1<<30)
		out[name] = metric
	}
	return out
}

// or sets what is still zero.
func or[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

func defaultTriggers(in []hone.Trigger) []hone.Trigger {
	if len(in) == 0 {
		in = []hone.Trigger{{RecoverableLoss: &hone.RecoverableLoss{}}}
	}
	return fillTriggers(in)
}

// fillTriggers returns copies with their defaults, those inside combinations
// too.
func fillTriggers(in []hone.Trigger) []hone.Trigger {
	out := slices.Clone(in)
	for i := range out {
		t := &out[i]
		if r := t.RecoverableLoss; r != nil {
			filled := *r
			or(&filled.RetrainCost, 100)
			or(&filled.Reuse, 5)
			filled.Blind = fillSchedule(filled.Blind)
			t.RecoverableLoss = &filled
		}
		t.Schedule = fillSchedule(t.Schedule)
		t.Any, t.All = fillTriggers(t.Any), fillTriggers(t.All)
		if a := t.AtLeast; a != nil {
			t.AtLeast = &hone.AtLeast{N: a.N, Of: fillTriggers(a.Of)}
		}
	}
	return out
}

// fillSchedule returns a copy with its defaults, or nil.
func fillSchedule(s *hone.Schedule) *hone.Schedule {
	if s == nil {
		return nil
	}
	filled := *s
	or(&filled.TimeZone, "UTC")
	return &filled
}

// retrainCost is what a retrain costs by the first trigger that says so, or 0.
func retrainCost(all []hone.Trigger) hone.Price {
	for _, t := range all {
		if t.RecoverableLoss != nil {
			return t.RecoverableLoss.RetrainCost
		}
		inside := slices.Concat(t.Any, t.All)
		if t.AtLeast != nil {
			inside = append(inside, t.AtLeast.Of...)
		}
		if cost := retrainCost(inside); cost != 0 {
			return cost
		}
	}
	return 0
}

// defaultPatience is little where nobody said how long steps are, and steps are no proof.
func defaultPatience(r hone.RolloutSpec, evidence hone.Evidence) float64 {
	if len(r.Steps) > 0 || evidence == hone.Strict {
		return 1
	}
	return 0.005
}

// defaultSteps gives every strategy the same shape: shadows, then rising
// weights, then all of the traffic.
func defaultSteps(r hone.RolloutSpec, evidence hone.Evidence) []hone.Step {
	out := slices.Clone(r.Steps)
	if len(out) == 0 {
		out = []hone.Step{{Shadow: 300}, {Weight: 0.5}}
		if evidence == hone.Strict {
			out = []hone.Step{{Shadow: 1000}, {Weight: 0.01}, {Weight: 0.05}, {Weight: 0.25}, {Weight: 0.5}}
		}
	}
	switch r.Strategy {
	case "immediate":
		out = nil
	case "blue_green":
		out = slices.DeleteFunc(out, func(s hone.Step) bool { return s.Shadow == 0 })
	}
	if len(out) == 0 || out[len(out)-1].Weight < 1 {
		out = append(out, hone.Step{Weight: 1})
	}
	for i := range out {
		s := &out[i]
		if s.Weight >= 1 {
			continue
		}
		if s.Shadow == 0 {
			or(&s.MinRequests, 200)
		}
		or(&s.MaxWait, 2*day)
		or(&s.OnInsufficient, "hold")
	}
	return out
}
