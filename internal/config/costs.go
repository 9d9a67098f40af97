package config

import (
	"regexp"

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

// priced tells whether it is known, or will be, what a run of a model costs.
func priced(m hone.Model) bool {
	return m.Guards.Budget.RunCost > 0 || retrainCost(m.Triggers) != 0
}
