package gate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/gate"
)

// From rows to a ruling: where a metric has no value the gate on it says why, and
// holds the candidate, however lax it is.
func TestWhatHasNoValueNeverPasses(t *testing.T) {
	t.Parallel()
	binary := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}
	three := hone.Signature{Task: hone.Multiclass, Classes: []string{"ant", "bee", "cow"}}
	number := hone.Signature{Task: hone.Regression}
	f := func(metric string, sig hone.Signature, labels []string, n int, why string) {
		t.Helper()
		m := balanced(hone.Gate{Metric: metric, MaxRegression: ptr(1)}, hone.Gate{Metric: metric, Max: ptr(1)}, hone.Gate{Metric: metric, MinChange: ptr(-1)})
		m.Task = sig.Task
		if sig.Task == hone.Regression {
			m.Loss.Kind = hone.Squared
		}
		r := rand.New(rand.NewPCG(3, 3))
		var rows evaluate.Rows
		cand, champ := evaluate.Side{Version: "v4", Signature: sig}, evaluate.Side{Version: "v3", Signature: sig}
		for i := range n {
			rows.Labels = append(rows.Labels, labels[i%len(labels)])
			for range sig.Width() {
				cand.Scores.V, champ.Scores.V = append(cand.Scores.V, r.Float64()), append(champ.Scores.V, r.Float64())
			}
		}
		cand.Scores.Width, champ.Scores.Width = sig.Width(), sig.Width()
		e := evaluate.Compare(m, cand, &champ, rows)
		e.Replay = good()
		all := gate.Judge(m, by(hone.OnLoss), e, 1, nil)
		sane(t, metric, all)
		for _, kind := range []string{"max", "max_regression", "min_change"} {
			v := find(t, all, metric+"."+kind, "")
			want := fmt.Sprintf("Its %s has no value: %s.", metric, why)
			if why == "" {
				if v.Result == hone.Inconclusive && strings.Contains(v.Sentence, "no value") {
					t.Errorf("%s of the task %s: %+v", v.Gate, sig.Task, v)
				}
				continue
			}
			if v.Result != hone.Inconclusive || v.Need < 1 || v.Sentence != want {
				t.Errorf("%s: %s, needs %d: %s\nwant %s", v.Gate, v.Result, v.Need, v.Sentence, want)
			}
		}
		if got := gate.Rule(m, all, false); why != "" && got == hone.Promote {
			t.Errorf("%s: promoted by %+v", metric, all)
		}
	}
	both, none := []string{"0", "1", "0"}, []string{"0"}
	for _, metric := range []string{"auc", "pr_auc", "kappa"} {
		f(metric, binary, none, 300, "all 300 rows are of one class")
		f(metric, binary, both, 300, "")
	}
	f("f1", binary, none, 300, "none of 300 rows is of the class 1")
	f("f1", binary, both, 300, "")
	f("ece", binary, both, 120, "it takes 150 rows, and there are 120")
	f("ece", binary, both, 150, "")
	f("kappa", three, []string{"bee"}, 300, "all 300 rows are of one class")
	f("f1_dog", three, three.Classes, 300, "none of 300 rows is of the class dog")
	f("f1_bee", three, three.Classes, 300, "")
	f("mape", number, []string{"3", "0", "5"}, 300, "the truth is 0 on 100 rows, and no error is a share of 0")
	f("mape", number, []string{"3", "-2"}, 300, "")
}

// On a slice of one class the gate says so; the slice holds nothing up, as one that
// is too small does not.
func TestWhatHasNoValueOnASlice(t *testing.T) {
	t.Parallel()
	m := balanced(hone.Gate{Metric: "pr_auc", MaxRegression: ptr(0.5), Slices: "all"})
	m.Slices = []string{"country"}
	sig := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}
	rows := evaluate.Rows{Frame: frame.New(frame.Schema{{Name: "country", Kind: frame.Category}}, 600)}
	s := evaluate.Side{Version: "v4", Signature: sig, Scores: hone.Scores{Width: 1}}
	for i := range 600 {
		country := []string{"DE", "FR"}[i%2]
		rows.Frame.Cols[0].Str[i] = country
		label := "0"
		if country == "DE" && i%4 == 0 {
			label = "1"
		}
		rows.Labels = append(rows.Labels, label)
		s.Scores.V = append(s.Scores.V, float64(i%7)/7)
	}
	champ := s
	champ.Version = "v3"
	e := evaluate.Compare(m, s, &champ, rows)
	e.Replay = good()
	all := gate.Judge(m, by(hone.OnLoss), e, 1, nil)
	if v := find(t, all, "pr_auc.max_regression", "country=FR"); v.Result != hone.Inconclusive || v.Sentence != "Its pr_auc on country=FR has no value: all 300 rows are of one class." {
		t.Errorf("got %+v", v)
	}
	if v := find(t, all, "pr_auc.max_regression", "country=DE"); v.Result != hone.Pass {
		t.Errorf("got %+v", v)
	}
	if got := gate.Rule(m, all, false); got != hone.Promote {
		t.Errorf("%s: %+v", got, all)
	}
}
