package main

import (
	"context"
	"path/filepath"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/backtest"
)

// streamBars are about recorded rows.
var streamBars = []bar.Measured{
	{Bar: bar.Bar{ID: "decision_streams", Of: of,
		About: "The streams of the reporting half, in the order of time, cut into 120 batches; champions of 40 trees of 15 leaves from the newest 12; labels and swaps at once: the mean cost of Hone's rule over that of the optimum that never goes back to a former champion. The label of transient_chess is whether it is 4 or more.",
		Limits: []bar.Limit{
			{Series: "hone_100", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
			{Series: "hone_300", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
			{Series: "hone_1000", Unit: "of the optimum", Of: bar.Median, Under: 1.15, AtMost: true},
		}, Also: others()}, Measure: streams},
}

// reporting are the streams that choose nothing.
var reporting = []string{"agrawal_gradual", "sea_gen", "phishing", "transient_chess"}

const (
	streamBatches = 120
	streamWindow  = 12
	streamRows    = 40_000 // The first ones.
)

func streams(b *bar.Bench) error {
	var out []outcome
	for _, name := range reporting {
		s, err := readStream(filepath.Join(b.Root, "..", "shared", "data", name+".csv.gz"), name)
		if err != nil {
			return err
		}
		g, err := backtest.NewGrid(context.Background(), s, retraining.Trees, bar.Parallel)
		if err != nil {
			return err
		}
		out = append(out, play(g, prices))
		progress("%s", name)
	}
	keep(b, out)
	for _, price := range prices {
		for _, o := range out {
			h, best := o.by["hone"][price], o.by["best_period"][price]
			b.Note("%s at %g: %.3f with %d retrains, best period %.3f with %d, optimum %d", o.stream, price, h.ratio, h.retrains, best.ratio, best.retrains, o.optimum[price])
		}
	}
	return nil
}

func readStream(path, name string) (*backtest.Stream, error) {
	rows, targets, err := retraining.Read(path, streamRows)
	if err != nil {
		return nil, err
	}
	least := 1.0
	if name == "transient_chess" {
		least = 4
	}
	for i, x := range targets {
		targets[i] = flag(x >= least)
	}
	return &backtest.Stream{Name: name, Rows: rows, Targets: targets, Batch: rows.N / streamBatches, Window: streamWindow * (rows.N / streamBatches)}, nil
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
