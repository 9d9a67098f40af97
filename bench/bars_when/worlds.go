package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"hone/bench/bar"
	"hone/bench/retraining"
)

// worldBars are about worlds whose drift is known.
var worldBars = []bar.Measured{
	{Bar: bar.Bar{ID: "decision_worlds", Of: retraining.Of,
		About: "Seven worlds of 72,000 rows with known drift, twenty seeds of each that chose nothing, champions by the linear learner, labels at once, swaps at once: the mean cost of Hone's rule, errors and retrains, over that of the optimum that knows the future and never goes back to a former champion; the upper 95 % bound, by seed, of how much more Hone costs than the best fixed period in hindsight; and how often it retrains where the optimum does not.",
		Limits: []bar.Limit{
			{Series: "hone_100", Unit: "of the optimum", Of: bar.Median, Under: 1.02, AtMost: true},
			{Series: "hone_300", Unit: "of the optimum", Of: bar.Median, Under: 1.02, AtMost: true},
			{Series: "hone_1000", Unit: "of the optimum", Of: bar.Median, Under: 1.02, AtMost: true},
			{Series: "over_period", Unit: "of the optimum", Of: bar.Max, Under: 1e-9},
			{Series: "needless", Unit: "retrains", Of: bar.Max, Under: 0.5},
		}, Also: others()}, Measure: worlds},
	{Bar: bar.Bar{ID: "decision_late", Of: retraining.Of,
		About: "The same with labels that come 1,000 rows late, against the optimum with the same delay: how much further from it than with labels at once.",
		Limits: []bar.Limit{
			{Series: "later_100", Unit: "of the optimum", Of: bar.Median, Under: 0.03, AtMost: true},
			{Series: "later_300", Unit: "of the optimum", Of: bar.Median, Under: 0.03, AtMost: true},
			{Series: "later_1000", Unit: "of the optimum", Of: bar.Median, Under: 0.03, AtMost: true},
		}}, Measure: late},
}

// others are the series of the policies beside Hone's.
func others() (out []string) {
	for _, p := range retraining.Policies[1:] {
		for _, price := range prices {
			out = append(out, fmt.Sprintf("%s_%g", p.Name, price))
		}
	}
	for _, price := range prices {
		out = append(out, fmt.Sprintf("reuse_optimum_%g", price), fmt.Sprintf("reuse_bound_%g", price))
	}
	return out
}

// seeds of each world.
const seeds = 20

// soon plays the worlds with all labels at once.
func soon(b *bar.Bench) ([]retraining.Outcome, error) {
	return run(b, inWorlds(seeds, 0), retraining.Policies, true)
}

func worlds(b *bar.Bench) error {
	out, err := soon(b)
	if err != nil {
		return err
	}
	keep(b, out)
	var over []float64
	needless := 0
	for _, price := range prices {
		hone, period := retraining.Ratio("hone", price), retraining.Ratio("best_period", price)
		over = append(over, upper(out, func(o retraining.Outcome) float64 { return hone(o) - period(o) }))
		for _, o := range out {
			if at := o.At(price); at.Optimum.Retrains == 0 {
				needless += at.Policies["hone"].Retrains
			}
		}
		byWorld(b, out, price)
	}
	b.Keep("over_period", "of the optimum", over...)
	b.Keep("needless", "retrains", float64(needless))
	return nil
}

// keep stores what each policy costs on average, and the optimum with reuse.
func keep(b *bar.Bench, out []retraining.Outcome) {
	const unit = "of the optimum"
	for _, price := range prices {
		for _, p := range retraining.Policies {
			b.Keep(fmt.Sprintf("%s_%g", p.Name, price), unit, retraining.Mean(out, retraining.Ratio(p.Name, price)))
		}
		b.Keep(fmt.Sprintf("reuse_optimum_%g", price), unit, retraining.Mean(out, func(o retraining.Outcome) float64 { return o.At(price).Reuse }))
		b.Keep(fmt.Sprintf("reuse_bound_%g", price), unit, retraining.Mean(out, func(o retraining.Outcome) float64 { return o.At(price).Bound }))
	}
}

// byWorld notes what each world came to.
func byWorld(b *bar.Bench, out []retraining.Outcome, price float64) {
	for _, name := range retraining.Worlds {
		these := slices.DeleteFunc(slices.Clone(out), func(o retraining.Outcome) bool { return o.Stream != name })
		retrains := func(policy string) float64 {
			return retraining.Mean(these, func(o retraining.Outcome) float64 { return float64(o.At(price).Policies[policy].Retrains) })
		}
		b.Note("%s at %g: %.3f with %.1f retrains, best period %.3f with %.1f, optimum %.1f", name, price,
			retraining.Mean(these, retraining.Ratio("hone", price)), retrains("hone"), retraining.Mean(these, retraining.Ratio("best_period", price)), retrains("best_period"),
			retraining.Mean(these, func(o retraining.Outcome) float64 { return float64(o.At(price).Optimum.Retrains) }))
	}
}

// upper is the 97.5th percentile of the mean, worlds of a seed drawn together.
func upper(out []retraining.Outcome, of func(retraining.Outcome) float64) float64 {
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
	first, err := soon(b)
	if err != nil {
		return err
	}
	later, err := run(b, inWorlds(seeds, 1000), retraining.Policies[:1], false)
	if err != nil {
		return err
	}
	for _, price := range prices {
		a, c := retraining.Mean(first, retraining.Ratio("hone", price)), retraining.Mean(later, retraining.Ratio("hone", price))
		b.Keep(fmt.Sprintf("later_%g", price), "of the optimum", c-a)
		b.Note("at %g: %.3f, and %.3f with labels at once", price, c, a)
	}
	return nil
}
