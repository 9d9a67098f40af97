package linear_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/linear"
)

// effects returns what one more of each number adds to the score.
func effects(m *linear.Model, d int) []float64 {
	f := numbers(d+1, d, func() float64 { return 0 })
	for j := range d {
		f.Cols[j].Num[j+1] = 1
	}
	out := predict(m, f)
	for j := range d {
		out[j+1] -= out[0]
	}
	return out[1:]
}

// On numbers that are drawn independently the lasso is the truth, moved towards 0 by
// the penalty.
func TestL1FindsTheSparseTruth(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	const d, l1 = 40, 0.02
	truth := [d]float64{30, -20, 10, 5, -5}
	f := numbers(5000, d, r.NormFloat64)
	y := make([]float64, f.N)
	spread := 10.0
	for j, b := range truth {
		spread = math.Hypot(spread, b)
		for i := range y {
			y[i] += b * f.Cols[j].Num[i]
		}
	}
	for i := range y {
		y[i] += 10 * r.NormFloat64()
	}
	sparse := func(l1 float64) *linear.Model {
		return fit(t, f, y, func(o *linear.Options) {
			o.Task, o.Squares, o.LearningRate, o.L1, o.L2 = linear.LeastSquares, false, 0.02, l1, 0
		})
	}
	m := sparse(l1)
	zeros := 0
	for j, got := range effects(m, d) {
		want := truth[j] - math.Copysign(min(l1*spread, math.Abs(truth[j])), truth[j])
		if math.Abs(got-want) > 0.5 {
			t.Errorf("number %d counts for %.2f, want %.2f", j, got, want)
		}
		if got == 0 {
			zeros++
		}
	}
	if zeros < 34 || m.Nonzero() != d-zeros+1 {
		t.Errorf("%d of 35 numbers that do not matter count for 0, and %d weights do not", zeros, m.Nonzero())
	}
	if n := sparse(0).Nonzero(); n != d+1 {
		t.Errorf("without a penalty %d weights are not 0, want all %d", n, d+1)
	}
	if n := sparse(2).Nonzero(); n != 1 {
		t.Errorf("under a penalty above every slope %d weights are not 0, want the constant", n)
	}
}

func TestL1KeepsTheWordsThatTell(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	f, y := reviews(r, 3000)
	g, truth := reviews(r, 1000)
	for _, task := range []linear.Task{linear.Logistic, linear.Softmax} {
		m := fit(t, f, y, func(o *linear.Options) { o.Task, o.L1 = task, 0.002 })
		atLeast(t, "accuracy on texts", accuracy(m, g, truth), 0.98)
		if n := m.Nonzero(); n > 60 {
			t.Errorf("%s: %d weights for 6 words that tell", task, n)
		}
	}
}

// A penalty of no weight at all changes nothing but the rounding.
func TestTinyL1IsNoL1(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(3, 3)), 1000, 8, 0.1)
	a := predict(fit(t, f, y, nil), f)
	for i, p := range predict(fit(t, f, y, func(o *linear.Options) { o.L1 = 1e-12 }), f) {
		if math.Abs(p-a[i]) > 1e-3 {
			t.Fatalf("row %d: %v with next to no penalty, %v with none", i, p, a[i])
		}
	}
}

func TestL2Shrinks(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(4, 4)), 2000, 8, 0)
	size := func(l2 float64) float64 {
		sum := 0.0
		for _, p := range predict(fit(t, f, y, func(o *linear.Options) { o.L2 = l2 }), f) {
			sum += math.Abs(p - 0.5)
		}
		return sum / float64(f.N)
	}
	none, some, much := size(0), size(0.1), size(10)
	if !(none > some && some > much && much < 0.2) {
		t.Errorf("scores are %.3f, %.3f and %.3f away from one half, want less with more of l2", none, some, much)
	}
}

// A warm start under L1 begins from the weights, and drops what is not needed.
func TestL1AfterAWarmStart(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	draw := func(n int) (*frame.Frame, []float64) {
		f := numbers(n, 20, r.NormFloat64)
		y := make([]float64, n)
		for i := range y {
			if f.Cols[0].Num[i]-f.Cols[1].Num[i]+0.5*r.NormFloat64() > 0 {
				y[i] = 1
			}
		}
		return f, y
	}
	f, y := draw(3000)
	plain := func(o *linear.Options) { o.Squares = false }
	first := fit(t, f, y, plain)
	o := linear.Defaults()
	o.Squares, o.L1 = false, 0.02
	g, later := draw(3000)
	warm, err := linear.Fit(g, later, nil, o, first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := warm.Nonzero(); !warm.WarmStarted || n > 6 {
		t.Errorf("warm started: %v, with %d weights that are not 0, want at most 6", warm.WarmStarted, n)
	}
	atLeast(t, "accuracy", accuracy(warm, g, later), accuracy(first, g, later)-0.01)
}

// A warm start under an L1 that pulls at nothing takes the steps that one without takes.
func TestWarmStartUnderTinyL1(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(6, 6)), 1000, 8, 0.05)
	for _, task := range []func(*linear.Options){func(*linear.Options) {}, softmax, leastSquares} {
		first := fit(t, f, y, task)
		warm := func(l1 float64) *linear.Model {
			o := linear.Defaults()
			task(&o)
			o.L1, o.Epochs = l1, 2
			m, err := linear.Fit(f, y, nil, o, first, nil)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		none, tiny := predict(warm(0), f), predict(warm(1e-12), f)
		for i := range none {
			if math.Abs(none[i]-tiny[i]) > 1e-4 {
				t.Fatalf("row %d scores %v without L1, and %v with next to none", i, none[i], tiny[i])
			}
		}
	}
}
