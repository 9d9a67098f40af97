package gbdt_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

// Trees that add to a base answer by themselves: with the base they are what it lacked.
func TestBase(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	const n = 3000
	f := frame.New(frame.Schema{{Name: "a", Kind: frame.Number}, {Name: "b", Kind: frame.Number}}, n)
	y, base := make([]float64, n), make([]float64, n)
	for i := range n {
		a, b := r.NormFloat64(), r.NormFloat64()
		f.Cols[0].Num[i], f.Cols[1].Num[i] = a, b
		base[i] = 100 * a
		y[i] = base[i] + 7
		if b > 0 {
			y[i] -= 14
		}
	}
	o := gbdt.Defaults()
	o.Task = gbdt.LeastSquares
	m, err := gbdt.Fit(gbdt.Set{Rows: f, Targets: y}, o, gbdt.Extra{Base: base})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, n)
	m.Raw(f, out)
	for i := range out {
		if math.Abs(base[i]+out[i]-y[i]) > 0.1 {
			t.Fatalf("row %d: %v and %v, want %v", i, base[i], out[i], y[i])
		}
	}
	for i := range y { // What lacks nothing gets nothing.
		y[i] = base[i]
	}
	if m, err = gbdt.Fit(gbdt.Set{Rows: f, Targets: y}, o, gbdt.Extra{Base: base}); err != nil {
		t.Fatal(err)
	}
	m.Raw(f, out)
	for i, x := range out {
		if x != 0 {
			t.Fatalf("row %d: %v is added to what is right", i, x)
		}
	}
}

func TestBaseRefuses(t *testing.T) {
	t.Parallel()
	f := frame.New(frame.Schema{{Name: "a", Kind: frame.Number}}, 30)
	s := gbdt.Set{Rows: f, Targets: make([]float64, 30)}
	bad := make([]float64, 30)
	bad[4] = math.NaN()
	m, err := gbdt.Fit(s, gbdt.Defaults(), gbdt.Extra{})
	if err != nil {
		t.Fatal(err)
	}
	for want, x := range map[string]gbdt.Extra{
		"the base has 29 scores, and the rows 30": {Base: make([]float64, 29)},
		"score 4 of the base is NaN":              {Base: bad},
		"neither with a model to go on from":      {Base: make([]float64, 30), From: m},
		"nor with rows held out":                  {Base: make([]float64, 30), Held: &s},
	} {
		if _, err := gbdt.Fit(s, gbdt.Defaults(), x); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
