package retraining

import (
	"context"

	"hone"
	"hone/internal/backtest"
)

// snapshotEvery is after how many labels a learner that goes on learning is frozen.
const snapshotEvery = 500

// LoopSeeds of each world report of the whole loop.
const LoopSeeds = 10

// rule is the product's.
var rule = backtest.Rule{Kept: 5, Receipts: true}

// BadShare of the candidates have gone wrong where some have. Which ones, and how, is drawn
// so many times: at a high price few are trained, and most draws spoil none of them.
const (
	BadShare = 0.1
	badDraws = 4
)

// Loop is what the whole loop came to in one case at one price: costs are of that of the
// optimum with sound candidates and without former champions.
type Loop struct {
	Case
	Price float64 `json:"price"`
	// Decision is the rule alone, with every candidate swapped in at once, and NoGate the
	// same where some have gone wrong, by the mean of all draws.
	Decision float64 `json:"decision"`
	NoGate   float64 `json:"no_gate"`
	// Balanced and Strict go through all stages, with sound candidates, the other two with
	// some that have gone wrong: there ratios are means of all draws, and counts sums.
	Balanced    Staged `json:"balanced"`
	BalancedBad Staged `json:"balanced_bad"`
	Strict      Staged `json:"strict"`
	StrictBad   Staged `json:"strict_bad"`
}

// Learning is what a linear learner that goes on learning beside brought in one case at one
// price, with sound candidates and balanced evidence.
type Learning struct {
	Case
	Price   float64 `json:"price"`
	Without Staged  `json:"without"`
	With    Staged  `json:"with"`
}

// Staged is a model that went through its stages.
type Staged struct {
	Ratio float64 `json:"ratio"`
	backtest.Played
}

// Loops plays the whole loop in a case.
func (c Case) Loops(ctx context.Context, folder string, prices []float64, all func(int, func(int))) (out []Loop, err error) {
	g, err := c.Grid(ctx, folder, all)
	if err != nil {
		return nil, err
	}
	bad := make([]*backtest.Grid, badDraws)
	for i := range bad {
		bad[i] = g.Corrupted(BadShare, c.Seed+1+uint64(i)<<32)
	}
	sound := []*backtest.Grid{g}
	for _, price := range prices {
		best, _ := g.Optimum(price)
		atOnce := func(g *backtest.Grid) float64 { return g.Cost(backtest.Whole(rule)(g, price), price) / best }
		staged := func(grids []*backtest.Grid, s backtest.Stages) Staged { return through(grids, s, price, best) }
		out = append(out, Loop{Case: c, Price: price, Decision: atOnce(g), NoGate: Mean(bad, atOnce),
			Balanced: staged(sound, Stages(hone.Balanced)), BalancedBad: staged(bad, Stages(hone.Balanced)),
			Strict: staged(sound, Stages(hone.Strict)), StrictBad: staged(bad, Stages(hone.Strict))})
	}
	return out, nil
}

// Learning plays the whole loop in a case, without a learner beside and with one.
func (c Case) Learning(ctx context.Context, folder string, prices []float64, all func(int, func(int))) (out []Learning, err error) {
	g, err := c.Grid(ctx, folder, all)
	if err != nil {
		return nil, err
	}
	grids := []*backtest.Grid{g}
	without, with := Stages(hone.Balanced), Stages(hone.Balanced)
	with.Model.Train.Continuous = snapshotEvery
	for _, price := range prices {
		best, _ := g.Optimum(price)
		out = append(out, Learning{Case: c, Price: price, Without: through(grids, without, price, best), With: through(grids, with, price, best)})
	}
	return out, nil
}

// through plays the stages on grids.
func through(grids []*backtest.Grid, s backtest.Stages, price, best float64) (all Staged) {
	for _, g := range grids {
		p := g.Play(rule, s, price)
		all.Ratio += p.Cost / best / float64(len(grids))
		all.Lost, all.Cost = all.Lost+p.Lost, all.Cost+p.Cost
		all.Trained, all.Returned = all.Trained+p.Trained, all.Returned+p.Returned
		all.Rejected, all.RolledBack, all.TakenBack = all.Rejected+p.Rejected, all.RolledBack+p.RolledBack, all.TakenBack+p.TakenBack
	}
	return all
}

// Stages are those of a configuration that says no more than how much proof it wants.
func Stages(evidence hone.Evidence) backtest.Stages {
	steps, patience := []hone.Step{{Shadow: 300}, {Weight: 0.5}}, 0.005
	if evidence == hone.Strict {
		steps, patience = []hone.Step{{Shadow: 1000}, {Weight: 0.01}, {Weight: 0.05}, {Weight: 0.25}, {Weight: 0.5}}, 1
	}
	m := hone.Model{Name: "model", Task: hone.Binary, Loss: hone.Loss{Kind: hone.ZeroOne}, Evidence: evidence}
	m.Rollout = hone.RolloutSpec{Strategy: "canary", Steps: steps, Patience: patience, Probation: hone.Probation{Labels: 3000}}
	return backtest.Stages{Model: m, Signature: hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}}
}
