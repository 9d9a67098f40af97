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

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/backtest"
)

// of is what the figures come from.
var of = []string{"internal/backtest", "internal/learn/encode", "internal/learn/gbdt", "internal/learn/linear", "internal/learn/residual", "internal/stat", "internal/trigger"}

// prices of a retrain that bars hold at, in errors.
var prices = []float64{100, 300, 1000}

func main() { bar.Main("when", slices.Concat(worldBars, streamBars, loopBars, probeBars, minuteBars)) }

// progress tells how far a long measurement is, where somebody watches.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }

// data is where recorded streams lie.
func data(b *bar.Bench) string { return filepath.Join(b.Root, "..", "shared", "data") }

// each does something for every case, several at a time, and tells of each.
func each(cases []retraining.Case, do func(i int) error) error {
	return retraining.Each(cases, bar.Parallel, do, func(c retraining.Case) { progress("%s", c) })
}

// run plays policies in all cases.
func run(b *bar.Bench, cases []retraining.Case, policies []retraining.Policy, reuse bool) ([]retraining.Outcome, error) {
	out := make([]retraining.Outcome, len(cases))
	return out, each(cases, func(i int) (err error) {
		out[i], err = cases[i].Run(context.Background(), data(b), prices, policies, reuse, backtest.InTurn)
		return err
	})
}

// done is what was played already in this run.
var done = map[string][]retraining.Outcome{}

// playedOnce plays what several bars look at.
func playedOnce(name string, play func() ([]retraining.Outcome, error)) ([]retraining.Outcome, error) {
	if out := done[name]; out != nil {
		return out, nil
	}
	out, err := play()
	done[name] = out
	return out, err
}

// inWorlds are all worlds with so many seeds that report.
func inWorlds(seeds, delay int) (out []retraining.Case) {
	for seed := range seeds {
		for _, w := range retraining.Worlds {
			out = append(out, retraining.Case{Stream: w, Seed: retraining.FirstSeed + uint64(seed), Learner: "linear", Delay: delay})
		}
	}
	return out
}

// ratio is what a policy cost in a case, of the optimum.
func ratio(policy string, price float64) func(retraining.Outcome) float64 {
	return func(o retraining.Outcome) float64 { return o.At(price).Policies[policy].Ratio }
}

func mean[T any](xs []T, of func(T) float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += of(x) / float64(len(xs))
	}
	return sum
}
