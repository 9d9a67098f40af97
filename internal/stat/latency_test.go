package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hone/internal/stat"
)

func TestLatencies(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(10, 2))
	var whole, a, b stat.Latencies
	var all []time.Duration
	for i := range 5000 {
		// From 1 µs to 100 s, evenly on the logarithm.
		d := time.Duration(1000 * math.Pow(10, 8*r.Float64()))
		all = append(all, d)
		whole.Add(d)
		if i%2 == 0 {
			a.Add(d)
		} else {
			b.Add(d)
		}
	}
	a.Merge(&b)
	if a != whole || whole.N() != len(all) {
		t.Error("merged halves differ from the whole")
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1} {
		want := all[int(math.Ceil(q*float64(len(all))))-1]
		got := whole.Quantile(q)
		if e := math.Abs(float64(got)/float64(want) - 1); e > 0.02 {
			t.Errorf("quantile %v: got %v, want %v: %.2f %% off", q, got, want, 100*e)
		}
		above := func(d float64) int {
			n := 0
			for _, x := range all {
				if float64(x) > d {
					n++
				}
			}
			return n
		}
		if n := whole.CountAbove(want); n > above(float64(want)/1.02) || n < above(float64(want)*1.02) {
			t.Errorf("above %v: got %d, truth %d", want, n, above(float64(want)))
		}
	}
}

func TestLatenciesAtTheEnds(t *testing.T) {
	t.Parallel()
	var l stat.Latencies
	if l.Quantile(0.5) != 0 || l.N() != 0 || l.CountAbove(0) != 0 {
		t.Error("an empty histogram tells something")
	}
	l.Add(-time.Second)
	l.Add(0)
	l.Add(10 * time.Minute)
	if l.N() != 3 || l.Quantile(0) != time.Microsecond || l.Quantile(1) != 100*time.Second {
		t.Errorf("out of range: %d values from %v to %v", l.N(), l.Quantile(0), l.Quantile(1))
	}
	if got := l.CountAbove(time.Second); got != 1 {
		t.Errorf("above a second: %d, want 1", got)
	}
	for _, d := range []time.Duration{time.Microsecond, 1039, time.Millisecond, 99*time.Second + 999*time.Millisecond} {
		var one stat.Latencies
		one.Add(d)
		if e := math.Abs(float64(one.Quantile(0.5))/float64(d) - 1); e > 0.02 {
			t.Errorf("%v reads as %v", d, one.Quantile(0.5))
		}
	}
}
