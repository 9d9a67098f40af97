package retraining_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"hone"
	"hone/bench/retraining"
	"hone/internal/backtest"
	"hone/internal/config"
	"hone/internal/rollout"
)

// Champions that have gone wrong lose more, the first one not, the same seed breaks the
// same ones, and the grid that they come from stays as it is.
func TestCorrupted(t *testing.T) {
	t.Parallel()
	g := grid(t, "none", 0)
	before := g.Cost(backtest.Every(1)(g, 0), 0)
	bad := g.Corrupted(1, 7)
	if g.Cost(nil, 0) != bad.Cost(nil, 0) {
		t.Error("the first champion has gone wrong")
	}
	if after := g.Cost(backtest.Every(1)(g, 0), 0); after != before {
		t.Errorf("the grid itself lost %v, and %v once another was made of it", before, after)
	}
	all := backtest.Every(1)(g, 0)
	// On average 5, 10 and 20 points more, 15 % turned round of answers that are mostly
	// right, and older ones that are as good where nothing changes: some nine points.
	rows := float64((g.Batches() - 1) * g.Batch)
	if points := 100 * (bad.Cost(all, 0) - before) / rows; points < 6 || points > 12 {
		t.Errorf("champions that have gone wrong lose %.1f points more", points)
	}
	if again := g.Corrupted(1, 7); again.Cost(all, 0) != bad.Cost(all, 0) {
		t.Error("the same seed breaks others")
	}
	if other := g.Corrupted(1, 8); other.Cost(all, 0) == bad.Cost(all, 0) {
		t.Error("another seed breaks the same")
	}
	if none := g.Corrupted(0, 7); none.Cost(all, 0) != before {
		t.Error("champions have gone wrong by no chance at all")
	}
}

// Through the stages a model pays for every run, also for one that came to nothing; where
// nothing changes it pays nothing.
func TestPlay(t *testing.T) {
	t.Parallel()
	rule := backtest.Rule{Kept: 5, Receipts: true}
	const price = 100
	calm := grid(t, "none", 500)
	if p := calm.Play(rule, retraining.Stages(hone.Balanced), price); p.Trained+p.Returned > 0 || math.Abs(p.Cost-calm.Cost(nil, price)) > 1e-6 {
		t.Errorf("where nothing changes it comes to %+v, and never retraining to %v", p, calm.Cost(nil, price))
	}
	g := grid(t, "gradual", 500)
	p := g.Play(rule, retraining.Stages(hone.Balanced), price)
	if want := p.Lost + price*float64(p.Trained) + backtest.ReuseShare*price*float64(p.Returned); p.Cost != want || p.Trained == 0 {
		t.Errorf("it came to %+v, want a cost of %v", p, want)
	}
	moves := backtest.Whole(rule)(g, price)
	if at := g.Cost(moves, price); p.Cost < 0.97*at || p.Cost > 1.1*at || p.Cost > 0.9*g.Cost(nil, price) {
		t.Errorf("through the stages it costs %v, swapped in at once %v, never %v", p.Cost, at, g.Cost(nil, price))
	}
	strict := g.Play(rule, retraining.Stages(hone.Strict), price)
	if strict.Lost <= p.Lost {
		t.Errorf("strict evidence loses %v, balanced %v: waiting costs nothing", strict.Lost, p.Lost)
	}
}

// What learns the labels as they come takes over where the concept never stands still, and
// less is lost; where nothing changes it stays beside.
func TestPlayLearns(t *testing.T) {
	t.Parallel()
	rule := backtest.Rule{Kept: 5, Receipts: true}
	learning := retraining.Stages(hone.Balanced)
	learning.Model.Train.Continuous = 500
	const price = 300
	g := grid(t, "gradual", 500)
	with, without := g.Play(rule, learning, price), g.Play(rule, retraining.Stages(hone.Balanced), price)
	if with.Returned == 0 || with.Cost >= without.Cost {
		t.Errorf("with a learner beside it comes to %+v, without to %+v", with, without)
	}
	if again := g.Play(rule, learning, price); again != with {
		t.Errorf("the same comes to %+v, and then to %+v", with, again)
	}
	if p := grid(t, "none", 500).Play(rule, learning, price); p.Trained+p.Returned > 0 {
		t.Errorf("where nothing changes it comes to %+v", p)
	}
}

// Of candidates that have all gone wrong the stages stop some, and lose less.
func TestPlayStops(t *testing.T) {
	t.Parallel()
	rule := backtest.Rule{Kept: 5, Receipts: true}
	const price = 30
	g := grid(t, "gradual", 500)
	stopped, through, atOnce := 0, 0.0, 0.0
	for seed := range uint64(4) {
		bad := g.Corrupted(1, seed)
		p := bad.Play(rule, retraining.Stages(hone.Balanced), price)
		stopped += p.Rejected + p.RolledBack + p.TakenBack
		through += p.Lost
		atOnce += bad.Cost(backtest.Whole(rule)(bad, price), 0)
	}
	if stopped < 2 || through > atOnce {
		t.Errorf("%d were stopped; %v is lost, and %v with every candidate swapped in", stopped, through, atOnce)
	}
}

// What is played is what a configuration comes to that says nothing of its rollout.
func TestStages(t *testing.T) {
	t.Parallel()
	for _, evidence := range []hone.Evidence{hone.Balanced, hone.Strict} {
		played, plain := retraining.Stages(evidence).Model, hone.Model{Evidence: evidence}
		config.Defaults(&plain)
		steps := func(m hone.Model) []hone.Step {
			return rollout.Begin(m, "v2", hone.Decision{}, time.Time{}, 0, "").Steps
		}
		if !slices.Equal(steps(played), steps(plain)) || played.Rollout.Strategy != plain.Rollout.Strategy {
			t.Errorf("%s: %+v is played, and the default is %+v", evidence, steps(played), steps(plain))
		}
		if a, b := played.Rollout, plain.Rollout; a.Patience != b.Patience || a.Probation.Labels != b.Probation.Labels {
			t.Errorf("%s: %+v is played, and the default is %+v", evidence, a, b)
		}
	}
}
