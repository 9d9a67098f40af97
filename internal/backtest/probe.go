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
	p := g.original().tested(m)
	p.Always = g.learning
	return p
}

// original is the grid that a copy was made of, with all champions sound: what is wrong with
// one is no matter of its rows.
func (g *Grid) original() *Grid {
	switch {
	case g.tests != nil:
		return g.tests
	case g.sound != nil:
		return g.sound
	}
	return g
}

func (g *Grid) tested(m int) planted.Power {
	first := m / testEvery * testEvery
	g.testing.Lock()
	defer g.testing.Unlock()
	if p, found := g.powers[first]; found {
		return p
	}
	if g.powers == nil {
		g.powers = map[int]planted.Power{}
	}
	g.powers[first] = planted.Test(g.learned(first), 1)
	return g.powers[first]
}

// learned is what a champion was trained on, for tests of its probe.
func (g *Grid) learned(m int) planted.Data {
	set := g.champions[m].set
	return planted.Data{
		Rows: pick(g.Rows, set), Targets: values(g.Targets, set), Weights: values(g.Weights, set), Task: cmp.Or(g.Task, residual.Binary), Width: g.width(),
		Loss: func(k int, scores []float64) float64 { return g.unweighted(set[k], scores) },
	}
}

// lack names what a champion lacks, as a probe sees it that has trees or not.
type lack struct {
	champion int
	trees    bool
}

// inborn is what the probe gains on the rows that a champion learned from, for a weight of
// one. It is found once, whoever asks. A snapshot lacks what the champion lacks that it
// began from: a retrain makes one of that kind.
func (g *Grid) inborn(m int) float64 {
	if m >= g.Batches() {
		m = g.champions[m].like
	}
	return g.original().lacking(m, g.power(m).NeedsTrees())
}

func (g *Grid) lacking(m int, trees bool) float64 {
	g.testing.Lock()
	defer g.testing.Unlock()
	key := lack{m, trees}
	if x, found := g.lacks[key]; found {
		return x
	}
	if g.lacks == nil {
		g.lacks = map[lack]float64{}
	}
	d := g.learned(m)
	d.Answers = func(rows []int) (out []float64) {
		for _, k := range rows {
			for _, x := range g.champions[m].seen[k*d.Width:][:d.Width] {
				out = append(out, float64(x))
			}
		}
		return out
	}
	g.lacks[key] = planted.Inborn(d, 1, trees)
	return g.lacks[key]
}
