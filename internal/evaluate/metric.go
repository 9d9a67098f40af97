package evaluate

import (
	"cmp"
	"math"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat"
)

const (
	minSlice  = 30 // Rows under which a slice is not looked at.
	maxSlices = 50 // Of one feature, the largest first.
)

// measure is a metric: its value on some rows, and what each of them adds to it,
// so that the mean of the parts is the value. A metric that is no mean of rows has
// the parts of its linear form there (P. J. Huber, Robust Statistics, 1981), by
// which alone its chance can be told.
type measure struct {
	name   string
	higher bool
	of     func(t tally, at []int) (value float64, parts []float64)
	// noise is the variance of a value that its parts leave out; nil where there is
	// none.
	noise func(t tally, at []int) float64
}

// mean is a measure that is the mean of a number of each row.
func meanOf(name string, higher bool, of func(t tally, i int) float64) measure {
	return measure{name: name, higher: higher, of: func(t tally, at []int) (float64, []float64) {
		parts := make([]float64, len(at))
		for k, i := range at {
			parts[k] = of(t, i)
		}
		return mean(parts), parts
	}}
}

// measures are the metrics of a task, and the owner's.
func measures(m hone.Model) []measure {
	out := []measure{meanOf("loss", false, func(t tally, i int) float64 { return t.losses[i] })}
	right := meanOf("accuracy", true, func(t tally, i int) float64 { return indicator(t.right[i]) })
	log := meanOf("log_loss", false, logLoss)
	calibration := measure{name: "calibration", of: miscalibration, noise: miscalibrationNoise}
	switch m.Task {
	case hone.Binary:
		out = append(out, right, measure{name: "auc", higher: true, of: auc}, log, meanOf("brier", false, brier), measure{name: "ece", of: ece}, calibration,
			measure{name: "f1", higher: true, of: func(t tally, at []int) (float64, []float64) { return f1(t, at, t.side.Signature.Classes[1]) }})
	case hone.Multiclass:
		out = append(out, right, measure{name: "macro_f1", higher: true, of: macroF1}, log, meanOf("brier", false, brier), measure{name: "ece", of: ece}, calibration)
	case hone.Regression:
		out = append(out, measure{name: "rmse", of: rmse},
			meanOf("mae", false, func(t tally, i int) float64 { return math.Abs(t.targets[i] - t.scores[i][0]) }))
	}
	for _, name := range sortedKeys(m.Metrics) {
		out = append(out, meanOf(name, m.Metrics[name].Direction != hone.Lower, func(t tally, i int) float64 { return t.owned(name, i) }))
	}
	return out
}

// pairs returns the metrics of both sides over the given rows, with the interval
// of their difference. A metric that has no value there, such as the AUC of one
// class, is left out. The suffix is added to each name.
func (p pairing) pairs(m hone.Model, at []int, suffix string) []hone.MetricPair {
	out := []hone.MetricPair{}
	for _, f := range measures(m) {
		x, mine := f.of(p.a, at)
		y, other := f.of(p.b, at)
		if !finite(x) || !finite(y) {
			continue
		}
		pair := hone.MetricPair{Metric: f.name + suffix, Candidate: x, Champion: y, Higher: f.higher, N: len(at)}
		if mine != nil && other != nil && len(at) > 1 {
			for k := range mine {
				mine[k] -= other[k]
			}
			center, lower, upper := p.interval(mine, at)
			if f.noise != nil {
				beyond := sq(stat.NormalQuantile(0.975)) * (f.noise(p.a, at) + f.noise(p.b, at))
				lower, upper = center-math.Sqrt(sq(center-lower)+beyond), center+math.Sqrt(sq(upper-center)+beyond)
			}
			pair.Lower, pair.Upper = x-y+lower-center, x-y+upper-center
		}
		out = append(out, pair)
	}
	if m.Task != hone.Regression {
		out = append(out, p.flips(at, suffix))
	}
	return out
}

// flips is the share of rows that were right and now are wrong; the champion's is
// that of the rows that are now right.
func (p pairing) flips(at []int, suffix string) hone.MetricPair {
	out := hone.MetricPair{Metric: "negative_flips" + suffix, N: len(at)}
	for _, i := range at {
		out.Candidate += indicator(p.b.right[i] && !p.a.right[i]) / float64(len(at))
		out.Champion += indicator(p.a.right[i] && !p.b.right[i]) / float64(len(at))
	}
	return out
}

// gated returns the metrics that the owner's gates hold on each slice, named
// after metric and slice: "auc country=DE".
func (p pairing) gated(m hone.Model, s slice) []hone.MetricPair {
	var out []hone.MetricPair
	asked := func(name string) bool {
		return slices.ContainsFunc(m.Gates, func(g hone.Gate) bool {
			return g.Slices == "all" && g.Metric != "loss" && g.Metric+" "+s.name == name
		})
	}
	if !slices.ContainsFunc(m.Gates, func(g hone.Gate) bool { return g.Slices == "all" }) {
		return nil
	}
	for _, pair := range p.pairs(m, s.rows, " "+s.name) {
		if asked(pair.Metric) {
			out = append(out, pair)
		}
	}
	return out
}

func sq(x float64) float64 { return x * x }

func indicator(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// auc by the parts of E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson,
// Biometrics 44 (1988).
func auc(t tally, at []int) (float64, []float64) {
	scores, positive := make([]float64, len(at)), make([]bool, len(at))
	for k, i := range at {
		scores[k], positive[k] = t.scores[i][0], t.targets[i] == 1
	}
	return aucOf(scores, positive)
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

func logLoss(t tally, i int) float64 {
	return hone.Loss{Kind: hone.Log}.Of(t.side.Signature, t.scores[i], t.targets[i], 0)
}

// f1 of one class; 0 where it is neither answered nor true.
func f1(t tally, at []int, class string) (float64, []float64) {
	hits, counts := make([]float64, len(at)), make([]float64, len(at))
	for k, i := range at {
		is, said := t.labels[i] == class, t.answers[i] == class
		hits[k], counts[k] = 2*indicator(is && said), indicator(is)+indicator(said)
	}
	count := mean(counts)
	if count == 0 {
		return 0, hits
	}
	value := mean(hits) / count
	for k := range hits {
		hits[k] = value + (hits[k]-value*counts[k])/count
	}
	return value, hits
}

// macroF1 is the mean over the classes that the labels have.
func macroF1(t tally, at []int) (float64, []float64) {
	classes := map[string]bool{}
	for _, i := range at {
		classes[t.labels[i]] = true
	}
	sum, parts := 0.0, make([]float64, len(at))
	for _, c := range sortedKeys(classes) {
		value, of := f1(t, at, c)
		sum += value
		for k, x := range of {
			parts[k] += x / float64(len(classes))
		}
	}
	return sum / float64(len(classes)), parts
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// slice is a named subset of the usable rows, by their place among them.
type slice struct {
	name string
	rows []int
}

// slicesOf returns the slices with enough rows: each value of each feature that
// the model is sliced by, the largest first.
func slicesOf(m hone.Model, rows Rows, use []int) []slice {
	var out []slice
	if rows.Frame == nil {
		return nil
	}
	for _, feature := range m.Slices {
		col := rows.Frame.Schema.Index(feature)
		if col < 0 {
			continue
		}
		byValue := map[string][]int{}
		for k, i := range use {
			v := show(rows.Frame.Value(i, col))
			byValue[v] = append(byValue[v], k)
		}
		var of []slice
		for v, at := range byValue {
			if len(at) >= minSlice {
				of = append(of, slice{feature + "=" + v, at})
			}
		}
		slices.SortFunc(of, func(a, b slice) int {
			return cmp.Or(cmp.Compare(len(b.rows), len(a.rows)), cmp.Compare(a.name, b.name))
		})
		out = append(out, of[:min(len(of), maxSlices)]...)
	}
	return out
}

func show(v any) string {
	switch x := v.(type) {
	case float64:
		return frame.FormatNumber(x)
	case string:
		return x
	}
	return "(missing)"
}
