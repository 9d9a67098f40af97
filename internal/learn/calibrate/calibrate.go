// Package calibrate learns what share of cases a score stands for. Which scores it
// is taught by is left to others: they must not be those of rows that the model
// learned.
package calibrate

import (
	"errors"
	"fmt"
	"math"

	"hone/internal/learn/odds"
)

// Method is a way to calibrate.
type Method string

// The methods.
const (
	Platt    Method = "platt"    // A line through the log odds: two numbers, from few rows.
	Isotonic Method = "isotonic" // Any curve that never falls: from a thousand rows on.
)

// Map turns scores into probabilities. It never turns their order round. It is stored
// as JSON.
type Map struct {
	Method Method `json:"method"`
	// Slope and Shift of the line through the log odds.
	Slope float64 `json:"slope,omitempty"`
	Shift float64 `json:"shift,omitempty"`
	// Scores rise, Shares never fall; between two of them the curve is straight.
	Scores []float64 `json:"scores,omitempty"`
	Shares []float64 `json:"shares,omitempty"`
}

// Fit learns a map from scores, from 0 to 1, and what came true, 0 or 1. The weights
// say how much each row counts; nil counts all the same. It fails where a number is
// out of range, and where only one thing ever came true.
func Fit(method Method, scores, truth, weights []float64) (Map, error) {
	err := check(scores, truth, weights)
	if err == nil {
		switch method {
		case Platt:
			return platt(gather(scores, truth, weights))
		case Isotonic:
			c := FitCurve(scores, truth, weights)
			return Map{Method: Isotonic, Scores: c.X, Shares: c.Y}, nil
		}
		err = fmt.Errorf("method %q is not known; it is %s or %s", method, Platt, Isotonic)
	}
	return Map{}, fmt.Errorf("calibrate: %w", err)
}

// Apply is the probability that a score stands for.
func (m Map) Apply(score float64) float64 {
	if m.Method == Platt {
		return odds.Sigmoid(m.Slope*logOdds(score) + m.Shift)
	}
	return Curve{X: m.Scores, Y: m.Shares}.At(score)
}

// Check tells what makes a map that was read unfit for use.
func (m Map) Check() error {
	inside := func(x float64) bool { return x >= 0 && x <= 1 }
	switch {
	case m.Method == Platt:
		if !(m.Slope >= 0 && m.Slope < math.MaxFloat64) || !(math.Abs(m.Shift) < math.MaxFloat64) {
			return fmt.Errorf("calibration: slope is %v and shift %v", m.Slope, m.Shift)
		}
	case m.Method != Isotonic:
		return fmt.Errorf("calibration: method %q is not known", m.Method)
	case len(m.Scores) == 0 || len(m.Scores) != len(m.Shares):
		return fmt.Errorf("calibration: %d scores and %d shares", len(m.Scores), len(m.Shares))
	default:
		for i := range m.Scores {
			if !inside(m.Scores[i]) || !inside(m.Shares[i]) || i > 0 && (m.Scores[i] <= m.Scores[i-1] || m.Shares[i] < m.Shares[i-1]) {
				return fmt.Errorf("calibration: score %v stands for %v, out of order or no probability", m.Scores[i], m.Shares[i])
			}
		}
	}
	return nil
}

// check tells what makes rows unfit.
func check(scores, truth, weights []float64) error {
	if len(scores) == 0 || len(truth) != len(scores) || weights != nil && len(weights) != len(scores) {
		return fmt.Errorf("there are %d scores, %d truths and %d weights", len(scores), len(truth), len(weights))
	}
	yes, all := 0.0, 0.0
	for i, s := range scores {
		w := weight(weights, i)
		if !(s >= 0 && s <= 1) || truth[i] != 0 && truth[i] != 1 || !(w >= 0 && w <= 1e12) {
			return fmt.Errorf("row %d has score %v, truth %v and weight %v", i, s, truth[i], w)
		}
		yes, all = yes+w*truth[i], all+w
	}
	if yes == 0 || yes == all {
		return errors.New("the rows that count are all of one class")
	}
	return nil
}

func weight(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// row is one score with what came true of it.
type row struct{ odds, true, weight float64 }

func gather(scores, truth, weights []float64) []row {
	rows := make([]row, len(scores))
	for i, s := range scores {
		w := weight(weights, i)
		rows[i] = row{logOdds(s), w * truth[i], w}
	}
	return rows
}

// platt fits the line by Newton's method with a line search (Lin, Lin and Weng,
// Machine Learning 2007), on targets that Platt drew in from 0 and 1 so that few rows
// are not believed without reserve.
func platt(rows []row) (Map, error) {
	yes, no := 0.0, 0.0
	for _, r := range rows {
		yes, no = yes+r.true, no+r.weight-r.true
	}
	high, low := (yes+1)/(yes+2), 1/(no+2)
	loss := func(slope, shift float64) float64 {
		sum := 0.0
		for _, r := range rows {
			z := slope*r.odds + shift
			sum += r.weight*softplus(z) - (r.true*high+(r.weight-r.true)*low)*z
		}
		return sum
	}
	slope, shift := 0.0, math.Log((yes+1)/(no+1))
	best := loss(slope, shift)
	for range 100 {
		var g1, g2, h11, h12, h22 float64
		h11, h22 = 1e-12, 1e-12
		for _, r := range rows {
			x := r.odds
			p := odds.Sigmoid(slope*x + shift)
			d, v := r.weight*p-(r.true*high+(r.weight-r.true)*low), r.weight*p*(1-p)
			g1, g2 = g1+d*x, g2+d
			h11, h12, h22 = h11+v*x*x, h12+v*x, h22+v
		}
		if math.Abs(g1) < 1e-9*(yes+no) && math.Abs(g2) < 1e-9*(yes+no) {
			break
		}
		det := h11*h22 - h12*h12
		d1, d2 := -(h22*g1-h12*g2)/det, -(h11*g2-h12*g1)/det
		step, next := 1.0, best
		for ; step > 1e-10; step /= 2 {
			if next = loss(slope+step*d1, shift+step*d2); next < best+1e-4*step*(g1*d1+g2*d2) {
				break
			}
		}
		if !(next < best) {
			break
		}
		slope, shift, best = slope+step*d1, shift+step*d2, next
	}
	if slope < 0 { // The scores tell the opposite of the truth: then they tell nothing.
		slope, shift = 0, math.Log((yes+1)/(no+1))
	}
	m := Map{Method: Platt, Slope: slope, Shift: shift}
	return m, m.Check()
}

// logOdds of a score, away from certainty.
func logOdds(p float64) float64 {
	p = min(max(p, 1e-9), 1-1e-9)
	return math.Log(p / (1 - p))
}

func softplus(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }
