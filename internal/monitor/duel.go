package monitor

import (
	"math"

	"hone"
	"hone/internal/stat"
)

// Duel pairs two versions on the same labelled rows, row by row, so that it may
// be looked at as often as one likes.
type Duel struct {
	loss   hone.Loss
	bound  float64
	a, b   hone.Signature
	sumA   float64
	sumB   float64
	sum    float64
	square float64
	n      int
	flips  int
	gains  int
	better stat.Bets
	worse  stat.Bets
	// Rows that follow each other may be alike: the spread of single differences
	// and of the sums of whole blocks say how much.
	rows, blocks stat.Moments
	block        float64
}

// blockRows is the length of the blocks that likeness of neighbours is read
// from, minBlocks how many it takes to say anything.
const (
	blockRows = 20
	minBlocks = 5
)

// NewDuel pairs a, the newer version, with b on a declared loss. The bound is
// the most that one row can lose; larger losses are cut to it.
func NewDuel(loss hone.Loss, bound float64, a, b hone.Signature) *Duel {
	return &Duel{loss: loss, bound: bound, a: a, b: b}
}

// Add counts one row: the label as text, since the versions may number classes
// differently, and the scores of both.
func (d *Duel) Add(label string, scoresA, scoresB []float64, price float64) {
	la := d.of(d.a, scoresA, label, price)
	lb := d.of(d.b, scoresB, label, price)
	if math.IsNaN(la) || math.IsNaN(lb) {
		return
	}
	diff := la - lb
	d.n++
	d.sumA += la
	d.sumB += lb
	d.sum += diff
	d.square += diff * diff
	if lb == 0 && la > 0 {
		d.flips++
	}
	if la == 0 && lb > 0 {
		d.gains++
	}
	d.rows.Add(diff)
	if d.block += diff; d.n%blockRows == 0 {
		d.blocks.Add(d.block)
		d.block = 0
	}
	if d.bound > 0 {
		d.better.Add(-diff / d.bound)
		d.worse.Add(diff / d.bound)
	}
}

// alike is how many rows count as one, at least 1: the variance of the sum of a
// block over what it would be if its rows were independent.
func (d *Duel) alike() float64 {
	if d.blocks.N < minBlocks || d.rows.Variance() <= 0 {
		return 1
	}
	return math.Max(1, d.blocks.Variance()/(blockRows*d.rows.Variance()))
}

// temper lowers the evidence of bets that were placed row by row to what so many
// fewer independent rows would have given. The bound on false alarms then holds
// about, and not exactly, since the likeness is itself estimated.
func temper(b stat.Bets, alike float64) float64 {
	for i := range b.Logs {
		b.Logs[i] /= alike
	}
	return b.E()
}

func (d *Duel) of(s hone.Signature, scores []float64, label string, price float64) float64 {
	l := d.loss.Of(s, scores, s.Target(label), price)
	if d.bound > 0 {
		l = math.Min(l, d.bound)
	}
	return l
}

// Paired is what the duel shows so far: a less b, negative is better.
func (d *Duel) Paired() hone.Paired {
	p := hone.Paired{N: d.n, Bound: d.bound, Flips: d.flips, Gains: d.gains, PValue: 1}
	alike := d.alike()
	p.Better, p.Worse = temper(d.better, alike), temper(d.worse, alike)
	if d.n == 0 {
		return p
	}
	n := float64(d.n)
	p.Candidate, p.Champion = d.sumA/n, d.sumB/n
	p.Diff, p.Lower, p.Upper = d.sum/n, -d.bound, d.bound
	if d.n > 1 {
		p.Diff, p.Lower, p.Upper = stat.MeanInterval(d.sum, d.square, d.n, 0.05)
	}
	p.PValue = stat.McNemar(d.flips, d.gains)
	return p
}
