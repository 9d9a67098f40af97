package retraining_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hone/bench/bar"
	"hone/bench/retraining"
	"hone/internal/backtest"
	"hone/internal/frame"
)

// stub makes a grid of a small world by champions that remember what they were
// trained on.
func grid(t *testing.T, name string, delay int) *backtest.Grid {
	t.Helper()
	s, err := retraining.NewWorld(name, 1)
	if err != nil {
		t.Fatal(err)
	}
	const batches = 60
	s.Rows, s.Targets = s.Rows.Slice(0, batches*s.Batch), s.Targets[:batches*s.Batch]
	s.Delay = delay
	g, err := backtest.NewGrid(t.Context(), s, retraining.Linear, bar.Parallel)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The optimum of a small grid is that of trying everything.
func TestOptimum(t *testing.T) {
	t.Parallel()
	s, err := retraining.NewWorld("recurring", 3)
	if err != nil {
		t.Fatal(err)
	}
	s.Rows, s.Targets, s.Window, s.Batch = s.Rows.Slice(8000, 14_500), s.Targets[8000:14_500], 1000, 500
	g, err := backtest.NewGrid(t.Context(), s, retraining.Linear, bar.Parallel)
	if err != nil {
		t.Fatal(err)
	}
	for _, price := range []float64{0, 10, 50, 200} {
		least := math.Inf(1)
		for set := range 1 << (g.Batches() - 1) {
			var when []int
			for b := 1; b < g.Batches(); b++ {
				if set>>(b-1)&1 == 1 {
					when = append(when, b)
				}
			}
			least = min(least, g.Cost(backtest.Retrains(when...), price))
		}
		cost, when := g.Optimum(price)
		if cost != least || g.Cost(when, price) != cost {
			t.Errorf("price %v: the optimum is %v by %v, which costs %v; the least is %v", price, cost, when, g.Cost(when, price), least)
		}
	}
}

// Where concepts come back, so do champions: the optimum is that of trying every set
// of retrains with every way to go back, on a small grid, and no moves are below the
// bound.
func TestOptimumWithReuse(t *testing.T) {
	t.Parallel()
	s, err := retraining.NewWorld("recurring", 3)
	if err != nil {
		t.Fatal(err)
	}
	s.Rows, s.Targets, s.Window, s.Batch = s.Rows.Slice(0, 48_000), s.Targets[:48_000], 8000, 4000
	g, err := backtest.NewGrid(t.Context(), s, retraining.Linear, bar.Parallel)
	if err != nil {
		t.Fatal(err)
	}
	for _, price := range []float64{20, 200, 1000} {
		least := math.Inf(1)
		var try func(b int, moves []backtest.Move)
		try = func(b int, moves []backtest.Move) {
			if b == g.Batches() {
				least = min(least, g.Cost(moves, price))
				return
			}
			try(b+1, moves)
			try(b+1, append(slices.Clone(moves), backtest.Move{At: b, Champion: b}))
			seen := map[int]bool{0: true}
			for _, m := range moves {
				seen[m.Champion] = true
			}
			for c := range seen {
				if len(moves) == 0 && c == 0 || len(moves) > 0 && moves[len(moves)-1].Champion == c {
					continue
				}
				try(b+1, append(slices.Clone(moves), backtest.Move{At: b, Champion: c}))
			}
		}
		try(1, nil)
		cost, moves, bound := g.OptimumWithReuse(price)
		plain, _ := g.Optimum(price)
		if math.Abs(cost-least) > 1e-9 || math.Abs(g.Cost(moves, price)-cost) > 1e-9 || bound > least+1e-9 || cost > plain {
			t.Errorf("price %v: %v by %v, which costs %v; the least is %v, without reuse %v, the bound %v", price, cost, moves, g.Cost(moves, price), least, plain, bound)
		}
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	calm, abrupt := grid(t, "none", 0), grid(t, "gradual", 0)
	const price = 100
	best, _ := abrupt.Optimum(price)
	f := func(name string, p backtest.Policy, most float64) {
		t.Helper()
		when := p(abrupt, price)
		for i, m := range when {
			if m.At != m.Champion || m.At < 1 || m.At >= abrupt.Batches() || i > 0 && m.At <= when[i-1].At {
				t.Errorf("%s moves %v of %d batches", name, when, abrupt.Batches())
			}
		}
		if got := abrupt.Cost(when, price) / best; got < 1 || got > most {
			t.Errorf("%s costs %.3f of the optimum by %v, want at most %v", name, got, when, most)
		}
	}
	f("never", backtest.Never, 9)
	f("every 10", backtest.Every(10), 1.3)
	f("best period", backtest.BestPeriod, 1.2)
	f("worse", backtest.Worse(3), 2)
	f("avoidable", backtest.Avoidable(), 1.5)
	f("cusum", backtest.CUSUM(1, 40), 2)
	f("adwin", backtest.ADWIN(), 2)
	f("psi", backtest.PSI(0.2), 9)
	f("hone", backtest.Hone(), 1.15)
	if when := backtest.Hone()(calm, price); len(when) > 0 {
		t.Errorf("where nothing changes it retrains before %v", when)
	}
	if n := len(backtest.Every(7)(calm, price)); n != (calm.Batches()-1)/7 {
		t.Errorf("every 7 of %d batches retrains %d times", calm.Batches(), n)
	}
}

// A policy never sees a label before it came.
func TestDelay(t *testing.T) {
	t.Parallel()
	const delay = 600
	g := grid(t, "abrupt", delay)
	changed := grid(t, "abrupt", delay)
	cut := g.From + 30*g.Batch
	for i := cut; i < len(changed.Targets); i++ {
		changed.Targets[i] = 1 - changed.Targets[i]
	}
	for _, p := range []backtest.Policy{backtest.Hone(), whole(), backtest.Avoidable(), backtest.ADWIN(), backtest.CUSUM(1, 40)} {
		a, b := p(g, 30), p(changed, 30)
		// Labels from batch 30 on come after batch 31.
		early := func(m backtest.Move) bool { return m.At > 31 }
		if a, b := until(a, early), until(b, early); !slices.Equal(a, b) {
			t.Errorf("labels to come change what was done: %v and %v", a, b)
		}
	}
}

func whole() backtest.Policy {
	return backtest.Hone()
}

// Where concepts come back the rule goes back to former champions, and pays less than
// the optimum that may not; where nothing changes it does nothing.
func TestWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains 230 champions")
	}
	t.Parallel()
	s, err := retraining.NewWorld("recurring", 1)
	if err != nil {
		t.Fatal(err)
	}
	g, err := backtest.NewGrid(t.Context(), s, retraining.Linear, bar.Parallel)
	if err != nil {
		t.Fatal(err)
	}
	const price = 300
	moves := whole()(g, price)
	kept, back := map[int]bool{0: true}, 0
	for i, m := range moves {
		if m.At < 1 || m.At >= g.Batches() || i > 0 && m.At <= moves[i-1].At || m.Champion > m.At || m.Champion < m.At && !kept[m.Champion] {
			t.Fatalf("moves %v", moves)
		}
		if kept[m.Champion] {
			back++
		}
		kept[m.Champion] = true
	}
	plain, _ := g.Optimum(price)
	cost, without := g.Cost(moves, price), g.Cost(backtest.Whole(backtest.Rule{})(g, price), price)
	if back < 3 || !(cost < plain) || !(cost < without) {
		t.Errorf("%d champions came back, by %v; it costs %.0f, without them %.0f, and the optimum without %.0f", back, moves, cost, without, plain)
	}
	if moves := whole()(grid(t, "none", 0), price); len(moves) > 0 {
		t.Errorf("where nothing changes it moves %v", moves)
	}
}

func until(xs []backtest.Move, end func(backtest.Move) bool) []backtest.Move {
	if at := slices.IndexFunc(xs, end); at >= 0 {
		return xs[:at]
	}
	return xs
}

func TestWorlds(t *testing.T) {
	t.Parallel()
	for _, name := range retraining.Worlds {
		a, err := retraining.NewWorld(name, 5)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := retraining.NewWorld(name, 5)
		c, _ := retraining.NewWorld(name, 6)
		if !slices.Equal(a.Targets, b.Targets) || slices.Equal(a.Targets, c.Targets) {
			t.Errorf("%s: the seed does not decide", name)
		}
		share := 0.0
		for _, y := range a.Targets {
			share += y / float64(len(a.Targets))
		}
		if math.Abs(share-0.5) > 0.02 {
			t.Errorf("%s: %v of the labels are 1", name, share)
		}
	}
	if _, err := retraining.NewWorld("flat", 1); err == nil {
		t.Error("there is a world that is not there")
	}
	if _, err := backtest.NewGrid(t.Context(), &backtest.Stream{Name: "short", Rows: frame.New(nil, 10), Targets: make([]float64, 10), Batch: 5, Window: 25}, retraining.Linear, backtest.InTurn); err == nil {
		t.Error("a stream that is too short has a grid")
	}
}

// curve is a stream whose concept no line can follow, and which turns round at a row.
func curve(turns int) *backtest.Stream {
	const batch, n = 200, 24_000
	r := rand.New(rand.NewPCG(4, 4))
	var schema frame.Schema
	for _, name := range []string{"a", "b", "c"} {
		schema = append(schema, frame.Field{Name: name, Kind: frame.Number})
	}
	s := &backtest.Stream{Name: "curve", Rows: frame.New(schema, n), Targets: make([]float64, n), Batch: batch, Window: 10 * batch}
	for i := range n {
		for _, c := range s.Rows.Cols {
			c.Num[i] = r.NormFloat64()
		}
		a, b := s.Rows.Cols[0].Num[i], s.Rows.Cols[1].Num[i]
		if yes := (a > 0) != (b > 0 && b < 1); yes != (i >= turns) != (r.Float64() < 0.05) {
			s.Targets[i] = 1
		}
	}
	return s
}

// A line that is asked to follow a curve lacks it from the first day: what the probe sees of
// that is no reason to retrain, however cheap, and a concept that turns still is.
func TestLacking(t *testing.T) {
	t.Parallel()
	const turns = 14_000
	g, err := backtest.NewGrid(t.Context(), curve(turns), retraining.Linear, bar.Parallel)
	if err != nil {
		t.Fatal(err)
	}
	for _, price := range []float64{30, 100, 300} {
		moves := backtest.Hone()(g, price)
		turned := (turns - g.Window) / g.Batch
		if len(moves) == 0 || moves[0].At <= turned || moves[0].At > turned+12+int(price)/20 || backtest.Trained(moves) > 3 {
			t.Errorf("at %v it moves %+v; the concept turns at batch %d", price, moves, turned)
		}
	}
}
