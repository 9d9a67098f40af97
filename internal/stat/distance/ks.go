package distance

import "math"

// exactCells is how many pairs of rows the exact p-value of KS is worth: beyond,
// the limit law is as good, and far faster.
const exactCells = 4_000_000

// KS is the largest gap between the distribution functions of two samples, and the
// chance of one as large where both have one source. That chance is exact, ties
// counted, for samples whose sizes multiply to four million at most; above, it is
// Kolmogorov's law with Vrbik's correction for the sizes, which ties make too large,
// never too small. Sources: J. L. Hodges, Arkiv för Matematik 3 (1958); J. Vrbik,
// Pioneer J. of Theoretical and Applied Statistics 15 (2018).
func (s Sample) KS(o Sample) (gap, p float64) {
	n, m := len(s), len(o)
	if n == 0 || m == 0 {
		return 0, 1
	}
	most := 0 // The gap times n·m, which is a whole number.
	for i, j := 0, 0; i < n && j < m; {
		at := min(s[i], o[j])
		for i < n && s[i] == at {
			i++
		}
		for j < m && o[j] == at {
			j++
		}
		most = max(most, i*m-j*n, j*n-i*m)
	}
	gap = float64(most) / float64(n) / float64(m)
	switch {
	case most == 0:
		return 0, 1
	case n*m <= exactCells:
		return gap, exactKS(s, o, most)
	}
	return gap, kolmogorovTail(gap, float64(n)*float64(m)/float64(n+m))
}

// exactKS walks all orders in which the pooled values may have come, on the lattice
// of (values of s, values of o) seen: the chance that the walk ever is at least
// most apart, between groups of tied values.
func exactKS(s, o Sample, most int) float64 {
	n, m := len(s), len(o)
	ends := groupEnds(s, o)
	out := func(i, j int) bool {
		d := i*m - j*n
		return (d >= most || -d >= most) && ends[i+j]
	}
	u := make([]float64, m+1)
	for j := 1; j <= m; j++ {
		if u[j] = u[j-1]; out(0, j) {
			u[j] = 1
		}
	}
	for i := 1; i <= n; i++ {
		if out(i, 0) {
			u[0] = 1
		}
		for j := 1; j <= m; j++ {
			if out(i, j) {
				u[j] = 1
				continue
			}
			u[j] = (float64(i)*u[j] + float64(j)*u[j-1]) / float64(i+j)
		}
	}
	return min(1, u[m])
}

// groupEnds tells, for each count of pooled values, whether the next value differs
// from the last.
func groupEnds(s, o Sample) []bool {
	ends := make([]bool, len(s)+len(o)+1)
	for i, j := 0, 0; i < len(s) || j < len(o); ends[i+j] = true {
		var at float64
		if j == len(o) || i < len(s) && s[i] < o[j] {
			at = s[i]
		} else {
			at = o[j]
		}
		for i < len(s) && s[i] == at {
			i++
		}
		for j < len(o) && o[j] == at {
			j++
		}
	}
	return ends
}

// kolmogorovTail is the chance of a gap of d or more in a sample of n rows, which
// stands for n·m/(n+m) of two samples.
func kolmogorovTail(d, n float64) float64 {
	x := d * math.Sqrt(n)
	x += 1/(6*math.Sqrt(n)) + (x-1)/(4*n)
	if x < 0.2 {
		return 1
	}
	if x < 1 { // The other form of the series, which converges fast here.
		sum := 0.0
		for k := 1.0; k < 40; k += 2 {
			sum += math.Exp(-k * k * math.Pi * math.Pi / (8 * x * x))
		}
		return max(0, 1-math.Sqrt(2*math.Pi)/x*sum)
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k < 20; k++ {
		sum += sign * math.Exp(-2*k*k*x*x)
		sign = -sign
	}
	return min(1, 2*sum)
}
