package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/backtest"
)

// worldBars are about worlds whose drift is known.
var worldBars = []bar.Measured{
	{Bar: bar.Bar{ID: "decision_worlds", Of: of,
		About: "Seven worlds of 72,000 rows with known drift, twenty seeds of each that chose nothing, champions by the linear learner, labels at once, swaps at once: the mean cost of Hone's rule, errors and retrains, over that of the optimum that knows the future and never goes back to a former champion; the upper 95 % bound, by seed, of how much more Hone costs than the best fixed period in hindsight; and how often it retrains where the optimum does not.",
		Limits: []bar.Limit{
			{Series: "hone_100", Unit: "of the optimum", Of: bar.Median, Under: 1.02, AtMost: true},
			{Series: "hone_300", Unit: "of the optimum", Of: bar.Median, Under: 1.02, AtMost: true},
			{Series: "hone_1000", Unit: "of the optimum", Of: bar.Median, Under: 1.02, AtMost: true},
			{Series: "over_period", Unit: "of the optimum", Of: bar.Max, Under: 1e-9},
			{Series: "needless", Unit: "retrains", Of: bar.Max, Under: 0.5},
		}, Also: others()}, Measure: worlds},
	{Bar: bar.Bar{ID: "decision_late", Of: of,
		About: "The same with labels that come 1,000 rows late, against the optimum with the same delay: how much further from it than with labels at once.",
		Limits: []bar.Limit{
			{Series: "later_100", Unit: "of the optimum", Of: bar.Median, Under: 0.03, AtMost: true},
			{Series: "later_300", Unit: "of the optimum", Of: bar.Median, Under: 0.03, AtMost: true},
			{Series: "later_1000", Unit: "of the optimum", Of: bar.Median, Under: 0.03, AtMost: true},
		}}, Measure: late},
}

// others are the series of the policies beside Hone's.
func others() (out []string) {
	for _, p := range policies[1:] {
		for _, price := range prices {
			out = append(out, fmt.Sprintf("%s_%g", p.name, price))
		}
	}
	for _, price := range prices {
		out = append(out, fmt.Sprintf("reuse_optimum_%g", price), fmt.Sprintf("reuse_bound_%g", price))
	}
	return out
}

const (
	firstSeed = 1000 // Those below may choose.
	seeds     = 20
)

// all plays every world of some seeds, with labels so many rows late.
func all(from, n, delay int) ([]outcome, error) {
	var jobs []*backtest.Stream
	for seed := range n {
		for _, name := range retraining.Worlds {
			s, err := retraining.NewWorld(name, uint64(from+seed))
			if err != nil {
				return nil, err
			}
			s.Delay = delay
			jobs = append(jobs, s)
		}
	}
	out, errs := make([]outcome, len(jobs)), make([]error, len(jobs))
	bar.Parallel(len(jobs), func(i int) {
		g, err := backtest.NewGrid(context.Background(), jobs[i], retraining.Linear, backtest.InTurn)
		if err != nil {
			errs[i] = err
			return
		}
		out[i] = play(g, prices)
		jobs[i] = nil
		progress("%s, seed %d", out[i].stream, from+i/len(retraining.Worlds))
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func worlds(b *bar.Bench) error {
	out, err := all(firstSeed, seeds, 0)
	if err != nil {
		return err
	}
	keep(b, out)
	var over []float64
	needless := 0
	for _, price := range prices {
		over = append(over, upper(out, func(o outcome) float64 { return o.by["hone"][price].ratio - o.by["best_period"][price].ratio }))
		for _, o := range out {
			if o.optimum[price] == 0 {
				needless += o.by["hone"][price].retrains
			}
		}
		byWorld(b, out, price)
	}
	b.Keep("over_period", "of the optimum", over...)
	b.Keep("needless", "retrains", float64(needless))
	return nil
}

// keep stores what each policy costs on average, and the optimum with reuse.
func keep(b *bar.Bench, out []outcome) {
	for _, price := range prices {
		for _, p := range policies {
			b.Keep(fmt.Sprintf("%s_%g", p.name, price), "of the optimum", mean(out, func(o outcome) float64 { return o.by[p.name][price].ratio }))
		}
		b.Keep(fmt.Sprintf("reuse_optimum_%g", price), "of the optimum", mean(out, func(o outcome) float64 { return o.reuse[price] }))
		b.Keep(fmt.Sprintf("reuse_bound_%g", price), "of the optimum", mean(out, func(o outcome) float64 { return o.bound[price] }))
	}
}

// byWorld notes what each world came to.
func byWorld(b *bar.Bench, out []outcome, price float64) {
	for _, name := range retraining.Worlds {
		these := slices.DeleteFunc(slices.Clone(out), func(o outcome) bool { return o.stream != name })
		b.Note("%s at %g: %.3f with %.1f retrains, best period %.3f with %.1f, optimum %.1f", name, price,
			mean(these, func(o outcome) float64 { return o.by["hone"][price].ratio }),
			mean(these, func(o outcome) float64 { return float64(o.by["hone"][price].retrains) }),
			mean(these, func(o outcome) float64 { return o.by["best_period"][price].ratio }),
			mean(these, func(o outcome) float64 { return float64(o.by["best_period"][price].retrains) }),
			mean(these, func(o outcome) float64 { return float64(o.optimum[price]) }))
	}
}

func mean(out []outcome, of func(outcome) float64) float64 {
	sum := 0.0
	for _, o := range out {
		sum += of(o) / float64(len(out))
	}
	return sum
}

// upper is the 97.5th percentile of the mean, worlds of a seed drawn together.
func upper(out []outcome, of func(outcome) float64) float64 {
	each := len(retraining.Worlds)
	n := len(out) / each
	bySeed := make([]float64, n)
	for i, o := range out {
		bySeed[i/each] += of(o) / float64(each)
	}
	r := rand.New(rand.NewPCG(1, 95))
	means := make([]float64, 4000)
	for i := range means {
		for range n {
			means[i] += bySeed[r.IntN(n)] / float64(n)
		}
	}
	slices.Sort(means)
	return means[len(means)*975/1000]
}

func late(b *bar.Bench) error {
	soon, err := all(firstSeed, seeds, 0)
	if err != nil {
		return err
	}
	later, err := all(firstSeed, seeds, 1000)
	if err != nil {
		return err
	}
	for _, price := range prices {
		ratio := func(o outcome) float64 { return o.by["hone"][price].ratio }
		b.Keep(fmt.Sprintf("later_%g", price), "of the optimum", mean(later, ratio)-mean(soon, ratio))
		b.Note("at %g: %.3f, and %.3f with labels at once", price, mean(later, ratio), mean(soon, ratio))
	}
	return nil
}
