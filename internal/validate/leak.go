package validate

import (
	"fmt"
	"math"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/linear"
	"hone/internal/stat"
)

// What one feature alone may tell of the label: from sure on nobody can know so
// much before; from much on it is odd where all features together tell no more.
const (
	sureAUC   = 0.995
	muchAUC   = 0.9
	ofModel   = 0.98
	sureFit   = 0.99 // Share of the variance of a number.
	muchFit   = 0.9
	leakRows  = 20000 // More say nothing new.
	leakBins  = 40
	leakLeast = 10 // Of each class.
)

// leaks finds features that alone nearly give the label. Of those that did in the
// rows of the champion, and were let pass, nobody is asked again.
func leaks(m hone.Model, r Rows, known map[string]bool) (out []finding) {
	r = r.even(leakRows)
	if r.Frame.N < minRows || varying(r.Frame) < 2 {
		return nil // Of one feature there is nothing to ask: it is the model.
	}
	targets := targetsOf(m, r.Labels)
	if targets == nil {
		return nil
	}
	model, sure, much := math.NaN(), sureAUC, muchAUC
	if m.Task == hone.Regression {
		sure, much = sureFit, muchFit
	}
	for i, f := range r.Frame.Schema {
		told := tells(m, r.Frame.Cols[i], f.Kind, targets)
		if told < much {
			continue
		}
		if told < sure {
			if math.IsNaN(model) {
				model = together(m, r, targets)
			}
			chance := 0.5
			if m.Task == hone.Regression {
				chance = 0
			}
			if !(told-chance >= ofModel*(model-chance)) {
				continue
			}
		}
		leak := finding{rule: "leakage", about: f.Name, level: hone.Asks, value: told, limit: much, sentence: leakSentence(m, f.Name, told, told >= sure)}
		if known[f.Name] {
			leak.level = hone.Warns
		}
		out = append(out, leak)
	}
	return out
}

// varying counts the features that have more than one value.
func varying(f *frame.Frame) (n int) {
	for _, c := range f.Cols {
		if slices.ContainsFunc(c.Num, func(x float64) bool { return x-x == 0 && x != c.Num[0] }) ||
			slices.ContainsFunc(c.Str, func(v string) bool { return v != c.Str[0] }) {
			n++
		}
	}
	return n
}

func leakSentence(m hone.Model, name string, told float64, sure bool) string {
	measure := fmt.Sprintf("AUC %.3f", told)
	if m.Task == hone.Regression {
		measure = fmt.Sprintf("%.1f %% of its variance", 100*told)
	}
	s := fmt.Sprintf("%s alone tells %s (%s)", name, m.Label.Name, measure)
	if !sure {
		s += ", no less than all features together"
	}
	return s + ": is it known before the label is?"
}

// targetsOf are the labels as classes 0, 1, …, or as numbers; nil where there is
// nothing to tell.
func targetsOf(m hone.Model, labels []string) [][]float64 {
	if m.Task == hone.Regression {
		out := make([]float64, len(labels))
		for i, l := range labels {
			out[i] = target(l)
		}
		return [][]float64{out}
	}
	count := map[string]int{}
	for _, l := range labels {
		count[l]++
	}
	var out [][]float64
	for _, s := range shares(count, len(labels)) {
		if count[s.Value] < leakLeast || m.Task == hone.Binary && s.Value != m.Label.Positive {
			continue
		}
		is := make([]float64, len(labels))
		for i, l := range labels {
			if l == s.Value {
				is[i] = 1
			}
		}
		out = append(out, is)
	}
	if m.Task == hone.Binary && len(count) < 2 || m.Task != hone.Binary && len(out) < 2 {
		return nil
	}
	return out
}

// tells is how well one feature alone gives the label: the AUC, for several
// classes its mean weighted by how frequent they are, or the share of variance.
func tells(m hone.Model, col frame.Column, kind frame.Kind, targets [][]float64) float64 {
	sum, weight := 0.0, 0.0
	for _, y := range targets {
		w := 1.0
		if m.Task != hone.Regression {
			w = mean(y)
		}
		told := honest(m.Task, col, kind, y)
		if kind == frame.Number {
			told = math.Max(told, plain(m.Task, col.Num, y))
		}
		sum, weight = sum+w*told, weight+w
	}
	return sum / math.Max(weight, 1e-12)
}

// plain takes the number itself for a score.
func plain(task hone.Task, x, y []float64) float64 {
	if task == hone.Regression {
		return correlation(x, y)
	}
	auc, _ := stat.AUC(x, above(y))
	return math.Max(auc, 1-auc)
}

// honest takes for a score what rows with about the same value had in one half
// of the rows, and judges it on the other half.
func honest(task hone.Task, col frame.Column, kind frame.Kind, y []float64) float64 {
	bin := binning(col, kind)
	sum, n := map[string]float64{}, map[string]float64{}
	total, learnt := 0.0, 0.0
	for i := 0; i < len(y); i += 2 {
		sum[bin(i)] += y[i]
		n[bin(i)]++
		total, learnt = total+y[i], learnt+1
	}
	base := total / math.Max(1, learnt)
	var score, truth []float64
	for i := 1; i < len(y); i += 2 {
		b := bin(i)
		score = append(score, (sum[b]+base)/(n[b]+1))
		truth = append(truth, y[i])
	}
	if task == hone.Regression {
		return explained(score, truth)
	}
	auc, _ := stat.AUC(score, above(truth))
	return auc
}

// binning names the bin of each row: a category, or a quantile of numbers.
func binning(col frame.Column, kind frame.Kind) func(i int) string {
	if kind != frame.Number {
		return func(i int) string { return col.Str[i] }
	}
	sorted := finite(col.Num)
	slices.Sort(sorted)
	edges := slices.Compact(thin(sorted, leakBins+1))
	return func(i int) string {
		if x := col.Num[i]; x-x == 0 {
			at, _ := slices.BinarySearch(edges, x)
			return string(rune('a' + at))
		}
		return ""
	}
}

// together is how well a linear model of all features gives the label, on rows
// that it was not fitted to.
func together(m hone.Model, r Rows, targets [][]float64) float64 {
	cut := r.Frame.N / 2
	sum, weight := 0.0, 0.0
	for _, y := range targets {
		o := linear.Defaults()
		o.Epochs = 8
		if m.Task == hone.Regression {
			o.Task = linear.LeastSquares
		}
		fit, err := linear.Fit(r.Frame.Slice(0, cut), y[:cut], nil, o, nil, nil)
		if err != nil {
			return math.NaN() // One class only.
		}
		score := make([]float64, r.Frame.N-cut)
		fit.Predict(r.Frame.Slice(cut, r.Frame.N), score)
		if m.Task == hone.Regression {
			return explained(score, y[cut:])
		}
		auc, _ := stat.AUC(score, above(y[cut:]))
		w := mean(y)
		sum, weight = sum+w*auc, weight+w
	}
	return sum / weight
}

func above(y []float64) []bool {
	out := make([]bool, len(y))
	for i, v := range y {
		out[i] = v > 0.5
	}
	return out
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / math.Max(1, float64(len(x)))
}

// explained is the share of the variance that answers explain; 0 where they are
// worse than the mean.
func explained(answers, truth []float64) float64 {
	base := mean(truth)
	left, all := 0.0, 0.0
	for i, y := range truth {
		left += (y - answers[i]) * (y - answers[i])
		all += (y - base) * (y - base)
	}
	if all == 0 {
		return 0
	}
	return math.Max(0, 1-left/all)
}

// correlation is the square of Pearson's; missing values are left out, and where
// these are many it says little.
func correlation(x, y []float64) float64 {
	var a, b []float64
	for i, v := range x {
		if v-v == 0 {
			a, b = append(a, v), append(b, y[i])
		}
	}
	if len(a)*2 < len(x) {
		return 0
	}
	ma, mb := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab * ab / (aa * bb)
}
