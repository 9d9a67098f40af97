package odds_test

import (
	"math"
	"testing"

	"hone/internal/learn/odds"
)

func TestSigmoid(t *testing.T) {
	t.Parallel()
	f := func(z, want float64) {
		t.Helper()
		if got := odds.Sigmoid(z); !(math.Abs(got-want) <= 1e-15*want) {
			t.Errorf("%v: got %v, want %v", z, got, want)
		}
	}
	f(0, 0.5)
	f(math.Log(3), 0.75)
	f(-700, math.Exp(-700))
	f(1e300, 1)
	f(-1e300, 0)
}

func TestSoftmax(t *testing.T) {
	t.Parallel()
	z := []float64{1e5 + math.Log(1), 1e5 + math.Log(2), 1e5 + math.Log(5), -1e300}
	odds.Softmax(z)
	for i, want := range []float64{0.125, 0.25, 0.625, 0} {
		if math.Abs(z[i]-want) > 1e-10 {
			t.Errorf("class %d: got %v, want %v", i, z[i], want)
		}
	}
}
