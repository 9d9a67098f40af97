package stat

import "math"

// HarmLower is a lower bound on the rate of the canary (k1 of n1) less that of
// the control (k0 of n0). It is a confidence sequence: it may be looked at as
// often as wanted, and lies above the truth at any look with probability alpha
// at most, asymptotically. It is tightest near 5,000 rows in all. It is -1
// while an arm is empty. Source: I. Waudby-Smith, D. Arbour, R. Sinha,
// E. H. Kennedy, A. Ramdas, Ann. Statist. 52 (2024).
func HarmLower(k1, n1, k0, n0 int, alpha float64) float64 {
	if n1 <= 0 || n0 <= 0 {
		return -1
	}
	delta, width := harm(k1, n1, k0, n0, alpha)
	return max(-1, delta-width)
}

// HarmUpper is the upper bound that goes with HarmLower, each at level alpha
// on its own. It is 1 while an arm is empty.
func HarmUpper(k1, n1, k0, n0 int, alpha float64) float64 {
	if n1 <= 0 || n0 <= 0 {
		return 1
	}
	delta, width := harm(k1, n1, k0, n0, alpha)
	return min(1, delta+width)
}

func harm(k1, n1, k0, n0 int, alpha float64) (delta, width float64) {
	const optimal = 5000
	alpha = max(1e-300, min(alpha, 0.4)) // The boundary has no meaning from 0.5 on.
	l := 2 * math.Log(1/(2*alpha))
	rho2 := (l + math.Log1p(l)) / optimal
	n := float64(n1) + float64(n0)
	variance := n * (rateVariance(k1, n1)/float64(n1) + rateVariance(k0, n0)/float64(n0))
	s := n*rho2 + 1
	r := math.Sqrt(2 * s / (n * n * rho2) * math.Log1p(math.Sqrt(s)/(2*alpha)))
	return float64(k1)/float64(n1) - float64(k0)/float64(n0), math.Sqrt(variance) * r
}

// rateVariance is smoothed, so that no early run without an event looks certain.
func rateVariance(k, n int) float64 {
	p := (float64(k) + 1) / (float64(n) + 2)
	return p * (1 - p)
}

// SampleRatioE is the evidence that units do not fall to the canary with the
// share promised, as a bug in assignment or logging would make them. It may be
// looked at after every unit: it ever reaches 1/alpha with probability alpha at
// most if the share holds. It is 1 while there are no units, and finite always.
// Source: M. Lindon, A. Malek, NeurIPS 2022 (beta-binomial mixture, weight 1000).
func SampleRatioE(canary, control int, share float64) float64 {
	const weight = 1000
	k, rest := float64(max(0, canary)), float64(max(0, control))
	if !(share > 0 && share < 1) {
		if (share <= 0 && k > 0) || (share >= 1 && rest > 0) {
			return math.MaxFloat64
		}
		return 1
	}
	a, b := weight*share, weight*(1-share)
	e := lbeta(k+a, rest+b) - lbeta(a, b) - k*math.Log(share) - rest*math.Log1p(-share)
	return math.Exp(min(709, e))
}

func lbeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}
