package monitor

import (
	"math"

	"hone"
	"hone/internal/stat"
)

// Duel pairs two versions on the same labelled rows, row by row, so that it may
// be looked at as often as one likes.
type Duel struct {
	loss  hone.Loss
	bound float64
	a, b  hone.Signature
	sumA  float64
	sumB  float64
	n     int
	// Weights of the rows, and of products with the differences.
	weight, weight2 float64
	most            float64
	sum, square     float64 // Of differences, by weight.
	wsum            float64 // Of squared weights times differences.
	flips           int
	gains           int
	better          stat.Bets
	worse           stat.Bets
	// Rows that follow each other may be alike, and then say less than as many
	// that are not.
	alike stat.Likeness
	users stat.Clusters
	units units
}

// Row is one labelled row with the scores of both versions.
type Row struct {
	Unit   string // The user or session, empty where it is not known.
	Label  string // As text, since the versions may number classes differently.
	A, B   []float64
	Price  float64
	Weight float64 // How many rows it stands for.
}

// NewDuel pairs a, the newer version, with b on a declared loss. The bound is
// the most that one row can lose; larger losses are cut to it.
func NewDuel(loss hone.Loss, bound float64, a, b hone.Signature) *Duel {
	return &Duel{loss: loss, bound: bound, a: a, b: b}
}

// Add counts one row. The bets are on differences by weight, over the most that
// one can be by the largest weight so far; weights are known before labels, so that
// the e-values stay what they are.
func (d *Duel) Add(r Row) {
	weight := r.Weight
	la := d.of(d.a, r.A, r.Label, r.Price)
	lb := d.of(d.b, r.B, r.Label, r.Price)
	if math.IsNaN(la) || math.IsNaN(lb) {
		return
	}
	diff := la - lb
	d.n++
	d.sumA += weight * la
	d.sumB += weight * lb
	d.weight += weight
	d.weight2 += weight * weight
	d.sum += weight * diff
	d.square += weight * diff * weight * diff
	d.wsum += weight * weight * diff
	d.most = math.Max(d.most, weight)
	if lb == 0 && la > 0 {
		d.flips++
	}
	if la == 0 && lb > 0 {
		d.gains++
	}
	d.alike.Add(weight * diff)
	d.users.Add(d.units.number(r.Unit), weight*diff)
	if d.bound > 0 {
		d.better.Add(-weight * diff / (d.bound * d.most))
		d.worse.Add(weight * diff / (d.bound * d.most))
	}
}

// temper lowers the evidence of bets that were placed row by row to what so many
// fewer independent rows would have given. The bound on false alarms then holds
// about, and not exactly, since the likeness is itself estimated: it is proven by
// simulation.
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
	alike := math.Max(d.alike.Rows(), d.users.Rows())
	p.Better, p.Worse = temper(d.better, alike), temper(d.worse, alike)
	if d.n == 0 {
		return p
	}
	p.Candidate, p.Champion = d.sumA/d.weight, d.sumB/d.weight
	p.Diff, p.Lower, p.Upper = d.sum/d.weight, -d.bound, d.bound
	p.Effective = d.weight * d.weight / d.weight2 / alike
	if d.n > 1 {
		p.Lower, p.Upper = d.interval(p.Diff, alike)
	}
	p.PValue = stat.McNemar(d.flips, d.gains)
	return p
}

// interval is the 95 % interval of the mean difference by weight: that of the
// linearised ratio, of as many rows as are not alike.
func (d *Duel) interval(mean, alike float64) (lower, upper float64) {
	scale := float64(d.n) / d.weight
	// The sum of squares of weight times what a difference is above the mean.
	residuals := math.Max(0, d.square-2*mean*d.wsum+mean*mean*d.weight2)
	_, lower, upper = stat.MeanInterval(0, scale*scale*residuals, d.n, 0.05)
	wide := math.Sqrt(alike)
	return mean + wide*lower, mean + wide*upper
}
