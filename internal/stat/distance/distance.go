// Package distance says how far two samples lie apart: counts on the same bins, or
// the numbers themselves. Whether that is much, and which bins, is left to others.
package distance

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Ref and cur are, throughout, counts of two samples on the same bins, in the order
// of the bins; the result is 0 where one of them is empty.

// PSI is the population stability index Σ (q−p) ln(q/p) of shares p and q, with
// half a value added to each bin that either sample fills; the excess is that less
// what it comes to, on average, for two samples of these sizes of one source.
func PSI(ref, cur []int) (value, excess float64) {
	n, m, k := float64(total(ref)), float64(total(cur)), 0.0
	if n == 0 || m == 0 {
		return 0, 0
	}
	for i := range ref {
		if ref[i]+cur[i] > 0 {
			k++
		}
	}
	for i := range ref {
		if ref[i]+cur[i] > 0 {
			p, q := (float64(ref[i])+0.5)/(n+0.5*k), (float64(cur[i])+0.5)/(m+0.5*k)
			value += (q - p) * math.Log(q/p)
		}
	}
	return value, value - (k-1)*(1/n+1/m)
}

// JensenShannon is the distance, the square root of the divergence, with logarithms
// of the given base: from 0 to 1 for base 2, to 0.8326 for base e. Figures of
// different bases do not compare.
func JensenShannon(ref, cur []int, base float64) float64 {
	n, m, sum := float64(total(ref)), float64(total(cur)), 0.0
	if n == 0 || m == 0 {
		return 0
	}
	for i := range ref {
		p, q := float64(ref[i])/n, float64(cur[i])/m
		mid := (p + q) / 2
		if p > 0 {
			sum += p * math.Log2(p/mid)
		}
		if q > 0 {
			sum += q * math.Log2(q/mid)
		}
	}
	return math.Sqrt(max(0, min(1, sum/2)) / math.Log2(base))
}

// Hellinger is √(½ Σ (√p−√q)²), from 0 to 1.
func Hellinger(ref, cur []int) float64 {
	n, m, sum := float64(total(ref)), float64(total(cur)), 0.0
	if n == 0 || m == 0 {
		return 0
	}
	for i := range ref {
		d := math.Sqrt(float64(ref[i])/n) - math.Sqrt(float64(cur[i])/m)
		sum += d * d
	}
	return math.Sqrt(sum / 2)
}

// LInfinity is the largest change of the share of one bin.
func LInfinity(ref, cur []int) (gap float64) {
	n, m := float64(total(ref)), float64(total(cur))
	if n == 0 || m == 0 {
		return 0
	}
	for i := range ref {
		gap = max(gap, math.Abs(float64(ref[i])/n-float64(cur[i])/m))
	}
	return gap
}

// BinnedKS is the largest gap between the distribution functions at the bins'
// edges; bins must be in the order of their values.
func BinnedKS(ref, cur []int) (gap float64) {
	n, m := float64(total(ref)), float64(total(cur))
	if n == 0 || m == 0 {
		return 0
	}
	a, b := 0, 0
	for i := range ref {
		a, b = a+ref[i], b+cur[i]
		gap = max(gap, math.Abs(float64(a)/n-float64(b)/m))
	}
	return gap
}

// ChiSquared tests both samples for one source, by homogeneity, with no correction
// of Yates'. Bins that both leave empty do not count. The p-value is 1 where fewer
// than two are left.
func ChiSquared(ref, cur []int) (stat float64, dof int, p float64) {
	na, nb := float64(total(ref)), float64(total(cur))
	n := na + nb
	if na == 0 || nb == 0 {
		return 0, 0, 1
	}
	for i := range ref {
		if t := float64(ref[i] + cur[i]); t > 0 {
			ea, eb := t*na/n, t*nb/n
			da, db := float64(ref[i])-ea, float64(cur[i])-eb
			stat += da*da/ea + db*db/eb
			dof++
		}
	}
	if dof--; dof < 1 {
		return 0, 0, 1
	}
	return stat, dof, ChiSquaredTail(stat, dof)
}

// ChiSquaredTail is the chance that chi-squared exceeds x.
func ChiSquaredTail(x float64, dof int) float64 {
	return mathext.GammaIncRegComp(float64(dof)/2, x/2)
}

func total(bins []int) int {
	n := 0
	for _, b := range bins {
		n += b
	}
	return n
}
