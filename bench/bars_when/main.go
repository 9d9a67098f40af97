// Command bars_when measures the bars of when to retrain: how far from the best that
// hindsight could have done. What is played belongs to package backtest; the policies,
// worlds and streams to package retraining.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"hone/bench/bar"
	"hone/bench/retraining"
)

// prices of a retrain that bars hold at, in errors.
var prices = []float64{100, 300, 1000}

func main() { bar.Main("when", slices.Concat(worldBars, streamBars, loopBars, probeBars, minuteBars)) }

// progress tells how far a long measurement is, where somebody watches.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }

// plays plays cases, or knows what they came to by the same sources, which is noted.
func plays(b *bar.Bench) (p *retraining.Plays, done func(), err error) {
	var before, all atomic.Int64
	p, err = retraining.NewPlays(b.Root, filepath.Join(b.Root, "..", "shared", "data"), func(c retraining.Case, known bool) {
		all.Add(1)
		if known {
			before.Add(1)
		}
		progress("%s", c)
	})
	return p, func() {
		if n := before.Load(); n > 0 {
			b.Note("of %d cases %d had been played by the same sources before", all.Load(), n)
		}
	}, err
}

// run plays policies in all cases.
func run(b *bar.Bench, cases []retraining.Case, policies []retraining.Policy, reuse bool) ([]retraining.Outcome, error) {
	p, done, err := plays(b)
	if err != nil {
		return nil, err
	}
	defer done()
	return p.Run(context.Background(), cases, policies, reuse)
}

// inWorlds are all worlds with so many seeds that report.
func inWorlds(seeds, delay int) []retraining.Case {
	return retraining.InWorlds(seeds, retraining.Case{Learner: "linear", Delay: delay, Every: 1})
}
