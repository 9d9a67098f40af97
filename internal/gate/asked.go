package gate

import (
	"math"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// Rows is how many rows an evaluation rests on: those that were compared, and
// those that labels that were asked for stand for.
func Rows(e hone.Evaluation) int { return whole(e).N }

// whole is the paired loss on all rows: those that got their labels by themselves,
// and those that labels that were asked for stand for. The two have no row in
// common, so that the e-values multiply. The losses of either version alone stay
// those of the rows that nobody asked about.
func whole(e hone.Evaluation) hone.Paired {
	p, a := e.Loss, e.Asked
	if a == nil || a.Labels == 0 || !sound(p) || !finite(a.Diff, a.Lower, a.Upper, a.Better, a.Worse) {
		return p
	}
	n := float64(p.N + a.For)
	mine, asked := float64(p.N)/n, float64(a.For)/n
	z := stat.NormalQuantile(0.975)
	half := z * math.Hypot(mine*spread(p), asked*(a.Upper-a.Lower)/(2*z))
	p.Diff = mine*p.Diff + asked*a.Diff
	p.Lower, p.Upper = p.Diff-half, p.Diff+half
	p.N += a.For
	p.Better, p.Worse = times(p.Better, a.Better), times(p.Worse, a.Worse)
	return p
}

// times multiplies two e-values, and stays finite.
func times(a, b float64) float64 { return math.Min(a*b, math.MaxFloat64) }

// askedFor says what labels that were asked for told.
func askedFor(e hone.Evaluation) string {
	a := e.Asked
	if a == nil || a.Labels == 0 {
		return ""
	}
	return "; of " + say.Count(a.Labels, "label that was", "labels that were") + " asked for " + say.Whole(a.Gains) + " say that the candidate is right, " +
		say.Whole(a.Flips) + " that the champion is, and they stand for " + say.Count(a.For, "row", "rows")
}

// Wanted is how many more rows would decide the gates on the loss, if labels for
// them are all that is lacking; 0 where it is not.
func Wanted(verdicts []hone.Verdict) (rows int) {
	for _, v := range verdicts {
		if v.Result != hone.Inconclusive || v.Slice != "" {
			continue
		}
		switch v.Gate {
		case "quality", "loss.min_change", "loss.max_regression":
			rows = max(rows, v.Need)
		}
	}
	return rows
}
