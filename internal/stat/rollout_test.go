package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hone/internal/stat"
)

func rate(events, requests int) stat.Rate {
	return stat.Rate{Events: float64(events), Requests: float64(requests)}
}

// canary plays requests at a share and rates and looks after each ten from 200
// canary requests on. It returns the canary requests seen when the bound first
// lies above zero, or 0.
func canary(r *rand.Rand, requests int, share, rate1, rate0, alpha float64) int {
	var k1, n1, k0, n0 int
	for i := range requests {
		if r.Float64() < share {
			n1++
			if r.Float64() < rate1 {
				k1++
			}
		} else {
			n0++
			if r.Float64() < rate0 {
				k0++
			}
		}
		if i%10 == 0 && n1 > 0 && stat.HarmLower(rate(k1, n1), rate(k0, n0), alpha) > 0 {
			return n1
		}
	}
	return 0
}

func TestHarmUnderPeeking(t *testing.T) {
	t.Parallel()
	const runs = 400
	r := rand.New(rand.NewPCG(3, 3))
	f := func(share, rate float64) {
		t.Helper()
		alarms := 0
		for range runs {
			if canary(r, 6000, share, rate, rate, 0.05) > 0 {
				alarms++
			}
		}
		// Asymptotic, so a little above the level would be no fault.
		if alarms > runs*6/100 {
			t.Errorf("share %v, rate %v: %d of %d healthy canaries were blamed", share, rate, alarms, runs)
		}
	}
	f(0.5, 0.05)
	f(0.5, 0.01)
	f(0.1, 0.2)
	f(0.01, 0.2)
	f(0.01, 0.01)

	var delays []int
	for range 100 {
		d := canary(r, 20000, 0.25, 0.10, 0.05, 0.05)
		if d == 0 {
			t.Error("5 to 10 % was not found")
			d = math.MaxInt
		}
		delays = append(delays, d)
	}
	slices.Sort(delays)
	if delays[50] > 700 {
		t.Errorf("5 to 10 %%: median after %d canary requests; want under 700", delays[50])
	}
}

func TestHarmBounds(t *testing.T) {
	t.Parallel()
	if stat.HarmLower(rate(0, 0), rate(3, 10), 0.05) != -1 || stat.HarmUpper(rate(3, 10), rate(0, 0), 0.05) != 1 {
		t.Error("an empty arm tells something")
	}
	f := func(k1, n1, k0, n0 int, alpha float64) {
		t.Helper()
		lo, hi := stat.HarmLower(rate(k1, n1), rate(k0, n0), alpha), stat.HarmUpper(rate(k1, n1), rate(k0, n0), alpha)
		d := float64(k1)/float64(n1) - float64(k0)/float64(n0)
		if !(lo >= -1 && lo < d && d < hi && hi <= 1) {
			t.Errorf("%d of %d against %d of %d at %v: [%v, %v] around %v", k1, n1, k0, n0, alpha, lo, hi, d)
		}
		near(t, "swapped arms", stat.HarmLower(rate(k0, n0), rate(k1, n1), alpha), -hi, 1e-9)
	}
	f(30, 300, 20, 300, 0.05)
	f(0, 500, 0, 500, 0.001)
	f(3, 4, 1, 5, 0.9)
	// By hand: n = 2000, both variances 0.1 (1-0.1) after smoothing, alpha 0.05.
	l := 2 * math.Log(10)
	rho2 := (l + math.Log(1+l)) / 1000
	v := 2000 * (101.0 / 1002 * 901 / 1002) * (1.0/1000 + 1.0/1000)
	width := math.Sqrt(v) * math.Sqrt(2*(2000*rho2+1)/(2000*2000*rho2)*math.Log(1+math.Sqrt(2000*rho2+1)/0.1))
	near(t, "lower bound", stat.HarmLower(rate(100, 1000), rate(100, 1000), 0.05), -width, 1e-12)
	if a, b := stat.HarmUpper(rate(100, 1000), rate(100, 1000), 0.05), stat.HarmUpper(rate(1000, 10000), rate(1000, 10000), 0.05); a <= b {
		t.Errorf("ten times the rows give no tighter bound: %v, %v", a, b)
	}
}

func TestSampleRatio(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(12, 1))
	// first returns after how many units E reaches 1000, looking at every unit; 0 if never.
	first := func(units int, promised, real float64) int {
		k := 0
		for i := 1; i <= units; i++ {
			if r.Float64() < real {
				k++
			}
			if stat.SampleRatioE(k, i-k, promised) >= 1000 {
				return i
			}
		}
		return 0
	}
	alarms := 0
	for i := range 300 {
		if first(4000, []float64{0.5, 0.1, 0.01}[i%3], []float64{0.5, 0.1, 0.01}[i%3]) > 0 {
			alarms++
		}
	}
	if alarms > 1 {
		t.Errorf("%d of 300 true shares were called false; want one in a thousand", alarms)
	}
	missed := 0
	for range 20 {
		if first(6000, 0.10, 0.15) == 0 {
			missed++
		}
	}
	if missed > 0 {
		t.Errorf("15 %% instead of 10 %% was missed %d times of 20", missed)
	}
	f := func(k, n int, share, want float64) {
		t.Helper()
		near(t, "evidence", stat.SampleRatioE(k, n, share), want, 1e-9)
	}
	f(0, 0, 0.3, 1)
	f(1, 0, 0.3, 1) // One unit cannot tell: its chance under the mixture is the share itself.
	f(2, 0, 0.5, 501.0/1001/0.5)
	f(0, 9, 0, 1)
	f(1, 9, 0, math.MaxFloat64)
	f(9, 1, 1, math.MaxFloat64)
	if e := stat.SampleRatioE(1e7, 0, 0.5); math.IsInf(e, 0) || math.IsNaN(e) || e < 1e300 {
		t.Errorf("ten million units on one side: %v", e)
	}
}

func TestMoreThanShare(t *testing.T) {
	t.Parallel()
	f := func(k1, n1, k0, n0 int, want float64) {
		t.Helper()
		near(t, "evidence", stat.MoreThanShareE(rate(k1, n1), rate(k0, n0)), want, 1e-9)
	}
	f(3, 10, 0, 0, 1)
	f(0, 0, 3, 10, 1)
	f(0, 50, 0, 50, 1)
	// With half of the requests each fault is one of two: odds of 3, 30 and all.
	f(2, 50, 0, 50, (1.5*1.5+math.Pow(60.0/31, 2)+4)/3)
	f(1, 50, 1, 50, (1.5*0.5+60.0/31*2/31+0)/3)
	if e := stat.MoreThanShareE(rate(1e6, 1e6), rate(0, 1e6)); math.IsInf(e, 0) || math.IsNaN(e) || e < 1e200 {
		t.Errorf("a million faults on one side: %v", e)
	}
	// Looked at after each fault, equal arms reach 50 in one of fifty runs at most.
	r := rand.New(rand.NewPCG(8, 4))
	for _, share := range []float64{0.5, 0.1} {
		alarms := 0
		for range 2000 {
			k1, k0 := 0, 0
			for range 200 {
				if r.Float64() < share {
					k1++
				} else {
					k0++
				}
				if stat.MoreThanShareE(stat.Rate{Events: float64(k1), Requests: share * 1000}, stat.Rate{Events: float64(k0), Requests: (1 - share) * 1000}) >= 50 {
					alarms++
					break
				}
			}
		}
		if alarms > 40 {
			t.Errorf("share %v: %d of 2000 equal arms were blamed, want 40 at most", share, alarms)
		}
	}
}

func TestClusters(t *testing.T) {
	t.Parallel()
	var c stat.Clusters
	if c.Rows() != 1 {
		t.Errorf("no rows: %v", c.Rows())
	}
	for user := range 40 {
		for range 5 {
			c.Add(user, float64(user%2)) // All rows of a user are the same.
		}
	}
	near(t, "five rows that are one", c.Rows(), 5*40.0/39, 1e-9)
	var one stat.Clusters
	for i := range 30 {
		one.Add(0, float64(i%2))
	}
	near(t, "one user", one.Rows(), 30, 0)
	var apart stat.Clusters
	r := rand.New(rand.NewPCG(4, 4))
	for i := range 20000 {
		apart.Add(i%2000-100, float64(r.IntN(2))) // Some belong to nobody.
	}
	if got := apart.Rows(); got > 1.1 {
		t.Errorf("users whose rows have nothing in common: %v", got)
	}
}
