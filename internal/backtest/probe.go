package backtest

import (
	"cmp"

	"hone/internal/learn/residual"
	"hone/internal/learn/residual/planted"
	"hone/internal/learn/residual/trees"
)

// testEvery is for how many champions in a row one test of the probe stands: the product
// tests each version's, which for all champions of a grid would take minutes.
const testEvery = 12

// probe is the product's of a champion: with trees where the test on the rows that such
// a champion was trained on finds that it needs them.
func (g *Grid) probe(m int) *residual.Probe {
	o := g.probeOptions(m)
	p := residual.New(o)
	if g.power(m).NeedsTrees() {
		p.Join(trees.New(o))
	}
	return p
}

// power is how much of planted losses the probe of a champion sees, as it was found for
// one trained shortly before. It is found once, whoever asks.
func (g *Grid) power(m int) planted.Power {
	if m >= g.Batches() {
		m = g.champions[m].like // A snapshot.
	}
	if g.sound != nil {
		return g.sound.power(m) // What is wrong with a champion is no matter of its rows.
	}
	first := m / testEvery * testEvery
	g.testing.Lock()
	defer g.testing.Unlock()
	if p, found := g.powers[first]; found {
		return p
	}
	if g.powers == nil {
		g.powers = map[int]planted.Power{}
	}
	set := g.champions[first].set
	g.powers[first] = planted.Test(planted.Data{
		Rows: pick(g.Rows, set), Targets: values(g.Targets, set), Weights: values(g.Weights, set), Task: cmp.Or(g.Task, residual.Binary), Width: g.width(),
		Loss: func(k int, scores []float64) float64 { return g.unweighted(set[k], scores) },
	}, 1)
	return g.powers[first]
}
