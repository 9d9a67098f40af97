package planted

import (
	"math/rand/v2"

	"hone/internal/learn/residual"
)

// Inborn is what a probe gains over a version, for a row with a weight of one, on the newest
// 5,000 rows that the version itself learned from, in an order that tells nothing of time;
// at least 0. The version saw these rows, and nothing has changed since: what a richer
// learner finds on top of it there, a line's want of a curve, say, it lacked from the day
// it was trained, and training the same again wins nothing of it back. The first two fifths
// of the rows do not count: on them the probe only learns. A version that knows its own rows
// by heart leaves nothing to gain. It is 0 where the version cannot be asked, there are too
// few rows, or the data's Rest gives up.
func Inborn(d Data, seed uint64, withTrees bool) float64 {
	d.Width = max(d.Width, 1)
	rows := d.draw(rand.New(rand.NewPCG(seed, 5417)))
	if len(rows) < least {
		return 0
	}
	all := d.Rows.Pick(rows)
	targets := chosen(d.Targets, rows)
	p := Power{Always: withTrees}.Probe(residual.OptionsOf(all, targets, d.Width, d.Task))
	gain, weight := 0.0, 0.0
	for from := 0; from < len(rows); from += piece {
		part := rows[from:min(from+piece, len(rows))]
		scores := d.Answers(part)
		if scores == nil || d.Rest != nil && !d.Rest() {
			return 0
		}
		s := p.Batch(all.Slice(from, from+len(part)), scores, targets[from:from+len(part)], func(k int, x []float64) float64 { return d.weighted(part[k], x) })
		if float64(from) < ahead*float64(len(rows)) {
			continue
		}
		gain += s.Gain
		for _, i := range part {
			weight += d.weight(i)
		}
	}
	if !(gain > 0 && weight > 0) {
		return 0
	}
	return gain / weight
}
