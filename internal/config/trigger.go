package config

import (
	"errors"
	"fmt"

	"hone"
	"hone/internal/expr"
)

// maxNesting is how deep combinations of triggers may stand in one another.
const maxNesting = 3

// triggers holds each rule, those inside combinations too, against what it says.
func (c *checker) triggers(all []hone.Trigger, path string, depth int) {
	for i := range all {
		c.trigger(all[i], fmt.Sprintf("%s[%d]", path, i), depth)
	}
}

func (c *checker) trigger(t hone.Trigger, key string, depth int) {
	if p := t.Performance; p != nil {
		c.performance(p, key+".performance")
	}
	if s := t.Schedule; s != nil && !c.failedUnder(key+".schedule") {
		c.schedule(s, key+".schedule")
	}
	if r := t.RecoverableLoss; r != nil && r.RetrainCost == hone.AutoPrice && c.m.Costs.CoreHour == 0 && !c.failedUnder("costs") {
		c.fault(key+".recoverable_loss.retrain_cost", "add costs: {core_hour: 0.05} to the model: what an hour of one processor core costs", "auto measures hours of processors, and they have no price")
	}
	if r := t.RecoverableLoss; r != nil && r.Blind != nil && !c.failedUnder(key+".recoverable_loss.blind") {
		c.schedule(r.Blind, key+".recoverable_loss.blind")
	}
	if t.When != "" {
		c.when(t.When, key+".when")
	}
	if !t.PolicyChange && c.has(join(c.path, key+".policy_change")) && !c.failedUnder(key+".policy_change") {
		c.fault(key+".policy_change", "write policy_change: true, or take it out", "policy_change: false is no rule")
	}
	c.combination(t.Any, key+".any", depth)
	c.combination(t.All, key+".all", depth)
	if a := t.AtLeast; a != nil && !c.failedUnder(key+".at_least") {
		c.combination(a.Of, key+".at_least.of", depth)
		if a.N > len(a.Of) {
			c.fault(key+".at_least.n", "", "%d of %d rules can never hold", a.N, len(a.Of))
		}
	}
}

// combination checks the rules of any, all or at_least.
func (c *checker) combination(of hone.Triggers, key string, depth int) {
	switch {
	case !c.has(join(c.path, key)):
	case len(of) == 0 && !c.failedUnder(key):
		c.fault(key, "write "+rules["Trigger.any"].example, "%s has no rule", last(key))
	case depth == maxNesting:
		c.fault(key, "say it with fewer", "combinations stand more than %d deep in one another", maxNesting)
	default:
		c.triggers(of, key, depth+1)
	}
}

func (c *checker) performance(p *hone.Performance, key string) {
	c.fits(p.Metric, key+".metric", lossChange)
	switch {
	case c.failedUnder(key):
	case (p.Below == nil) == (p.Above == nil):
		c.fault(key, "write {metric: auc, below: 0.85}", "performance wants either below or above")
	default:
		c.reach(p.Metric, p.Below, key+".below")
		c.reach(p.Metric, p.Above, key+".above")
	}
}

// when reads an expression, and points at what is wrong inside it.
func (c *checker) when(text, key string) {
	_, err := expr.Compile(text)
	bad, ok := errors.AsType[*expr.Error](err)
	if !ok {
		return
	}
	hint := "write " + rules["Trigger.when"].example
	if bad.Unknown != "" {
		hint = didYouMean(bad.Unknown, expr.Names())
		if hint == "" {
			hint = "`hone signals` lists them; docs/guide/triggers.md says what they mean"
		}
	}
	at := &node{line: 1, col: 1}
	if p, ok := c.places[join(c.path, key)]; ok {
		at = &node{line: p.value.line, col: p.value.col + bad.Column - 1}
		if p.value.quoted {
			at.col++
		}
	}
	c.fail(at, join(c.path, key), hint, "%s", bad.Message)
}

// budget asks what a run costs where nothing says it.
func (c *checker) budget() {
	b := c.m.Guards.Budget
	const key = "guards.budget"
	switch {
	case c.failedUnder(key):
	case c.has(join(c.path, key)) && b.PerDay == 0 && b.PerMonth == 0:
		c.fault(key, "add per_day or per_month", "the budget has no cap")
	case (b.PerDay > 0 || b.PerMonth > 0) && b.RunCost == 0 && retrainCost(c.m.Triggers) != hone.AutoPrice:
		c.fault(key, "add run_cost", "the budget does not say what a run costs, nor does a recoverable_loss trigger")
	case b.PerDay > 0 && b.RunCost > b.PerDay:
		c.fault(key+".per_day", "", "a run costs %v, more than a day may", b.RunCost)
	case b.PerMonth > 0 && b.RunCost > b.PerMonth:
		c.fault(key+".per_month", "", "a run costs %v, more than a month may", b.RunCost)
	}
}
