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

// CanonicalLabel writes a label from outside in its one form, so that 1, 1.0 and "1" are
// the same class, and true and false are those of a 0/1 label.
func (m *Model) CanonicalLabel(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		x = strings.TrimSpace(x)
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
		return x, x != "" && len(x) <= 256
	case float64:
		return frame.FormatNumber(x), !math.IsNaN(x) && !math.IsInf(x, 0)
	case bool:
		if m.Label.Positive == "true" {
			return strconv.FormatBool(x), m.Task != Regression
		}
		if x {
			return "1", true
		}
		return "0", true
	}
	return "", false
}
