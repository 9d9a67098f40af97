package main

import (
	"hone/bench/bar"
	"hone/bench/retraining"
)

// streamBars are about recorded rows.
var streamBars = []bar.Measured{
	{Bar: bar.Bar{ID: "decision_streams", Of: retraining.Of,
		About: "The streams of the reporting half, in the order of time, cut into 120 batches; champions of 40 trees of 15 leaves from the newest 12; labels and swaps at once: the mean cost of Hone's rule over that of the optimum that never goes back to a former champion. The label of transient_chess is whether it is 4 or more.",
		Limits: []bar.Limit{
			{Series: "hone_100", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
			{Series: "hone_300", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
			{Series: "hone_1000", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
		}, Also: others()}, Measure: streams},
}

// recorded plays the recorded streams with all labels at once.
func recorded(b *bar.Bench) ([]retraining.Outcome, error) {
	var cases []retraining.Case
	for _, name := range retraining.Reporting {
		cases = append(cases, retraining.Case{Stream: name, Learner: "trees", Every: 1})
	}
	return run(b, cases, retraining.Policies, true)
}

func streams(b *bar.Bench) error {
	out, err := recorded(b)
	if err != nil {
		return err
	}
	keep(b, out)
	for _, price := range prices {
		for _, o := range out {
			at := o.At(price)
			h, best := at.Policies["hone"], at.Policies["best_period"]
			b.Note("%s at %g: %.3f with %d retrains and %d returns, best period %.3f with %d, optimum %d", o.Stream, price, h.Ratio, h.Retrains, h.Reuses, best.Ratio, best.Retrains, at.Optimum.Retrains)
		}
	}
	return nil
}
