package hone

import (
	"math"

	"hone/internal/frame"
)

// LossKind is the shape of a loss.
type LossKind string

// The losses.
const (
	ZeroOne  LossKind = "zero_one" // 1 for a wrong class.
	Cost     LossKind = "cost"     // A price for each kind of wrong answer.
	Log      LossKind = "log"      // −log of the probability given to the truth, at most LogBound.
	Squared  LossKind = "squared"  // (truth − value)².
	Absolute LossKind = "absolute" // |truth − value|.
	ByColumn LossKind = "column"   // A wrong class costs what the named feature says.
)

// LogBound is the most that one row can lose in log loss: probabilities are
// clipped at 0.001.
const LogBound = 6.907755278982137

// Loss is what a wrong answer costs, declared once: the probe, the gates, the
// canary and probation all count in it.
type Loss struct {
	Kind LossKind `json:"kind" yaml:"kind"`
	// FalseNegative and FalsePositive price the errors of a binary model. Beside the
	// kind log they set the threshold and are counted in the metric cost, and the loss
	// stays what kind says.
	FalseNegative float64 `json:"false_negative,omitempty" yaml:"false_negative"`
	FalsePositive float64 `json:"false_positive,omitempty" yaml:"false_positive"`
	// Threshold is the score from which a binary answer is the positive class.
	// It belongs to the version, which keeps it. Default: what makes the priced errors
	// equal, else 0.5.
	Threshold float64 `json:"threshold,omitempty" yaml:"threshold"`
	// Column is the feature that says what a wrong answer costs.
	Column string `json:"column,omitempty" yaml:"column"`
}

// Of returns the loss of one row. The target is as Signature.Target gives it,
// the price is the row's own price for ByColumn, else ignored. A class unknown
// to the version is a wrong answer. The decision uses the version's threshold.
func (l Loss) Of(s Signature, scores []float64, target, price float64) float64 {
	switch l.Kind {
	case Squared:
		return (target - scores[0]) * (target - scores[0])
	case Absolute:
		return math.Abs(target - scores[0])
	case Log:
		return logLoss(s, scores, target)
	}
	answer := float64(s.decide(scores))
	if answer == target {
		return 0
	}
	switch {
	case l.Kind == ByColumn:
		return math.Max(price, 0)
	case l.Kind != Cost:
		return 1
	case answer == 1:
		return l.FalsePositive
	}
	return l.FalseNegative
}

func logLoss(s Signature, scores []float64, target float64) float64 {
	p := 0.0
	switch {
	case target < 0:
	case s.Task == Binary && target == 1:
		p = scores[0]
	case s.Task == Binary:
		p = 1 - scores[0]
	default:
		p = scores[int(target)]
	}
	return -math.Log(math.Min(math.Max(p, 0.001), 1))
}

// Prices are what a wrong answer costs on each row, for ByColumn, else zeros.
func (l Loss) Prices(rows *frame.Frame) []float64 {
	if l.Kind == ByColumn {
		if i := rows.Schema.Index(l.Column); i >= 0 && rows.Schema[i].Kind == frame.Number {
			return rows.Cols[i].Num
		}
	}
	return make([]float64, rows.N)
}

// Bound is the most that one row can lose, or 0 where there is no such bound
// and the data must give one.
func (l Loss) Bound() float64 {
	switch l.Kind {
	case ZeroOne:
		return 1
	case Cost:
		return math.Max(l.FalseNegative, l.FalsePositive)
	case Log:
		return LogBound
	}
	return 0
}

// Priced tells whether wrong answers have prices, also where the loss is another.
func (l Loss) Priced() bool {
	return (l.Kind == Cost || l.Kind == Log) && l.FalseNegative+l.FalsePositive > 0
}

// DefaultThreshold is the score from which the positive class is the cheaper
// answer: the price of a false alarm over the sum of both prices, else 0.5.
func (l Loss) DefaultThreshold() float64 {
	if l.Threshold > 0 {
		return l.Threshold
	}
	if l.Priced() {
		return l.FalsePositive / (l.FalseNegative + l.FalsePositive)
	}
	return 0.5
}
