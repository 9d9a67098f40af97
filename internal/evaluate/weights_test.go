package evaluate_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone"
	"hone/internal/evaluate"
)

// drawSelected draws the labelled rows of a world in which two kinds of case are
// equally many, and labels come for all of one kind and for a tenth of the other.
// Each version errs at its own rate in each kind.
func drawSelected(r *rand.Rand, n int, cand, champ [2]float64) (evaluate.Side, evaluate.Side, evaluate.Rows) {
	var rows evaluate.Rows
	var a, b []float64
	for len(rows.Labels) < n {
		kind := r.IntN(2)
		p := []float64{1, 0.1}[kind]
		if r.Float64() > p {
			continue
		}
		truth := r.IntN(2)
		answer := func(rate float64) float64 {
			if r.Float64() < rate {
				return float64(1 - truth)
			}
			return float64(truth)
		}
		a, b = append(a, answer(cand[kind])), append(b, answer(champ[kind]))
		rows.Labels = append(rows.Labels, []string{"0", "1"}[truth])
		rows.Weights = append(rows.Weights, hone.Prediction{Propensity: p}.Weight())
	}
	return side("v2", binary, a...), side("v1", binary, b...), rows
}

// TestWeights compares versions on labels of which the champion's choices got the
// most: the candidate is better where labels are many and worse over all. Rows by
// weight say so, the same rows without weights the opposite.
func TestWeights(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	cand, champ, rows := drawSelected(r, 20000, [2]float64{0.05, 0.4}, [2]float64{0.1, 0.2})
	e := evaluate.Compare(zeroOne(), cand, &champ, rows).Loss
	if math.Abs(e.Candidate-0.225) > 0.02 || math.Abs(e.Champion-0.15) > 0.02 || e.Lower < 0 || e.Lower > 0.075 || e.Upper < 0.075 {
		t.Errorf("by weight: %+v; want 0.225 against 0.15", e)
	}
	if e.Effective < 2000 || e.Effective > 8000 {
		t.Errorf("%v effective rows of %d", e.Effective, e.N)
	}
	if e.Worse < 20 || e.Better > 1 {
		t.Errorf("e-values %v for worse, %v for better", e.Worse, e.Better)
	}
	rows.Weights = nil
	if e = evaluate.Compare(zeroOne(), cand, &champ, rows).Loss; e.Diff > -0.02 || e.Effective != 0 {
		t.Errorf("without weights: %+v; want the bias of the selection", e)
	}
}

// TestWeightedInterval holds that in repeated draws the 95 % interval by weight
// covers the truth, and that equal versions are called worse in 5 % at most.
func TestWeightedInterval(t *testing.T) {
	t.Parallel()
	covered, worse := 0, 0
	const draws = 400
	for seed := range uint64(draws) {
		r := rand.New(rand.NewPCG(seed, 6))
		// Equal over all: better in one kind by as much as worse in the other.
		cand, champ, rows := drawSelected(r, 600, [2]float64{0.1, 0.3}, [2]float64{0.2, 0.2})
		e := evaluate.Compare(zeroOne(), cand, &champ, rows).Loss
		if e.Lower <= 0 && e.Upper >= 0 {
			covered++
		}
		if e.Worse >= 20 || e.Better >= 20 {
			worse++
		}
	}
	if share := float64(covered) / draws; share < 0.91 || share > 0.985 {
		t.Errorf("the interval covers the truth in %.3f of the draws; want 0.95", share)
	}
	if share := float64(worse) / draws; share > 0.07 {
		t.Errorf("equal versions are told apart in %.3f of the draws", share)
	}
}

func TestWeightsThatAreAllOne(t *testing.T) {
	t.Parallel()
	rows := evaluate.Rows{Labels: labels("11110000")}
	cand := side("v2", binary, 0.9, 0.8, 0.7, 0.2, 0.1, 0.2, 0.3, 0.4)
	champ := side("v1", binary, 0.9, 0.2, 0.3, 0.6, 0.1, 0.7, 0.3, 0.4)
	want := evaluate.Compare(zeroOne(), cand, &champ, rows).Loss
	rows.Weights = []float64{1, 1, 1, 1, 1, 1, 1, 1}
	got := evaluate.Compare(zeroOne(), cand, &champ, rows).Loss
	near(t, "diff", got.Diff, want.Diff)
	near(t, "lower", got.Lower, want.Lower)
	near(t, "better", got.Better, want.Better)
	near(t, "effective", got.Effective, 8)
	rows.Weights = rows.Weights[:3]
	if e := evaluate.Compare(zeroOne(), cand, &champ, rows); e.Loss.N != 0 {
		t.Errorf("too few weights: %+v", e.Loss)
	}
}
