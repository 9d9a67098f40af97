package trigger

import (
	"slices"

	"hone"
	"hone/internal/say"
)

const (
	// measuredRuns is how many of the last runs that trained say what a retrain costs.
	measuredRuns = 10
	// unmeasured is taken for a retrain while none has been measured: the default of
	// retrain_cost.
	unmeasured = 100
)

// cost is what one retrain of a model costs.
type cost struct {
	// amount is in the model's currency, and inLoss the same in units of the loss, in
	// which the rule decides.
	amount, inLoss float64
	// why says what it rests on; empty where it is configured.
	why string
}

// costOf turns a configured price of a retrain into what one costs. Where it is auto,
// that is the mean of what the last runs that trained cost, by what was measured of them.
func costOf(p hone.Price, m hone.Model, runs []hone.Run) cost {
	c := cost{amount: float64(p)}
	if p == hone.AutoPrice {
		c.amount, c.why = measuredCost(runs)
	}
	c.inLoss = m.Costs.InLoss(c.amount)
	return c
}

// measuredCost is what runs of a model, newest first, cost on average.
func measuredCost(runs []hone.Run) (mean float64, why string) {
	switch sum, n := trained(runs); n {
	case 0:
		return unmeasured, "the default while no run has trained"
	case 1:
		return sum, "what its last run cost"
	default:
		return sum / float64(n), "the mean of its last " + say.Whole(n) + " runs"
	}
}

// trained adds up what the last runs cost that are over and had trainings with a price.
func trained(runs []hone.Run) (sum float64, n int) {
	for _, r := range runs {
		if n == measuredRuns {
			break
		}
		if r.State == hone.Closed && r.Spent != nil && r.Spent.Cost > r.Spent.LabelsCost {
			sum, n = sum+r.Spent.Cost, n+1
		}
	}
	return sum, n
}

// priceOf is the price of a retrain by the first of a model's triggers that says it, at
// any depth, else by its budget; 0 where nothing does.
func priceOf(m hone.Model) (p hone.Price) {
	each(m.Triggers, func(t hone.Trigger) {
		if t.RecoverableLoss != nil && p == 0 {
			p = t.RecoverableLoss.RetrainCost
		}
	})
	if p == 0 {
		p = hone.Price(m.Guards.Budget.RunCost)
	}
	return p
}

// RetrainCost is what one retrain of a model with such runs, newest first, costs in its
// currency, and the same in units of the loss; 0 where nothing says it.
func RetrainCost(m hone.Model, runs []hone.Run) (amount, inLoss float64) {
	c := costOf(priceOf(m), m, runs)
	return c.amount, c.inLoss
}

// runCost is what a run costs that begins now, in the currency: by the budget, else as a
// retrain does, and little where a version comes back and nothing is trained. What is to
// be measured counts for nothing before the first run has shown it, which goes.
func runCost(m hone.Model, runs []hone.Run, reuse hone.VersionID) float64 {
	amount := m.Guards.Budget.RunCost
	if amount == 0 {
		amount, _ = RetrainCost(m, runs)
	}
	if _, n := trained(runs); measured(m) && n == 0 {
		return 0
	}
	if reuse != "" {
		return ReuseShare * amount
	}
	return amount
}

// measured tells whether runs of a model cost what is measured of them.
func measured(m hone.Model) bool { return m.Guards.Budget.RunCost == 0 && priceOf(m) == hone.AutoPrice }

// RunCost is what a run of a model cost, in the currency: where retrains are priced by
// what is measured, what was measured once it is over, and before that at least so much;
// else what it was to cost when it began. One of which neither is known costs what runs
// cost now, by all of them.
func RunCost(m hone.Model, r hone.Run, runs []hone.Run) float64 {
	began := r.Decision.Cost
	if began == 0 {
		began = runCost(m, runs, r.Decision.Reuse)
	}
	switch {
	case r.Spent == nil || !measured(m):
		return began
	case r.State == hone.Closed:
		return r.Spent.Cost
	}
	return max(began, r.Spent.Cost)
}

// said writes an amount of the loss that a retrain costs, with what it is in the currency
// and what it rests on, as far as that is not the same.
func (c cost) said(m hone.Model, inLoss float64) string {
	out, more := say.Num(inLoss), c.why
	if m.Costs.Currency != "" {
		more = say.Amount(inLoss*m.Costs.PerLoss(), m.Costs.Currency)
		if c.why != "" {
			more += ", " + c.why
		}
	}
	if more != "" {
		out += " (" + more + ")"
	}
	return out
}

// Value puts what a run won back, what it was to, and what it cost beside each other, in
// the model's currency.
func Value(m hone.Model, run hone.Run, runs []hone.Run, r hone.Receipt) hone.Receipt {
	r.Cost, r.Currency = RunCost(m, run, runs), m.Costs.Currency
	r.Worth = m.Costs.PerLoss() * r.Gain
	r.Promised = m.Costs.PerLoss() * r.Forecast.Gain * float64(r.Rows) / float64(r.Forecast.Rows)
	return r
}

// Settle gives a model a price of a retrain in the place of one that is to be measured,
// and tells whether there was one.
func Settle(m hone.Model, price float64) (settled hone.Model, some bool) {
	var all func(in []hone.Trigger) []hone.Trigger
	all = func(in []hone.Trigger) []hone.Trigger {
		out := slices.Clone(in)
		for i := range out {
			t := &out[i]
			if r := t.RecoverableLoss; r != nil && r.RetrainCost == hone.AutoPrice {
				own := *r
				own.RetrainCost, some = hone.Price(price), true
				t.RecoverableLoss = &own
			}
			t.Any, t.All = all(t.Any), all(t.All)
			if a := t.AtLeast; a != nil {
				t.AtLeast = &hone.AtLeast{N: a.N, Of: all(a.Of)}
			}
		}
		return out
	}
	m.Triggers = all(m.Triggers)
	return m, some
}
