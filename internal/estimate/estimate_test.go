package estimate_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"hone/internal/estimate"
)

// golden is what NannyML 0.13.1 gives for rows of our own, in chunks of 200.
type golden struct {
	Reference, Analysis struct{ Score, Pred, Y []float64 }
	NeedsCalibration    bool      `json:"needs_calibration"`
	IsotonicX           []float64 `json:"isotonic_x"`
	IsotonicY           []float64 `json:"isotonic_y"`
	Chunks              []struct {
		Start, End                      int
		Accuracy, F1, Precision, Recall float64
		AUC                             float64 `json:"roc_auc"`
	}
}

func TestGoldenNannyML(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/nannyml.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for name, g := range all {
		known := estimate.Known{Scores: g.Reference.Score, Outcomes: g.Reference.Y}
		if got := estimate.NeedsCalibration(known.Scores, known.Outcomes, nil); got != g.NeedsCalibration {
			t.Errorf("%s: needs calibration %v, want %v", name, got, g.NeedsCalibration)
		}
		if g.IsotonicX != nil {
			c := estimate.FitIsotonic(known.Scores, known.Outcomes, nil)
			near(t, name+" knots", float64(len(c.X)), float64(len(g.IsotonicX)), 0)
			for i := range g.IsotonicX {
				near(t, name+" knot", c.X[i], g.IsotonicX[i], 1e-12)
				near(t, name+" level", c.Y[i], g.IsotonicY[i], 1e-9)
			}
		}
		p := known.Probability(g.Analysis.Score, nil)
		for _, c := range g.Chunks {
			said := make([]bool, c.End+1-c.Start)
			for i := range said {
				said[i] = g.Analysis.Pred[c.Start+i] == 1
			}
			e := estimate.Expect(g.Analysis.Score[c.Start:c.End+1], p[c.Start:c.End+1], said)
			near(t, name+" accuracy", e.Accuracy, c.Accuracy, 1e-9)
			near(t, name+" f1", e.F1, c.F1, 1e-9)
			near(t, name+" precision", e.Precision, c.Precision, 1e-9)
			near(t, name+" recall", e.Recall, c.Recall, 1e-9)
			// NannyML rounds the sums under the curve to five decimals.
			near(t, name+" auc", e.AUC, c.AUC, 1e-6)
		}
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: got %.12g, want %.12g", what, got, want)
	}
}
