package evaluate

import (
	"math"
	"slices"

	"hone"
	"hone/internal/stat"
)

// prove gathers the evidence on the given rows: bets on clusters of rows of a
// time, with all rows of their users. Clusters are bet on in the order in which
// their rows were looked at.
func (p pairing) prove(at []int, out *hone.Paired) {
	diffs, reach, blocks := make([]float64, len(at)), make([]float64, len(at)), make([]int, len(at))
	for k, i := range at {
		w := p.weight(i)
		diffs[k], reach[k], blocks[k] = w*(p.a.losses[i]-p.b.losses[i]), w*p.reach[i], p.blocks[i]
		out.Reach += p.reach[i] * p.reach[i] / float64(len(at))
	}
	out.Better, out.Worse, out.Clusters = stat.ClusterBets(diffs, reach, blocks, p.firstLook)
}

// blocksOf is the block of each usable row.
func blocksOf(rows Rows, use []int) (blocks []int, first int) {
	var units []string
	if len(rows.Units) > 0 {
		for _, i := range use {
			units = append(units, rows.Units[i])
		}
	}
	looks := make([]int, len(rows.Looks)) // As counts of usable rows.
	for k, n := range rows.Looks {
		looks[k], _ = slices.BinarySearch(use, n)
	}
	return stat.Blocks(len(use), units, looks)
}

// reachOf is the most by which the losses of two answers to one row can differ,
// whatever its label is.
func reachOf(m hone.Model, a, b tally, i int, price, bound float64) float64 {
	x, y := a.scores[i], b.scores[i]
	if m.Task == hone.Regression {
		switch {
		case slices.Equal(x, y):
			return 0
		case m.Loss.Kind == hone.Absolute:
			return math.Min(math.Abs(x[0]-y[0]), bound)
		}
		return bound
	}
	most := 0.0
	for _, classes := range [][]string{a.side.Signature.Classes, b.side.Signature.Classes} {
		for _, l := range classes {
			loss := m.Loss.Of(a.side.Signature, x, a.side.Signature.Target(l), price)
			other := m.Loss.Of(b.side.Signature, y, b.side.Signature.Target(l), price)
			most = math.Max(most, math.Abs(loss-other))
		}
	}
	return math.Min(most, bound)
}
