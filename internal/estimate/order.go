// Package estimate says how good a model probably is where no label has come yet:
// from how sure it is of each answer, held against how often it was right when it
// was as sure before, and weighed for inputs that have changed. It sees what
// changed in the inputs and never what they mean; when such a number may be acted
// on is left to others.
package estimate

import (
	"cmp"
	"slices"

	"hone/internal/learn/calibrate"
)

// levels counts the stretches on which a curve is level.
func levels(c calibrate.Curve) (n int) {
	for i, y := range c.Y {
		if i == 0 || y != c.Y[i-1] {
			n++
		}
	}
	return n
}

func weight(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

func byScore(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	return order
}
