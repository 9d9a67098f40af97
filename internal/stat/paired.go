package stat

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Moments is the running mean and variance of a stream. Parts merge. The zero
// value is ready. Source: B. P. Welford, Technometrics 4 (1962).
type Moments struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	M2   float64 `json:"m2"` // Sum of squared distances from the mean.
}

// Add takes one value; it must be finite.
func (m *Moments) Add(x float64) {
	m.N++
	d := x - m.Mean
	m.Mean += d / float64(m.N)
	m.M2 += d * (x - m.Mean)
}

// Merge adds what another part of the stream has seen.
func (m *Moments) Merge(o Moments) {
	if o.N == 0 {
		return
	}
	n := float64(m.N + o.N)
	d := o.Mean - m.Mean
	m.M2 += o.M2 + d*d*float64(m.N)*float64(o.N)/n
	m.Mean += d * float64(o.N) / n
	m.N += o.N
}

// Variance is the sample variance; 0 under two values.
func (m Moments) Variance() float64 {
	if m.N < 2 {
		return 0
	}
	return m.M2 / float64(m.N-1)
}

// McNemar is the exact two-sided p-value of b rows where only the first model
// erred and c where only the second did: the sign test on their disagreements.
// It is 1 where they never disagree.
func McNemar(b, c int) float64 {
	n, k := b+c, min(b, c)
	if n <= 0 || k < 0 || b == c {
		return 1
	}
	// Sum the lower tail from its largest term down, each from the one before.
	first := lchoose(n, k) - float64(n)*math.Ln2
	sum, term := 1.0, 1.0
	for i := k; i > 0 && term > sum*1e-17; i-- {
		term *= float64(i) / float64(n-i+1)
		sum += term
	}
	return min(1, 2*math.Exp(first)*sum)
}

func lchoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// NormalQuantile is the value that a standard normal stays under with
// probability p; infinite at 0 and 1, and not a number outside them.
func NormalQuantile(p float64) float64 {
	if !(p >= 0 && p <= 1) {
		return math.NaN()
	}
	return mathext.NormalQuantile(p)
}

// MeanInterval returns a mean and its two-sided Student interval at level
// 1-alpha from the sum of n independent values and of their squares; a bound on
// one side at level 1-alpha is that side of the interval at 2*alpha. Both
// bounds are infinite under two values, since nothing is known.
func MeanInterval(sum, sumSquares float64, n int, alpha float64) (mean, lower, upper float64) {
	if n < 1 {
		return 0, math.Inf(-1), math.Inf(1)
	}
	mean = sum / float64(n)
	if n < 2 {
		return mean, math.Inf(-1), math.Inf(1)
	}
	variance := max(0, (sumSquares-sum*mean)/float64(n-1))
	half := -studentQuantile(alpha/2, float64(n-1)) * math.Sqrt(variance/float64(n))
	return mean, mean - half, mean + half
}

// studentQuantile uses the expansion around the normal for many degrees of
// freedom, where it is good to eight digits and inverting the beta function is slow.
func studentQuantile(p, dof float64) float64 {
	if dof < 500 {
		return distuv.StudentsT{Sigma: 1, Nu: dof}.Quantile(p)
	}
	z := NormalQuantile(p)
	z2 := z * z
	return z * (1 + (z2+1)/(4*dof) + ((5*z2+16)*z2+3)/(96*dof*dof) + (((3*z2+19)*z2+17)*z2-15)/(384*dof*dof*dof))
}

// NeedForMean is how many paired rows find a mean difference of delta, whose
// rows have the variance given, with 80 % power in a one-sided test at 5 %.
// It is math.MaxInt where delta is 0, since no number of rows would.
func NeedForMean(delta, variance float64) int {
	if delta == 0 || math.IsNaN(delta) || math.IsNaN(variance) {
		return math.MaxInt
	}
	const level, power = 1.6448536269514722, 0.8416212335729143
	variance = max(0, variance)
	// Without a difference the rows would vary by their second moment.
	root := (level*math.Sqrt(variance+delta*delta) + power*math.Sqrt(variance)) / math.Abs(delta)
	n := math.Ceil(root * root)
	if n >= math.MaxInt64 {
		return math.MaxInt
	}
	return int(n)
}
