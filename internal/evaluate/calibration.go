package evaluate

import (
	"cmp"
	"math"
	"slices"

	"hone"
	"hone/internal/say"
)

// brier is the squared distance of the scores from what turned out, over all
// classes; of a binary version, over the positive one. A class that the version
// does not know counts as surely wrong.
func brier(t tally, i int) float64 {
	target := t.targets[i]
	if t.side.Signature.Task == hone.Binary {
		if target < 0 {
			return 1
		}
		return sq(target - t.scores[i][0])
	}
	sum := 0.0
	for c, p := range t.scores[i] {
		sum += sq(indicator(float64(c) == target) - p)
	}
	return sum + indicator(target < 0)
}

// claim is how sure a version is of something, and whether that turned out: the
// positive class, or with several classes the one that it finds likeliest.
func claim(t tally, i int) (sure float64, came bool) {
	scores := t.scores[i]
	if t.side.Signature.Task == hone.Binary {
		return scores[0], t.targets[i] == 1
	}
	best := 0
	for c, p := range scores {
		if p > scores[best] {
			best = c
		}
	}
	return scores[best], t.targets[i] == float64(best)
}

// eceBins is how many bins of equal numbers of rows calibration is read in.
const eceBins = 15

// bin is some rows of about the same score: what a version is sure of there, the
// share that turned out, and how far a row varies about it.
type bin struct {
	rows               []int // By their place among those asked for.
	sure, share, sigma float64
}

// off is the square of how far the score is from the share, less what chance adds to
// it; it may be below 0.
func (b bin) off() float64 {
	return sq(b.sure-b.share) - b.share*(1-b.share)/float64(len(b.rows)-1)
}

// bins sorts rows by how sure the version is. There are enough, by fewForBins.
func bins(t tally, at []int) []bin {
	order := make([]int, len(at))
	sure, came := make([]float64, len(at)), make([]float64, len(at))
	for k, i := range at {
		s, is := claim(t, i)
		order[k], sure[k], came[k] = k, s, indicator(is)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sure[a], sure[b]) })
	out := make([]bin, eceBins)
	for b := range out {
		out[b].rows = order[b*len(order)/eceBins : (b+1)*len(order)/eceBins]
		n := float64(len(out[b].rows))
		for _, k := range out[b].rows {
			out[b].sure += sure[k] / n
			out[b].share += came[k] / n
		}
		// A share of none or all would say that rows do not vary. Sums that are rounded
		// may come to more than 1.
		out[b].sigma = max(0, out[b].sure*(1-out[b].sure), out[b].share*(1-out[b].share))
	}
	return out
}

// fewForBins says that there are too few rows for bins, if there are.
func fewForBins(_ tally, at []int) string {
	if len(at) >= 10*eceBins {
		return ""
	}
	return "it takes " + say.Count(10*eceBins, "row", "rows") + ", and there are " + say.Whole(len(at))
}

// se is the standard error of how far the score is from the share.
func (b bin) se() float64 { return math.Sqrt(b.sigma / float64(len(b.rows))) }

// surely is how surely the score is off: from 0 at one standard error to 1 at three.
func (b bin) surely() float64 {
	if b.sigma == 0 {
		return 0
	}
	return math.Min(1, math.Max(0, (math.Abs(b.sure-b.share)/b.se()-1)/2))
}

// ece is how far scores are from the shares that turned out true, on average
// (R. Roelofs and others, AISTATS 2022), and never less than 0. The parts are those
// of its linear form as far as bins are surely off. Where one is not, its part has a
// kink at 0 and no linear form; see eceNoise and eceSlack.
func ece(t tally, at []int) (float64, []float64) {
	total, parts := 0.0, make([]float64, len(at))
	for _, b := range bins(t, at) {
		total += float64(len(b.rows)) / float64(len(at)) * math.Sqrt(math.Max(0, b.off()))
		for _, k := range b.rows {
			_, came := claim(t, at[k])
			parts[k] = math.Copysign(b.surely(), b.sure-b.share) * (b.share - indicator(came))
		}
	}
	for k := range parts {
		parts[k] += total
	}
	return total, parts
}

// eceNoise is the variance of bins that are not surely off. Half of a deviation's own
// is more than that of its size beyond what chance adds.
func eceNoise(t tally, at []int) float64 {
	out := 0.0
	for _, b := range bins(t, at) {
		out += sq(float64(len(b.rows))/float64(len(at))*b.se()) / 2 * (1 - sq(b.surely()))
	}
	return out
}

// eceSlack is by how much ece is expected to be too high where scores are right: a
// size is never below 0, and so chance does not cancel out. Of a normal deviation it
// is 0.34 standard errors; a half, since where scores are off by about two it is as
// much too low.
func eceSlack(t tally, at []int) float64 {
	out := 0.0
	for _, b := range bins(t, at) {
		out += float64(len(b.rows)) / float64(len(at)) * b.se() / 2 * (1 - b.surely())
	}
	return out
}

// miscalibration is the part of the Brier score that is due to scores which are far
// from the shares that come true: the mean square of that, less what chance adds
// (A. Kumar, P. Liang, T. Ma, NeurIPS 2019). The parts are those of its linear form.
func miscalibration(t tally, at []int) (float64, []float64) {
	total, parts := 0.0, make([]float64, len(at))
	for _, b := range bins(t, at) {
		total += float64(len(b.rows)) / float64(len(at)) * b.off()
		for _, k := range b.rows {
			_, came := claim(t, at[k])
			parts[k] = 2 * (b.sure - b.share) * (b.share - indicator(came))
		}
	}
	for k := range parts {
		parts[k] += total
	}
	return total, parts
}

// miscalibrationNoise is the variance that the linear form leaves out: where scores
// are right, all there is.
func miscalibrationNoise(t tally, at []int) float64 {
	out := 0.0
	for _, b := range bins(t, at) {
		out += sq(float64(len(b.rows))/float64(len(at))) * 2 * sq(b.sigma/float64(len(b.rows)))
	}
	return out
}
