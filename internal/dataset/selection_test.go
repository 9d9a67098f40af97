package dataset_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"hone"
	"hone/internal/dataset"
)

// TestSelection draws predictions whose labels come by some rule, and looks what the
// check says of it.
func TestSelection(t *testing.T) {
	t.Parallel()
	f := func(m hone.Model, says string, n int, draw func(r *rand.Rand, o *hone.Outcome) (share float64)) {
		t.Helper()
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, 21))
			s := dataset.NewSelection(m)
			for range n {
				p := r.Float64()
				o := hone.Outcome{Prediction: hone.Prediction{Scores: []float64{p * p * p}}}
				if r.Float64() < draw(r, &o) {
					o.Effect = hone.Joined
				}
				s.Add(o)
			}
			c := s.Check()
			bias := dataset.Bias([]hone.Check{{Rule: "classes"}, c})
			if !c.Passed || !strings.Contains(bias, says) || says == "" && bias != "" {
				t.Errorf("seed %d: %+v; want a bias that says %q", seed, c, says)
				return
			}
		}
	}
	binary := hone.Model{Task: hone.Binary}
	act := func(r *rand.Rand, o *hone.Outcome) { o.Action = []string{"approved", "refused"}[r.IntN(2)] }
	f(binary, "", 5000, func(*rand.Rand, *hone.Outcome) float64 { return 0.3 })
	f(binary, "", 5000, func(r *rand.Rand, o *hone.Outcome) float64 { act(r, o); return 0.3 })
	f(binary, "", 150, func(r *rand.Rand, o *hone.Outcome) float64 { return o.Scores[0] }) // Too few to tell.
	f(binary, "labels come only for approved cases: quality is known for those alone.", 2000, func(r *rand.Rand, o *hone.Outcome) float64 {
		if act(r, o); o.Action == "approved" {
			return 0.8
		}
		return 0.01
	})
	f(binary, "% of refused ones: quality is known for those that get them alone.", 3000, func(r *rand.Rand, o *hone.Outcome) float64 {
		if act(r, o); o.Action == "approved" {
			return 0.9
		}
		return 0.3
	})
	f(binary, "% of the cases with the lowest scores and 0 % of those with", 3000, func(_ *rand.Rand, o *hone.Outcome) float64 {
		if o.Scores[0] > 0.5 {
			return 0
		}
		return 1
	})
	f(binary, "", 3000, func(r *rand.Rand, o *hone.Outcome) float64 { // Weighted, so accounted for.
		o.Propensity = 0.1
		if act(r, o); o.Action == "approved" {
			o.Propensity = 1
		}
		return o.Propensity
	})
	f(hone.Model{Task: hone.Binary, Label: hone.LabelSpec{AbsentMeans: "0", After: 1}}, "", 3000, func(_ *rand.Rand, o *hone.Outcome) float64 { return o.Scores[0] })
	f(hone.Model{Task: hone.Regression}, "", 3000, func(_ *rand.Rand, o *hone.Outcome) float64 { return o.Scores[0] })
}
