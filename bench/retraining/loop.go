package retraining

import (
	"context"

	"hone"
	"hone/internal/backtest"
)

// snapshotEvery is after how many labels a learner that goes on learning is frozen.
const snapshotEvery = 500

// BadShare of the candidates have gone wrong where some have.
const BadShare = 0.1

// Loop is what the whole loop came to in one case at one price: costs are of that of the
// optimum with sound candidates and without former champions.
type Loop struct {
	Case
	Price float64 `json:"price"`
	// Decision is the rule alone, with every candidate swapped in at once, and NoGate the
	// same where some have gone wrong.
	Decision float64 `json:"decision"`
	NoGate   float64 `json:"no_gate"`
	// Balanced and Strict go through all stages, with sound candidates, the other two with
	// some that have gone wrong.
	Balanced    Staged `json:"balanced"`
	BalancedBad Staged `json:"balanced_bad"`
	Strict      Staged `json:"strict"`
	StrictBad   Staged `json:"strict_bad"`
	// Learning is Balanced with a linear learner that goes on learning beside.
	Learning Staged `json:"learning"`
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
	bad := g.Corrupted(BadShare, c.Seed+1)
	rule := backtest.Rule{Kept: 5, Receipts: true}
	for _, price := range prices {
		best, _ := g.Optimum(price)
		l := Loop{Case: c, Price: price}
		l.Decision = g.Cost(backtest.Whole(rule)(g, price), price) / best
		l.NoGate = bad.Cost(backtest.Whole(rule)(bad, price), price) / best
		learning := Stages(hone.Balanced)
		learning.Model.Train.Continuous = snapshotEvery
		for _, s := range []struct {
			g    *backtest.Grid
			by   backtest.Stages
			into *Staged
		}{
			{g, Stages(hone.Balanced), &l.Balanced}, {bad, Stages(hone.Balanced), &l.BalancedBad},
			{g, Stages(hone.Strict), &l.Strict}, {bad, Stages(hone.Strict), &l.StrictBad}, {g, learning, &l.Learning},
		} {
			p := s.g.Play(rule, s.by, price)
			*s.into = Staged{p.Cost / best, p}
		}
		out = append(out, l)
	}
	return out, nil
}

// Stages are those of a configuration that says no more than how much proof it wants.
func Stages(evidence hone.Evidence) backtest.Stages {
	steps, patience := []hone.Step{{Shadow: 300}, {Weight: 0.5}}, 0.02
	if evidence == hone.Strict {
		steps, patience = []hone.Step{{Shadow: 1000}, {Weight: 0.01}, {Weight: 0.05}, {Weight: 0.25}, {Weight: 0.5}}, 1
	}
	m := hone.Model{Name: "model", Task: hone.Binary, Loss: hone.Loss{Kind: hone.ZeroOne}, Evidence: evidence}
	m.Rollout = hone.RolloutSpec{Strategy: "canary", Steps: steps, Patience: patience, Probation: hone.Probation{Labels: 3000}}
	return backtest.Stages{Model: m, Signature: hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}}
}
