package gate_test

import (
	"math/rand/v2"
	"testing"

	"hone"
	"hone/internal/gate"
	"hone/internal/stat"
)

func era(name string, keep bool, p hone.Paired) hone.EraPair {
	return hone.EraPair{Era: name, Keep: keep, Paired: p}
}

func TestForgottenEras(t *testing.T) {
	t.Parallel()
	m := balanced()
	f := func(name string, run hone.Run, want string, ruling hone.Ruling, eras ...hone.EraPair) {
		t.Helper()
		e := evaluation(paired(500, -0.05, 0.03))
		e.Eras = eras
		all := gate.Judge(m, run, e, 1, nil)
		sane(t, name, all)
		if v := find(t, all, "era", eras[0].Era); v.Standing() != want || gate.Rule(m, all, false) != ruling {
			t.Errorf("%s: %s, %+v", name, gate.Rule(m, all, false), v)
		}
	}
	loss := by(hone.OnLoss)
	f("forgotten", loss, "warns", hone.Promote, era("spring", false, paired(500, 0.06, 0.03)))
	f("forgotten, to be kept", loss, "fail", hone.Reject, era("spring", true, paired(500, 0.06, 0.03)))
	f("within three points", loss, "pass", hone.Promote, era("spring", true, paired(5000, 0.03, 0.01)))
	f("may be chance", loss, "pass", hone.Promote, era("spring", true, paired(500, 0.06, 0.08)))
	f("too few rows", loss, "warns", hone.Promote, era("spring", true, paired(299, 0.5, 0.01)))
	f("no rows", loss, "warns", hone.Promote, era("spring", true, hone.Paired{}))
	// One of four has to be proven at a quarter of the level.
	calm := era("calm", true, paired(500, 0, 0.03))
	lone := era("spring", true, paired(500, 0.05, 0.052))
	f("alone", loss, "fail", hone.Reject, lone)
	f("among four", loss, "pass", hone.Promote, lone, calm, calm, calm)
	unfair := era("spring", true, paired(500, 0.06, 0.03))
	unfair.Trained = true
	f("the champion learned from them", loss, "warns", hone.Promote, unfair)
	f("forced", forced(), "warns", hone.Promote, era("spring", true, paired(500, 0.06, 0.03)))
}

// Of candidates that forgot nothing at most 5 % fail, over all eras together, and of
// those that lose 8 points in one era of 500 rows more than 90 % do. A share of 400
// trials may be off by 3.
func TestForgettingIsToldFromChance(t *testing.T) {
	t.Parallel()
	failed := func(harm float64, seed uint64) (out float64) {
		for i := range 400 {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			e := evaluation(paired(500, -0.05, 0.03))
			for k, name := range []string{"spring", "summer", "autumn", "winter"} {
				extra := 0.0
				if k == 0 {
					extra = harm
				}
				e.Eras = append(e.Eras, era(name, true, simulated(rng, 500, 0.05, 0.05+extra)))
			}
			m := balanced()
			if gate.Rule(m, gate.Judge(m, by(hone.OnLoss), e, 1, nil), false) == hone.Reject {
				out += 1.0 / 400
			}
		}
		return out
	}
	if got := failed(0, 1); got > 0.05 {
		t.Errorf("%.3f of those that forgot nothing fail", got)
	}
	if got := failed(0.08, 2); got < 0.9 {
		t.Errorf("%.3f of those that forgot an era fail", got)
	}
}

// simulated draws rows on which only the champion errs, or only the candidate.
func simulated(rng *rand.Rand, n int, champion, candidate float64) hone.Paired {
	sum, squares := 0.0, 0.0
	for range n {
		switch u := rng.Float64(); {
		case u < champion:
			sum, squares = sum-1, squares+1
		case u < champion+candidate:
			sum, squares = sum+1, squares+1
		}
	}
	p := paired(n, 0, 0)
	p.Diff, p.Lower, p.Upper = stat.MeanInterval(sum, squares, n, 0.05)
	p.Candidate = p.Champion + p.Diff
	return p
}
