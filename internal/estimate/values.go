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
	// What the learners are off by on rows that they have not seen, seen as often as
	// now, corrects them. Both what the rows of now lose beyond what was said, and that
	// correction, were drawn; the latter from rows of unequal weight. The learners that
	// are corrected are those that are asked. Source: V. Chernozhukov et al.,
	// Econometrics J. 21 (2018), with weights for the rows of now.
	fit := crossFit(before, loss, false)
	var off, mass float64
	for i, l := range loss {
		w := weight(shift.Weights, i)
		off, mass = off+w*(l-fit.out[i]), mass+w
	}
	off /= mass
	var now2, before2 float64
	for i, l := range loss {
		w, d := weight(shift.Weights, i), l-fit.out[i]-off
		now2, before2 = now2+w*d*d, before2+w*w*d*d
	}
	mean := fit.mean(now) + off
	half := normal95 * math.Sqrt(now2/mass/float64(now.n)+before2/mass/mass)
	m := Metric{name, math.Max(0, mean), math.Max(0, mean-half), math.Max(0, mean+half)}
	return Estimate{Metrics: []Metric{m}, Weighted: shift.Weights != nil}
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
