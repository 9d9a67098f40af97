package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"hone"
)

// currency is what a currency may be called: a short word, or a sign.
var currency = regexp.MustCompile(`^(\p{L}{1,12}|\p{Sc})$`)

// costs holds the prices of a model against each other.
func (c *checker) costs() {
	switch p := c.m.Costs; {
	case c.failedUnder("costs"):
	case p.Currency != "" && !currency.MatchString(p.Currency):
		c.fault("costs.currency", "write EUR, for example", "%q is no name of a currency, which has at most 12 letters and nothing else", clip(p.Currency, 40))
	case p.Currency != "" && p.Loss == 0:
		c.fault("costs.loss", "add loss: 0.5, what one unit of the loss costs in "+p.Currency, "the key %q is missing", "loss")
	case p.Currency == "" && p.Loss != 0:
		c.fault("costs.loss", "add currency: EUR, or take it out", "a unit of the loss has a price in a currency, and there is none")
	}
}

// sharing holds the models against the budget that they share.
func (r reading) sharing() (out Errors) {
	at, there := r.places["budget"]
	if !there {
		return nil
	}
	fault := func(hint, format string, args ...any) {
		out = append(out, Problem{Line: at.value.line, Column: at.value.col, Path: "budget", Hint: hint, Message: fmt.Sprintf(format, args...)})
	}
	if r.Budget == (hone.SharedBudget{}) {
		fault("add per_day or per_month", "the budget has no cap")
	}
	first := ""
	for _, name := range slices.Sorted(maps.Keys(r.Models)) {
		m := r.Models[name]
		switch of := m.Costs.Currency; {
		case of == "":
			fault("add costs: {currency: EUR, loss: 0.5} to it; the models of a budget have one currency", "%s has no currency", name)
		case first != "" && of != r.Models[first].Costs.Currency:
			fault("give all models one currency", "%s counts in %s, and %s in %s", first, r.Models[first].Costs.Currency, name, of)
		case m.Guards.Budget.RunCost == 0 && retrainCost(m.Triggers) == 0:
			fault("add a recoverable_loss trigger with its retrain_cost, or guards: {budget: {run_cost: 5, per_month: 300}}", "what a run of %s costs is not known", name)
		}
		if first == "" && m.Costs.Currency != "" {
			first = name
		}
	}
	return out
}
