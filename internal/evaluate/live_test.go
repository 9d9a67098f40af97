package evaluate_test

import (
	"math"
	"strconv"
	"testing"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/frame"
)

// live is evidence of a metric on rows, in two looks.
func live(t *testing.T, direction hone.Direction, weights []float64, a, b []float64) *evaluate.Evidence {
	t.Helper()
	m := zeroOne()
	m.Metrics = map[string]hone.Metric{"profit": {Direction: direction}}
	sig := binary
	ev := evaluate.NewEvidence(m, "salt", evaluate.Side{Version: "v2", Signature: sig}, &evaluate.Side{Version: "v1", Signature: sig})
	half := len(a) / 2
	for _, part := range [][2]int{{0, half}, {half, len(a)}} {
		n := part[1] - part[0]
		rows := evaluate.Rows{Frame: frame.New(nil, n), Labels: make([]string, n), Weights: weights[part[0]:part[1]]}
		for i := range n {
			rows.IDs = append(rows.IDs, hone.PredictionID(strconv.Itoa(part[0]+i)))
		}
		side := func(v hone.VersionID, x []float64) evaluate.Side {
			return evaluate.Side{Version: v, Signature: sig, Scores: hone.Scores{Width: 1, V: make([]float64, n)}, Owned: map[string][]float64{"profit": x[part[0]:part[1]]}}
		}
		champion := side("v1", b)
		if err := ev.Add(rows, side("v2", a), &champion); err != nil {
			t.Fatal(err)
		}
	}
	return ev
}

// TestReading holds what a metric says of rows: harm beyond the margin, by direction,
// by weight, and against a share of the champion's mean.
func TestReading(t *testing.T) {
	t.Parallel()
	limit := 0.5
	g := hone.Guardrail{Metric: "profit", MaxRegression: &limit}
	one := []float64{1, 1, 1, 1}
	r := live(t, hone.Higher, one, []float64{1, 2, 3, 4}, []float64{2, 4, 3, 3}).Reading(g)
	if r.Gate != "profit.max_regression" || r.Margin != 0.5 || r.Paired.N != 4 {
		t.Errorf("got %+v", r)
	}
	near(t, "candidate", r.Canary.Mean(), 2.5)
	near(t, "champion", r.Control.Mean(), 3)
	near(t, "harm beyond the margin", r.Paired.Mean(), 0)
	near(t, "its squares", r.Paired.Square, 0.25+2.25+0.25+2.25)
	r = live(t, hone.Lower, one, []float64{1, 2, 3, 4}, []float64{2, 4, 3, 3}).Reading(g)
	near(t, "less is better", r.Paired.Mean()+r.Margin, -0.5)
	r = live(t, hone.Higher, []float64{1, 3, 1, 1}, []float64{1, 2, 3, 4}, []float64{2, 4, 3, 3}).Reading(g)
	near(t, "by weight", r.Paired.Mean()+r.Margin, (1+6+0-1)/6.0)
	share := 0.1
	g = hone.Guardrail{Metric: "profit", MaxRegression: &share, Relative: true}
	r = live(t, hone.Higher, one, []float64{1, 2, 3, 4}, []float64{2, 4, 3, 3}).Reading(g)
	near(t, "a share of the champion's mean", r.Margin, 0.3)
	near(t, "harm beyond it", r.Paired.Mean(), 0.5-0.3)
	r = live(t, hone.Higher, one, []float64{-4, -4, -4, -4}, []float64{-2, -4, -3, -3}).Reading(g)
	near(t, "a share of a loss", r.Margin, 0.3)
	near(t, "harm beyond that", r.Paired.Mean(), 1-0.3)
	if r := live(t, hone.Higher, one, []float64{1e300, 0, 0, 0}, one).Reading(g); r.Trouble == "" || r.Paired.N != 0 {
		t.Errorf("values too large to add up: %+v", r)
	}
	if r := live(t, hone.Higher, one, []float64{math.NaN(), 0, 0, 0}, one).Reading(g); r.Paired.N != 3 {
		t.Errorf("a value that is none: %+v", r)
	}
}
