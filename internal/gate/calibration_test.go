package gate_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/gate"
)

// tellers are two versions that know half of what decides a row each, and are
// calibrated; what the candidate says is then bent.
type tellers struct {
	classes int
	rare    float64 // Added to the log odds of the first class.
	sd      float64 // Of what they know.
	bend    float64 // 1 leaves the scores as they are, 2 doubles their log odds.
}

func (w tellers) compare(rng *rand.Rand, n int) hone.Evaluation {
	sig := hone.Signature{Task: hone.Multiclass}
	for c := range w.classes {
		sig.Classes = append(sig.Classes, strconv.Itoa(c))
	}
	if w.classes == 2 {
		sig.Task, sig.Threshold = hone.Binary, 0.5
	}
	m := hone.Model{Task: sig.Task, Loss: hone.Loss{Kind: hone.ZeroOne}}
	cand, champ := evaluate.Side{Version: "v2", Signature: sig}, evaluate.Side{Version: "v1", Signature: sig}
	cand.Scores.Width, champ.Scores.Width = sig.Width(), sig.Width()
	rows := evaluate.Rows{}
	truth, a, b := make([]float64, w.classes), make([]float64, w.classes), make([]float64, w.classes)
	for range n {
		for c := range w.classes {
			// What neither knows is noise of the logistic's own shape: what both say of
			// it is then right on average.
			common, mine, theirs := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
			truth[c] = w.sd * (common + mine + theirs)
			// The part that one does not know flattens what it may say.
			flat := 1 / math.Sqrt(1+math.Pi*2*w.sd*w.sd/8)
			a[c], b[c] = flat*w.sd*(common+mine), flat*w.sd*(common+theirs)
		}
		truth[0], a[0], b[0] = truth[0]+w.rare, a[0]+w.rare, b[0]+w.rare
		rows.Labels = append(rows.Labels, sig.Classes[draw(rng, soft(truth, 1))])
		cand.Scores.V = append(cand.Scores.V, scores(sig, soft(a, w.bend))...)
		champ.Scores.V = append(champ.Scores.V, scores(sig, soft(b, 1))...)
	}
	e := evaluate.Compare(m, cand, &champ, rows)
	e.Replay = good()
	return e
}

func soft(z []float64, bend float64) []float64 {
	out, sum := make([]float64, len(z)), 0.0
	for c, x := range z {
		out[c] = math.Exp(bend * x)
		sum += out[c]
	}
	for c := range out {
		out[c] /= sum
	}
	return out
}

func draw(rng *rand.Rand, p []float64) int {
	u := rng.Float64()
	for c, x := range p {
		if u -= x; u < 0 {
			return c
		}
	}
	return len(p) - 1
}

func scores(s hone.Signature, p []float64) []float64 {
	if s.Task == hone.Binary {
		return p[1:]
	}
	return p
}

// share is in how many of the trials the gate on calibration fails the candidate.
func (w tellers) share(trials, n int, seed uint64) float64 {
	failed := 0
	for i := range trials {
		e := w.compare(rand.New(rand.NewPCG(seed, uint64(i))), n)
		m := hone.Model{Task: hone.Binary, Evidence: hone.Balanced, Loss: hone.Loss{Kind: hone.ZeroOne}}
		if w.classes > 2 {
			m.Task = hone.Multiclass
		}
		for _, v := range gate.Judge(m, by(hone.OnLoss), e, 1, nil) {
			if v.Gate == gate.Calibration && v.Result == hone.Fail {
				failed++
			}
		}
	}
	return float64(failed) / float64(trials)
}

// Candidates whose scores are as good as the champion's pass; those whose scores say
// more than they know do not. Of one in a hundred, 200 trials find more than 3 % in one
// of 500 worlds; 60 trials of 80 % are off by 10 points as rarely.
func TestCalibrationIsToldFromChance(t *testing.T) {
	t.Parallel()
	trials := 200
	if testing.Short() {
		trials = 40
	}
	worlds := map[string]tellers{
		"even":   {classes: 2, sd: 1, bend: 1},
		"rare":   {classes: 2, sd: 1, rare: 3, bend: 1},
		"strong": {classes: 2, sd: 2, bend: 1},
		"four":   {classes: 4, sd: 1, bend: 1},
	}
	seed := uint64(0)
	for name, w := range worlds {
		seed++
		for _, n := range []int{400, 2000} {
			if got := w.share(trials, n, seed); got > 0.03 {
				t.Errorf("%s, %d rows: %.3f of equal candidates fail", name, n, got)
			}
		}
		w.bend = 2
		if got := w.share(60, 2000, 100+seed); got < 0.7 {
			t.Errorf("%s: %.3f of candidates that say too much fail", name, got)
		}
	}
}

func TestCalibrationVerdict(t *testing.T) {
	t.Parallel()
	with := func(task hone.Task, n int, brier, part, half float64, gates ...hone.Gate) (hone.Model, hone.Evaluation) {
		m := balanced(gates...)
		m.Task = task
		e := evaluation(paired(n, -0.05, 0.03))
		e.Metrics = []hone.MetricPair{
			{Metric: "brier", Candidate: 0.1 + brier, Champion: 0.1, N: n},
			{Metric: "calibration", Candidate: part, Champion: 0, Lower: part - half, Upper: part + half, N: n},
			{Metric: "ece", Candidate: 0.08, Champion: 0.02, N: n},
		}
		return m, e
	}
	f := func(name string, n int, brier, part, half float64, want hone.Result, ruling hone.Ruling, gates ...hone.Gate) {
		t.Helper()
		m, e := with(hone.Binary, n, brier, part, half, gates...)
		all := gate.Judge(m, by(hone.OnLoss), e, 1, nil)
		sane(t, name, all)
		if v := find(t, all, gate.Calibration, ""); v.Result != want || gate.Rule(m, all, false) != ruling {
			t.Errorf("%s: %s, %+v", name, gate.Rule(m, all, false), v)
		}
	}
	f("surely worse", 2000, 0.01, 0.01, 0.003, hone.Fail, hone.Reject)
	f("worse in the whole, but not by that", 2000, 0.01, 0.001, 0.0005, hone.Pass, hone.Promote)
	f("what it is better at makes up for it", 2000, -0.001, 0.01, 0.003, hone.Pass, hone.Promote)
	f("within the margin", 20000, 0.0019, 0.0019, 0.0001, hone.Pass, hone.Promote)
	f("may be chance", 2000, 0.01, 0.01, 0.02, hone.Pass, hone.Promote)
	f("too few rows", 299, 0.5, 0.5, 0.001, hone.Inconclusive, hone.Promote)
	f("the owner allows more", 2000, 0.01, 0.01, 0.003, hone.Pass, hone.Promote, hone.Gate{Metric: gate.Calibration, MaxRegression: ptr(0.02)})
	m, e := with(hone.Regression, 2000, 1, 1, 0.1)
	for _, v := range gate.Judge(m, by(hone.OnLoss), e, 1, nil) {
		if v.Gate == gate.Calibration {
			t.Errorf("a number has no calibration: %+v", v)
		}
	}
	m, e = with(hone.Binary, 2000, 0.01, 0.01, 0.003)
	run := forced()
	run.Champion = "v3"
	if all := gate.Judge(m, run, e, 1, nil); find(t, all, gate.Calibration, "").Standing() != "warns" || gate.Rule(m, all, false) != hone.Promote {
		t.Errorf("forced: %+v", find(t, all, gate.Calibration, ""))
	}
}
