package gate_test

import (
	"testing"

	"hone"
	"hone/internal/gate"
)

func TestPermutedTwin(t *testing.T) {
	t.Parallel()
	asks := hone.Gate{Metric: "permuted_twin"}
	twin := func(loss, score hone.Paired, known hone.MetricPair) *hone.Permuted {
		return &hone.Permuted{Loss: loss, Score: score, Known: known}
	}
	same := paired(500, 0, 0.05)
	knows := func(auc, half float64) hone.MetricPair {
		return hone.MetricPair{Candidate: auc, Champion: 0.5, Lower: auc - 0.5 - half, Upper: auc - 0.5 + half, N: 500}
	}
	none := knows(0.5, 0.05)
	f := func(name string, p *hone.Permuted, run hone.Run, want string, ruling hone.Ruling, gates ...hone.Gate) {
		t.Helper()
		m := balanced(gates...)
		e := evaluation(paired(500, -0.05, 0.03))
		e.Permuted = p
		all := gate.Judge(m, run, e, 1, nil)
		sane(t, name, all)
		got := ""
		for _, v := range all {
			if v.Gate == "permuted_twin" {
				got = v.Standing()
			}
		}
		if got != want || gate.Rule(m, all, false) != ruling {
			t.Errorf("%s: %q, %s", name, got, gate.Rule(m, all, false))
		}
	}
	loss := by(hone.OnLoss)
	f("not trained", nil, loss, "", hone.Promote)
	f("not trained, and asked for", nil, loss, "inconclusive", hone.Hold, asks)
	f("learned", twin(paired(500, -0.3, 0.03), paired(500, -0.3, 0.03), none), loss, "pass", hone.Promote)
	f("learned what wrong answers do not tell", twin(same, paired(500, -0.05, 0.03), none), loss, "pass", hone.Promote, asks)
	f("learned nothing", twin(same, paired(5000, 0, 0.001), none), loss, "fail", hone.Reject)
	f("learned less than nothing", twin(same, paired(500, 0.1, 0.05), none), loss, "fail", hone.Reject)
	f("cannot be told", twin(same, paired(500, -0.01, 0.05), none), loss, "warns", hone.Promote)
	f("cannot be told, and asked for", twin(same, paired(500, -0.01, 0.05), none), loss, "inconclusive", hone.Hold, asks)
	f("few rows", twin(paired(299, 0, 0.03), paired(299, 0, 0.001), none), loss, "warns", hone.Promote)
	f("few rows are enough to be better", twin(paired(200, -0.3, 0.03), paired(200, -0.3, 0.03), none), loss, "pass", hone.Promote)
	f("the twins know", twin(paired(500, -0.3, 0.03), paired(500, -0.3, 0.03), knows(0.6, 0.05)), loss, "fail", hone.Reject)
	f("the twins were lucky", twin(paired(500, -0.3, 0.03), paired(500, -0.3, 0.03), knows(0.56, 0.05)), loss, "pass", hone.Promote)
	f("next to nothing is known", twin(paired(500, -0.3, 0.03), paired(500, -0.3, 0.03), knows(0.52, 0.001)), loss, "pass", hone.Promote)
	f("no twin", &hone.Permuted{Fault: "its memory ran out"}, loss, "warns", hone.Promote)
	f("no twin, and asked for", &hone.Permuted{Fault: "its memory ran out"}, loss, "fail", hone.Reject, asks)
	f("forced", twin(same, paired(5000, 0, 0.001), none), forced(), "warns", hone.Promote)
	first := hone.Run{Decision: hone.Decision{Trigger: hone.OnFirst}}
	m, e := balanced(), evaluation(paired(500, -0.1, 0.03))
	e.Champion, e.Permuted = "", twin(same, paired(5000, 0, 0.001), none)
	if all := gate.Judge(m, first, e, 1, nil); gate.Rule(m, all, false) != hone.Reject {
		t.Errorf("a first version that learned nothing: %+v", all)
	}
}
