package monitor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

// start is when the rows of these tests begin, a minute apart.
var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// graded draws scored, labelled rows of a model that knows what it does; turned
// labels say the opposite.
func graded(seed uint64, n int, shift float64, turned func(i int) bool) monitor.Scored {
	r := rand.New(rand.NewPCG(seed, 4))
	out := monitor.Scored{Rows: frame.New(frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "kind", Kind: frame.Category}}, n)}
	for i := range n {
		x := r.NormFloat64() + shift
		out.Rows.Cols[0].Num[i], out.Rows.Cols[1].Str[i] = x, fmt.Sprint(r.IntN(3))
		p := 1 / (1 + math.Exp(-2*x))
		yes := r.Float64() < p
		if turned(i) {
			yes = !yes
		}
		at := start.Add(time.Duration(i) * time.Minute)
		out.Scores = append(out.Scores, []float64{p})
		out.Outcomes = append(out.Outcomes, hone.Outcome{
			Prediction: hone.Prediction{Time: at, Route: hone.ByChampion}, Label: map[bool]string{true: "1", false: "0"}[yes],
			LabelTime: at.Add(time.Hour), LabelReceived: at.Add(time.Hour)})
	}
	return out
}

func never(int) bool { return false }

func evidence(known, window monitor.Scored) monitor.Evidence {
	sig := hone.Signature{Task: hone.Binary, Features: window.Rows.Schema, Classes: []string{"0", "1"}, Threshold: 0.5}
	window.Outcomes = nil
	return monitor.Evidence{
		Model:   hone.Model{Name: "fraud", Task: hone.Binary, Features: window.Rows.Schema, Loss: hone.Loss{Kind: hone.ZeroOne}},
		Version: hone.Version{ID: "v1", Signature: sig}, Now: start.Add(1000 * time.Hour), Known: known, Window: window,
	}
}

func accuracyOf(e monitor.Estimated) hone.Signal {
	for _, s := range e.Metrics {
		if s.Name == "accuracy" {
			return s
		}
	}
	return hone.Signal{}
}

// TestConceptDriftIsNotSeenWithoutLabels turns labels round: the estimate, which
// does not see them, stays and says what it cannot see; once they have come it is
// withheld.
func TestConceptDriftIsNotSeenWithoutLabels(t *testing.T) {
	t.Parallel()
	known, window := graded(1, 1500, 0, never), graded(2, 600, 0.3, never)
	calm := monitor.Expect(evidence(known, window))
	a := accuracyOf(calm)
	if calm.Unknown != "" || calm.Contradicted || !(a.Lower < a.Value && a.Value < a.Upper) {
		t.Fatalf("got %+v", calm)
	}
	turned := graded(2, 600, 0.3, func(i int) bool { return i%10 == 0 })
	blind := monitor.Expect(evidence(known, turned))
	if accuracyOf(blind) != a || !strings.Contains(blind.Caveat, "not a change of what they mean") {
		t.Errorf("labels that nobody has seen move the estimate: %+v to %+v; %s", a, accuracyOf(blind), blind.Caveat)
	}
	late := graded(1, 1500, 0, func(i int) bool { return i >= 1000 && i%4 == 0 })
	seen := monitor.Expect(evidence(late, window))
	if !seen.Contradicted || len(seen.Metrics) > 0 || !strings.Contains(seen.Unknown, "mean something else") {
		t.Errorf("labels that contradict: got %+v", seen)
	}
	p := monitor.Assess(evidence(late, window))
	if !strings.Contains(p.Sentence, "no estimate is given") {
		t.Errorf("got %q", p.Sentence)
	}
}

func TestExpectKnowsWhatItDoesNot(t *testing.T) {
	t.Parallel()
	f := func(known, window monitor.Scored, want string) {
		t.Helper()
		e := monitor.Expect(evidence(known, window))
		if len(e.Metrics) > 0 || !strings.Contains(e.Unknown, want) {
			t.Errorf("got %q, want %q", e.Unknown, want)
		}
		signals := e.Signals(hone.Model{Name: "fraud", Task: hone.Binary}, start)
		if len(signals) != 1 || signals[0].Name != "estimated.accuracy" || signals[0].Unknown == "" {
			t.Errorf("signals of the unknown: %+v", signals)
		}
	}
	f(graded(1, 500, 0, never), graded(2, 150, 0, never), "there are 150 predictions")
	f(graded(1, 150, 0, never), graded(2, 500, 0, never), "there are 150, and 200 are needed")
	f(graded(1, 1000, 0, never), graded(2, 500, 9, never), "the inputs have changed so much that the 1000 labelled rows are worth")
}

// TestAssessFindsTheWorst puts errors into one category.
func TestAssessFindsTheWorst(t *testing.T) {
	t.Parallel()
	known := graded(3, 3000, 0, never)
	for i := range known.Outcomes {
		if known.Rows.Cols[1].Str[i] == "2" && i%3 == 0 {
			known.Outcomes[i].Label = map[string]string{"1": "0", "0": "1"}[known.Outcomes[i].Label]
		}
	}
	p := monitor.Assess(evidence(known, graded(4, 500, 0, never)))
	if len(p.Worst) == 0 || !strings.Contains(p.Worst[0].Slice, "kind = 2") || !strings.Contains(p.Sentence, "It is worst where") {
		t.Fatalf("got %+v", p.Worst)
	}
	if w := p.Worst[0]; !(w.Lower > 0 && w.Loss > w.Rest && w.P < 0.01) {
		t.Errorf("got %+v", w)
	}
	few := monitor.Assess(evidence(graded(3, 300, 0, never), graded(4, 500, 0, never)))
	if few.WorstUnknown == "" || len(few.Worst) > 0 {
		t.Errorf("300 rows: %+v", few.Worst)
	}
}

// lateEvidence are the labels that came of answers of two days, where wrong answers
// are found out after so long in the mean.
func lateEvidence(late time.Duration) (e monitor.Evidence, wrong float64) {
	r := rand.New(rand.NewPCG(9, 9))
	all := graded(5, 3000, 0, never)
	e = evidence(all, graded(6, 500, 0, never))
	e.Now = start.Add(3000 * time.Minute)
	kept := []int{}
	for i := range all.Outcomes {
		o := &all.Outcomes[i]
		delay := 5 * time.Hour
		if (all.Scores[i][0] >= 0.5) != (o.Label == "1") {
			delay, wrong = late, wrong+1.0/3000
		}
		o.LabelReceived = o.Time.Add(time.Duration(float64(delay) * r.ExpFloat64()))
		if !o.LabelReceived.After(e.Now) {
			kept = append(kept, i)
		}
	}
	known := monitor.Scored{Rows: all.Rows.Pick(kept)}
	for _, i := range kept {
		known.Scores, known.Outcomes = append(known.Scores, all.Scores[i]), append(known.Outcomes, all.Outcomes[i])
	}
	e.Known = known
	return e, wrong
}

// TestLateLabelsAreCorrected lets wrong answers be found out late, and later than
// anybody can have seen.
func TestLateLabelsAreCorrected(t *testing.T) {
	t.Parallel()
	e, wrong := lateEvidence(12 * time.Hour)
	m := monitor.Assess(e).Matured[0]
	if m.Name != "accuracy" || m.Unknown != "" || !(m.Lower <= 1-wrong && 1-wrong <= m.Upper) || math.Abs(m.Value-(1-wrong)) > math.Abs(m.Plain-(1-wrong))/2 {
		t.Errorf("got %.4f (%.4f to %.4f), as they came %.4f, truth %.4f; %s", m.Value, m.Lower, m.Upper, m.Plain, 1-wrong, m.Unknown)
	}
	if m.Later <= 0 || m.Later > 0.2 || m.Within < hone.Duration(40*time.Hour) || m.Within > hone.Duration(50*time.Hour) {
		t.Errorf("seen within %v, %.3f later", m.Within, m.Later)
	}
	never, _ := lateEvidence(100 * time.Hour)
	if m := monitor.Assess(never).Matured[0]; !strings.Contains(m.Unknown, "of one kind may take longer") || m.Value != 0 || m.Later < 0.3 {
		t.Errorf("labels that take days more than have passed: got %+v", m)
	}
	e.Model.Label = hone.LabelSpec{AbsentMeans: "0", After: hone.Duration(time.Hour)}
	if got := monitor.Assess(e).Matured; len(got) > 0 {
		t.Errorf("where absence decides there is nothing to correct: %+v", got)
	}
}
