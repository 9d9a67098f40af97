package evaluate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/stat"
)

// drawnFrame makes a frame of n rows: what both versions say of each, and its label.
// They differ on a share, and there the candidate is right with a probability.
func drawnFrame(rng *rand.Rand, n int, differ, right float64) (cand, champ []float64, labels []string, diff float64) {
	for range n {
		y := rng.IntN(2)
		a, b := y, y
		if rng.Float64() < 0.2 { // Both are wrong.
			a, b = 1-y, 1-y
		}
		if rng.Float64() < differ {
			a, b = y, 1-y
			if rng.Float64() >= right {
				a, b = 1-y, y
			}
		}
		cand, champ, labels = append(cand, float64(a)), append(champ, float64(b)), append(labels, fmt.Sprint(y))
		diff += (math.Abs(float64(a-y)) - math.Abs(float64(b-y))) / float64(n)
	}
	return cand, champ, labels, diff
}

// drawnOf is what is known of a frame after the first k rows of the draw have
// their label.
func drawnOf(m hone.Model, cand, champ []float64, labels []string, seed uint64, k int) evaluate.Drawn {
	prices := make([]float64, len(labels))
	side := func(scores []float64) evaluate.Side {
		return evaluate.Side{Signature: binary, Scores: hone.Scores{Width: 1, V: scores}}
	}
	reach := evaluate.Reach(m, side(cand), side(champ), prices, m.Loss.Bound())
	order, blocks, limit := stat.Draw(reach, nil, seed)
	d := evaluate.Drawn{Rows: len(labels), Differ: len(order), Cap: limit}
	for place, i := range order {
		if place >= k && blocks[place] != blocks[place-1] {
			break
		}
		d.Blocks, d.Reach, d.Labels = append(d.Blocks, blocks[place]), append(d.Reach, reach[i]), append(d.Labels, labels[i])
		d.Candidate, d.Champion = append(d.Candidate, cand[i]), append(d.Champion, champ[i])
	}
	d.Answered = len(d.Labels)
	return d
}

// The labels of a few rows on which both versions differ tell the difference of
// their losses over all rows: without bias, within intervals that hold.
func TestAskedLabelsTellAllRows(t *testing.T) {
	t.Parallel()
	f := func(name string, loss hone.Loss, differ, right float64) {
		t.Helper()
		const trials = 1000
		m := hone.Model{Task: hone.Binary, Loss: loss}
		bias, held, labels := 0.0, 0, 0
		for seed := range uint64(trials) {
			rng := rand.New(rand.NewPCG(seed, 51))
			cand, champ, truth, _ := drawnFrame(rng, 3000, differ, right)
			want := 0.0
			for i := range truth {
				y := binary.Target(truth[i])
				want += (loss.Of(binary, cand[i:i+1], y, 0) - loss.Of(binary, champ[i:i+1], y, 0)) / 3000
			}
			a := evaluate.Weigh(m, binary, binary, []evaluate.Drawn{drawnOf(m, cand, champ, truth, seed, 60)})
			bias += (a.Diff - want) / trials
			labels += a.Labels
			if a.Lower <= want && want <= a.Upper {
				held++
			}
			if a.Gains+a.Flips != a.Labels || a.For < a.Labels {
				t.Fatalf("%+v", a)
			}
		}
		if math.Abs(bias) > 0.002*loss.Bound() {
			t.Errorf("%s: off by %v on average", name, bias)
		}
		if held < 925 {
			t.Errorf("%s: the 95 %% interval holds %d of %d times", name, held, trials)
		}
		t.Logf("%s: bias %.4g, interval holds %d of %d, %.3g labels", name, bias, held, trials, float64(labels)/trials)
	}
	f("wrong answers", hone.Loss{Kind: hone.ZeroOne}, 0.05, 0.7)
	f("three in ten differ", hone.Loss{Kind: hone.ZeroOne}, 0.3, 0.9)
	f("prices", hone.Loss{Kind: hone.Cost, FalseNegative: 10, FalsePositive: 1}, 0.1, 0.6)
}

// Rows without a label count against the candidate, and stop what is drawn after
// them from counting where they are many.
func TestWhatLacksCountsAgainst(t *testing.T) {
	t.Parallel()
	m := hone.Model{Task: hone.Binary, Loss: hone.Loss{Kind: hone.ZeroOne}}
	cand, champ, truth, _ := drawnFrame(rand.New(rand.NewPCG(1, 52)), 2000, 0.1, 1)
	whole := drawnOf(m, cand, champ, truth, 1, 100)
	weigh := func(lack ...int) *hone.Asked {
		d := whole
		d.Labels = append([]string(nil), whole.Labels...)
		for _, i := range lack {
			d.Labels[i] = ""
		}
		return evaluate.Weigh(m, binary, binary, []evaluate.Drawn{d})
	}
	full, late, early := weigh(), weigh(90), weigh(0)
	if full.Lacking != 0 || full.Flips != 0 || full.Diff >= 0 || full.Better < 20 {
		t.Fatalf("all labels: %+v", full)
	}
	if late.Lacking != 1 || !(late.Better < full.Better) || late.Labels != full.Labels-1 {
		t.Errorf("one of the last lacks: %+v, all: %+v", late, full)
	}
	if early.Lacking != 1 || !(early.Better < full.Better) {
		t.Errorf("the first lacks: %+v", early)
	}
	var many []int
	for i := 10; i < 30; i++ {
		many = append(many, i)
	}
	if got := weigh(many...); got.Labels > 12 || got.Labels == 0 {
		t.Errorf("twenty lack after the tenth: %+v", got)
	}
	if got := evaluate.Weigh(m, binary, binary, nil); got != nil {
		t.Errorf("nothing was asked: %+v", got)
	}
}
