package stream

import (
	"fmt"
	"math"
	"math/rand/v2"

	"hone/internal/frame"
)

type hyperplane struct {
	rng    *rand.Rand
	schema frame.Schema
	// The weights are a cos θ + b sin θ, of which a and b are orthonormal.
	a, b         []float64
	speed, noise float64
	i            int
}

// NewHyperplane makes the moving hyperplane of Hulten, Spencer and Domingos,
// "Mining time-changing data streams" (KDD 2001): d numbers x0, x1, …, each
// uniform in [0, 1), and the label 1 where Σ wᵢxᵢ ≥ ½ Σ wᵢ, so that the plane
// goes through the middle of the cube and the classes stay equally frequent.
// Where Hulten et al. move single weights to and fro, here the unit vector w
// turns in a random plane by speed, in radians a row: after π/speed rows every
// label is the other one, and after 2π/speed the first concept is back. The
// share of labels given by noise is turned round. d is at least 2.
func NewHyperplane(seed uint64, d int, speed, noise float64) Stream {
	if d < 2 {
		panic(fmt.Sprintf("stream: a hyperplane of %d numbers; it needs 2", d))
	}
	h := &hyperplane{rng: newRand(seed), schema: numbers("x", d), speed: speed, noise: share("noise", noise)}
	h.a, h.b = direction(h.rng, d), direction(h.rng, d)
	along := dot(h.a, h.b)
	for j := range h.b {
		h.b[j] -= along * h.a[j]
	}
	unit(h.b)
	return h
}

func (h *hyperplane) Schema() frame.Schema { return h.schema }

func (h *hyperplane) Next(f *frame.Frame, row int) string {
	sin, cos := math.Sincos(h.speed * float64(h.i))
	h.i++
	score := 0.0
	for j := range h.schema {
		x := h.rng.Float64()
		f.Cols[j].Num[row] = x
		// Each product is rounded by itself, so that no machine fuses them.
		w := float64(h.a[j]*cos) + float64(h.b[j]*sin)
		score += float64(w * (x - 0.5))
	}
	flip := h.rng.Float64() < h.noise
	return label((score >= 0) != flip)
}

// direction returns a unit vector, no direction likelier than another.
func direction(rng *rand.Rand, d int) []float64 {
	v := make([]float64, d)
	for j := range v {
		v[j] = rng.NormFloat64()
	}
	unit(v)
	return v
}

func unit(v []float64) {
	length := math.Sqrt(dot(v, v))
	for j := range v {
		v[j] /= length
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for j := range a {
		sum += float64(a[j] * b[j])
	}
	return sum
}
