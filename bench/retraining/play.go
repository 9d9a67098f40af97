package retraining

import (
	"context"

	"hone/internal/backtest"
)

// Played is what a policy came to in one case at one price.
type Played struct {
	Ratio    float64 `json:"ratio"` // Its cost, of that of the optimum without former champions.
	Retrains int     `json:"retrains"`
	Reuses   int     `json:"reuses"`
	Errors   float64 `json:"errors"` // A row.
}

// Outcome of a case.
type Outcome struct {
	Case
	By []At `json:"by"`
}

// At is what a case came to at one price.
type At struct {
	Price    float64           `json:"price"`
	Optimum  Played            `json:"optimum"` // Without former champions.
	Reuse    float64           `json:"reuse"`   // The best that was found with them, of that; 0 where none was looked for.
	Bound    float64           `json:"bound"`   // What the best with them is not below.
	Policies map[string]Played `json:"policies"`
	Receipts Coverage          `json:"receipts"` // Of Hone's rule.
}

// At finds what a case came to at a price.
func (o Outcome) At(price float64) At {
	for _, a := range o.By {
		if a.Price == price {
			return a
		}
	}
	return At{}
}

// Ratio is what a policy cost at a price, of the optimum.
func Ratio(policy string, price float64) func(Outcome) float64 {
	return func(o Outcome) float64 { return o.At(price).Policies[policy].Ratio }
}

// Mean of what holds of each; 0 of none.
func Mean[T any](xs []T, of func(T) float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += of(x) / float64(len(xs))
	}
	return sum
}

// Run plays policies in a case. With reuse the best with former champions is looked for
// too, which takes long.
func (c Case) Run(ctx context.Context, folder string, prices []float64, policies []Policy, reuse bool, all func(int, func(int))) (Outcome, error) {
	g, err := c.Grid(ctx, folder, all)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Case: c}
	for _, price := range prices {
		best, moves := g.Optimum(price)
		at := At{Price: price, Optimum: played(g, moves, price, best), Policies: map[string]Played{}, Receipts: receipts(g, price)}
		if reuse {
			with, _, bound := g.OptimumWithReuse(price)
			at.Reuse, at.Bound = with/best, bound/best
		}
		for _, p := range policies {
			at.Policies[p.Name] = played(g, p.decide(g, price, c.Every), price, best)
		}
		o.By = append(o.By, at)
	}
	return o, nil
}

// decide lets a policy that sees one label in so many weigh it as that many, which is a
// price that is as much lower. Who knows the future sees all.
func (p Policy) decide(g *backtest.Grid, price float64, every int) []backtest.Move {
	if every > 1 && p.Name != "best_period" {
		price /= float64(every)
	}
	return p.Play(g, price)
}

func played(g *backtest.Grid, moves []backtest.Move, price, best float64) Played {
	return Played{Ratio: g.Cost(moves, price) / best, Retrains: backtest.Trained(moves), Reuses: len(moves) - backtest.Trained(moves),
		Errors: g.Cost(moves, 0) / float64(g.Batches()*g.Batch)}
}
