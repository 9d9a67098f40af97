package evaluate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hone"
	"hone/internal/evaluate"
)

// named gives rows ids.
func named(rows evaluate.Rows, what string) evaluate.Rows {
	rows.IDs = nil
	for i := range rows.Labels {
		rows.IDs = append(rows.IDs, hone.PredictionID(fmt.Sprint(what, i)))
	}
	return rows
}

// Former times and the twin of permuted labels are compared from the evidence as it
// is read again, to the last bit.
func TestEvidenceBeside(t *testing.T) {
	t.Parallel()
	a, b, rows := stream(1, 400, 0.1, 0.25)
	ev := evaluate.NewEvidence(zeroOne(), "salt", a, &b)
	if err := ev.Add(named(rows, "row "), a, &b); err != nil {
		t.Fatal(err)
	}
	old, older, past := stream(2, 350, 0.3, 0.1)
	if err := ev.AddPast("spring", true, false, named(past, "past "), old, older); err != nil {
		t.Fatal(err)
	}
	if err := ev.AddPast("never", false, false, evaluate.Rows{}, evaluate.Side{}, evaluate.Side{}); err != nil {
		t.Fatal(err)
	}
	twin := side("permuted", binary)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 400 {
		twin.Scores.V = append(twin.Scores.V, 0.45+0.1*rng.Float64())
	}
	if err := ev.AddShuffled(twin); err != nil {
		t.Fatal(err)
	}
	e := ev.Compare()
	if len(e.Eras) != 2 || !e.Eras[0].Keep || e.Eras[0].N != 350 || math.Abs(e.Eras[0].Diff-0.2) > 0.1 || e.Eras[1].N != 0 {
		t.Errorf("eras: %+v", e.Eras)
	}
	p := e.Permuted
	if p == nil || p.Loss.N != 400 || p.Loss.Upper >= 0 || p.Score.N != 400 || p.Chance.Upper < 0 || p.Loss.Candidate != e.Loss.Candidate {
		t.Errorf("the twin: %+v", p)
	}
	text, err := ev.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := evaluate.ReadEvidence(text)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "as read again", again.Compare(), e)
	if err := ev.AddShuffled(twin); err == nil {
		t.Error("the twin answered rows that are not there")
	}
}

// A twin that knows a few of the labels held out, by who the rows are, is better
// than the best constant answer.
func TestTwinThatKnows(t *testing.T) {
	t.Parallel()
	for _, knows := range []float64{0, 0.2} {
		a, _, rows := stream(3, 1000, 0.1, 0.1)
		ev := evaluate.NewEvidence(zeroOne(), "salt", a, nil)
		if err := ev.Add(named(rows, "row "), a, nil); err != nil {
			t.Fatal(err)
		}
		twin := side("permuted", binary)
		rng := rand.New(rand.NewPCG(7, 8))
		for _, l := range rows.Labels {
			score := 0.5
			if rng.Float64() < knows {
				score = map[string]float64{"1": 0.9, "0": 0.1}[l]
			}
			twin.Scores.V = append(twin.Scores.V, score)
		}
		if err := ev.AddShuffled(twin); err != nil {
			t.Fatal(err)
		}
		if c := ev.Compare().Permuted.Chance; (c.Upper < 0) != (knows > 0) {
			t.Errorf("a twin that knows %.1f of the labels: %+v", knows, c)
		}
	}
}

// With several classes, calibration is read off the likeliest of them.
func TestCalibrationOfClasses(t *testing.T) {
	t.Parallel()
	sig := hone.Signature{Task: hone.Multiclass, Classes: []string{"a", "b", "c"}}
	m := hone.Model{Task: hone.Multiclass, Loss: hone.Loss{Kind: hone.ZeroOne}}
	say := func(v hone.VersionID, sure float64) evaluate.Side {
		s := side(v, sig)
		for range 600 {
			s.Scores.V = append(s.Scores.V, sure, (1-sure)/2, (1-sure)/2)
		}
		return s
	}
	rows := evaluate.Rows{}
	for i := range 600 {
		rows.Labels = append(rows.Labels, []string{"a", "b", "a", "c", "a"}[i%5]) // a in 60 %.
	}
	right := say("v1", 0.6)
	e := evaluate.Compare(m, say("v2", 0.9), &right, rows)
	near(t, "brier of the true shares", metric(t, e, "brier").Champion, 0.6*(0.16+2*0.04)+0.4*(0.36+0.64+0.04))
	near(t, "brier of too much said", metric(t, e, "brier").Candidate, 0.6*(0.01+2*0.0025)+0.4*(0.81+0.9025+0.0025))
	if got := metric(t, e, "ece"); got.Champion > 0.02 || math.Abs(got.Candidate-0.3) > 0.02 {
		t.Errorf("scores are off by %+v", got)
	}
}
