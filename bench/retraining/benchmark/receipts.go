package main

import (
	"hone/bench/retraining"
	"hone/internal/backtest"
)

// receipts counts, in the worlds and on recorded streams, how often what was foretold of a
// retrain held.
func receipts(b *bench) (any, error) {
	out := map[string]retraining.Coverage{}
	for name, cases := range map[string][]retraining.Case{"worlds": in(manySeeds, "linear", hows[0]), "streams": b.recorded(retraining.Reporting, "trees", hows[0])} {
		by := make([]retraining.Coverage, len(cases))
		err := each(cases, func(i int) error {
			g, err := cases[i].Grid(b, b.data, backtest.InTurn)
			if err != nil {
				return err
			}
			for _, price := range retraining.Prices {
				by[i] = by[i].Plus(retraining.Receipts(g, price))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, c := range by {
			out[name] = out[name].Plus(c)
		}
	}
	return out, nil
}
