package validate

import (
	"cmp"
	"math"
	"slices"

	"hone"
)

// Hardest finds, among the rows that may go, the share whose labels a model of the
// other rows believes least: the rows with the highest losses out of fold, worst
// first. It is empty where no model can be made.
func Hardest(m hone.Model, r Rows, may []bool, share float64) []int {
	var of []int
	for i, is := range may {
		if is {
			of = append(of, i)
		}
	}
	most := int(share * float64(len(of)))
	if most == 0 || r.Frame.N < minRows {
		return nil
	}
	loss := outOfFold(m, r)
	if loss == nil {
		return nil
	}
	slices.SortStableFunc(of, func(a, b int) int { return cmp.Compare(loss[b], loss[a]) })
	return of[:most]
}

// outOfFold is the loss of each row by a model of rows of other users.
func outOfFold(m hone.Model, r Rows) []float64 {
	out := make([]float64, r.Frame.N)
	for fold := range folds {
		var in, others []int
		for i := range r.Frame.N {
			if foldOf(r, i) == fold {
				in = append(in, i)
			} else {
				others = append(others, i)
			}
		}
		if len(in) == 0 {
			continue
		}
		l := losses(m, r.pick(others).even(crowdRows), r.pick(in))
		if l == nil {
			return nil
		}
		for k, i := range in {
			if out[i] = l[k]; math.IsNaN(l[k]) {
				out[i] = 0
			}
		}
	}
	return out
}
