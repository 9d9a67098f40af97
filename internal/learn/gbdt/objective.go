package gbdt

import (
	"errors"
	"fmt"
	"math"

	"hone/internal/frame"
	"hone/internal/learn/odds"
)

// objective gives the loss of rows and its derivatives.
type objective struct {
	task       Task
	k          int // Scores of a row.
	y, weights []float64
	threads    int
}

func (b *objective) weight(i int) float64 {
	if b.weights == nil {
		return 1
	}
	return b.weights[i]
}

// start is the score from which the trees go on: that of the rows' mean.
func (b *objective) start() []float64 {
	if b.task == LeastSquares {
		sum, n := blocked(1, len(b.y), func(from, to int) (sum, n float64) {
			for i := from; i < to; i++ {
				sum += b.weight(i) * b.y[i]
				n += b.weight(i)
			}
			return sum, n
		})
		return []float64{sum / n}
	}
	shares, all := make([]float64, max(2, b.k)), 0.0
	for i, y := range b.y {
		shares[int(y)] += b.weight(i)
		all += b.weight(i)
	}
	for c := range shares {
		shares[c] = min(max(shares[c]/all, 1e-12), 1-1e-12)
	}
	if b.task == Logistic {
		return []float64{math.Log(shares[1] / (1 - shares[1]))}
	}
	for c := range shares {
		shares[c] = math.Log(shares[c])
	}
	return shares
}

// derive writes the derivatives of each row's loss by its score c, and returns the
// mean loss of a row. Of a softmax all are made at once, in turn for c = 0.
func (b *objective) derive(scores []float64, d []*derivatives) float64 {
	loss, all := blocked(b.threads, len(b.y), func(from, to int) (float64, float64) {
		switch b.task {
		case Logistic:
			return b.logistic(scores, d[0], from, to)
		case Softmax:
			return b.softmax(scores, d, from, to)
		}
		return b.squares(scores, d[0], from, to)
	})
	return loss / all
}

// leastSecond keeps a leaf of rows that are answered with certainty, and wrongly,
// from an infinite answer.
const leastSecond = 1e-16

// nats adds logarithms up, many at a time: the logarithm of their product is one.
type nats struct{ sum, product float64 }

func (n *nats) add(weight, p float64) {
	p = max(p, 1e-100)
	if weight != 1 {
		n.sum -= weight * math.Log(p)
		return
	}
	if n.product *= p; n.product < 1e-200 {
		n.sum -= math.Log(n.product)
		n.product = 1
	}
}

func (n *nats) total() float64 { return n.sum - math.Log(n.product) }

func (b *objective) logistic(scores []float64, d *derivatives, from, to int) (loss, all float64) {
	n := nats{product: 1}
	for i := from; i < to; i++ {
		w, z, y := b.weight(i), scores[i], b.y[i]
		e := math.Exp(-math.Abs(z))
		p := 1 / (1 + e)
		if z < 0 {
			p = e * p
		}
		d.first[i] = float32(w * (p - y))
		d.second[i] = float32(w * max(p*(1-p), leastSecond))
		n.add(w, 1-math.Abs(p-y)) // Of the answer that came true.
		all += w
	}
	return n.total(), all
}

func (b *objective) softmax(scores []float64, d []*derivatives, from, to int) (loss, all float64) {
	p, n := make([]float64, b.k), nats{product: 1}
	// The second derivatives of one class, given the others, are scaled as in
	// LightGBM (Friedman, Annals of Statistics 2001, has K-1 over K for its trees).
	scale := float64(b.k) / float64(b.k-1)
	for i := from; i < to; i++ {
		w, y := b.weight(i), int(b.y[i])
		copy(p, scores[i*b.k:])
		odds.Softmax(p)
		for c, q := range p {
			d[c].second[i] = float32(w * max(scale*q*(1-q), leastSecond))
			if c == y {
				n.add(w, q)
				q--
			}
			d[c].first[i] = float32(w * q)
		}
		all += w
	}
	return n.total(), all
}

func (b *objective) squares(scores []float64, d *derivatives, from, to int) (loss, all float64) {
	for i := from; i < to; i++ {
		w, e := b.weight(i), scores[i]-b.y[i]
		d.first[i] = float32(w * e)
		d.second[i] = float32(w)
		loss += w * e * e
		all += w
	}
	return loss, all
}

const maxTarget = 1e30 // Its square is well within a float32's derivatives.

// checkRows tells what makes rows unfit, and how many scores a row has.
func checkRows(f *frame.Frame, y, weights []float64, o Options) (outputs int, err error) {
	if f.N == 0 {
		return 0, errors.New("there are no rows")
	}
	if len(y) != f.N || weights != nil && len(weights) != f.N {
		return 0, fmt.Errorf("there are %d rows, %d targets and %d weights", f.N, len(y), len(weights))
	}
	if f.N > 1<<28 {
		return 0, fmt.Errorf("there are %d rows; at most %d fit", f.N, 1<<28)
	}
	outputs, total := 1, 0.0
	for i, v := range y {
		switch {
		case o.Task == LeastSquares:
			if !(math.Abs(v) <= maxTarget) {
				return 0, fmt.Errorf("the target of row %d is %v; it is at most %g either way", i, v, maxTarget)
			}
		case o.Task == Logistic && v != 0 && v != 1:
			return 0, fmt.Errorf("the target of row %d is %v; it is 0 or 1", i, v)
		case !(v >= 0 && v < maxClasses) || v != math.Trunc(v) || o.Classes > 0 && o.Task == Softmax && int(v) >= o.Classes:
			return 0, fmt.Errorf("the target of row %d is %v, no class", i, v)
		}
		if o.Task == Softmax {
			outputs = max(outputs, int(v)+1)
		}
		if weights != nil {
			if !(weights[i] >= 0 && weights[i] <= 1e12) {
				return 0, fmt.Errorf("the weight of row %d is %v; it is from 0 to 1e12", i, weights[i])
			}
			total += weights[i]
		}
	}
	if weights != nil && total == 0 {
		return 0, errors.New("all weights are 0")
	}
	if o.Task == Softmax {
		if outputs = max(outputs, o.Classes); outputs < 2 {
			return 0, errors.New("there is one class; a softmax has at least 2")
		}
	}
	return outputs, nil
}
