package gate

import (
	"cmp"
	"slices"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

const (
	// eraMargin is how much worse on a former time is too much, as a share of the
	// most that a row can lose.
	eraMargin = 0.03
	// minEra is the least number of rows that a former time is judged on.
	minEra = 300
)

// onEras says where a candidate has forgotten a former time: it is worse there by
// more than the margin, and surely worse at 5 % over all of them (S. Holm, Scand. J.
// Statist. 6, 1979). It fails where the owner wants the time kept, and warns
// elsewhere: what is past may be past for good. Rows that the champion alone was
// trained on are no fair measure, and only warn.
func onEras(d hone.Decision, e hone.Evaluation) []hone.Verdict {
	limit := eraMargin * max(e.Loss.Bound, 0)
	out := make([]hone.Verdict, 0, len(e.Eras))
	var order []int // Those that can be judged, the worst first.
	for i, x := range e.Eras {
		v := hone.Verdict{Gate: "era", Slice: x.Era, Result: hone.Inconclusive, Limit: limit, N: max(x.N, 0), Unit: "loss a row", Warns: true}
		switch {
		case x.N < minEra || !sound(x.Paired):
			v.Value, v.Need = 0, max(1, minEra-v.N)
			v.Sentence = x.Era + " has " + say.Whole(v.N) + " of " + say.Count(minEra, "row", "rows") + " that it takes to tell whether it was forgotten."
		default:
			v.Value = x.Diff
			order = append(order, i)
		}
		out = append(out, v)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(standing(e.Eras[b].Paired, 0), standing(e.Eras[a].Paired, 0))
	})
	rejecting := true
	for rank, i := range order {
		v, x := &out[i], e.Eras[i]
		half := stat.NormalQuantile(1-alpha/float64(len(order)-rank)) * spread(x.Paired)
		v.Lower, v.Upper = x.Diff-half, x.Diff+half
		rejecting = rejecting && v.Lower > 0
		v.Result, v.Warns = hone.Pass, false
		if rejecting && v.Value > limit {
			v.Result, v.Warns = hone.Fail, !x.Keep || x.Trained || wasForced(d)
		}
		v.Sentence = "On rows of " + x.Era + ", " + whose(x) + ", it loses " + say.Num(x.Candidate) + " a row and the champion " + say.Num(x.Champion) +
			" (" + say.Count(x.N, "row", "rows") + "); it may not be surely worse, by more than " + say.Num(limit) + "."
	}
	return out
}

func whose(x hone.EraPair) string {
	if x.Trained {
		return "which the champion alone was trained on"
	}
	return "which are as new to both"
}
