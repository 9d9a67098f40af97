package gate

import (
	"math"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

const (
	// patience is how many times the rows of a fixed sample strict evidence may
	// take: looking at every moment has its price.
	patience = 2.5
	// mostRows bounds what is waited for.
	mostRows = 50_000
)

// Deadline is the number of rows after which evidence that has not come counts
// as not there.
func Deadline(m hone.Model, e hone.Evaluation) int {
	const least = 1000
	if m.Evidence != hone.Strict {
		return least
	}
	n := Sample(m, e.Loss)
	if n > mostRows/patience {
		return mostRows
	}
	return max(least, int(math.Ceil(patience*float64(n))))
}

// Sample is how many rows a test that looks once would take to find, four times
// in five, the gain that strict evidence is asked for: two points, or what the
// owner wants more. It rests on how far the answers of both versions differ, and
// on no label.
func Sample(m hone.Model, p hone.Paired) int {
	gain := margin * p.Bound
	if limit, own := ownLimit(m, false); own && -limit > gain {
		gain = -limit
	}
	if !(gain > 0) || !(p.Reach > 0) || !finite(gain, p.Reach) {
		return 0
	}
	return stat.NeedForMean(gain, p.Reach-gain*gain)
}

// spent is the share of alpha that the k-th of any number of tries has, so that
// all together have no more than alpha.
func spent(alpha float64, k int) float64 {
	n := float64(max(k, 1))
	return alpha * 6 / (math.Pi * math.Pi * n * n)
}

// strict asks for proof that the candidate is better, valid at every look, with
// an error that is spent over all candidates since the last promotion.
func strict(v hone.Verdict, m hone.Model, p hone.Paired, candidates int) hone.Verdict {
	deadline := Deadline(m, hone.Evaluation{Loss: p})
	v.Value, v.Limit, v.Lower, v.Upper = p.Better, 1/spent(alpha, candidates), 0, 0
	v.Unit = "e-value"
	v.Sentence += "; proof that it is better stands at " + say.Num(p.Better) + " of " + say.Num(v.Limit)
	switch {
	case p.Better >= v.Limit:
		v.Result = hone.Pass
	case p.N >= deadline:
		v.Result = hone.Fail
		v.Sentence += ", and its " + say.Whole(deadline) + " rows are used up"
	default:
		v.Result, v.Need = hone.Inconclusive, forecast(p, v.Limit, deadline-p.N)
		v.Sentence += ", and about " + say.Count(v.Need, "row", "rows") + " more may decide it"
	}
	v.Sentence += "."
	if candidates > 1 && v.Result != hone.Pass {
		v.Sentence += " It is candidate " + say.Whole(candidates) + " since the last promotion: the more there are, the more proof each takes."
	}
	if n := Sample(m, p); v.Result == hone.Inconclusive && n > 0 {
		v.Sentence += " A single look would take about " + say.Count(n, "row", "rows") + ", by how often the two differ; looking all along may take " +
			say.Whole(deadline) + "."
	}
	return v
}

// forecast is how many more rows would bring the proof if they are like those
// so far, at most what is left: the logarithm of an e-value grows by the row.
func forecast(p hone.Paired, limit float64, left int) int {
	if p.Better <= 1 {
		return left
	}
	need := float64(p.N) * (math.Log(limit)/math.Log(p.Better) - 1)
	if !(need < float64(left)) {
		return left
	}
	return max(int(math.Ceil(need)), 1)
}
