package backtest

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	resamples = 2000
	// tail is what an interval leaves out on either side.
	tail = 0.05
)

// draws resamples a run of batches so many times, by blocks that go on from the end to
// the beginning (Politis and Romano, 1992): what follows on each other stays together,
// for a bad stretch lasts. Each draw is how often every batch is in it. Blocks are
// twice the third root of the batches long, ten of 120.
func draws(batches int) [][]float64 {
	r := rand.New(rand.NewPCG(7, uint64(batches)))
	length := max(1, int(math.Round(2*math.Cbrt(float64(batches)))))
	out := make([][]float64, resamples)
	for k := range out {
		out[k] = make([]float64, batches)
		for left := batches; left > 0; left -= length {
			from := r.IntN(batches)
			for i := range min(left, length) {
				out[k][(from+i)%batches]++
			}
		}
	}
	return out
}

// interval is that of values, which it sorts.
func interval(values []float64) (lower, upper float64) {
	slices.Sort(values)
	n := float64(len(values) - 1)
	return values[int(tail*n)], values[int(math.Ceil((1-tail)*n))]
}

// at holds the policies against each other at one price, in the model's currency.
func (d *desk) at(price float64, policies []Outcome, resample [][]float64) At {
	a := At{Price: price}
	per, inLoss := d.perLoss(), d.inLoss(price)
	best, moves := d.g.Optimum(inLoss)
	a.Optimum, a.OptimumRetrains = per*best, len(moves)
	reuse, _, bound := d.g.OptimumWithReuse(inLoss)
	a.OptimumReuse, a.OptimumBound = per*reuse, per*bound
	drawn := make([][]float64, len(policies)) // What each costs in each draw.
	for i, p := range policies {
		byBatch := p.course.cost(inLoss)
		cost := per * sum(byBatch)
		s := Standing{Policy: p.Policy, Objective: cost, Training: cost - p.Staleness, Ratio: 1, Regret: cost - a.Optimum}
		if a.Optimum > 0 {
			s.Ratio = cost / a.Optimum
		}
		drawn[i] = totals(byBatch, resample, per)
		s.Lower, s.Upper = interval(slices.Clone(drawn[i]))
		a.Policies = append(a.Policies, s)
	}
	a.choose(policies, drawn)
	return a
}

// perLoss is what a unit of the loss costs in the currency, and inLoss an amount of the
// currency in units of the loss.
func (d *desk) perLoss() float64              { return d.model.Costs.PerLoss() }
func (d *desk) inLoss(amount float64) float64 { return d.model.Costs.InLoss(amount) }

// totals are what each draw costs, by what batches cost in units of which one is so much.
func totals(cost []float64, resample [][]float64, unit float64) []float64 {
	out := make([]float64, len(resample))
	for k, times := range resample {
		for b, n := range times {
			out[k] += n * unit * cost[b]
		}
	}
	return out
}

// choose recommends the cheapest policy that can be configured; but what is configured
// stays where no such policy is surely cheaper. It fills in what the others cost more.
func (a *At) choose(policies []Outcome, drawn [][]float64) {
	best, configured := -1, -1
	for i, s := range a.Policies {
		if !policies[i].aside() && (best < 0 || s.Objective < a.Policies[best].Objective) {
			best = i
		}
		if s.Policy == kindConfigured {
			configured = i
		}
	}
	best = max(best, 0) // Where none can be configured, the first stands for what the others are held against.
	if configured >= 0 {
		if lower, _ := interval(differences(drawn[configured], drawn[best])); lower <= 0 {
			best = configured
		}
	}
	a.Recommended = a.Policies[best].Policy
	for i := range a.Policies {
		s := &a.Policies[i]
		s.More = s.Objective - a.Policies[best].Objective
		s.MoreLower, s.MoreUpper = interval(differences(drawn[i], drawn[best]))
	}
	for k, cost := range drawn[best] {
		cheapest := true
		for i := range drawn {
			cheapest = cheapest && (policies[i].aside() || drawn[i][k] >= cost)
		}
		if cheapest {
			a.Likely += 1 / float64(len(drawn[best]))
		}
	}
}

func differences(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}
