package main

import (
	"context"
	"fmt"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/backtest"
)

// loopBars are about the whole loop: with gate, rollout and probation.
var loopBars = []bar.Measured{
	{Bar: bar.Bar{ID: "loop_worlds", Of: append([]string{"internal/evaluate", "internal/gate", "internal/monitor", "internal/rollout"}, of...),
		About: "Five seeds of the seven worlds, labels 500 rows late, evidence balanced, everything else as it comes, in rows: the product's gate, rollout and probation behind the rule. With sound candidates, how much more that costs than swapping each in at once; with one candidate in ten gone wrong, in five ways, how much less than without gate, rollout and probation (negative is less). Beside it what strict evidence costs.",
		Limits: []bar.Limit{
			{Series: "sound_100", Unit: "of the optimum", Of: bar.Median, Under: 0.02, AtMost: true},
			{Series: "sound_300", Unit: "of the optimum", Of: bar.Median, Under: 0.02, AtMost: true},
			{Series: "sound_1000", Unit: "of the optimum", Of: bar.Median, Under: 0.02, AtMost: true},
			{Series: "bad_100", Unit: "of the optimum", Of: bar.Median, Under: 1e-9},
			{Series: "bad_300", Unit: "of the optimum", Of: bar.Median, Under: 1e-9},
			{Series: "bad_1000", Unit: "of the optimum", Of: bar.Median, Under: 1e-9},
		}, Also: []string{"strict_100", "strict_300", "strict_1000", "strict_bad_100", "strict_bad_300", "strict_bad_1000"}}, Measure: loops},
}

const loopSeeds = 5

func loops(b *bar.Bench) error {
	cases := inWorlds(loopSeeds, 500)
	all := make([][]retraining.Loop, len(cases))
	err := each(cases, func(i int) (err error) {
		all[i], err = cases[i].Loops(context.Background(), data(b), prices, backtest.InTurn)
		return err
	})
	if err != nil {
		return err
	}
	for k, price := range prices {
		at := make([]retraining.Loop, len(all))
		for i := range all {
			at[i] = all[i][k]
		}
		keep := func(name string, of func(l retraining.Loop) float64) {
			b.Keep(fmt.Sprintf("%s_%g", name, price), "of the optimum", mean(at, of))
		}
		keep("sound", func(l retraining.Loop) float64 { return l.Balanced.Ratio - l.Decision })
		keep("bad", func(l retraining.Loop) float64 { return l.BalancedBad.Ratio - l.NoGate })
		keep("strict", func(l retraining.Loop) float64 { return l.Strict.Ratio - l.Decision })
		keep("strict_bad", func(l retraining.Loop) float64 { return l.StrictBad.Ratio - l.NoGate })
		b.Note("at %g: at once %.3f, through the stages %.3f, strict %.3f; with bad candidates %.3f, %.3f, %.3f", price,
			mean(at, func(l retraining.Loop) float64 { return l.Decision }), mean(at, func(l retraining.Loop) float64 { return l.Balanced.Ratio }), mean(at, func(l retraining.Loop) float64 { return l.Strict.Ratio }),
			mean(at, func(l retraining.Loop) float64 { return l.NoGate }), mean(at, func(l retraining.Loop) float64 { return l.BalancedBad.Ratio }), mean(at, func(l retraining.Loop) float64 { return l.StrictBad.Ratio }))
	}
	return nil
}
