package stat

import (
	"maps"
	"math"
	"slices"
)

// Kappa is J. Cohen's: by how much answers agree with the truth beyond what chance
// would, as a share of what there is beyond it; with each row's part, as of the
// delta method (J. L. Fleiss, J. Cohen, B. S. Everitt, Psychological Bulletin 72,
// 1969). It is NaN, without parts, where the truth is all of one class.
func Kappa(truth, answers []string) (value float64, parts []float64) {
	n := float64(len(truth))
	is, said := map[string]float64{}, map[string]float64{}
	agreed := 0.0
	for i, t := range truth {
		is[t] += 1 / n
		said[answers[i]] += 1 / n
		if t == answers[i] {
			agreed += 1 / n
		}
	}
	if len(is) < 2 {
		return math.NaN(), nil
	}
	chance := 0.0
	for _, t := range truth {
		chance += said[t] / n // Summed in the order of the rows: the same bits each time.
	}
	value = (agreed - chance) / (1 - chance)
	parts = make([]float64, len(truth))
	for i, t := range truth {
		right := 0.0
		if t == answers[i] {
			right = 1
		}
		by := said[t] + is[answers[i]] - 2*chance
		parts[i] = value + ((right-agreed)*(1-chance)-(1-agreed)*by)/((1-chance)*(1-chance))
	}
	return value, parts
}

// KappaNoise is the variance of kappa that its parts leave out where few rows are of
// another class than most, or are said to be: there kappa is about the F1 of being
// another.
func KappaNoise(truth, answers []string) float64 {
	of, most := map[string]int{}, ""
	for _, t := range truth {
		of[t]++
	}
	for _, c := range slices.Sorted(maps.Keys(of)) {
		if of[c] > of[most] {
			most = c
		}
	}
	agreed, n := 0.0, 0.0
	for i, t := range truth {
		if t != most || answers[i] != most {
			n++
			agreed += float64(class(t == answers[i]))
		}
	}
	return scarce(agreed, n)
}

// F1 is the harmonic mean of precision and recall of one class, with each row's
// part, as of a ratio of means (W. G. Cochran, Sampling Techniques, 1977). It is NaN,
// without parts, where no row is of the class.
func F1(is, said []bool) (value float64, parts []float64) {
	n, hits, count, positives := float64(len(is)), 0.0, 0.0, 0
	for i := range is {
		positives += class(is[i])
		hits += 2 * float64(class(is[i] && said[i])) / n
		count += float64(class(is[i])+class(said[i])) / n
	}
	if positives == 0 {
		return math.NaN(), nil
	}
	value = hits / count
	parts = make([]float64, len(is))
	for i := range is {
		hit := 2 * float64(class(is[i] && said[i]))
		parts[i] = value + (hit-value*float64(class(is[i])+class(said[i])))/count
	}
	return value, parts
}

// F1Noise is the variance of F1 that its parts leave out where it rests on few rows.
func F1Noise(is, said []bool) float64 {
	hits, n := 0.0, 0.0
	for i := range is {
		hits, n = hits+float64(class(is[i] && said[i])), n+float64(class(is[i] || said[i]))
	}
	return scarce(hits, n)
}

// scarce is the variance of an F1 beyond that of its linear form, which is too small
// where chance has made few rows all alike: four more count, half of them hits
// (A. Agresti, B. A. Coull, The American Statistician 52, 1998). Of a share s of hits
// among the rows that are of the class, or are said to be, F1 is 2s/(1+s).
func scarce(hits, n float64) float64 {
	variance := func(hits, n float64) float64 {
		n = math.Max(n, 1)
		s := hits / n
		slope := 2 / ((1 + s) * (1 + s))
		return slope * slope * s * (1 - s) / n
	}
	return math.Max(0, variance(hits+2, n+4)-variance(hits, n))
}
