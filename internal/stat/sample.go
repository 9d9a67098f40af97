package stat

import "math"

// Sample is the mean of so many values, and their variance. Where values are alike N
// is the number of as many that are not.
type Sample struct{ Mean, Variance, N float64 }

// LeastSample is the number of values from which a sample's variance is known well
// enough for a bound.
const LeastSample = 100

// MeanBounds are two bounds on the mean of the values, each at level alpha on its
// own. They are confidence sequences: they may be looked at as often as wanted, and
// either is wrong at any look with probability alpha at most, asymptotically. They
// are infinite under 100 values. The source is that of HarmLower.
func MeanBounds(s Sample, alpha float64) (lower, upper float64) {
	if !(s.N >= LeastSample) || math.IsNaN(s.Variance-s.Mean) {
		return math.Inf(-1), math.Inf(1)
	}
	half := math.Sqrt(max(0, s.Variance)) * mixture(s.N, alpha)
	return s.Mean - half, s.Mean + half
}

// DifferenceBounds are those of the mean of a less that of b, which stand apart. They
// are infinite while either has under 100 values.
func DifferenceBounds(a, b Sample, alpha float64) (lower, upper float64) {
	if !(a.N >= LeastSample && b.N >= LeastSample) || math.IsNaN(a.Variance-a.Mean+b.Variance-b.Mean) {
		return math.Inf(-1), math.Inf(1)
	}
	// Twice the harmonic mean: a large control does not make up for a small canary.
	n := 4 / (1/a.N + 1/b.N)
	half := math.Sqrt(n*(max(0, a.Variance)/a.N+max(0, b.Variance)/b.N)) * mixture(n, alpha)
	return a.Mean - b.Mean - half, a.Mean - b.Mean + half
}

// mixture is how many standard deviations the mean of n values strays at any time,
// one-sided; it is tightest near 1,000 values.
func mixture(n, alpha float64) float64 {
	const optimal = 1000
	alpha = max(1e-300, min(alpha, 0.4)) // The boundary has no meaning from 0.5 on.
	l := 2 * math.Log(1/(2*alpha))
	rho2 := (l + math.Log1p(l)) / optimal
	s := n*rho2 + 1
	return math.Sqrt(2 * s / (n * n * rho2) * math.Log1p(math.Sqrt(s)/(2*alpha)))
}
