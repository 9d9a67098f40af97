// Package demo plays the users of a model: a generator of traffic with known
// drift, labels that come late, and a timeline that tells how the loop answers.
// It speaks to Hone as any client does, over HTTP.
package demo

import (
	"fmt"
	"strings"

	"hone"
	"hone/internal/stream"
)

// historyRows are loaded before anything is served, and steadyRows served
// before the drift.
const (
	historyRows = 3000
	steadyRows  = 3000
)

// Scenario is one story with a known end.
type Scenario struct {
	Name  string
	Story string // What happens, in one sentence.
	// Source makes the traffic; row numbers begin with the history.
	Source func(seed uint64) stream.Stream
	// Config of the model, below its features.
	config string
	// Expect is the ending that the run after the drift must have; empty when no
	// run may start.
	Expect hone.Ending
}

// driftRow is the row at which the world changes.
const driftRow = historyRows + steadyRows

func afterDrift(before, after int) func(int) int {
	return func(i int) int {
		if i < driftRow {
			return before
		}
		return after
	}
}

func sea(seed uint64) stream.Stream { return stream.NewSEA(seed, afterDrift(2, 3), 0.05) }

// seaSteps has more canary requests than the leak needs to show.
const seaSteps = "{strategy: canary, steps: [{shadow: 300}, {weight: 50%, min_requests: 600}, {weight: 100%}], probation: {labels: 1500}}"

const usualSteps = "{strategy: canary, steps: [{shadow: 300}, {weight: 50%, min_requests: 200}, {weight: 100%}], probation: {labels: 1500}}"

// Scenarios are the stories that can be played.
var scenarios = []Scenario{
	{Name: "drift", Story: "the rule that decides the label changes at once", Source: sea, Expect: hone.Promoted,
		config: "train: {trainer: linear}\n    rollout: " + usualSteps},
	{Name: "gradual", Story: "the rule that decides the label turns slowly", Expect: hone.Promoted,
		Source: func(seed uint64) stream.Stream { return stream.NewHyperplane(seed, 6, 0.00006, 0.05) },
		config: "train: {trainer: linear}\n    rollout: " + usualSteps},
	{Name: "agrawal", Story: "loan applications are decided by another rule at once", Expect: hone.Promoted,
		Source: func(seed uint64) stream.Stream { return stream.NewAgrawal(seed, afterDrift(0, 6), 0.05) },
		config: "train: {trainer: linear}\n    rollout: " + usualSteps},
	{Name: "bad-candidate", Story: "the rule changes, and the training code has a bug: it learns the labels upside down", Source: sea, Expect: hone.Rejected,
		config: "train: {trainer: command, command: [HONE, demo-part, trainer, flipped]}\n    rollout: " + usualSteps},
	{Name: "bad-rollout", Story: "the rule changes, and the new model's server dies after 500 requests", Source: sea, Expect: hone.RolledBack,
		config: "train: {trainer: command, command: [HONE, demo-part, trainer, leaking]}\n    rollout: " + seaSteps},
	{Name: "harmless-drift", Story: "three features move far, and the rule stays right where they go",
		Source: func(seed uint64) stream.Stream { return stream.NewCovariate(seed, driftRow) },
		config: "train: {trainer: linear}\n    rollout: " + usualSteps},
}

// Find returns the scenario of a name.
func Find(name string) (Scenario, error) {
	var names []string
	for _, s := range scenarios {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Scenario{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("there is no scenario %q", name), Hint: "choose one of " + strings.Join(names, ", ")}
}

// Model is the name that a scenario's model has.
const Model = "demo"

// Config writes the configuration of a scenario. The program is this binary,
// which the broken trainers are part of.
func (s Scenario) Config(program, data string) string {
	var features []string
	for _, f := range s.Source(1).Schema() {
		features = append(features, fmt.Sprintf("%s: %s", f.Name, f.Kind))
	}
	return fmt.Sprintf(`version: 1
server: {data: %q}
models:
  %s:
    task: binary
    features: {%s}
    label: {name: label, positive: "1"}
    loss: zero_one
    monitor: {window: 500, tick: 100}
    triggers:
      - recoverable_loss: {retrain_cost: 30}
    guards: {cooldown: 3s, max_per_day: 8, min_new_labels: 200}
    %s
`, data, Model, strings.Join(features, ", "), strings.ReplaceAll(s.config, "HONE", fmt.Sprintf("%q", program)))
}
