package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
)

// TestSequenceHoldsAtEveryLook draws streams whose error rate drifts, and looks
// after every fiftieth row.
func TestSequenceHoldsAtEveryLook(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a simulation")
	}
	f := func(name string, bound float64, draw func(r *rand.Rand, i int) (x, mean float64), most float64) {
		t.Helper()
		const streams, rows = 150, 2000
		missed, width := 0, 0.0
		for seed := range uint64(streams) {
			r := rand.New(rand.NewPCG(seed, 7))
			s, truth := stat.Sequence{Bound: bound}, 0.0
			for i := range rows {
				x, mean := draw(r, i)
				s.Add(x)
				truth += mean
				if i%50 > 0 {
					continue
				}
				if lower, upper := s.Interval(0.05); truth/float64(i+1) < lower || truth/float64(i+1) > upper {
					missed++
					break
				}
			}
			lower, upper := s.Interval(0.05)
			width += (upper - lower) / 2 / streams
		}
		if share := float64(missed) / streams; share > 0.05 {
			t.Errorf("%s: %.3f of the streams missed at some look, want 0.05 at most", name, share)
		}
		if width > most {
			t.Errorf("%s: the interval is ± %.4f wide after %d rows, want %.4f at most", name, width, rows, most)
		}
	}
	rate := func(p func(i int) float64) func(*rand.Rand, int) (float64, float64) {
		return func(r *rand.Rand, i int) (float64, float64) {
			if r.Float64() < p(i) {
				return 1, p(i)
			}
			return 0, p(i)
		}
	}
	f("a tenth", 1, rate(func(int) float64 { return 0.1 }), 0.03)
	f("drifting", 1, rate(func(i int) float64 { return 0.02 + 0.2*float64(i)/2000 }), 0.035)
	f("a half", 1, rate(func(int) float64 { return 0.5 }), 0.05)
	f("squares", 0, func(r *rand.Rand, _ int) (float64, float64) { x := r.NormFloat64(); return x * x, 1 }, 0.15)
}

func TestSequenceKnowsWhatItDoesNot(t *testing.T) {
	t.Parallel()
	s := stat.Sequence{Bound: 1}
	if lower, upper := s.Interval(0.05); lower != 0 || upper != 1 {
		t.Errorf("without rows: got %v to %v", lower, upper)
	}
	for range 30 {
		s.Add(0)
	}
	if lower, upper := s.Interval(0.05); lower != 0 || upper < 0.1 || upper > 0.5 {
		t.Errorf("30 rows without an error: got %v to %v", lower, upper)
	}
	s.Add(math.NaN())
	if s.N != 30 {
		t.Errorf("not a number counts: %d rows", s.N)
	}
	u := stat.Sequence{}
	for range 50 {
		u.Add(1)
	}
	if lower, _ := u.Interval(0.05); !math.IsInf(lower, -1) {
		t.Errorf("50 rows without a bound: got %v", lower)
	}
}
