package backtest

import (
	"cmp"

	"hone/internal/learn/residual"
	"hone/internal/learn/residual/planted"
)

// testEvery is for how many champions in a row one test of the probe stands: the product
// tests each version's, which for all champions of a grid would take minutes.
const testEvery = 12

// probe is the product's of a champion: with trees where the test on the rows that such
// a champion was trained on finds that it needs them.
func (g *Grid) probe(m int) *residual.Probe {
	set := g.champions[m].set
	return g.power(m).Probe(residual.OptionsOf(pick(g.Rows, set), values(g.Targets, set), g.width(), g.Task))
}

// power is how much of planted losses the probe of a champion sees, as it was found for
// one trained shortly before, and what it gains where nothing has changed. A snapshot
// lacks what the champion lacks that it began from: a retrain makes one of that kind. Both
// are found once, whoever asks.
func (g *Grid) power(m int) planted.Power {
	if m >= g.Batches() {
		m = g.champions[m].like // A snapshot.
	}
	p := g.original.tested(m)
	p.Always = g.learning
	p.Inborn = g.original.lacking(m, p.NeedsTrees())
	return p
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

// lacking is what the probe gains on the rows that a champion learned from, for a weight of
// one.
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
