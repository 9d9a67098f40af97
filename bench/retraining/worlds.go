// Package retraining makes streams to try policies of when to retrain on, with worlds
// whose drift is known and recorded rows, and learners of champions. The policies, and
// the best that could have been done in hindsight, are those of package backtest. Swaps
// are immediate: gates and rollouts are left to the product.
package retraining

import (
	"fmt"
	"math"
	"math/rand/v2"

	"hone/internal/backtest"
	"hone/internal/frame"
)

// Worlds are the names of the synthetic worlds.
var Worlds = []string{"none", "abrupt", "gradual", "recurring", "covariate", "noise", "mixed"}

const (
	worldBatches  = 240
	worldRows     = 300 // A batch.
	worldFeatures = 10
	worldWindow   = 10
	worldScale    = 4 // Of the log odds: with it the best possible error is some 15 %.
)

// moment is what a world is like in one batch.
type moment struct {
	weights []float64
	shift   float64 // Of the means of half of the features, away from what tells.
	noise   float64 // Share of labels that are turned round.
}

// NewWorld draws one of Worlds: 240 batches of 300 rows of 10 numbers.
//
//	none       nothing changes
//	abrupt     the concept changes three times, at random
//	gradual    it turns through half a circle, evenly
//	recurring  three concepts take turns, for 30 to 50 batches each
//	covariate  features that tell nothing move, again and again
//	noise      a quarter of the labels are turned round, for 6 batches in 40
//	mixed      abrupt, then gradual, then two concepts in turn, with moving features
func NewWorld(name string, seed uint64) (*backtest.Stream, error) {
	r := rand.New(rand.NewPCG(seed, 240))
	moments, err := plan(name, r)
	if err != nil {
		return nil, err
	}
	var schema frame.Schema
	for c := range worldFeatures {
		schema = append(schema, frame.Field{Name: fmt.Sprint("x", c), Kind: frame.Number})
	}
	s := &backtest.Stream{Name: name, Rows: frame.New(schema, worldBatches*worldRows), Batch: worldRows, Window: worldWindow * worldRows}
	for i := range s.Rows.N {
		s.Targets = append(s.Targets, moments[i/worldRows].row(r, s.Rows, i))
	}
	return s, nil
}

// tells is how many features the concept speaks of; the others only move.
const tells = worldFeatures / 2

func (m *moment) row(r *rand.Rand, f *frame.Frame, i int) float64 {
	z := 0.0
	for c := range worldFeatures {
		x := r.NormFloat64()
		if c < tells {
			z += worldScale * x * m.weights[c]
		} else {
			x += m.shift
		}
		f.Cols[c].Num[i] = x
	}
	one := r.Float64() < 1/(1+math.Exp(-z))
	if r.Float64() < m.noise {
		one = !one
	}
	if one {
		return 1
	}
	return 0
}

// plan is what a world is like in each batch.
func plan(name string, r *rand.Rand) ([]moment, error) {
	out := make([]moment, worldBatches)
	concepts := [][]float64{unit(r), unit(r), unit(r), unit(r)}
	for b := range out {
		out[b].weights = concepts[0]
	}
	switch name {
	case "none":
	case "abrupt":
		abrupt(out, concepts, r, 3)
	case "gradual":
		turn(out, concepts[0], concepts[1])
	case "recurring":
		recur(out, concepts[:3], r)
	case "covariate":
		move(out, r)
	case "noise":
		for b := range out {
			if b%40 >= 34 {
				out[b].noise = 0.25
			}
		}
	case "mixed":
		abrupt(out[:90], concepts, r, 1)
		turn(out[90:160], out[89].weights, concepts[2])
		recur(out[160:], [][]float64{out[159].weights, concepts[3]}, r)
		move(out, r)
	default:
		return nil, fmt.Errorf("there is no world %q; there are %v", name, Worlds)
	}
	return out, nil
}

// unit is a direction, none likelier than another.
func unit(r *rand.Rand) []float64 {
	w, length := make([]float64, tells), 0.0
	for i := range w {
		w[i] = r.NormFloat64()
		length += w[i] * w[i]
	}
	for i := range w {
		w[i] /= math.Sqrt(length)
	}
	return w
}

// abrupt lets further concepts begin at random batches, apart from each other and
// from the ends.
func abrupt(out []moment, concepts [][]float64, r *rand.Rand, times int) {
	part := len(out) / (times + 1)
	for i := range times {
		from := (i+1)*part + r.IntN(part/2) - part/4
		for b := from; b < len(out); b++ {
			out[b].weights = concepts[i+1]
		}
	}
}

// turn goes from one concept towards another, and on to the opposite of the first.
func turn(out []moment, from, to []float64) {
	along := 0.0
	for i := range from {
		along += from[i] * to[i]
	}
	across, length := make([]float64, len(from)), 0.0
	for i := range from {
		across[i] = to[i] - along*from[i]
		length += across[i] * across[i]
	}
	for b := range out {
		sin, cos := math.Sincos(math.Pi * float64(b) / float64(len(out)))
		w := make([]float64, len(from))
		for i := range w {
			w[i] = cos*from[i] + sin*across[i]/math.Sqrt(length)
		}
		out[b].weights = w
	}
}

func recur(out []moment, concepts [][]float64, r *rand.Rand) {
	for b, c := 0, 0; b < len(out); c++ {
		for end := min(len(out), b+30+r.IntN(21)); b < end; b++ {
			out[b].weights = concepts[c%len(concepts)]
		}
	}
}

// move lets the features that tell nothing wander.
func move(out []moment, r *rand.Rand) {
	for b := 0; b < len(out); {
		shift := 3 * r.Float64()
		for end := min(len(out), b+20+r.IntN(40)); b < end; b++ {
			out[b].shift = shift
		}
	}
}
