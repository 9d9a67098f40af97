package trigger

import (
	"math"

	"hone"
	"hone/internal/say"
)

// ReuseShare is what it costs to let a version take over that is there already, of the
// price of a retrain.
const ReuseShare = 0.05

// Reuse is how many former champions of a model are asked about its labelled rows.
func Reuse(m hone.Model) int {
	for _, t := range m.Triggers {
		if t.RecoverableLoss != nil {
			return max(0, t.RecoverableLoss.Reuse)
		}
	}
	return 0
}

const (
	minReuse    = 2   // Ticks that a return may rest on,
	maxReuse    = 40  // and at most.
	sureFormer  = 2   // Standard errors that a former champion must be ahead by,
	sureLearner = 4   // and a snapshot of what goes on learning,
	ownRows     = 100 // on that many rows by itself, which then judge it.
)

// BestRival returns the rival that would for sure have saved most against the champion:
// over all of them and all suffixes of 2 to 40 ticks the largest Σgain − z·√Σvar, with z
// 2 for a former champion and 4 for what goes on learning. It gives that lower bound,
// the gain itself, in units of the loss, and the rows; n is 0 where there is none.
// A rival that is to be skipped does not count.
func BestRival(ticks []hone.Tick, skip func(hone.Rival) bool) (best hone.Rival, lower float64, n int) {
	lower = math.Inf(-1)
	sums := map[hone.VersionID]hone.Rival{} // What learns stands under no name.
	newest := map[hone.VersionID]hone.VersionID{}
	for i := len(ticks) - 1; i >= max(0, len(ticks)-maxReuse); i-- {
		for _, r := range ticks[i].Rivals {
			key, z := r.Version, float64(sureFormer)
			if r.Learner {
				key, z = "", sureLearner
			}
			if _, seen := newest[key]; !seen {
				newest[key] = r.Version
			}
			s := sums[key]
			if r.Version == newest[key] {
				s.Own += r.Own
			}
			s.N, s.Gain, s.Var = s.N+r.N, s.Gain+r.Gain, s.Var+r.Var
			s.Version, s.Learner = newest[key], r.Learner
			sums[key] = s
			b := s.Gain - z*math.Sqrt(s.Var)
			if len(ticks)-i >= minReuse && b > lower && !math.IsInf(b, 0) && (!s.Learner || s.Own >= ownRows) && !skip(s) {
				best, lower, n = s, b, s.N
			}
		}
	}
	if n == 0 {
		return hone.Rival{}, 0, 0
	}
	return best, lower, n
}

// onReuse lets a version come back that would lose surely less than the champion, where
// that is worth its price.
func onReuse(in Input, r hone.RecoverableLoss) (f finding, ok bool) {
	best, lower, n := BestRival(in.Ticks, func(v hone.Rival) bool { return r.Reuse <= 0 && !v.Learner || tried(in, v.Version) })
	cost := costOf(r.RetrainCost, in.Model, in.Runs)
	limit := ReuseShare * Price(cost.inLoss, in.Failures)
	if n == 0 || limit <= 0 || lower < limit {
		return f, false
	}
	v, price := string(best.Version), say.Num(limit)
	f = finding{Reason: hone.Reason{Trigger: hone.OnLoss, Fired: true, Value: lower, Limit: limit}, reuse: best.Version}
	f.forecast = seen(best.Gain, best.Var, n)
	what := "former champion " + v
	if best.Learner {
		what = v + ", which learned the labels as they came,"
	}
	f.start = "back to "
	if best.Learner {
		f.start = "on with "
	}
	f.start += v + ": it loses at least " + say.Num(lower) + " less, over its price of " + price + "."
	f.Sentence = "On the last " + say.Count(n, "labelled row", "labelled rows") + " " + what + " would have lost about " + say.Num(best.Gain) +
		" units of loss less than " + string(in.Champion) + ", at least " + say.Num(lower) + "; to let it serve costs " + cost.said(in.Model, limit) + "."
	return f, true
}

// tried tells whether a version came to nothing against this champion before.
func tried(in Input, v hone.VersionID) bool {
	for _, r := range in.Runs {
		if r.State == hone.Closed && r.Champion == in.Champion && r.Decision.Reuse == v && r.Ending != hone.Promoted {
			return true
		}
	}
	return false
}
