package stat

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Sequence is the mean of a stream, with an interval that may be looked at after
// every row: at all looks together it misses the truth with probability alpha at
// most. The truth is the mean, over the rows seen, of what each row was worth given
// those before it; so it holds while quality drifts and rows are alike. Bound is
// the most that a row is worth, from 0; then the interval is exact at any size. With
// a bound of 0 it is asymptotic, and unknown under 100 rows. Sources: S. Howard,
// A. Ramdas, J. McAuliffe, J. Sekhon, Ann. Statist. 49 (2021), empirical Bernstein by
// the gamma-exponential mixture; I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy,
// A. Ramdas, Ann. Statist. 52 (2024).
type Sequence struct {
	Bound float64 `json:"bound"`
	Moments
	// Intrinsic is the sum of the squared surprises: of each row less the mean of
	// those before it, in units of Bound.
	Intrinsic float64 `json:"intrinsic"`
}

const (
	tunedRows      = 1000 // Where an asymptotic interval is tightest.
	tunedIntrinsic = 100  // The same for bounded rows: 1,000 of which a tenth err.
	asymptoticRows = 100
)

// Add takes one row. One that is not a number counts as nothing, one outside the
// bound as the bound.
func (s *Sequence) Add(x float64) {
	if math.IsNaN(x) {
		return
	}
	if s.Bound > 0 {
		x = max(0, min(s.Bound, x))
		surprise := x/s.Bound - (s.Mean/s.Bound*float64(s.N)+0.5)/float64(s.N+1)
		s.Intrinsic += surprise * surprise
	}
	s.Moments.Add(x)
}

// Interval is where the mean lies at level 1-alpha; all there is where nothing is
// known.
func (s *Sequence) Interval(alpha float64) (lower, upper float64) {
	if s.Bound > 0 {
		if s.N == 0 {
			return 0, s.Bound
		}
		half := s.Bound * gammaExponential(s.Intrinsic, alpha/2) / float64(s.N)
		return max(0, s.Mean-half), min(s.Bound, s.Mean+half)
	}
	if s.N < asymptoticRows {
		return math.Inf(-1), math.Inf(1)
	}
	l := -2 * math.Log(alpha)
	rho := (l + math.Log1p(l)) / tunedRows
	n := float64(s.N)
	half := math.Sqrt(s.Variance() * 2 * (n*rho + 1) / (n * n * rho) * math.Log(math.Sqrt(n*rho+1)/alpha))
	return s.Mean - half, s.Mean + half
}

// gammaExponential is how far a sum of surprises strays, given the sum of their
// squares, with probability alpha at most at any time: where the mixture's
// martingale reaches 1/alpha.
func gammaExponential(v, alpha float64) float64 {
	l := -2 * math.Log(alpha)
	rho := tunedIntrinsic / (l + math.Log1p(l))
	g0, _ := math.Lgamma(rho)
	start := rho*math.Log(rho) - g0 - math.Log(mathext.GammaIncReg(rho, rho))
	gv, _ := math.Lgamma(v + rho)
	low, high := 0.0, 1.0
	above := func(u float64) bool {
		m := start + gv + math.Log(mathext.GammaIncReg(v+rho, u+v+rho)) - (v+rho)*math.Log(u+v+rho) + u + v
		return m >= -math.Log(alpha)
	}
	for !above(high) && high < 1e12 {
		low, high = high, 2*high
	}
	for range 50 {
		if mid := (low + high) / 2; above(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}
