package evaluate

import (
	"math"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// auc by the parts of E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson,
// Biometrics 44 (1988).
func auc(t tally, at []int) (float64, []float64) { return aucOf(ranked(t, at)) }

func prAUC(t tally, at []int) (float64, []float64) { return stat.AveragePrecision(ranked(t, at)) }

func ranked(t tally, at []int) (scores []float64, positive []bool) {
	for _, i := range at {
		scores, positive = append(scores, t.scores[i][0]), append(positive, t.targets[i] == 1)
	}
	return scores, positive
}

// oneClass says that the rows are all of one class, if they are.
func oneClass(t tally, at []int) string {
	for _, i := range at {
		if t.labels[i] != t.labels[at[0]] {
			return ""
		}
	}
	return "all " + say.Count(len(at), "row is", "rows are") + " of one class"
}

func rmse(t tally, at []int) (float64, []float64) {
	parts := make([]float64, len(at))
	for k, i := range at {
		parts[k] = sq(t.targets[i] - t.scores[i][0])
	}
	squared := mean(parts)
	value := math.Sqrt(squared)
	for k, x := range parts {
		parts[k] = value
		if value > 0 {
			parts[k] += (x - squared) / (2 * value)
		}
	}
	return value, parts
}

func absolute(t tally, i int) float64 { return math.Abs(t.targets[i] - t.scores[i][0]) }

// mape is the mean error as a share of the truth.
func mape() measure {
	out := meanOf("mape", false, func(t tally, i int) float64 { return absolute(t, i) / math.Abs(t.targets[i]) })
	out.lacks = func(t tally, at []int) string {
		zeros := 0
		for _, i := range at {
			zeros += int(indicator(t.targets[i] == 0))
		}
		if zeros == 0 {
			return ""
		}
		return "the truth is 0 on " + say.Count(zeros, "row", "rows") + ", and no error is a share of 0"
	}
	return out
}

// pinball is the loss that the given quantile of the truth makes least (R. Koenker,
// G. Bassett, Econometrica 46, 1978).
func pinball(quantile float64) func(t tally, i int) float64 {
	return func(t tally, i int) float64 {
		above := t.targets[i] - t.scores[i][0]
		return math.Max(quantile*above, (quantile-1)*above)
	}
}

func logLoss(t tally, i int) float64 {
	return hone.Loss{Kind: hone.Log}.Of(t.side.Signature, t.scores[i], t.targets[i], 0)
}

// costOf is what the prices say of the answers that a version gives at its own
// threshold, whatever the loss counts.
func costOf(l hone.Loss) func(t tally, i int) float64 {
	l.Kind = hone.Cost
	return func(t tally, i int) float64 { return l.Of(t.side.Signature, t.scores[i], t.targets[i], 0) }
}

func kappa(t tally, at []int) (float64, []float64) { return stat.Kappa(answered(t, at)) }

func kappaNoise(t tally, at []int) float64 { return stat.KappaNoise(answered(t, at)) }

func answered(t tally, at []int) (truth, answers []string) {
	for _, i := range at {
		truth, answers = append(truth, t.labels[i]), append(answers, t.answers[i])
	}
	return truth, answers
}

// f1 of one class, by the answers that a version gives at its own threshold.
func f1(name string, class func(hone.Signature) string) measure {
	return measure{name: name, higher: true,
		of:    func(t tally, at []int) (float64, []float64) { return stat.F1(ofClass(t, at, class(t.side.Signature))) },
		noise: func(t tally, at []int) float64 { return stat.F1Noise(ofClass(t, at, class(t.side.Signature))) },
		lacks: func(t tally, at []int) string {
			c := class(t.side.Signature)
			for _, i := range at {
				if t.labels[i] == c {
					return ""
				}
			}
			return "none of " + say.Count(len(at), "row", "rows") + " is of the class " + say.Clip(c, 40)
		}}
}

// ofClass tells which rows are of a class, and which are said to be.
func ofClass(t tally, at []int, class string) (is, said []bool) {
	for _, i := range at {
		is, said = append(is, t.labels[i] == class), append(said, t.answers[i] == class)
	}
	return is, said
}

// macroF1 is the mean over the classes that the labels have.
func macroF1(t tally, at []int) (float64, []float64) {
	classes := classesOf(t, at)
	sum, parts := 0.0, make([]float64, len(at))
	for _, c := range classes {
		value, of := stat.F1(ofClass(t, at, c))
		sum += value
		for k, x := range of {
			parts[k] += x / float64(len(classes))
		}
	}
	return sum / float64(len(classes)), parts
}

func macroNoise(t tally, at []int) float64 {
	classes, out := classesOf(t, at), 0.0
	for _, c := range classes {
		out += stat.F1Noise(ofClass(t, at, c)) / sq(float64(len(classes)))
	}
	return out
}

func classesOf(t tally, at []int) []string {
	classes := map[string]bool{}
	for _, i := range at {
		classes[t.labels[i]] = true
	}
	return sortedKeys(classes)
}
