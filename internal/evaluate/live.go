package evaluate

import (
	"math"

	"hone"
	"hone/internal/stat"
)

// Reading is what one of the owner's metrics says of the evidence while versions
// serve, for a guardrail on it: by how much the candidate is worse than the champion
// on the same rows, beyond what the guardrail puts up with. Rows that the metric could
// not be had for do not count.
func (ev *Evidence) Reading(g hone.Guardrail) hone.Reading {
	out := hone.Reading{Gate: g.Gate()}
	if ev.Champion == nil {
		return out
	}
	a, b := ev.Candidate.Owned[g.Metric], ev.Champion.Owned[g.Metric]
	var at []int
	weight := 0.0
	for i := range min(len(a), len(b), len(ev.Weights)) {
		if finite(a[i]) && finite(b[i]) {
			at = append(at, i)
			weight += ev.Weights[i]
		}
	}
	if len(at) == 0 || !(weight > 0) {
		return out
	}
	scale := float64(len(at)) / weight
	for _, i := range at {
		w := scale * ev.Weights[i]
		add(&out.Canary, w*a[i])
		add(&out.Control, w*b[i])
	}
	own := out.Control.Mean()
	share := 0.0 // Of the champion's value, row by row, that may be lost.
	out.Margin = g.Limit()
	if g.Relative {
		share, out.Margin = math.Copysign(g.Limit(), own), g.Limit()*math.Abs(own)
	}
	var alike stat.Likeness
	var users stat.Clusters
	numbers := map[uint64]int{}
	for _, i := range at {
		d := b[i] - a[i]
		if ev.Model.Metrics[g.Metric].Direction == hone.Lower {
			d = -d
		}
		if g.Relative {
			d -= share * b[i]
		} else {
			d -= g.Limit()
		}
		d *= scale * ev.Weights[i]
		add(&out.Paired, d)
		alike.Add(d)
		users.Add(numberOf(numbers, ev.Units, i), d)
	}
	if !finite(out.Paired.Square) || !finite(out.Canary.Square) || !finite(out.Control.Square) {
		return hone.Reading{Gate: g.Gate(), Trouble: "its values are too large to be added up"}
	}
	out.Paired.Alike = math.Max(alike.Rows(), users.Cautious())
	return out
}

func add(s *hone.Spread, x float64) {
	s.N++
	s.Sum += x
	s.Square += x * x
}

// numberOf numbers users in the order in which they come; -1 for a row that is
// nobody's.
func numberOf(known map[uint64]int, units []uint64, i int) int {
	if i >= len(units) || units[i] == 0 {
		return -1
	}
	n, ok := known[units[i]]
	if !ok {
		n = len(known)
		known[units[i]] = n
	}
	return n
}
