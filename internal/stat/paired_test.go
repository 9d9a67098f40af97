package stat_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
)

// signTest is the same p-value by adding binomial coefficients as whole numbers.
func signTest(b, c int) float64 {
	n, k := int64(b+c), int64(min(b, c))
	sum := new(big.Int)
	for i := int64(0); i <= k; i++ {
		sum.Add(sum, new(big.Int).Binomial(n, i))
	}
	sum.Lsh(sum, 1)
	p, _ := new(big.Rat).SetFrac(sum, new(big.Int).Lsh(big.NewInt(1), uint(n))).Float64()
	return min(1, p)
}

func TestMcNemar(t *testing.T) {
	t.Parallel()
	f := func(b, c int, want float64) {
		t.Helper()
		near(t, "McNemar", stat.McNemar(b, c), want, 1e-9)
	}
	f(0, 0, 1)
	f(4, 4, 1)
	f(0, 5, 0.0625)
	f(5, 0, 0.0625)
	f(1, 9, 0.021484375)
	f(10, 20, 0.09873714670538902)
	for _, d := range [][2]int{{1, 2}, {3, 40}, {99, 101}, {100, 101}, {300, 420}, {20, 400}} {
		f(d[0], d[1], signTest(d[0], d[1]))
	}
	// So many rows that the normal law is exact enough.
	z := (4000.0 - 1) / math.Sqrt(4e6+4000) // With the correction for continuity.
	near(t, "four million rows", stat.McNemar(2e6, 2e6+4000), math.Erfc(z/math.Sqrt2), 1e-4)
}

func TestNormalQuantile(t *testing.T) {
	t.Parallel()
	f := func(p, want float64) {
		t.Helper()
		near(t, "quantile", stat.NormalQuantile(p), want, 1e-9)
	}
	f(0.975, 1.959963984540054)
	f(0.05, -1.6448536269514722)
	f(1e-10, -6.361340902404056)
	f(0.5, 0)
	if !math.IsInf(stat.NormalQuantile(0), -1) || !math.IsInf(stat.NormalQuantile(1), 1) || !math.IsNaN(stat.NormalQuantile(1.1)) {
		t.Error("ends of the range")
	}
}

func TestMeanInterval(t *testing.T) {
	t.Parallel()
	f := func(values []float64, alpha, mean, lower, upper float64) {
		t.Helper()
		sum, squares := 0.0, 0.0
		for _, x := range values {
			sum, squares = sum+x, squares+x*x
		}
		m, lo, hi := stat.MeanInterval(sum, squares, len(values), alpha)
		near(t, "mean", m, mean, 1e-9)
		near(t, "lower", lo, lower, 1e-6)
		near(t, "upper", hi, upper, 1e-6)
	}
	// Student's 97.5 % point with 4 degrees of freedom is 2.7764451052.
	half := 2.7764451052 * math.Sqrt(2.5/5)
	f([]float64{1, 2, 3, 4, 5}, 0.05, 3, 3-half, 3+half)
	f([]float64{7, 7, 7}, 0.05, 7, 7, 7)
	for _, n := range []int{0, 1} {
		if _, lo, hi := stat.MeanInterval(3, 9, n, 0.05); !math.IsInf(lo, -1) || !math.IsInf(hi, 1) {
			t.Errorf("%d values: [%v, %v]", n, lo, hi)
		}
	}
	// From 500 degrees of freedom on another formula takes over: there must be no step.
	width := func(n int) float64 {
		_, lo, hi := stat.MeanInterval(0, float64(n-1), n, 0.001)
		return (hi - lo) * math.Sqrt(float64(n))
	}
	a, b, c := width(499), width(500), width(501)
	if !(a > b && b > c) || math.Abs((a-b)-(b-c)) > 4e-7 {
		t.Errorf("widths around 500 values: %v, %v, %v", a, b, c)
	}
	near(t, "many values", width(1e6), 2*3.2905267314919255, 1e-5)
	// Coverage on skewed rows such as losses.
	r := rand.New(rand.NewPCG(8, 8))
	covered := 0
	for range 2000 {
		sum, squares := 0.0, 0.0
		for range 200 {
			x := r.ExpFloat64()
			sum, squares = sum+x, squares+x*x
		}
		if _, lo, hi := stat.MeanInterval(sum, squares, 200, 0.05); lo <= 1 && 1 <= hi {
			covered++
		}
	}
	if covered < 1840 || covered > 1940 {
		t.Errorf("a 95 %% interval covered the mean %d times of 2000", covered)
	}
}

func TestMoments(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 9))
	var whole, a, b stat.Moments
	sum, sumSquares := 0.0, 0.0
	for i := range 1000 {
		x := r.NormFloat64()
		sum, sumSquares = sum+x, sumSquares+x*x
		whole.Add(x + 1e6) // Far from zero, where sums of squares lose digits.
		if i%3 == 0 {
			a.Add(x + 1e6)
		} else {
			b.Add(x + 1e6)
		}
	}
	a.Merge(b)
	a.Merge(stat.Moments{})
	variance := (sumSquares - sum*sum/1000) / 999
	near(t, "mean", whole.Mean, sum/1000+1e6, 1e-12)
	near(t, "variance", whole.Variance(), variance, 1e-8)
	near(t, "merged mean", a.Mean, whole.Mean, 1e-12)
	near(t, "merged variance", a.Variance(), variance, 1e-8)
	var none stat.Moments
	none.Merge(whole)
	if none != whole || (stat.Moments{}).Variance() != 0 {
		t.Errorf("merging into nothing: %+v", none)
	}
}

func TestNeedForMean(t *testing.T) {
	t.Parallel()
	// Models that disagree on a share of rows and differ by delta errors.
	f := func(delta, disagree float64, want int) {
		t.Helper()
		if got := stat.NeedForMean(delta, disagree-delta*delta); math.Abs(float64(got-want)) > 1+float64(want)/1000 {
			t.Errorf("difference %v, disagreement %v: got %d rows, want %d", delta, disagree, got, want)
		}
	}
	f(0.01, 0.02, 1235)
	f(0.01, 0.05, 3090)
	f(-0.01, 0.10, 6181)
	f(0.005, 0.02, 4944)
	f(0.005, 0.10, 24729)
	if stat.NeedForMean(0, 1) != math.MaxInt || stat.NeedForMean(1e-300, 1) != math.MaxInt {
		t.Error("no difference needs no end of rows")
	}
	// The promise itself: at that many rows the one-sided test finds it four times in five.
	r := rand.New(rand.NewPCG(4, 4))
	const delta, runs = 0.1, 400
	n, found := stat.NeedForMean(delta, 1), 0
	for range runs {
		sum, squares := 0.0, 0.0
		for range n {
			x := r.NormFloat64() + delta
			sum, squares = sum+x, squares+x*x
		}
		if _, lower, _ := stat.MeanInterval(sum, squares, n, 0.1); lower > 0 {
			found++
		}
	}
	if found < runs*74/100 || found > runs*86/100 {
		t.Errorf("found in %d of %d runs of %d rows; want 80 %%", found, runs, n)
	}
}

// pairwiseAUC is the same by definition, over all pairs, with DeLong's components.
func pairwiseAUC(s []float64, y []bool) (auc, se float64) {
	var pos, neg []float64
	for i, x := range s {
		if y[i] {
			pos = append(pos, x)
		} else {
			neg = append(neg, x)
		}
	}
	wins := func(a, b float64) float64 {
		switch {
		case a > b:
			return 1
		case a == b:
			return 0.5
		}
		return 0
	}
	var v10, v01 stat.Moments
	for _, a := range pos {
		m := stat.Moments{}
		for _, b := range neg {
			m.Add(wins(a, b))
		}
		v10.Add(m.Mean)
	}
	for _, b := range neg {
		m := stat.Moments{}
		for _, a := range pos {
			m.Add(wins(a, b))
		}
		v01.Add(m.Mean)
	}
	return v10.Mean, math.Sqrt(v10.Variance()/float64(len(pos)) + v01.Variance()/float64(len(neg)))
}

func TestAUC(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	for range 30 {
		n := 20 + r.IntN(100)
		s, y := make([]float64, n), make([]bool, n)
		for i := range s {
			y[i] = i < 3 || i > 5 && r.IntN(3) == 0
			s[i] = math.Round(r.NormFloat64() * 3) // Many ties.
			if y[i] {
				s[i]++
			}
		}
		auc, se := stat.AUC(s, y)
		wantAUC, wantSE := pairwiseAUC(s, y)
		near(t, "auc", auc, wantAUC, 1e-9)
		near(t, "se", se, wantSE, 1e-9)
	}
	f := func(s []float64, y []bool, want float64) {
		t.Helper()
		got, _ := stat.AUC(s, y)
		if math.IsNaN(got) != math.IsNaN(want) || !math.IsNaN(want) && got != want {
			t.Errorf("AUC(%v, %v) = %v, want %v", s, y, got, want)
		}
	}
	nan := math.NaN()
	f([]float64{1, 2, 3, 4}, []bool{false, false, true, true}, 1)
	f([]float64{4, 3, 2, 1}, []bool{false, false, true, true}, 0)
	f([]float64{2, 2, 2, 2}, []bool{false, true, false, true}, 0.5)
	f([]float64{nan, nan, 2, 3}, []bool{false, true, false, true}, 0.625)
	f([]float64{1, 2}, []bool{true, true}, nan)
	f(nil, nil, nan)
	if _, se := stat.AUC([]float64{1, 2, 3}, []bool{true, false, false}); !math.IsNaN(se) {
		t.Errorf("one positive row has an error of %v", se)
	}
}
