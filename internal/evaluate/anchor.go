package evaluate

import (
	"math"
	"strconv"

	"hone"
)

// Case is one anchor case with what both versions answered.
type Case struct {
	Name string
	Want string
	// Got is the candidate's answer; Had is the champion's, or empty without one.
	Got, Had string
	// Tolerance is how far from Want a value may lie, for regression. By default
	// it is 1 % of Want.
	Tolerance float64
}

// Anchors returns the cases that the candidate got wrong, in order. No answer is
// a wrong answer. Never nil.
func Anchors(m hone.Model, cases []Case) []hone.AnchorFail {
	out := []hone.AnchorFail{}
	for _, c := range cases {
		if met(m, c, c.Got) {
			continue
		}
		out = append(out, hone.AnchorFail{Case: c.Name, Want: c.Want, Got: c.Got, WasToo: c.Had != "" && !met(m, c, c.Had)})
	}
	return out
}

func met(m hone.Model, c Case, answer string) bool {
	want, ok := m.CanonicalLabel(c.Want)
	if !ok {
		return false
	}
	got, ok := m.CanonicalLabel(answer)
	if !ok || m.Task != hone.Regression {
		return ok && got == want
	}
	x, _ := strconv.ParseFloat(want, 64)
	y, _ := strconv.ParseFloat(got, 64)
	tolerance := c.Tolerance
	if !(tolerance > 0) {
		tolerance = 0.01 * math.Abs(x)
	}
	return math.Abs(x-y) <= tolerance
}
