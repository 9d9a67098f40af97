package estimate

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Values estimates the mean of what each row of now loses, where a model answers
// with a number and no label has come: a learner of the loss on rows before, in the
// order of time, is asked about the rows of now. The table of rows before has one
// loss a row.
func Values(name string, before *Table, loss []float64, shift Ratio, now *Table) Estimate {
	why := shift.unknown(before.n)
	switch {
	case before.n < MinKnown:
		why = tooFew(before.n)
	case why == "" && shift.Covered < enoughCovered:
		why = fmt.Sprintf("%.0f %% of the inputs have no like among the labelled rows", 100*(1-shift.Covered))
	}
	if why != "" {
		return Estimate{Unknown: why}
	}
	known, rounds := crossFit(before, loss, false)
	use := make([]bool, before.n)
	for i := range use {
		use[i] = true
	}
	fit := newFitting(before, loss, use, false)
	for range rounds {
		fit.step()
	}
	said := fit.predict(now)
	// What the learner is off by where it was not fitted, seen as often as now,
	// corrects it, and its spread is that of the estimate.
	var off, mass, square float64
	for i, l := range loss {
		w := weight(shift.Weights, i)
		off, mass = off+w*(l-known[i]), mass+w
	}
	off /= mass
	for i, l := range loss {
		w := weight(shift.Weights, i)
		square += w * (l - known[i] - off) * (l - known[i] - off)
	}
	square /= mass
	mean := 0.0
	for _, x := range said {
		mean += x
	}
	n := float64(now.n)
	mean = mean/n + off
	half := normal95 * math.Sqrt(square/n+square/shift.Effective)
	m := Metric{name, math.Max(0, mean), math.Max(0, mean-half), math.Max(0, mean+half)}
	return Estimate{Metrics: []Metric{m}, Weighted: shift.Weights != nil}
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
