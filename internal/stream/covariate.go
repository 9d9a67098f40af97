package stream

import (
	"math"
	"math/rand/v2"

	"hone/internal/frame"
)

var (
	// The two vectors are orthogonal: the features move along the boundary of
	// the classes, so that the loss of the right model does not move with them.
	covariateWeights = [...]float64{2, -1, 1.5, -1, 0.5, 0}
	covariateShift   = [...]float64{2, 4, 0, 0, 0, 3}
)

type covariate struct {
	rng     *rand.Rand
	schema  frame.Schema
	shiftAt int
	i       int
}

// NewCovariate makes the shift that needs no retraining: six numbers x0 … x5,
// standard normal at first, and a label that is 1 with the probability
// 1/(1+exp(−s)), s = 2·x0 − x1 + 1.5·x2 − x3 + 0.5·x4, in every row. From row
// shiftAt on, counted from 0, the mean of x0 is 2, that of x1 is 4 and that of
// x5 is 3 standard deviations higher. The rule that was right stays right, s is
// distributed as before, and so is the loss of a linear model that learned the
// rule from the rows before; only an alarm on the inputs sees a change. This is
// covariate shift as in Shimodaira, "Improving predictive inference under
// covariate shift by weighting the log-likelihood function" (2000).
func NewCovariate(seed uint64, shiftAt int) Stream {
	return &covariate{rng: newRand(seed), schema: numbers("x", len(covariateWeights)), shiftAt: shiftAt}
}

func (c *covariate) Schema() frame.Schema { return c.schema }

func (c *covariate) Next(f *frame.Frame, row int) string {
	score := 0.0
	for j, w := range covariateWeights {
		x := c.rng.NormFloat64()
		if c.i >= c.shiftAt {
			x += covariateShift[j]
		}
		f.Cols[j].Num[row] = x
		score += float64(w * x)
	}
	c.i++
	return label(c.rng.Float64() < 1/(1+math.Exp(-score)))
}
