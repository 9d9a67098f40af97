package stat

import (
	"cmp"
	"math"
	"slices"
)

// AveragePrecision is the mean, over the positive rows, of the share of positives
// among all rows that score at least as high, with each row's part: the parts' mean
// is the value, and their spread over the root of the rows its standard error. Both
// slices have one entry a row. It is NaN, without parts, where a class has no row. It
// takes O(n log n). The value is that of W. Su, Y. Yuan, M. Zhu, arXiv:1310.5103; the
// parts are its influence function (P. J. Huber, Robust Statistics, 1981), in which
// each row stands twice: as one of the positives, and among the rows above others.
func AveragePrecision(scores []float64, positive []bool) (value float64, parts []float64) {
	n, order := float64(len(scores)), make([]int, len(scores))
	positives := 0.0
	for i := range order {
		order[i] = i
		positives += float64(class(positive[i]))
	}
	if positives == 0 || positives == n {
		return math.NaN(), nil
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	precision, parts := make([]float64, len(scores)), make([]float64, len(scores))
	above, hits := 0.0, 0.0
	for i, j := 0, 0; i < len(order); i = j {
		for j = i; j < len(order) && cmp.Compare(scores[order[j]], scores[order[i]]) == 0; j++ {
			above, hits = above+1, hits+float64(class(positive[order[j]]))
		}
		for k := i; k < j; k++ {
			precision[k] = hits / above
			value += float64(class(positive[order[k]])) * precision[k] / positives
		}
	}
	// What a row adds to the precision at every score up to its own: of rows behind
	// it in the order, and of those tied with it.
	moved, squares := 0.0, 0.0
	for j := len(order); j > 0; {
		i := j - 1
		for i > 0 && cmp.Compare(scores[order[i-1]], scores[order[j-1]]) == 0 {
			i--
		}
		for k := i; k < j; k++ {
			w := float64(class(positive[order[k]])) / float64(j)
			moved, squares = moved+w, squares+w*precision[k]
		}
		for k := i; k < j; k++ {
			y := float64(class(positive[order[k]]))
			parts[order[k]] = value + n/positives*(y*(precision[k]-value)+y*moved-squares)
		}
		j = i
	}
	return value, parts
}
