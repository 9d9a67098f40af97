package planted_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/learn/residual/planted"
)

// What a line cannot say was lost from the day on which it was learned: a probe that can
// say it gains as much on the very rows, whose loss is known here.
func TestInborn(t *testing.T) {
	t.Parallel()
	const n = 4000
	d := world(5, n, 6, chequered)
	x, y := d.Rows.Cols[0].Num, d.Rows.Cols[1].Num
	answers := func(says func(row int) float64) func([]int) []float64 {
		return func(rows []int) (out []float64) {
			for _, row := range rows {
				out = append(out, says(row))
			}
			return out
		}
	}
	share := func(b bool) float64 { return 0.08 + 0.84*flag(b) }
	for _, c := range []struct {
		name        string
		says        func(row int) float64
		trees       bool
		least, most float64
	}{
		{"it knows all that can be known", func(row int) float64 { return share((x[row] > 0) != (y[row] > 0)) }, true, 0, 0.01},
		{"half of its answers are wrong, and trees see why", func(row int) float64 { return share(x[row] > 0) }, true, 0.25, 0.43},
		{"the same, and a line sees little", func(row int) float64 { return share(x[row] > 0) }, false, 0, 0.1},
		{"it knows its rows by heart", func(row int) float64 { return share(d.Targets[row] == 1) }, true, 0, 0},
	} {
		d.Answers = answers(c.says)
		for seed := range uint64(2) {
			if got := planted.Inborn(d, seed, c.trees); got < c.least || got > c.most {
				t.Errorf("%s: %v a row, want %v to %v", c.name, got, c.least, c.most)
			}
		}
	}
	// A row with a weight counts for so much, and what came of the test holds it too.
	d.Answers = answers(func(row int) float64 { return share(x[row] > 0) })
	one := planted.Inborn(d, 1, true)
	if p := planted.Test(d, 1); p.Inborn != planted.Inborn(d, 1, p.NeedsTrees()) {
		t.Errorf("the test says %v", p.Inborn)
	}
	d.Weights = make([]float64, n)
	for i := range d.Weights {
		d.Weights[i] = 3
	}
	if three := planted.Inborn(d, 1, true); three < one-1e-9 || three > one+1e-9 {
		t.Errorf("%v for a weight of one, and %v where all weigh three", one, three)
	}
	d.Weights = nil
	// It is taken off the rows that have a target, as much as each counts.
	lacks := planted.Power{Inborn: 0.5}
	targets := []float64{1, math.NaN(), 0}
	if all, some := lacks.Lacked(targets, nil), lacks.Lacked(targets, []float64{4, 8, 2}); all != 1 || some != 3 {
		t.Errorf("%v of two rows with a target, and %v of weights of 4 and 2", all, some)
	}
	// Rows of two concepts, one after the other, are no concept that it lacks.
	r := rand.New(rand.NewPCG(3, 3))
	for i := range d.Targets {
		d.Targets[i] = noisy(r, (x[i] > 0) == (i < n/2))
	}
	if got := planted.Inborn(d, 1, true); got > 0.03 {
		t.Errorf("where the concept turned in mid of its rows: %v a row", got)
	}
	d.Answers = func([]int) []float64 { return nil }
	if got := planted.Inborn(d, 1, true); got != 0 {
		t.Errorf("%v of one that cannot be asked", got)
	}
}
