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
}

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
	if d.bound > 0 {
		d.better.Add(-diff / d.bound)
		d.worse.Add(diff / d.bound)
	}
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
	p := hone.Paired{N: d.n, Bound: d.bound, Flips: d.flips, Gains: d.gains, PValue: 1, Better: d.better.E(), Worse: d.worse.E()}
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
