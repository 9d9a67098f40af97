package calibrate

import (
	"cmp"
	"math"
	"slices"
)

// Curve is an isotonic one, rising from a score to the share of rows that were positive
// there. Between its points it is straight, outside them level. Source: M. Ayer
// et al., Ann. Math. Statist. 26 (1955), by pooling adjacent violators.
type Curve struct {
	X, Y []float64
}

// FitCurve fits the curve to outcomes of 0 or 1 by least squares, each row with
// its weight; nil weighs all the same. Rows of one score count as one. It takes
// O(n log n) and is empty where there are no rows of any weight.
func FitCurve(scores, outcomes, weights []float64) Curve {
	order := make([]int, 0, len(scores))
	for i := range scores {
		if weights == nil || weights[i] > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	var pools []pool
	for i := 0; i < len(order); {
		p := pool{from: scores[order[i]], to: scores[order[i]]}
		for ; i < len(order) && scores[order[i]] == p.from; i++ {
			w := weight(weights, order[i])
			p.weight += w
			p.sum += w * outcomes[order[i]]
		}
		pools = append(pools, p)
		for n := len(pools); n > 1 && pools[n-2].mean() >= pools[n-1].mean(); n-- {
			pools[n-2].to = pools[n-1].to
			pools[n-2].weight += pools[n-1].weight
			pools[n-2].sum += pools[n-1].sum
			pools = pools[:n-1]
		}
	}
	var c Curve
	for _, p := range pools {
		c.X, c.Y = append(c.X, p.from), append(c.Y, p.mean())
		if p.to > p.from {
			c.X, c.Y = append(c.X, p.to), append(c.Y, p.mean())
		}
	}
	return c
}

// pool is a stretch of scores on which the curve is level.
type pool struct{ from, to, weight, sum float64 }

func (p pool) mean() float64 { return p.sum / p.weight }

// At reads the curve.
func (c Curve) At(x float64) float64 {
	i, found := slices.BinarySearch(c.X, x)
	switch {
	case len(c.X) == 0:
		return math.NaN()
	case found:
		return c.Y[i]
	case i == 0:
		return c.Y[0]
	case i == len(c.X):
		return c.Y[i-1]
	}
	t := (x - c.X[i-1]) / (c.X[i] - c.X[i-1])
	return c.Y[i-1] + t*(c.Y[i]-c.Y[i-1])
}
