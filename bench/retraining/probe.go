package retraining

import (
	"hone/internal/learn/residual"
	"hone/internal/learn/residual/planted"
	"hone/internal/learn/residual/trees"
)

// probe is the product's of a champion: with trees where the test on the rows that it
// was trained on finds that it needs them.
func (g *Grid) probe(m int) *residual.Probe {
	o := g.probeOptions((g.First + m) * g.Batch)
	p := residual.New(o)
	if g.Power(m).NeedsTrees() {
		p.Join(trees.New(o))
	}
	return p
}

// Power is how much of planted losses the probe of a champion sees. It is found once.
// Not safe for concurrent use.
func (g *Grid) Power(m int) planted.Power {
	if p, found := g.powers[m]; found {
		return p
	}
	to := (g.First+m)*g.Batch - g.Delay
	from := to - g.Window*g.Batch
	y := g.Targets[from:to]
	if g.powers == nil {
		g.powers = map[int]planted.Power{}
	}
	g.powers[m] = planted.Test(planted.Data{Rows: g.Rows.Slice(from, to), Targets: y, Task: residual.Binary, Width: 1,
		Loss: func(row int, scores []float64) float64 {
			if (scores[0] > 0.5) != (y[row] == 1) {
				return 1
			}
			return 0
		}}, 1)
	return g.powers[m]
}
