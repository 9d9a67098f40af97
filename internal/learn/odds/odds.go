// Package odds turns what a learner adds up into probabilities. What is added up is
// left to the learners.
package odds

import "math"

// Sigmoid is the probability whose log odds are z. It loses nothing far from 0.
func Sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// Softmax turns scores, at least one, into probabilities in place.
func Softmax(z []float64) {
	top := z[0]
	for _, x := range z {
		top = max(top, x)
	}
	sum := 0.0
	for c := range z {
		z[c] = math.Exp(z[c] - top)
		sum += z[c]
	}
	for c := range z {
		z[c] /= sum
	}
}
