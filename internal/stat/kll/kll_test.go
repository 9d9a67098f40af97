package kll_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"hone/internal/stat/kll"
)

// The tolerance that is promised: the rank error that 99 % of queries stay within.
const promised = 0.0165

// streams are shapes whose ranks are known.
var streams = map[string]func(r *rand.Rand, i, n int) float64{
	"normal":    func(r *rand.Rand, _, _ int) float64 { return r.NormFloat64() },
	"rising":    func(_ *rand.Rand, i, _ int) float64 { return float64(i) },
	"falling":   func(_ *rand.Rand, i, n int) float64 { return float64(n - i) },
	"few":       func(r *rand.Rand, _, _ int) float64 { return float64(r.IntN(10)) },
	"long tail": func(r *rand.Rand, _, _ int) float64 { return math.Exp(3 * r.NormFloat64()) },
	"far away":  func(r *rand.Rand, _, _ int) float64 { return 1e6 + r.NormFloat64() },
	"zigzag":    func(_ *rand.Rand, i, n int) float64 { return float64(i*7919%n) * float64(1-2*(i%2)) },
}

// off is how far the sketch is from the rank that x truly has, values equal to it
// being anywhere between their ranks.
func off(s *kll.Sketch, sorted []float64, x float64) float64 {
	n := float64(len(sorted))
	below, _ := slices.BinarySearch(sorted, x)
	upTo, _ := slices.BinarySearch(sorted, math.Nextafter(x, math.Inf(1)))
	got := s.Rank(x)
	return max(0, float64(below)/n-got, got-float64(upTo)/n)
}

func TestRankError(t *testing.T) {
	t.Parallel()
	for name, next := range streams {
		queries, far, quantilesOff := 0, 0, 0
		for seed := range uint64(12) {
			r := rand.New(rand.NewPCG(40+seed, 3))
			n := 20_000 + r.IntN(20_000)
			values, whole := make([]float64, n), &kll.Sketch{Coin: seed}
			parts := make([]kll.Sketch, 16) // As many replicas.
			for i := range values {
				values[i] = next(r, i, n)
				whole.Add(values[i])
				parts[i%16].Add(values[i])
			}
			merged := &kll.Sketch{}
			for i := range parts {
				merged.Merge(&parts[i])
			}
			slices.Sort(values)
			for _, s := range []*kll.Sketch{whole, merged} {
				if s.N != n || s.Min != values[0] || s.Max != values[n-1] {
					t.Fatalf("%s: %d values from %v to %v, want %d from %v to %v", name, s.N, s.Min, s.Max, n, values[0], values[n-1])
				}
				for k := range 99 {
					queries++
					if off(s, values, values[(k+1)*n/100]) > promised {
						far++
					}
					q := float64(k+1) / 100
					x := s.Quantile(q)
					below, _ := slices.BinarySearch(values, x)
					upTo, _ := slices.BinarySearch(values, math.Nextafter(x, math.Inf(1)))
					if q < float64(below)/float64(n)-promised || q > float64(upTo)/float64(n)+promised {
						quantilesOff++
					}
				}
			}
		}
		t.Logf("%s: %d of %d ranks and %d quantiles are off by more than %v", name, far, queries, quantilesOff, promised)
		if 100*far > queries || 100*quantilesOff > queries {
			t.Errorf("%s: %d of %d ranks and %d quantiles are off by more than %v", name, far, queries, quantilesOff, promised)
		}
	}
}

// What is kept stays small, and stands for all that was seen.
func TestSmallAndWhole(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	s := &kll.Sketch{}
	for i := range 2_000_000 {
		s.Add(r.Float64())
		if i%100_000 != 99_999 {
			continue
		}
		kept := s.Values()
		n := 0
		for _, v := range kept {
			n += v.N
		}
		if n != i+1 || s.N != i+1 || len(kept) > 800 {
			t.Fatalf("after %d values %d are kept, which stand for %d", i+1, len(kept), n)
		}
	}
	b, err := json.Marshal(s)
	if err != nil || len(b) > 20_000 {
		t.Errorf("it takes %d bytes, %v", len(b), err)
	}
}

// A small stream is kept whole: its quantiles are exact.
func TestFewValuesAreExact(t *testing.T) {
	t.Parallel()
	s := &kll.Sketch{}
	if !math.IsNaN(s.Quantile(0.5)) || !math.IsNaN(s.Rank(1)) || len(s.Values()) != 0 {
		t.Error("an empty sketch knows something")
	}
	for i := range 199 {
		s.Add(float64(198 - i))
		s.Add(math.NaN())
		s.Add(math.Inf(1 - 2*(i%2)))
	}
	for q, want := range map[float64]float64{0: 0, 0.5: 99, 1: 198, 0.25: 49} {
		if got := s.Quantile(q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if s.N != 199 || s.Rank(98) != 99.0/199 || s.Rank(-1) != 0 || s.Rank(1e9) != 1 {
		t.Errorf("%d values, rank %v", s.N, s.Rank(98))
	}
}

// Read back from JSON a sketch goes on as if it had never been away.
func TestSurvivesJSON(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 1))
	a := &kll.Sketch{}
	for range 50 {
		for range r.IntN(500) {
			a.Add(r.NormFloat64() * 1e-300)
		}
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		b := &kll.Sketch{}
		if err := json.Unmarshal(raw, b); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			x := r.NormFloat64()
			a.Add(x)
			b.Add(x)
		}
		if !reflect.DeepEqual(a.Values(), b.Values()) || a.Coin != b.Coin {
			t.Fatal("read back, it goes on otherwise")
		}
	}
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte("some bytes, of which numbers are made"), uint8(3))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, raw []byte, times uint8) {
		a, b := &kll.Sketch{}, &kll.Sketch{}
		n, low, high := 0, math.Inf(1), math.Inf(-1)
		for round := range int(times) + 1 {
			for i, c := range raw {
				x := float64(int(c)-100) * math.Ldexp(1, round%40)
				if c == 255 {
					x = math.NaN()
				}
				if x == x {
					n, low, high = n+1, min(low, x), max(high, x)
				}
				if i%2 == 0 {
					a.Add(x)
				} else {
					b.Add(x)
				}
			}
		}
		before := b.Values()
		a.Merge(b)
		if !reflect.DeepEqual(before, b.Values()) {
			t.Fatal("what was merged has changed")
		}
		stands := 0
		for _, v := range a.Values() {
			stands += v.N
			if v.X < low || v.X > high {
				t.Fatalf("%v was never seen", v.X)
			}
		}
		if stands != n || a.N != n || n > 0 && (a.Min != low || a.Max != high) {
			t.Fatalf("%d values stand for %d of %d, from %v to %v", len(a.Values()), stands, n, a.Min, a.Max)
		}
		last := math.Inf(-1)
		for q := 0.0; q <= 1; q += 0.125 {
			if x := a.Quantile(q); n > 0 && (x < last || x < low || x > high) {
				t.Fatalf("quantile %v is %v after %v", q, x, last)
			} else if n > 0 {
				last = x
			}
		}
	})
}
