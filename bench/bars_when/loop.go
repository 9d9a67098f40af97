package main

import (
	"context"
	"fmt"
	"slices"

	"hone/bench/bar"
	"hone/bench/retraining"
)

// loopBars are about the whole loop: with gate, rollout and probation.
var loopBars = []bar.Measured{
	{Bar: bar.Bar{ID: "loop_worlds", Of: retraining.LoopOf,
		About: "Ten seeds of the seven worlds, labels 500 rows late, evidence balanced, everything else as it comes, in rows: the product's gate, rollout and probation behind the rule. With sound candidates, how much more that costs than swapping each in at once; with one candidate in ten gone wrong, in five ways, by four draws, how much less than without gate, rollout and probation (negative is less). Beside it what strict evidence costs.",
		Limits: []bar.Limit{
			{Series: "sound_100", Unit: "of the optimum", Of: bar.Median, Under: 0.02, AtMost: true},
			{Series: "sound_300", Unit: "of the optimum", Of: bar.Median, Under: 0.02, AtMost: true},
			{Series: "sound_1000", Unit: "of the optimum", Of: bar.Median, Under: 0.02, AtMost: true},
			{Series: "bad_100", Unit: "of the optimum", Of: bar.Median, Under: 1e-9},
			{Series: "bad_300", Unit: "of the optimum", Of: bar.Median, Under: 1e-9},
			{Series: "bad_1000", Unit: "of the optimum", Of: bar.Median, Under: 1e-9},
		}, Also: []string{"strict_100", "strict_300", "strict_1000", "strict_bad_100", "strict_bad_300", "strict_bad_1000"}}, Measure: loops},
}

func loops(b *bar.Bench) error {
	p, done, err := plays(b)
	if err != nil {
		return err
	}
	defer done()
	all, err := p.Loops(context.Background(), inWorlds(retraining.LoopSeeds, 500))
	if err != nil {
		return err
	}
	for _, price := range prices {
		at := slices.DeleteFunc(slices.Clone(all), func(l retraining.Loop) bool { return l.Price != price })
		keep := func(name string, of func(l retraining.Loop) float64) {
			b.Keep(fmt.Sprintf("%s_%g", name, price), "of the optimum", retraining.Mean(at, of))
		}
		keep("sound", func(l retraining.Loop) float64 { return l.Balanced.Ratio - l.Decision })
		keep("bad", func(l retraining.Loop) float64 { return l.BalancedBad.Ratio - l.NoGate })
		keep("strict", func(l retraining.Loop) float64 { return l.Strict.Ratio - l.Decision })
		keep("strict_bad", func(l retraining.Loop) float64 { return l.StrictBad.Ratio - l.NoGate })
		b.Note("at %g: at once %.3f, through the stages %.3f, strict %.3f; with bad candidates %.3f, %.3f, %.3f", price,
			retraining.Mean(at, func(l retraining.Loop) float64 { return l.Decision }), retraining.Mean(at, func(l retraining.Loop) float64 { return l.Balanced.Ratio }), retraining.Mean(at, func(l retraining.Loop) float64 { return l.Strict.Ratio }),
			retraining.Mean(at, func(l retraining.Loop) float64 { return l.NoGate }), retraining.Mean(at, func(l retraining.Loop) float64 { return l.BalancedBad.Ratio }), retraining.Mean(at, func(l retraining.Loop) float64 { return l.StrictBad.Ratio }))
	}
	return nil
}
