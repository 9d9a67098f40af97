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
	if err := ev.AddShuffled([]evaluate.Side{twin, twin}); err != nil {
		t.Fatal(err)
	}
	e := ev.Compare()
	if len(e.Eras) != 2 || !e.Eras[0].Keep || e.Eras[0].N != 350 || math.Abs(e.Eras[0].Diff-0.2) > 0.1 || e.Eras[1].N != 0 {
		t.Errorf("eras: %+v", e.Eras)
	}
	p := e.Permuted
	if p == nil || p.Loss.N != 400 || p.Loss.Upper >= 0 || p.Score.N != 400 || p.Known.Lower > 0 || p.Loss.Candidate != e.Loss.Candidate {
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
	if err := ev.AddShuffled([]evaluate.Side{twin, twin}); err == nil {
		t.Error("the twin answered rows that are not there")
	}
}

// Twins that know a few of the labels held out have that in common. What each has by
// luck, the others have the other way round, and it is nothing.
func TestTwinsThatKnow(t *testing.T) {
	t.Parallel()
	for _, knows := range []float64{0, 0.2} {
		for name, sig := range map[string]hone.Signature{"binary": binary, "classes": {Task: hone.Multiclass, Classes: []string{"0", "1", "2"}}, "numbers": {Task: hone.Regression}} {
			m := hone.Model{Task: sig.Task, Loss: hone.Loss{Kind: hone.ZeroOne}}
			if sig.Task == hone.Regression {
				m.Loss.Kind = hone.Squared
			}
			rng := rand.New(rand.NewPCG(7, 8))
			rows, turns := evaluate.Rows{}, max(2, len(sig.Classes))
			cand, twins := side("v2", sig), make([]evaluate.Side, turns)
			for i := range twins {
				twins[i] = side("permuted", sig)
			}
			for i := range 1000 {
				truth := rng.IntN(turns)
				rows.Labels = append(rows.Labels, fmt.Sprint(truth))
				rows.IDs = append(rows.IDs, hone.PredictionID(fmt.Sprint("row ", i)))
				told := rng.Float64() < knows
				for turn := range twins {
					s := &twins[turn].Scores
					switch {
					case sig.Task == hone.Regression:
						s.V = append(s.V, 0.5+map[bool]float64{true: float64(truth) - 0.5, false: map[int]float64{0: 1, 1: -1}[turn] * (float64(truth) - 0.5)}[told])
					case sig.Task == hone.Binary:
						p := []float64{0.3, 0.7}[truth^turn] // As luck has it, and the other way round.
						if told {
							p = []float64{0.05, 0.95}[truth]
						}
						s.V = append(s.V, p)
					default:
						p := []float64{0.2, 0.2, 0.2}
						p[(truth+turn)%3] = 0.6
						if told {
							p = []float64{0.05, 0.05, 0.05}
							p[truth] = 0.9
						}
						s.V = append(s.V, p...)
					}
				}
			}
			cand.Scores.V = twins[0].Scores.V
			ev := evaluate.NewEvidence(m, "salt", cand, nil)
			if err := ev.Add(rows, cand, nil); err != nil {
				t.Fatal(err)
			}
			if err := ev.AddShuffled(twins); err != nil {
				t.Fatal(err)
			}
			if c := ev.Compare().Permuted.Known; (c.Lower > 0) != (knows > 0) || c.N != 1000 || knows == 0 && c.Candidate != 0.5 {
				t.Errorf("%s: twins that know %.1f of the labels: %+v", name, knows, c)
			}
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
