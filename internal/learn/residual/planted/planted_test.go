package planted_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/residual"
	"hone/internal/learn/residual/planted"
)

// world is rows of so many numbers, whose target is what says.
func world(seed uint64, n, numbers int, target func(r *rand.Rand, x []float64) float64) planted.Data {
	r := rand.New(rand.NewPCG(seed, 8))
	var schema frame.Schema
	for c := range numbers {
		schema = append(schema, frame.Field{Name: fmt.Sprint("x", c), Kind: frame.Number})
	}
	d := planted.Data{Rows: frame.New(schema, n), Targets: make([]float64, n), Task: residual.Binary, Width: 1}
	x := make([]float64, numbers)
	for i := range n {
		for c := range x {
			x[c] = r.NormFloat64()
			d.Rows.Cols[c].Num[i] = x[c]
		}
		d.Targets[i] = target(r, x)
	}
	d.Loss = func(row int, s []float64) float64 { return flag((s[0] > 0.5) != (d.Targets[row] == 1)) }
	return d
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func noisy(r *rand.Rand, b bool) float64 { return flag(b != (r.Float64() < 0.08)) }

func linear(r *rand.Rand, x []float64) float64 { return noisy(r, x[0]+0.7*x[1]-0.5*x[2] > 0) }

func chequered(r *rand.Rand, x []float64) float64 { return noisy(r, (x[0] > 0) != (x[1] > 0)) }

// What a linear residual can say is seen without trees; what it cannot is only seen
// with them.
func TestPower(t *testing.T) {
	t.Parallel()
	f := func(name string, d planted.Data, least, most float64, needs bool) {
		t.Helper()
		for seed := range uint64(2) {
			p := planted.Test(d, seed)
			if p.Plants < 2 || p.Plain < least || p.Plain > most || p.NeedsTrees() != needs || p.Blind() {
				t.Errorf("%s, seed %d: %+v, want a share from %v to %v and need of trees %v", name, seed, p, least, most, needs)
			}
		}
	}
	f("linear", world(1, 4000, 6, linear), 0.5, 1, false)
	f("chequered", world(1, 4000, 6, chequered), 0, 0.4, true)
	// Trees that join whatever it finds take nothing from what is seen.
	always := world(1, 4000, 6, linear)
	p := planted.Test(always, 1)
	always.Always = true
	if q := planted.Test(always, 1); !q.NeedsTrees() || q.Plain != p.Plain || q.Seen() < p.Seen() || q.Blind() {
		t.Errorf("%+v, and with trees always %+v", p, q)
	}
}

// The other tasks, and features of other kinds.
func TestTasks(t *testing.T) {
	t.Parallel()
	values := world(2, 4000, 5, func(r *rand.Rand, x []float64) float64 {
		return 1000 + 50*flag((x[0] > 0) != (x[1] > 0)) + 5*r.NormFloat64()
	})
	values.Task = residual.Regression
	values.Loss = func(row int, s []float64) float64 { return math.Abs(s[0] - values.Targets[row]) }
	classes := world(3, 4000, 5, func(r *rand.Rand, x []float64) float64 {
		if r.Float64() < 0.05 {
			return float64(r.IntN(4))
		}
		return flag(x[0] > 0) + 2*flag(x[1]+x[2] > 0)
	})
	classes.Task, classes.Width = residual.Multiclass, 4
	classes.Loss = func(row int, s []float64) float64 {
		best := 0
		for c := range s {
			if s[c] > s[best] {
				best = c
			}
		}
		return flag(best != int(classes.Targets[row]))
	}
	named := world(4, 4000, 2, func(r *rand.Rand, x []float64) float64 { return 0 })
	named.Rows.Schema = append(named.Rows.Schema, frame.Field{Name: "shop", Kind: frame.Category}, frame.Field{Name: "note", Kind: frame.Text})
	shops, notes := make([]string, 4000), make([]string, 4000)
	r := rand.New(rand.NewPCG(5, 5))
	for i := range shops {
		shop := r.IntN(12)
		shops[i], notes[i] = fmt.Sprint("s", shop), fmt.Sprint("note ", r.IntN(5))
		named.Targets[i] = noisy(r, shop%3 == 0)
	}
	named.Rows.Cols = append(named.Rows.Cols, frame.Column{Str: shops}, frame.Column{Str: notes})
	for name, d := range map[string]planted.Data{"values": values, "classes": classes, "categories": named} {
		p := planted.Test(d, 1)
		if p.Plants < 2 || !(p.Planted > 0) || p.Seen() < 0.3 || p.Seen() > 1 || p.Blind() {
			t.Errorf("%s: %+v", name, p)
		}
		if again := planted.Test(d, 1); again != p {
			t.Errorf("%s: %+v, and again %+v", name, p, again)
		}
	}
}

// Where nothing can be lost nothing is planted, and nothing is said; trees are joined
// where there was something to look for.
func TestNothingToPlant(t *testing.T) {
	t.Parallel()
	f := func(name string, d planted.Data) {
		t.Helper()
		if p := planted.Test(d, 1); p.Plants != 0 || p.NeedsTrees() != (name == "noise") || p.Blind() {
			t.Errorf("%s: %+v", name, p)
		}
		if d.Always = true; !planted.Test(d, 1).NeedsTrees() {
			t.Errorf("%s: trees do not always join", name)
		}
	}
	f("noise", world(1, 3000, 5, func(r *rand.Rand, _ []float64) float64 { return float64(r.IntN(2)) }))
	f("one class", world(1, 3000, 5, func(*rand.Rand, []float64) float64 { return 1 }))
	f("few rows", world(1, 399, 5, linear))
	f("no features", world(1, 3000, 0, func(r *rand.Rand, _ []float64) float64 { return float64(r.IntN(2)) }))
	f("no labels", world(1, 3000, 5, func(*rand.Rand, []float64) float64 { return math.NaN() }))
	texts := world(1, 3000, 1, func(r *rand.Rand, _ []float64) float64 { return float64(r.IntN(2)) })
	texts.Rows.Schema[0].Kind = frame.Text
	texts.Rows.Cols[0] = frame.Column{Str: make([]string, 3000)}
	f("texts", texts)
	weightless := world(1, 3000, 5, linear)
	weightless.Weights = make([]float64, 3000)
	f("rows that do not count", weightless)
}

// A test rests between small pieces, which changes nothing, and can be given up at each.
func TestRests(t *testing.T) {
	t.Parallel()
	d := world(1, 4000, 6, chequered)
	want, rests := planted.Test(d, 1), 0
	d.Rest = func() bool { rests++; return true }
	if got := planted.Test(d, 1); got != want || rests < 300 {
		t.Errorf("with %d rests %+v, without %+v", rests, got, want)
	}
	for _, at := range []int{1, 20, 40, rests / 2, rests} {
		left := at
		d.Rest = func() bool { left--; return left > 0 }
		if got := planted.Test(d, 1); got != (planted.Power{}) || left != 0 {
			t.Errorf("given up at the rest %d of %d, which left %d: %+v", at, rests, left, got)
		}
	}
}

// Trees are not asked where the probe sees so much that they could not be needed.
func TestTreesOnlyWhereTheyCouldHelp(t *testing.T) {
	t.Parallel()
	seen := 0
	for seed := range uint64(6) {
		p := planted.Test(world(seed, 4000, 3, linear), 1)
		if p.Plain > 0.75 {
			seen++
			if p.Trees != 0 || p.NeedsTrees() {
				t.Errorf("seed %d: %+v", seed, p)
			}
		}
	}
	if seen == 0 {
		t.Error("in no world did the probe see three quarters")
	}
}

// 5,000 rows of 30 numbers, whose losses take trees to see, take about half a second.
func BenchmarkTest(b *testing.B) {
	d := world(1, 8000, 30, chequered)
	for b.Loop() {
		planted.Test(d, 1)
	}
}
