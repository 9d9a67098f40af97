package gate

import (
	"cmp"
	"math"
	"slices"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// sound tells whether a paired loss can be judged at all.
func sound(p hone.Paired) bool {
	return p.N > 0 && p.Bound >= 0 && p.Better >= 0 && p.Lower <= p.Upper &&
		finite(p.Candidate, p.Champion, p.Diff, p.Lower, p.Upper, p.Bound, p.Better)
}

func unsound(v hone.Verdict) hone.Verdict {
	v.Result, v.Need = hone.Inconclusive, minRows
	v.Sentence = "There are no losses to judge it by."
	return v
}

// quality holds the candidate's loss against the champion's on the same rows.
// How much proof is asked for depends on what started the run: measured
// recoverable loss is evidence by itself, a schedule is not.
func quality(m hone.Model, d hone.Decision, e hone.Evaluation, candidates int) hone.Verdict {
	p := whole(e)
	v := hone.Verdict{Gate: "quality", N: max(p.N, 0), Unit: "loss a row"}
	if !sound(p) {
		return unsound(v)
	}
	v.Value, v.Lower, v.Upper = p.Diff, p.Lower, p.Upper
	v.Sentence = string(e.Candidate) + " loses " + say.Num(p.Candidate) + " a row and " + string(e.Champion) + " " + say.Num(p.Champion) +
		", on " + say.Count(e.Loss.N, "row", "rows") + " that neither was trained on" + askedFor(e)
	switch {
	case wasForced(d):
		v.Result = hone.Pass
		v.Sentence += "; nothing is asked for, since " + d.By + " forced this run."
	case m.Evidence == hone.Strict:
		v = strict(v, m, p, candidates)
	default:
		v = balanced(v, m, d, p)
	}
	if p.Candidate > e.Trivial && finite(e.Trivial) {
		v.Sentence += " The best constant answer would lose " + say.Num(e.Trivial) + "."
	}
	return v
}

// balanced fails a candidate that is clearly worse where recoverable loss was
// measured, and one that is not better where it was not.
func balanced(v hone.Verdict, m hone.Model, d hone.Decision, p hone.Paired) hone.Verdict {
	limit, own := ownLimit(m, false)
	if !own && d.Trigger == hone.OnLoss {
		limit = margin * p.Bound
	}
	v.Limit = limit
	better := d.Trigger != hone.OnLoss && limit == 0
	switch {
	case limit < 0:
		v.Sentence += "; it must be better by " + say.Num(-limit) + "."
	case better:
		v.Sentence += "; it must be better."
	default:
		v.Sentence += "; it may be worse by " + say.Num(limit) + "."
	}
	switch {
	case p.N < minRows:
		v.Result, v.Need = hone.Inconclusive, minRows-p.N
		v.Sentence += " " + say.Whole(v.Need) + " more rows are needed to tell."
	case (better && p.Diff < 0) || (!better && p.Diff <= limit+rounding):
		v.Result = hone.Pass
	default:
		v.Result = hone.Fail
	}
	return v
}

// ownLimit is the largest difference of losses that the owner's gates allow, and
// whether there is such a gate; with slices, of a gate that holds on each slice.
func ownLimit(m hone.Model, slices bool) (limit float64, own bool) {
	limit = math.Inf(1)
	for _, g := range m.Gates {
		if g.Metric != "loss" || (slices && g.Slices != "all") {
			continue
		}
		if g.MinChange != nil {
			limit, own = math.Min(limit, -*g.MinChange), true
		}
		if g.MaxRegression != nil {
			limit, own = math.Min(limit, *g.MaxRegression), true
		}
	}
	if !own {
		return 0, false
	}
	return limit + 0, true // Adding 0 makes −0 a plain 0.
}

// onSlices fails a candidate that is surely worse than the margin on a slice,
// at 5 % over all slices, and under strict evidence over all looks (S. Holm, Scand. J. Statist. 6, 1979). Slices
// that are too small are named, and do not hold it.
func onSlices(m hone.Model, e hone.Evaluation) []hone.Verdict {
	limit, own := ownLimit(m, true)
	if !own {
		limit = margin * math.Max(e.Loss.Bound, 0)
	}
	out := make([]hone.Verdict, 0, len(e.Slices))
	var order []int // Those that can be judged, the worst first.
	score := map[int]float64{}
	for i, s := range e.Slices {
		v := hone.Verdict{Gate: "slice", Slice: s.Slice, Result: hone.Inconclusive, Limit: limit, N: max(s.N, 0), Unit: "loss a row"}
		switch {
		case !sound(s.Paired) || !finite(limit):
			v.Limit, v.Need = 0, minSlice
			v.Sentence = s.Slice + " has no losses to judge it by."
		case s.N < minSlice:
			v.Value, v.Need = s.Diff, minSlice-s.N
			v.Sentence = s.Slice + " is too small to judge (n=" + say.Whole(s.N) + " of " + say.Whole(minSlice) + ")."
		default:
			v.Value = s.Diff
			order = append(order, i)
			score[i] = standing(s.Paired, limit)
		}
		out = append(out, v)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	level, rejecting := alpha, true
	if m.Evidence == hone.Strict {
		level = spent(alpha, e.Look)
	}
	for rank, i := range order {
		v, p := &out[i], e.Slices[i].Paired
		z := stat.NormalQuantile(1 - level/float64(len(order)-rank))
		v.Lower, v.Upper = p.Diff-z*spread(p), p.Diff+z*spread(p)
		rejecting = rejecting && v.Lower > limit
		v.Result = hone.Pass
		if rejecting {
			v.Result = hone.Fail
		}
		v.Sentence = "On " + v.Slice + " it loses " + say.Num(p.Candidate) + " a row, the champion " + say.Num(p.Champion) +
			" (" + say.Count(p.N, "row", "rows") + "); it may not be surely worse by " + say.Num(limit) + "."
	}
	return out
}

// standing is how many standard errors a difference lies above a limit.
func standing(p hone.Paired, limit float64) float64 {
	se := spread(p)
	switch {
	case se > 0:
		return (p.Diff - limit) / se
	case p.Diff > limit:
		return math.Inf(1)
	}
	return math.Inf(-1)
}

// spread is the standard error of a paired difference, from its 95 % interval.
func spread(p hone.Paired) float64 { return (p.Upper - p.Lower) / (2 * stat.NormalQuantile(0.975)) }
