package estimate

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"

	"hone/internal/learn/calibrate"
)

// Metric is one estimated number with the interval in which the realised one will
// lie in 95 of 100 cases, if the inputs alone have changed.
type Metric struct {
	Name         string
	Value        float64
	Lower, Upper float64
}

// Estimate is what is expected of rows without labels.
type Estimate struct {
	Metrics []Metric
	// Unknown says why there are none.
	Unknown string
	// Weighted is set where the rows before were weighed by how often their like
	// comes now.
	Weighted bool
}

// Known are rows with their outcome: a score, and 1 or 0. Shift says how inputs
// such as theirs come now.
type Known struct {
	Scores, Outcomes []float64
	Shift            Ratio
}

const (
	// MinKnown is how many rows with an outcome an estimate rests on at least.
	MinKnown = 200
	// Weights are trusted where the rows before cover so much of the inputs of now;
	// under minCovered nothing is known.
	enoughCovered = 0.9
	minCovered    = 0.5

	draws    = 200
	normal95 = 1.959963984540054
	drawn95  = 1.971896224 // Student's, for a spread that was found by so many draws.
)

// unknown says why the rows do not carry an estimate, or nothing.
func (k Known) unknown() string {
	n, ones := len(k.Scores), 0.0
	for _, y := range k.Outcomes {
		ones += y
	}
	switch {
	case n < MinKnown:
		return tooFew(n)
	case ones == 0 || ones == float64(n):
		return "the labelled rows are all of one class"
	}
	return k.Shift.unknown(n)
}

func tooFew(n int) string {
	return fmt.Sprintf("it rests on labelled rows that the version was not trained on: there are %d, and %d are needed", n, MinKnown)
}

// unknown says why n rows before tell nothing of the inputs of now, or nothing.
func (r Ratio) unknown(n int) string {
	switch {
	case r.Weights == nil:
		return ""
	case r.Covered < minCovered:
		return fmt.Sprintf("%.0f %% of the inputs have no like among the labelled rows", 100*(1-r.Covered))
	case r.Effective < MinEffective:
		return fmt.Sprintf("the inputs have changed so much that the %d labelled rows are worth %.0f, and %d are needed", n, r.Effective, MinEffective)
	}
	return ""
}

// estimate reads metrics by the score alone, or by weighed rows where they cover
// the inputs of now. Where they cover some only, the interval holds both.
func (k Known) estimate(read func(weights []float64, effective float64) []Metric) Estimate {
	if why := k.unknown(); why != "" {
		return Estimate{Unknown: why}
	}
	all := float64(len(k.Scores))
	if k.Shift.Weights == nil {
		return Estimate{Metrics: read(nil, all)}
	}
	weighed := read(k.Shift.Weights, k.Shift.Effective)
	if k.Shift.Covered >= enoughCovered {
		return Estimate{Metrics: weighed, Weighted: true}
	}
	return Estimate{Metrics: holdBoth(read(nil, all), weighed)}
}

// holdBoth widens intervals so that they hold those of another reading. One that has
// no meaning there stays as it is.
func holdBoth(m, other []Metric) []Metric {
	for i, o := range other {
		if o.Upper-o.Lower >= 0 {
			m[i].Lower, m[i].Upper = min(m[i].Lower, o.Lower), max(m[i].Upper, o.Upper)
		}
	}
	return m
}

// read gives metrics by the probability of the outcome 1: the score, moved towards
// the curve by as much of the way as the known rows show it to be wrong. The curve
// alone is right wherever the scores are, so that the interval holds both. See R.
// Berk et al., Ann. Statist. 41 (2013), for what an interval is worth that forgets
// how its model was chosen.
func (k Known) read(scores, weights []float64, effective, threshold float64, by func(p []float64, widen float64) []Metric) []Metric {
	raw := make([]float64, len(scores))
	for i, s := range scores {
		raw[i] = share01(s)
	}
	if auc(k.Scores, k.Outcomes) > separable {
		return by(raw, noise(len(scores), effective, 0))
	}
	c, way := k.fit(weights, threshold), k.off(weights, threshold)
	curved, moved := make([]float64, len(scores)), make([]float64, len(scores))
	for i, s := range scores {
		curved[i] = c.at(s)
		moved[i] = raw[i] + way*(curved[i]-raw[i])
	}
	whole := noise(len(scores), effective, c.levels())
	return holdBoth(by(moved, noise(len(scores), effective, int(way*float64(c.levels())))), by(curved, whole))
}

// separable is the AUC from which scores need no calibration.
const separable = 0.999

// minSide is how many rows an answer has for a curve of its own.
const minSide = 50

// curves are one for each answer. A curve across the threshold pools rows on both
// sides of it where those above came true more rarely than those below, against all
// expectation, and promises of each side more than it kept: the sum over a side must
// be what came of it.
type curves struct {
	below, above calibrate.Curve
	threshold    float64
}

func (k Known) fit(weights []float64, threshold float64) curves {
	var scores, outcomes, mass [2][]float64
	for i, s := range k.Scores {
		side := 0
		if s >= threshold {
			side = 1
		}
		scores[side], outcomes[side], mass[side] = append(scores[side], s), append(outcomes[side], k.Outcomes[i]), append(mass[side], weight(weights, i))
	}
	if min(len(scores[0]), len(scores[1])) < minSide {
		return curves{above: calibrate.FitCurve(k.Scores, k.Outcomes, weights), threshold: math.Inf(-1)}
	}
	return curves{calibrate.FitCurve(scores[0], outcomes[0], mass[0]), calibrate.FitCurve(scores[1], outcomes[1], mass[1]), threshold}
}

func (c curves) at(score float64) float64 {
	if score < c.threshold {
		return c.below.At(score)
	}
	return c.above.At(score)
}

func (c curves) levels() int { return levels(c.below) + levels(c.above) }

// offBins are the parts of each answer, by the score, in which off looks for a miss.
const offBins = 3

// off is the part of the way to the curves that the scores are to go. The square of
// what a part of the rows missed, in units of what drawing them alone makes of it, is
// 1 in the mean where they are right. So scores stay as they are while the parts miss
// no more than that, go all the way once it is more than one case in a hundred
// brings about, and part of the way between. Source: H. Gao, A. Bruce, Statistica
// Sinica 7 (1997), firm shrinkage.
func (k Known) off(weights []float64, threshold float64) float64 {
	var sides [2][]int
	for _, i := range byScore(k.Scores) {
		side := 0
		if k.Scores[i] >= threshold {
			side = 1
		}
		sides[side] = append(sides[side], i)
	}
	sum, parts := 0.0, 0
	for _, at := range sides {
		for b := range offBins {
			if z := k.miss(at[b*len(at)/offBins:(b+1)*len(at)/offBins], weights); z == z {
				sum, parts = sum+z, parts+1
			}
		}
	}
	if parts == 0 {
		return 0
	}
	mean := float64(parts)
	rare := 2 * mathext.GammaIncRegInv(mean/2, 0.99) // Of chi-squared.
	return math.Max(0, math.Min(1, (sum-mean)/(rare-mean)))
}

func share01(score float64) float64 { return math.Max(0, math.Min(1, score)) }

// miss is the square of what the scores of some rows missed, over its variance if
// they are right; not a number where there are no rows, or all are said to be sure
// and are.
func (k Known) miss(at []int, weights []float64) float64 {
	miss, variance := 0.0, 0.0
	for _, i := range at {
		w := weight(weights, i)
		p := share01(k.Scores[i])
		miss += w * (k.Outcomes[i] - p)
		variance += w * w * p * (1 - p)
	}
	return miss * miss / variance
}

// Binary estimates the metrics of a model that gives the probability of a class,
// on rows whose labels are not known: accuracy, precision, recall, f1, auc, and the
// mean of each loss, which is given the row, and 1 or 0.
func Binary(known Known, scores []float64, threshold float64, losses map[string]func(row int, y float64) float64) Estimate {
	return known.estimate(func(weights []float64, effective float64) []Metric {
		return known.read(scores, weights, effective, threshold, func(p []float64, widen float64) []Metric {
			return newWorld(scores, p, threshold, losses).metrics(widen)
		})
	})
}

// Accuracy estimates the accuracy alone, as Binary does, in a fraction of the time.
func Accuracy(known Known, scores []float64, threshold float64) Estimate {
	return known.estimate(func(weights []float64, effective float64) []Metric {
		return known.read(scores, weights, effective, threshold, func(p []float64, widen float64) []Metric {
			right := make([]float64, len(p))
			for i, x := range p {
				if right[i] = x; scores[i] < threshold {
					right[i] = 1 - x
				}
			}
			return share(right, widen)
		})
	})
}

// Answers estimates how often a model is right from how sure it is of its answer.
// The scores are the probability of the class that it answers, the outcomes 1
// where that was right.
func Answers(known Known, sure []float64) Estimate {
	return known.estimate(func(weights []float64, effective float64) []Metric {
		return known.read(sure, weights, effective, math.Inf(-1), share)
	})
}

// share is the accuracy of answers that are right with such probabilities. What is
// realised is a whole number of n answers, of which half a one on each side belongs
// to the interval.
func share(right []float64, widen float64) []Metric {
	sum, variance, n := 0.0, 0.0, float64(len(right))
	for _, p := range right {
		sum, variance = sum+p, variance+p*(1-p)
	}
	half := (normal95*math.Sqrt(variance)*widen + 0.5) / n
	return []Metric{{"accuracy", sum / n, math.Max(0, sum/n-half), math.Min(1, sum/n+half)}}
}

// noise is by how much the error of an estimate exceeds that of the labels drawn
// for n rows: what the probabilities rest on was drawn too, from as many rows of
// equal weight as the known ones are worth. A curve of so many levels lies nearer to
// the outcomes that it was fitted to than to others, so that its probabilities vary
// too little. Source: M. Meyer, M. Woodroofe, Ann. Statist. 28 (2000), who take a
// level for one and a half degrees of freedom.
func noise(n int, effective float64, levels int) float64 {
	free := math.Max(effective/2, effective-1.5*float64(levels))
	return math.Sqrt((1 + float64(n)/effective) * effective / free)
}

// world is rows whose outcomes are known by their probability alone.
type world struct {
	scores, p []float64
	positive  []bool
	order     []int
	names     []string
	loss      [][2][]float64 // Of each name: what each row loses if it is 0, or 1.
}

func newWorld(scores, p []float64, threshold float64, losses map[string]func(int, float64) float64) *world {
	w := &world{scores: scores, p: p, positive: make([]bool, len(scores)), order: byScore(scores)}
	for i, s := range scores {
		w.positive[i] = s >= threshold
	}
	for _, name := range sortedNames(losses) {
		var of [2][]float64
		for y := range of {
			of[y] = make([]float64, len(scores))
			for i := range scores {
				of[y][i] = losses[name](i, float64(y))
			}
		}
		w.names, w.loss = append(w.names, name), append(w.loss, of)
	}
	return w
}

// read gives all metrics for probabilities, or for outcomes of 0 and 1.
func (w *world) read(p []float64) []float64 {
	e := Expect(nil, p, w.positive)
	out := []float64{e.Accuracy, e.Precision, e.Recall, e.F1, aucIn(w.order, w.scores, p)}
	for _, of := range w.loss {
		sum := 0.0
		for i, x := range p {
			sum += (1-x)*of[0][i] + x*of[1][i]
		}
		out = append(out, sum/float64(len(p)))
	}
	return out
}

// metrics reads the expected values, and how far outcomes that are drawn by their
// probability fall from them.
func (w *world) metrics(widen float64) []Metric {
	value := w.read(w.p)
	spread := make([]float64, len(value))
	r := rand.New(rand.NewPCG(1, 2)) // The same rows give the same interval.
	drawn := make([]float64, len(w.p))
	for range draws {
		for i, p := range w.p {
			drawn[i] = 0
			if r.Float64() < p {
				drawn[i] = 1
			}
		}
		for m, v := range w.read(drawn) {
			if d := v - value[m]; d == d {
				spread[m] += d * d
			}
		}
	}
	out := make([]Metric, 0, len(value))
	for m, name := range append([]string{"accuracy", "precision", "recall", "f1", "auc"}, w.names...) {
		half := widen * drawn95 * math.Sqrt(spread[m]/draws)
		if m == 0 {
			half += 0.5 / float64(len(w.p)) // As in share.
		}
		v := Metric{name, value[m], value[m] - half, value[m] + half}
		if m < 5 {
			v.Lower, v.Upper = math.Max(0, v.Lower), math.Min(1, v.Upper)
		}
		out = append(out, v)
	}
	return out
}
