package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
)

// TestSampleBounds looks at streams after every tenth value: a bound on a mean, on a
// difference or on a rate is ever wrong in one stream of twenty at most, also where
// values are skewed or rare.
func TestSampleBounds(t *testing.T) {
	t.Parallel()
	const alpha, long = 0.05, 2000
	streams := 400
	if testing.Short() {
		streams = 60
	}
	most := alpha + 3*math.Sqrt(alpha*(1-alpha)/float64(streams))
	sample := func(m stat.Moments) stat.Sample {
		return stat.Sample{Mean: m.Mean, Variance: m.Variance(), N: float64(m.N)}
	}
	f := func(name string, truth float64, draw func(*rand.Rand) (a, b float64), bounds func(a, b stat.Moments) (float64, float64)) {
		t.Helper()
		low, high, width := 0, 0, 0.0
		for seed := range uint64(streams) {
			r := rand.New(rand.NewPCG(seed, 5))
			var a, b stat.Moments
			missedLow, missedHigh := false, false
			for i := 1; i <= long; i++ {
				x, y := draw(r)
				a.Add(x)
				b.Add(y)
				if i%10 > 0 {
					continue
				}
				lower, upper := bounds(a, b)
				missedLow, missedHigh = missedLow || lower > truth, missedHigh || upper < truth
				width = upper - lower
			}
			if missedLow {
				low++
			}
			if missedHigh {
				high++
			}
		}
		t.Logf("%s: above the truth in %d, below it in %d of %d streams; %.3g wide at the end", name, low, high, streams, width)
		if float64(max(low, high)) > most*float64(streams) {
			t.Errorf("%s: above the truth in %d, below it in %d of %d streams, at most %.1f may be", name, low, high, streams, most*float64(streams))
		}
	}
	mean := func(a, _ stat.Moments) (float64, float64) { return stat.MeanBounds(sample(a), alpha) }
	apart := func(a, b stat.Moments) (float64, float64) {
		return stat.DifferenceBounds(sample(a), sample(b), alpha)
	}
	rate := func(a, _ stat.Moments) (float64, float64) {
		return stat.RateBounds(stat.Rate{Events: math.Round(a.Mean * float64(a.N)), Requests: float64(a.N)}, alpha)
	}
	coin := func(p float64) func(*rand.Rand) (float64, float64) {
		return func(r *rand.Rand) (float64, float64) {
			if r.Float64() < p {
				return 1, 0
			}
			return 0, 0
		}
	}
	f("normal", 0, func(r *rand.Rand) (float64, float64) { return r.NormFloat64(), 0 }, mean)
	f("exponential", 1, func(r *rand.Rand) (float64, float64) { return r.ExpFloat64(), 0 }, mean)
	f("difference", 0, func(r *rand.Rand) (float64, float64) { return r.ExpFloat64(), 1 + r.NormFloat64() }, apart)
	f("rate of 1 %", 0.01, coin(0.01), rate)
	f("rate of 30 %", 0.3, coin(0.3), rate)
}

// TestSampleBoundsOfLittle holds that nothing is bounded by what is too little, or no
// number.
func TestSampleBoundsOfLittle(t *testing.T) {
	t.Parallel()
	open := func(lower, upper float64) {
		t.Helper()
		if !math.IsInf(lower, -1) || !math.IsInf(upper, 1) {
			t.Errorf("got %v to %v, want no bound", lower, upper)
		}
	}
	many, few := stat.Sample{Mean: 1, Variance: 1, N: 100}, stat.Sample{Mean: 1, Variance: 1, N: 99}
	open(stat.MeanBounds(few, 0.05))
	open(stat.MeanBounds(stat.Sample{Mean: math.NaN(), N: 1000}, 0.05))
	open(stat.DifferenceBounds(many, few, 0.05))
	open(stat.DifferenceBounds(few, many, 0.05))
	if lower, upper := stat.RateBounds(stat.Rate{}, 0.05); lower != 0 || upper != 1 {
		t.Errorf("no request bounds a rate to %v to %v", lower, upper)
	}
	if lower, upper := stat.MeanBounds(many, 0.05); !(lower < 1 && upper > 1 && lower > 0) {
		t.Errorf("a hundred values bound their mean to %v to %v", lower, upper)
	}
}

// TestCautiousClusters holds that rows of few clusters count as few, whatever they
// show, those of many as they show, and rows of their own as themselves.
func TestCautiousClusters(t *testing.T) {
	t.Parallel()
	f := func(clusters, rows int, agree bool, least, most float64) {
		t.Helper()
		var c stat.Clusters
		r := rand.New(rand.NewPCG(1, 2))
		for i := range clusters {
			x := float64(r.IntN(2))
			for range rows {
				if !agree {
					x = float64(r.IntN(2))
				}
				c.Add(i, x)
			}
		}
		if got := c.Cautious(); got < least || got > most {
			t.Errorf("%d clusters of %d rows, alike %v: %v count as one, want %v to %v", clusters, rows, agree, got, least, most)
		}
	}
	f(3, 10, false, 8, 10)
	f(2000, 10, false, 1, 1.3)
	f(2000, 10, true, 9, 10.5)
	f(2000, 1, true, 1, 1.1)
	if got := new(stat.Clusters).Cautious(); got != 1 {
		t.Errorf("nothing counts as %v", got)
	}
}
