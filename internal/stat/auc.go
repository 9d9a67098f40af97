package stat

import (
	"cmp"
	"math"
	"slices"
)

// AUC is the chance that a positive row scores above a negative one, ties
// counting half, with its standard error. Both slices have one entry a row; a
// score that is not a number ranks below all others. The value is NaN where a
// class has no row, the error where one has fewer than two. It takes
// O(n log n). Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson,
// Biometrics 44 (1988), by midranks as X. Sun, W. Xu, IEEE SPL 21 (2014).
func AUC(scores []float64, positive []bool) (auc, se float64) {
	parts := AUCParts(scores, positive)
	if parts == nil {
		return math.NaN(), math.NaN()
	}
	var pos, neg Moments
	for i, x := range parts {
		if positive[i] {
			pos.Add(x)
		} else {
			neg.Add(x)
		}
	}
	if pos.N < 2 || neg.N < 2 {
		return pos.Mean, math.NaN()
	}
	return pos.Mean, math.Sqrt(pos.Variance()/float64(pos.N) + neg.Variance()/float64(neg.N))
}

// AUCParts is each row's part in the AUC: the share of the other class that it
// stands on the right side of, ties counting half. It is nil where a class has no
// row.
func AUCParts(scores []float64, positive []bool) []float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	nPos := 0
	for _, p := range positive[:len(scores)] {
		if p {
			nPos++
		}
	}
	nNeg := len(scores) - nPos
	if nPos == 0 || nNeg == 0 {
		return nil
	}
	out := make([]float64, len(scores))
	below := [2]int{} // Negatives and positives with a smaller score.
	for i, j := 0, 0; i < len(order); i = j {
		tied := [2]int{}
		for j = i; j < len(order) && cmp.Compare(scores[order[j]], scores[order[i]]) == 0; j++ {
			tied[class(positive[order[j]])]++
		}
		for _, row := range order[i:j] {
			if positive[row] {
				out[row] = (float64(below[0]) + float64(tied[0])/2) / float64(nNeg)
			} else {
				out[row] = 1 - (float64(below[1])+float64(tied[1])/2)/float64(nPos)
			}
		}
		below[0] += tied[0]
		below[1] += tied[1]
	}
	return out
}

func class(positive bool) int {
	if positive {
		return 1
	}
	return 0
}
