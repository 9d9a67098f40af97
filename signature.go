package hone

import (
	"math"
	"strconv"
	"strings"

	"hone/internal/frame"
)

// Signature is what a version takes and gives.
type Signature struct {
	Task     Task         `json:"task"`
	Features frame.Schema `json:"features"`
	// Classes in the order of the scores. Binary: the negative, the positive.
	Classes []string `json:"classes,omitempty"`
	// Threshold is the score from which a binary answer is the positive class.
	Threshold float64 `json:"threshold,omitempty"`
}

// Width is the number of scores that each row gets.
func (s Signature) Width() int {
	if s.Task == Multiclass {
		return len(s.Classes)
	}
	return 1
}

// Target turns a label into the number that losses are counted against: the
// index of its class, or the value itself. A class that the signature does not
// know is -1; a label that is no number, for regression, is NaN.
func (s Signature) Target(label string) float64 {
	if s.Task == Regression {
		x, err := strconv.ParseFloat(label, 64)
		if err != nil || math.IsInf(x, 0) {
			return math.NaN()
		}
		return x
	}
	for i, c := range s.Classes {
		if c == label {
			return float64(i)
		}
	}
	return -1
}

// Tells is whether a target, as Target gives it, says something to learn from or be held
// to: a number, or a class of the signature's.
func (s Signature) Tells(target float64) bool {
	return target == target && (s.Task == Regression || target >= 0)
}

// Answer turns the scores of one row into the answer people read: a class, or
// the number itself.
func (s Signature) Answer(scores []float64) string {
	if s.Task == Regression {
		return frame.FormatNumber(scores[0])
	}
	return s.Classes[s.decide(scores)]
}

func (s Signature) decide(scores []float64) int {
	if s.Task == Binary {
		if scores[0] >= s.Threshold {
			return 1
		}
		return 0
	}
	best := 0
	for k := range scores {
		if scores[k] > scores[best] {
			best = k
		}
	}
	return best
}

// Scores holds Width scores a row: the probability of the positive class, the
// probability of each class, or the value.
type Scores struct {
	Width int
	V     []float64
}

// Row returns the scores of row i, which share the memory of s.
func (s Scores) Row(i int) []float64 { return s.V[i*s.Width : (i+1)*s.Width] }

// CanonicalLabel writes a label from outside in its one form, and tells whether
// it can be one: 1, 1.0 and "1" are the same class, and for a binary model true
// and false, in any case, are those of its positive class where that is 1 or
// true.
func (m *Model) CanonicalLabel(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return m.labelText(strings.TrimSpace(x))
	case float64:
		return frame.FormatNumber(x), !math.IsNaN(x) && !math.IsInf(x, 0)
	case int:
		return strconv.Itoa(x), true
	case bool:
		return m.labelText(strconv.FormatBool(x))
	}
	return "", false
}

func (m *Model) labelText(x string) (string, bool) {
	if m.Task == Regression {
		n, ok := frame.ParseNumber(x)
		if !ok || math.IsNaN(n) {
			return "", false
		}
		return frame.FormatNumber(n), true
	}
	if n, err := strconv.ParseFloat(x, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
		return frame.FormatNumber(n), true
	}
	if yes := strings.EqualFold(x, "true"); m.Task == Binary && (yes || strings.EqualFold(x, "false")) {
		return m.truth(yes, x), true
	}
	return x, x != "" && len(x) <= 256
}

// truth writes true or false as the positive class is written.
func (m *Model) truth(yes bool, as string) string {
	switch p := m.Label.Positive; {
	case p == "1" && yes:
		return "1"
	case p == "1":
		return "0"
	case !strings.EqualFold(p, "true"):
		return as
	case yes:
		return p
	case p == "TRUE":
		return "FALSE"
	case p == "True":
		return "False"
	}
	return "false"
}
