package calibrate_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"hone/internal/learn/calibrate"
)

// What scikit-learn 1.9.1 answers to the same rows: its isotonic regression to
// rounding, its sigmoid as near as both searches end.
func TestAsScikitLearn(t *testing.T) {
	t.Parallel()
	var g struct {
		Scores, Truth, Weights, Ask, Isotonic, Platt []float64
	}
	b, err := os.ReadFile("testdata/golden.json")
	if err == nil {
		err = json.Unmarshal(b, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	f := func(method calibrate.Method, want []float64, far float64) {
		t.Helper()
		m, err := calibrate.Fit(method, g.Scores, g.Truth, g.Weights)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range g.Ask {
			if got := m.Apply(p); !(math.Abs(got-want[i]) <= far) {
				t.Errorf("%s of %v is %v, want %v", method, p, got, want[i])
			}
		}
	}
	f(calibrate.Isotonic, g.Isotonic, 1e-12)
	f(calibrate.Platt, g.Platt, 1e-4)
}

// world draws scores and what came true, whose chance is a function of the score.
func world(n int, seed uint64, chance func(p float64) float64) (scores, truth []float64) {
	r := rand.New(rand.NewPCG(seed, 3))
	for range n {
		p := r.Float64()
		y := 0.0
		if r.Float64() < chance(p) {
			y = 1
		}
		scores, truth = append(scores, p), append(truth, y)
	}
	return scores, truth
}

func overconfident(p float64) float64 { return 1 / (1 + math.Exp(-0.5*math.Log(p/(1-p))-0.3)) }

func TestFindsTheChance(t *testing.T) {
	t.Parallel()
	f := func(method calibrate.Method, n int, chance func(float64) float64, most float64) {
		t.Helper()
		scores, truth := world(n, 1, chance)
		m, err := calibrate.Fit(method, scores, truth, nil)
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0.0
		for p := 0.005; p < 1; p += 0.01 {
			wrong += math.Abs(m.Apply(p)-chance(p)) / 100
		}
		if !(wrong < most) {
			t.Errorf("%s from %d rows: it is off by %.4f, want under %v", method, n, wrong, most)
		}
	}
	f(calibrate.Platt, 200, overconfident, 0.06)
	f(calibrate.Platt, 20_000, overconfident, 0.01)
	f(calibrate.Isotonic, 20_000, overconfident, 0.02)
	f(calibrate.Isotonic, 20_000, func(p float64) float64 { return math.Floor(4*p) / 4 }, 0.02)
}

func TestNeverTurnsTheOrderRound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		scores, truth := world(60, seed, func(p float64) float64 { return 0.8 - 0.6*p })
		for _, method := range []calibrate.Method{calibrate.Platt, calibrate.Isotonic} {
			m, err := calibrate.Fit(method, scores, truth, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Check(); err != nil {
				t.Error(err)
			}
			last := -1.0
			for p := 0.0; p <= 1; p += 0.001 {
				got := m.Apply(p)
				if got < last || !(got >= 0 && got <= 1) {
					t.Fatalf("%s, seed %d: %v stands for %v, after %v", method, seed, p, got, last)
				}
				last = got
			}
		}
	}
}

func TestWeightsAreRows(t *testing.T) {
	t.Parallel()
	scores, truth := world(300, 5, overconfident)
	weights := make([]float64, len(scores))
	var manyScores, manyTruth []float64
	for i := range scores {
		weights[i] = float64(i % 3)
		for range i % 3 {
			manyScores, manyTruth = append(manyScores, scores[i]), append(manyTruth, truth[i])
		}
	}
	for _, method := range []calibrate.Method{calibrate.Platt, calibrate.Isotonic} {
		a, errA := calibrate.Fit(method, scores, truth, weights)
		b, errB := calibrate.Fit(method, manyScores, manyTruth, nil)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		for p := 0.01; p < 1; p += 0.01 {
			if math.Abs(a.Apply(p)-b.Apply(p)) > 1e-9 {
				t.Fatalf("%s: %v stands for %v by weight and %v by rows", method, p, a.Apply(p), b.Apply(p))
			}
		}
	}
}

func TestStored(t *testing.T) {
	t.Parallel()
	scores, truth := world(100, 6, overconfident)
	for _, method := range []calibrate.Method{calibrate.Platt, calibrate.Isotonic} {
		m, err := calibrate.Fit(method, scores, truth, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back calibrate.Map
		if err := json.Unmarshal(b, &back); err != nil || back.Check() != nil {
			t.Fatal(err, back.Check())
		}
		for _, p := range scores {
			if back.Apply(p) != m.Apply(p) {
				t.Fatalf("%s: %v stands for %v once stored, %v before", method, p, back.Apply(p), m.Apply(p))
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	f := func(want string, method calibrate.Method, scores, truth, weights []float64) {
		t.Helper()
		if _, err := calibrate.Fit(method, scores, truth, weights); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	two := []float64{0.2, 0.7}
	f(`method "best"`, "best", two, []float64{0, 1}, nil)
	f("0 scores", calibrate.Platt, nil, nil, nil)
	f("2 scores, 1 truths", calibrate.Platt, two, []float64{1}, nil)
	f("row 1 has score 1.5", calibrate.Platt, []float64{0.2, 1.5}, []float64{0, 1}, nil)
	f("row 0 has score NaN", calibrate.Isotonic, []float64{math.NaN(), 0.5}, []float64{0, 1}, nil)
	f("truth 2", calibrate.Isotonic, two, []float64{0, 2}, nil)
	f("weight -1", calibrate.Isotonic, two, []float64{0, 1}, []float64{1, -1})
	f("all of one class", calibrate.Isotonic, two, []float64{1, 1}, nil)
	f("all of one class", calibrate.Platt, two, []float64{0, 1}, []float64{1, 0})
	g := func(want string, m calibrate.Map) {
		t.Helper()
		if err := m.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want an error with %q", m, err, want)
		}
	}
	g("not known", calibrate.Map{})
	g("slope", calibrate.Map{Method: calibrate.Platt, Slope: -1})
	g("0 scores", calibrate.Map{Method: calibrate.Isotonic})
	g("out of order", calibrate.Map{Method: calibrate.Isotonic, Scores: slices.Clone(two), Shares: []float64{0.5, 0.4}})
	g("no probability", calibrate.Map{Method: calibrate.Isotonic, Scores: two, Shares: []float64{0.5, math.NaN()}})
}
