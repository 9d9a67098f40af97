package config

import (
	"fmt"
	"strings"

	"hone"
)

// explain says what follows from a change of one model.
func explain(c *Change, a, b hone.Model) {
	const notComparable = "Losses and verdicts before and after cannot be compared; it is refused while a run is under way."
	key, _, _ := strings.Cut(c.Path, ".")
	switch key {
	case "task":
		c.Means = "A model that has a champion refuses this; add a model of another name."
	case "serving":
		c.Means = "From now on Hone answers this model's predictions. It is refused while a run is under way."
		if b.Elsewhere() {
			c.Means = "From now on Hone refuses this model's predictions and goes by those that are logged. It is refused while a run is under way."
		}
	case "deliver":
		c.Means = "The plan in force is delivered anew."
	case "features":
		c.Means = "The schema changes: the champion answers from the features it knows until a new version is trained. It is refused while a run is under way."
	case "loss":
		c.Means = notComparable
	case "label":
		explainLabel(c)
	case "costs":
		c.Means = "It prices what comes; what runs cost stays as it was recorded, and decisions as they were made."
	case "slices":
		c.Means = "Numbers by slice begin anew."
	case "monitor":
		c.Means = "The watch on the champion is read again from the log, on the new windows."
	case "dataset":
		c.Means = "It holds for the next dataset."
	case "validation":
		c.Means = "It holds for the next dataset; what is there already keeps its checks."
	case "train":
		c.Means = "It holds for the next training."
	case "triggers":
		explainTrigger(c)
	case "guards":
		explainGuard(c, a.Guards, b.Guards)
	case "gates":
		explainGate(c, a, b)
	case "evidence":
		c.Effect, c.Means = "looser", "A candidate no longer has to be proven better before it gets traffic."
		if b.Evidence == hone.Strict {
			c.Effect, c.Means = "tighter", "A candidate must be proven better before it gets traffic."
		}
	case "approval":
		c.Effect, c.Means = "looser", "Candidates that pass their gates go on without a person."
		if b.Approval == hone.Manual {
			c.Effect, c.Means = "tighter", "Each candidate waits for a person."
		}
	case "rollout":
		explainRollout(c, a.Rollout, b.Rollout)
	case "log":
		c.Means = "Answers go out before they are stored; a crash may lose the last 100 ms of them."
		if b.Log == hone.Durable {
			c.Means = "Answers go out once they are stored, and so later."
		}
	case "retention":
		if b.Retention < a.Retention {
			c.Means = "What is older is dropped within the hour, once no other model keeps it longer."
		}
	}
}

func explainLabel(c *Change) {
	switch c.Path {
	case "label.name":
		c.Means = "The labels so far count as labels of the new name; if it means something else, add a model of another name."
	case "label.positive":
		c.Means = "A model that has a champion refuses this; add a model of another name."
	case "label.delay":
		c.Means = "What counts as a mature label changes, also for what came before. It is refused while a run is under way."
	default:
		c.Means = "What counts as a label changes. It is refused while a run is under way."
	}
}

func explainTrigger(c *Change) {
	switch {
	case c.Old == "":
		c.Means = "One more thing can start a run; it is looked at at once."
	case c.New == "":
		c.Means = "This no longer starts a run."
	default:
		c.Means = "The triggers are looked at at once."
	}
}

func explainGuard(c *Change, a, b hone.Guards) {
	switch c.Path {
	case "guards.cooldown":
		c.Effect = effect(a.Cooldown, b.Cooldown, true)
	case "guards.max_per_day":
		c.Effect = effect(a.MaxPerDay, b.MaxPerDay, false)
	case "guards.max_per_month":
		c.Effect = effect(a.MaxPerMonth, b.MaxPerMonth, false)
	case "guards.min_new_labels":
		c.Effect = effect(a.MinNewLabels, b.MinNewLabels, true)
	default:
		c.Means = "What holds runs back changes."
	}
	switch c.Effect {
	case "tighter":
		c.Means = "Runs are held back more."
	case "looser":
		c.Means = "Runs are held back less."
	}
}

// explainGate tells a gate that asks more from one that asks less.
func explainGate(c *Change, a, b hone.Model) {
	old, now := gateOf(a.Gates, c.Old), gateOf(b.Gates, c.New)
	switch {
	case old == nil && now == nil:
		c.Means = "The order of the gates says nothing."
	case old == nil:
		c.Effect, c.Means = "tighter", "A candidate must pass one check more."
		if standsIn(*now) {
			c.Effect, c.Means = "", "It stands in the place of the default gate on "+now.Metric+"."
		}
	case now == nil:
		c.Effect, c.Means = "looser", "A candidate must pass one check less."
		if standsIn(*old) {
			c.Effect, c.Means = "", "The default gate on "+old.Metric+" stands again in its place."
		}
	default:
		c.Effect = gateEffect(*old, *now)
		c.Means = map[string]string{"tighter": "A candidate must do better to pass.", "looser": "A worse candidate may pass.",
			"": "Whether it asks more or less depends on the candidate."}[c.Effect]
	}
}

// standsIn tells whether a gate holds in the place of a default one.
func standsIn(g hone.Gate) bool {
	return g.Metric == calibration || g.Max != nil && (g.Metric == "latency_p99" || g.Metric == "memory")
}

func gateOf(all []hone.Gate, text string) *hone.Gate {
	for i := range all {
		if gateText(all[i]) == text {
			return &all[i]
		}
	}
	return nil
}

// gateEffect is empty where one bound asks more and another less.
func gateEffect(a, b hone.Gate) string {
	seen := map[string]bool{}
	for _, bound := range []struct {
		old, now *float64
		tighter  bool // More is tighter.
	}{{a.MinChange, b.MinChange, true}, {a.MaxRegression, b.MaxRegression, false}, {a.Max, b.Max, false}, {a.Min, b.Min, true}} {
		switch {
		case bound.old == nil && bound.now == nil:
		case bound.old == nil:
			seen["tighter"] = true
		case bound.now == nil:
			seen["looser"] = true
		default:
			seen[effect(*bound.old, *bound.now, bound.tighter)] = true
		}
	}
	seen[effect(a.Slices, b.Slices, true)] = true
	seen[effect(a.MaxFailures, b.MaxFailures, false)] = true
	delete(seen, "")
	if len(seen) != 1 {
		return ""
	}
	if seen["tighter"] {
		return "tighter"
	}
	return "looser"
}

func explainRollout(c *Change, a, b hone.RolloutSpec) {
	switch {
	case c.Path == "rollout.probation.labels":
		c.Effect = effect(a.Probation.Labels, b.Probation.Labels, true)
		c.Means = fmt.Sprintf("It holds for the next champion: a probation of %d labels in the place of %d.", b.Probation.Labels, a.Probation.Labels)
	case c.Path == "rollout.guardrails":
		c.Means = "It holds at once; a rollout under way is counted anew."
		switch {
		case c.Old == "":
			c.Effect = "tighter"
		case c.New == "":
			c.Effect = "looser"
		}
	case c.Path == "rollout.sticky_by":
		c.Means = "Users may change sides once when the next step begins."
	default:
		c.Means = "It holds for the next rollout; one under way keeps its steps."
	}
}
