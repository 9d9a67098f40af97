package gbdt_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

// world draws rows of numbers, of which the first four matter, one by a product, of
// a category of 40 values, and of gaps: what is missing of the second number says
// something.
func world(n int, seed uint64, task gbdt.Task) gbdt.Set {
	s := frame.Schema{{Name: "group", Kind: frame.Category}}
	for i := range 8 {
		s = append(s, frame.Field{Name: "x " + strconv.Itoa(i), Kind: frame.Number})
	}
	r := rand.New(rand.NewPCG(seed, 7))
	f := frame.New(s, n)
	y := make([]float64, n)
	for i := range n {
		group := r.IntN(40)
		f.Cols[0].Str[i] = "g" + strconv.Itoa(group)
		for c := 1; c < len(s); c++ {
			f.Cols[c].Num[i] = r.NormFloat64()
		}
		z := 1.5*f.Cols[1].Num[i] + 2*f.Cols[3].Num[i]*f.Cols[4].Num[i] + 1.5*math.Sin(float64(group*group))
		if r.IntN(5) == 0 {
			f.Cols[2].Num[i] = math.NaN()
			z -= 2
		}
		switch task {
		case gbdt.Logistic:
			if r.Float64() < 1/(1+math.Exp(-z)) {
				y[i] = 1
			}
		case gbdt.Softmax:
			switch z += r.NormFloat64() / 2; {
			case z > 1:
				y[i] = 2
			case z > -1:
				y[i] = 1
			}
		default:
			y[i] = 10*z + r.NormFloat64()
		}
	}
	return gbdt.Set{Rows: f, Targets: y}
}

// fit fails the test where rows cannot be learned.
func fit(t *testing.T, s gbdt.Set, o gbdt.Options, x gbdt.Extra) *gbdt.Model {
	t.Helper()
	m, err := gbdt.Fit(s, o, x)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// options of a small fit.
func options(task gbdt.Task, iterations int) gbdt.Options {
	o := gbdt.Defaults()
	o.Task, o.Iterations = task, iterations
	return o
}

// predict scores all rows of a set.
func predict(m *gbdt.Model, s gbdt.Set) []float64 {
	out := make([]float64, s.Rows.N*m.Width())
	m.Predict(s.Rows, out)
	return out
}

// loss is the mean log loss, or squared error, of a model on rows.
func loss(m *gbdt.Model, s gbdt.Set) float64 {
	k, total := m.Width(), 0.0
	out := predict(m, s)
	for i, y := range s.Targets {
		switch m.Options().Task {
		case gbdt.Logistic:
			total -= math.Log(math.Abs(1 - y - out[i]))
		case gbdt.Softmax:
			total -= math.Log(out[i*k+int(y)])
		default:
			total += (out[i] - y) * (out[i] - y)
		}
	}
	return total / float64(len(s.Targets))
}
