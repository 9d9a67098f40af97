package main

import (
	"fmt"
	"os"

	"hone/internal/backtest"
)

// named is a policy with the name that its figures go by.
type named struct {
	name   string
	policy backtest.Policy
}

// policies are Hone's and, beside it, others with settings that are usual for them.
// None was tuned here.
var policies = []named{
	{"hone", backtest.Hone()},
	{"hone_no_reuse", backtest.Whole(backtest.Rule{Receipts: true})},
	{"hone_alone", backtest.Whole(backtest.Rule{})},
	{"best_period", backtest.BestPeriod},
	{"never", backtest.Never},
	{"every_10", backtest.Every(10)},
	{"every_30", backtest.Every(30)},
	{"avoidable", backtest.Avoidable()},
	{"worse_3", backtest.Worse(3)},
	{"adwin", backtest.ADWIN()},
	{"cusum", backtest.CUSUM(0.5, 80)},
	{"psi", backtest.PSI(0.2)},
}

// played is what a policy came to on one stream at one price.
type played struct {
	ratio    float64 // Its cost, of the optimum's.
	retrains int
}

// outcome of one stream, by policy and price.
type outcome struct {
	stream  string
	by      map[string]map[float64]played
	optimum map[float64]int // Its retrains.
	// What the optimum comes to that may go back to former champions, of the one that
	// may not: the best that was found, and a bound below it.
	reuse, bound map[float64]float64
}

// play lets every policy decide on one stream.
func play(g *backtest.Grid, prices []float64) outcome {
	o := outcome{stream: g.Name, by: map[string]map[float64]played{}, optimum: map[float64]int{}, reuse: map[float64]float64{}, bound: map[float64]float64{}}
	for _, price := range prices {
		best, moves := g.Optimum(price)
		o.optimum[price] = len(moves)
		with, _, bound := g.OptimumWithReuse(price)
		o.reuse[price], o.bound[price] = with/best, bound/best
		for _, p := range policies {
			if o.by[p.name] == nil {
				o.by[p.name] = map[float64]played{}
			}
			out := p.policy(g, price)
			o.by[p.name][price] = played{g.Cost(out, price) / best, backtest.Trained(out)}
		}
	}
	return o
}

// progress tells how far a long measurement is, where somebody watches.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }
