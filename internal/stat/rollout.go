package stat

import "math"

// Rate is how often something happened. Where requests are alike both numbers are
// those of as many requests that are not.
type Rate struct{ Events, Requests float64 }

// HarmLower is a lower bound on the rate of the canary less that of the control.
// It is a confidence sequence: it may be looked at as often as wanted, and lies
// above the truth at any look with probability alpha at most, asymptotically. It is
// tightest near 500 requests of each, about where a step ends. It is -1 while an
// arm is empty. Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy,
// A. Ramdas, Ann. Statist. 52 (2024).
func HarmLower(canary, control Rate, alpha float64) float64 {
	if !(canary.Requests > 0) || !(control.Requests > 0) {
		return -1
	}
	delta, width := harm(canary, control, alpha)
	return max(-1, delta-width)
}

// HarmUpper is the upper bound that goes with HarmLower, each at level alpha
// on its own. It is 1 while an arm is empty.
func HarmUpper(canary, control Rate, alpha float64) float64 {
	if !(canary.Requests > 0) || !(control.Requests > 0) {
		return 1
	}
	delta, width := harm(canary, control, alpha)
	return min(1, delta+width)
}

// RateBounds are bounds on one rate, each a confidence sequence at level alpha on its
// own, as HarmLower is. They are 0 and 1 while there is no request. Above, the spread
// is that of the bound itself: what is rare has come too seldom to show its own.
func RateBounds(r Rate, alpha float64) (lower, upper float64) {
	if !(r.Requests > 0) {
		return 0, 1
	}
	p, m := r.Share(), mixture(r.Requests, alpha)
	half := math.Sqrt(r.variance()) * m
	most := (2*p + m*m + m*math.Sqrt(m*m+4*p*(1-p))) / (2 * (1 + m*m))
	return max(0, p-half), min(1, max(most, p+half))
}

func harm(canary, control Rate, alpha float64) (delta, width float64) {
	// Twice the harmonic mean: a large control does not make up for a small canary.
	n := 4 / (1/canary.Requests + 1/control.Requests)
	variance := n * (canary.variance()/canary.Requests + control.variance()/control.Requests)
	return canary.Share() - control.Share(), math.Sqrt(variance) * mixture(n, alpha)
}

// variance is smoothed, so that no early run without an event looks certain.
func (r Rate) variance() float64 {
	p := (r.Events + 1) / (r.Requests + 2)
	return p * (1 - p)
}

// Share is that of the requests at which it happened; 0 where there are none.
func (r Rate) Share() float64 {
	if !(r.Requests > 0) {
		return 0
	}
	return r.Events / r.Requests
}

// odds are those by which the canary may have more than its share of the events.
var odds = [...]float64{3, 30, math.Inf(1)}

// MoreThanShareE is the evidence that more of the events happened in the canary than
// its share of the requests explains: each is a coin that shows the canary with
// that share where it happens as often on both sides. It is exact for the smallest
// numbers, and may be looked at after each request: it ever reaches 1/alpha with
// probability alpha at most. It is 1 while an arm is empty, and finite always.
func MoreThanShareE(canary, control Rate) float64 {
	n := canary.Requests + control.Requests
	if !(canary.Requests > 0) || !(control.Requests > 0) {
		return 1
	}
	share, e := canary.Requests/n, 0.0
	for _, odd := range odds {
		more, less := 1/(share+(1-share)/odd), 1/(share*odd+1-share) // What p and 1-p are times as much.
		log := canary.Events * math.Log(more)
		if control.Events > 0 {
			log += control.Events * math.Log(less)
		}
		e += math.Exp(min(700, log)) / float64(len(odds))
	}
	return e
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
