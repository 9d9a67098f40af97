package gate_test

import (
	"strings"
	"testing"

	"hone"
	"hone/internal/gate"
)

func TestSampleIsSaid(t *testing.T) {
	t.Parallel()
	m := balanced()
	if n := gate.Deadline(m, evaluation(paired(10, 0, 0.1))); n != 1000 {
		t.Errorf("balanced waits for %d rows", n)
	}
	m.Evidence = hone.Strict
	f := func(differ, want float64, wait int, gates ...hone.Gate) {
		t.Helper()
		m := m
		m.Gates = gates
		p := paired(300, -0.01, 0.02)
		p.Reach = differ
		if n := gate.Sample(m, p); n != int(want) {
			t.Errorf("versions that differ on %v of the rows: %d rows, want %v", differ, n, want)
		}
		if n := gate.Deadline(m, hone.Evaluation{Loss: p}); n != wait {
			t.Errorf("versions that differ on %v of the rows: waits for %d rows, want %d", differ, n, wait)
		}
	}
	f(0, 0, 1000)
	f(0.02, 308, 1000)
	f(0.1, 1544, 3860)
	f(0.1, 246, 1000, hone.Gate{Metric: "loss", MinChange: ptr(0.05)})
	p := paired(300, -0.01, 0.02)
	p.Reach, p.Better = 0.1, 3
	v := find(t, gate.Judge(m, by(hone.OnLoss), evaluation(p), 4, nil), "quality", "")
	for _, want := range []string{"about 1,544 rows", "may take 3,860", "candidate 4 since the last promotion"} {
		if !strings.Contains(v.Sentence, want) {
			t.Errorf("%q is not in: %s", want, v.Sentence)
		}
	}
}

// A limit against the champion is told from chance by the paired interval.
func TestOwnersLimitsArePaired(t *testing.T) {
	t.Parallel()
	f := func(name string, evidence hone.Evidence, g hone.Gate, diff, half float64, look int, want hone.Result) {
		t.Helper()
		m, e := balanced(g), evaluation(paired(500, -0.1, 0.01))
		m.Evidence, e.Loss.Better, e.Look = evidence, 1e6, look
		e.Metrics = []hone.MetricPair{{Metric: "auc", Candidate: 0.8 + diff, Champion: 0.8, Higher: true, N: 500, Lower: diff - half, Upper: diff + half}}
		all := gate.Judge(m, by(hone.OnLoss), e, 1, nil)
		sane(t, name, all)
		which := "auc.max_regression"
		if g.MinChange != nil {
			which = "auc.min_change"
		}
		v := find(t, all, which, "")
		if v.Result != want || (want == hone.Inconclusive) != (v.Need > 0) || !(v.Lower < v.Value && v.Value < v.Upper) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	harm, gain := hone.Gate{Metric: "auc", MaxRegression: ptr(0.02)}, hone.Gate{Metric: "auc", MinChange: ptr(0.01)}
	f("surely worse", hone.Balanced, harm, -0.05, 0.02, 1, hone.Fail)
	f("worse, perhaps by chance", hone.Balanced, harm, -0.03, 0.02, 1, hone.Inconclusive)
	f("a little worse", hone.Balanced, harm, -0.02, 0.02, 1, hone.Pass)
	f("better", hone.Balanced, gain, 0.01, 0.02, 1, hone.Pass)
	f("not better, perhaps by chance", hone.Balanced, gain, 0, 0.02, 1, hone.Inconclusive)
	f("surely not better", hone.Balanced, gain, -0.01, 0.01, 1, hone.Fail)
	f("strict: within, perhaps by chance", hone.Strict, harm, -0.01, 0.02, 1, hone.Inconclusive)
	f("strict: surely within", hone.Strict, harm, 0.01, 0.02, 1, hone.Pass)
	f("strict: enough at the first look", hone.Strict, harm, 0.001, 0.02, 1, hone.Pass)
	f("strict: not enough at the tenth", hone.Strict, harm, 0.001, 0.02, 10, hone.Inconclusive)
}
