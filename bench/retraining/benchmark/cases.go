package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"hone/bench/retraining"
	"hone/internal/backtest"
)

// How many seeds of each world report.
const (
	manySeeds = 20 // Of the linear learner, with all labels at once.
	someSeeds = 5
	treeSeeds = 2
)

// how labels come: after so many rows, one in so many.
type how struct{ delay, every int }

var hows = []how{{0, 1}, {500, 1}, {1000, 1}, {0, 10}, {500, 10}, {1000, 10}}

// in are all worlds with so many seeds that report.
func in(seeds int, learner string, h how) []retraining.Case {
	return retraining.InWorlds(seeds, retraining.Case{Learner: learner, Delay: h.delay, Every: h.every})
}

// recorded are streams whose files are there.
func (b *bench) recorded(names []string, learner string, h how) (out []retraining.Case) {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(b.plays.Data, name+".csv.gz")); errors.Is(err, os.ErrNotExist) {
			progress("%s is not in %s, and passed over", name, b.plays.Data)
			continue
		}
		out = append(out, retraining.Case{Stream: name, Learner: learner, Delay: h.delay, Every: h.every})
	}
	return out
}

// run plays policies in all cases.
func (b *bench) run(cases []retraining.Case, policies []retraining.Policy, reuse bool) ([]retraining.Outcome, error) {
	return b.plays.Run(b, cases, policies, reuse)
}

// worlds are those with all labels at once, where both optima are looked for.
func worlds(b *bench) (any, error) {
	return b.run(in(manySeeds, "linear", hows[0]), retraining.Policies, true)
}

// labels come late, or some of them.
func labels(b *bench) (any, error) {
	var cases []retraining.Case
	for _, h := range hows {
		cases = append(cases, in(someSeeds, "linear", h)...)
	}
	return b.run(cases, retraining.Policies, false)
}

func trees(b *bench) (any, error) {
	cases := in(treeSeeds, "trees", hows[0])
	for _, h := range hows[1:] {
		cases = append(cases, in(1, "trees", h)...)
	}
	return b.run(cases, retraining.Policies, false)
}

func streams(b *bench) (any, error) { return b.streams(retraining.Reporting) }

// streams plays recorded ones, however labels come.
func (b *bench) streams(names []string) ([]retraining.Outcome, error) {
	var cases []retraining.Case
	for _, learner := range []string{"trees", "linear"} {
		for _, h := range hows {
			cases = append(cases, b.recorded(names, learner, h)...)
		}
	}
	out, err := b.run(where(cases, plain), retraining.Policies, true)
	if err != nil {
		return nil, err
	}
	more, err := b.run(slices.DeleteFunc(cases, plain), retraining.Policies, false)
	return append(out, more...), err
}

func loops(b *bench) (any, error) { return b.plays.Loops(b, b.inRows(retraining.LoopSeeds)) }

func learning(b *bench) (any, error) { return b.plays.Learning(b, b.inRows(someSeeds)) }

// inRows are the cases of the whole loop.
func (b *bench) inRows(seeds int) []retraining.Case {
	late := how{500, 1}
	return append(in(seeds, "linear", late), b.recorded(retraining.Reporting, "trees", late)...)
}

// tuning tries settings of CUSUM where choosing is allowed.
func tuning(b *bench) (any, error) {
	var cases []retraining.Case
	for _, seed := range retraining.ChoosingSeeds {
		for _, w := range retraining.Worlds {
			cases = append(cases, retraining.Case{Stream: w, Seed: seed, Learner: "linear"})
		}
	}
	cases = append(cases, b.recorded(retraining.ChoosingStreams, "trees", hows[0])...)
	var policies []retraining.Policy
	for _, s := range retraining.Settings() {
		policies = append(policies, retraining.Policy{Name: s.String(), Play: backtest.CUSUM(s.K, s.H)})
	}
	return b.run(cases, policies, false)
}

// plain tells whether all labels come at once.
func plain(c retraining.Case) bool { return c.Delay == 0 && c.Every <= 1 }
