package monitor

import (
	"math"

	"hone"
	"hone/internal/stat"
)

// agreement gives the metrics of how answers agree with the truth, by class.
func (q *quality) agreement() []hone.Signal {
	truth, answers := make([]string, len(q.rows)), make([]string, len(q.rows))
	for i, s := range q.rows {
		answers[i] = q.sig.Answer(s.scores)
		if s.target >= 0 { // Classes that the version does not know are one to it.
			truth[i] = q.sig.Classes[int(s.target)]
		}
	}
	value, parts := stat.Kappa(truth, answers)
	kappa := q.byParts("kappa", -1, value, parts, stat.KappaNoise(truth, answers))
	if q.sig.Task == hone.Binary {
		value, parts, noise := f1(truth, answers, q.sig.Classes[1])
		return []hone.Signal{kappa, q.byParts("f1", 0, value, parts, noise)}
	}
	return []hone.Signal{kappa, q.macroF1(truth, answers)}
}

// macroF1 is the mean over the classes that labels have.
func (q *quality) macroF1(truth, answers []string) hone.Signal {
	sum, all, noises, n := 0.0, make([]float64, len(truth)), 0.0, 0.0
	for _, c := range append([]string{""}, q.sig.Classes...) {
		value, parts, noise := f1(truth, answers, c)
		if parts == nil {
			continue // Nobody is of this class.
		}
		sum, noises, n = sum+value, noises+noise, n+1
		for i, x := range parts {
			all[i] += x
		}
	}
	for i := range all {
		all[i] /= n
	}
	return q.byParts("macro_f1", 0, sum/n, all, noises/(n*n))
}

func f1(truth, answers []string, class string) (value float64, parts []float64, noise float64) {
	is, said := make([]bool, len(truth)), make([]bool, len(truth))
	for i := range truth {
		is[i], said[i] = truth[i] == class, answers[i] == class
	}
	value, parts = stat.F1(is, said)
	return value, parts, stat.F1Noise(is, said)
}

func (q *quality) precision() hone.Signal {
	scores, positive := q.ranked()
	value, parts := stat.AveragePrecision(scores, positive)
	return q.byParts("pr_auc", 0, value, parts, 0)
}

// byParts is a metric that is no mean of rows, from the least that it can be up to 1,
// with the interval that their parts give it.
func (q *quality) byParts(name string, least, value float64, parts []float64, noise float64) hone.Signal {
	out := hone.Signal{Name: name, N: len(q.rows)}
	switch {
	case parts == nil || math.IsNaN(value):
		out.Unknown = "too few mature labels of one class"
		return out
	case q.uneven:
		out.Unknown = "its rows weigh differently"
		return out
	}
	var of stat.Moments
	for _, x := range parts {
		of.Add(x)
	}
	half := stat.NormalQuantile(1-metricAlpha/2) * math.Sqrt(of.Variance()/float64(of.N)+noise)
	out.Value, out.Lower, out.Upper = value, math.Max(least, value-half), math.Min(1, value+half)
	return out
}

func (q *quality) mape() hone.Signal {
	for _, s := range q.rows {
		if s.target == 0 {
			return hone.Signal{Name: "mape", N: len(q.rows), Unknown: "the truth is 0 on some rows, and no error is a share of 0"}
		}
	}
	return q.mean("mape", func(s scored) float64 { return math.Abs((s.target - s.scores[0]) / s.target) })
}
