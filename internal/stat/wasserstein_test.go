package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
	"hone/internal/stat/distance"
)

// The distance on bins must be that of the numbers, but for what a bin hides.
func TestWassersteinOnBins(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 1))
	f := func(name string, tolerance float64, ref, cur func() float64) {
		t.Helper()
		a, b := make([]float64, 5000), make([]float64, 2000)
		for i := range a {
			a[i] = ref()
		}
		p := stat.NewNumeric(a)
		parts := []*stat.Counts{p.Window(), p.Window()}
		for i := range b {
			b[i] = cur()
			parts[i%2].AddNumber(b[i])
		}
		if err := parts[0].Merge(parts[1]); err != nil {
			t.Fatal(err)
		}
		got := p.Compare(parts[0])
		want := distance.NewSample(a).Wasserstein(distance.NewSample(b))
		if unit := max(p.SD, 1e-9); math.Abs(got.Wasserstein-want) > tolerance*unit+0.03*want {
			t.Errorf("%s: %v on bins, %v of the numbers, which spread by %v", name, got.Wasserstein, want, unit)
		}
		if p.SD > 0 && math.Abs(got.WassersteinSD*p.SD-got.Wasserstein) > 1e-9*got.Wasserstein {
			t.Errorf("%s: %v is not %v over %v", name, got.WassersteinSD, got.Wasserstein, p.SD)
		}
	}
	normal := r.NormFloat64
	f("the same", 0.02, normal, normal)
	f("half a deviation", 0.02, normal, func() float64 { return normal() + 0.5 })
	f("wider", 0.02, normal, func() float64 { return 2 * normal() })
	f("far off", 0.02, normal, func() float64 { return 100 + normal() })
	f("a long tail", 0.1, func() float64 { return math.Exp(normal()) }, func() float64 { return math.Exp(normal() + 0.5) })
	f("whole numbers", 0.02, func() float64 { return float64(r.IntN(8)) }, func() float64 { return float64(r.IntN(11)) })
	f("mostly zero", 0.03, func() float64 { return max(0, normal()) }, func() float64 { return max(0, normal()+0.4) })
	f("between the keys", 0.1, func() float64 { return float64(r.IntN(4)) }, func() float64 { return float64(r.IntN(7)) / 2 })
	f("a constant", 0, func() float64 { return 3 }, func() float64 { return 4 })
	f("a constant that is zero", 0, func() float64 { return 0 }, func() float64 { return -2 })
}

// What can be written down stays so for the largest numbers there are.
func TestDistancesAreFinite(t *testing.T) {
	t.Parallel()
	var wide []float64
	for i := range 100 {
		wide = append(wide, math.MaxFloat64*(float64(i)/49.5-1))
	}
	for _, ref := range [][]float64{wide, {0, 0, 0, 0, 0}, {1e-300, 1e-300, 1e-300, 1e-300, 1e-300, 2e-300}} {
		p := stat.NewNumeric(ref)
		c := p.Window()
		for _, x := range wide {
			c.AddNumber(x)
			c.AddNumber(-x)
		}
		got := p.Compare(c)
		for name, x := range map[string]float64{"wasserstein": got.Wasserstein, "over sd": got.WassersteinSD, "psi": got.PSI, "ks": got.KS} {
			if x-x != 0 || x < 0 {
				t.Errorf("%s of %d values is %v", name, len(ref), x)
			}
		}
	}
}
