package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
)

func TestDelayCurve(t *testing.T) {
	t.Parallel()
	// All rows are old: the curve is the plain share.
	var old []stat.Arrived
	for i := range 100 {
		old = append(old, stat.Arrived{Delay: float64(i + 1), Age: 1000})
	}
	c := stat.NewDelayCurve(old)
	f := func(age, want float64) {
		t.Helper()
		if got := c.At(age); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v: got %v, want %v", age, got, want)
		}
	}
	f(0.5, 0)
	f(25, 0.25)
	f(25.5, 0.25)
	f(99.9, 0.99)
	f(100, 1)
	f(5000, 1)
	// By hand: of the two labels with a delay of 1 or 2 among rows as old as 2, one
	// took 2, so that half of all come by 1; the young row says nothing of that.
	c = stat.NewDelayCurve([]stat.Arrived{{Delay: 1, Age: 1.5}, {Delay: 1, Age: 3}, {Delay: 2, Age: 3}})
	f(1, 0.5)
	f(2, 1)
}

// late draws the labels that came of rows answered over a month: wrong ones take
// longer.
func late(r *rand.Rand, n int, wrong float64) (came []stat.Arrived, plain float64) {
	for range n {
		row := stat.Arrived{Kind: "right", Age: 30 * r.Float64()}
		mean := 2.0
		if r.Float64() < wrong {
			row.Value, row.Kind, mean = 1, "wrong", 8
		}
		if row.Delay = mean * r.ExpFloat64(); row.Delay <= row.Age {
			came, plain = append(came, row), plain+row.Value
		}
	}
	return came, plain / float64(len(came))
}

// TestMatureMeanCorrects holds the interval against the truth in worlds where
// wrong answers are found out late.
func TestMatureMeanCorrects(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a simulation")
	}
	const worlds, truth = 200, 0.2
	held, sum, naive := 0, 0.0, 0.0
	for seed := range uint64(worlds) {
		came, plain := late(rand.New(rand.NewPCG(seed, 3)), 2000, truth)
		mean, lower, upper := stat.MatureMean(came)
		if lower <= truth && truth <= upper {
			held++
		}
		sum, naive = sum+mean/worlds, naive+plain/worlds
	}
	if share := float64(held) / worlds; share < 0.9 {
		t.Errorf("the interval holds the truth in %.3f of the worlds, want 0.9", share)
	}
	if math.Abs(sum-truth) > 0.01 || math.Abs(naive-truth) < 0.02 {
		t.Errorf("corrected %.4f, as they came %.4f, truth %v", sum, naive, truth)
	}
	if mean, _, _ := stat.MatureMean(nil); mean == mean {
		t.Errorf("nothing gives %v", mean)
	}
}
