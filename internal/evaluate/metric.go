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
	// noise is the variance of a value that its parts leave out, slack by how much it
	// may be expected to be too high; nil where there is none.
	noise, slack func(t tally, at []int) float64
	// lacks says why there is no value, or nothing; nil where there always is one.
	lacks func(t tally, at []int) string
}

// meanOf is a measure that is the mean of a number of each row.
func meanOf(name string, higher bool, of func(t tally, i int) float64) measure {
	return measure{name: name, higher: higher, of: func(t tally, at []int) (float64, []float64) {
		parts := make([]float64, len(at))
		for k, i := range at {
			parts[k] = of(t, i)
		}
		return mean(parts), parts
	}}
}

// measures are the metrics of a task, those that gates name by a class or a quantile,
// and the owner's.
func measures(m hone.Model) []measure {
	out := []measure{meanOf("loss", false, func(t tally, i int) float64 { return t.losses[i] })}
	classes := []measure{
		meanOf("accuracy", true, func(t tally, i int) float64 { return indicator(t.right[i]) }),
		meanOf("log_loss", false, logLoss), meanOf("brier", false, brier),
		{name: "kappa", higher: true, of: kappa, noise: kappaNoise, lacks: oneClass},
		{name: "ece", of: ece, noise: eceNoise, slack: eceSlack, lacks: fewForBins},
		{name: "calibration", of: miscalibration, noise: miscalibrationNoise, lacks: fewForBins},
	}
	switch m.Task {
	case hone.Binary:
		out = append(append(out, classes...), measure{name: "auc", higher: true, of: auc, lacks: oneClass},
			measure{name: "pr_auc", higher: true, of: prAUC, lacks: oneClass}, f1("f1", func(s hone.Signature) string { return s.Classes[1] }))
		if m.Loss.Priced() {
			out = append(out, meanOf("cost", false, costOf(m.Loss)))
		}
	case hone.Multiclass:
		out = append(append(out, classes...), measure{name: "macro_f1", higher: true, of: macroF1, noise: macroNoise})
	case hone.Regression:
		out = append(out, measure{name: "rmse", of: rmse}, meanOf("mae", false, absolute), mape())
	}
	for _, name := range named(m) {
		if q, ok := hone.Quantile(name); ok {
			out = append(out, meanOf(name, false, pinball(q)))
		} else if class, ok := hone.ClassOf(name); ok {
			out = append(out, f1(name, func(hone.Signature) string { return class }))
		}
	}
	for _, name := range sortedKeys(m.Metrics) {
		out = append(out, meanOf(name, m.Metrics[name].Direction != hone.Lower, func(t tally, i int) float64 { return t.owned(name, i) }))
	}
	return out
}

// named are the metrics that gates name and that the task has by class or quantile
// alone, each once; the owner's own go before them.
func named(m hone.Model) []string {
	names := map[string]bool{}
	for _, g := range m.Gates {
		_, quantile := hone.Quantile(g.Metric)
		_, class := hone.ClassOf(g.Metric)
		_, own := m.Metrics[g.Metric]
		names[g.Metric] = !own && (quantile && m.Task == hone.Regression || class && m.Task == hone.Multiclass)
	}
	return slices.DeleteFunc(sortedKeys(names), func(name string) bool { return !names[name] })
}

// pairs adds the metrics of both sides over the given rows to an evaluation, with the
// interval of their difference. Of a metric that has no value there, such as the AUC
// of one class, it adds why. The suffix is added to each name.
func (p pairing) pairs(e *hone.Evaluation, all []measure, at []int, suffix string) {
	for _, f := range all {
		pair, why := p.pair(f, at)
		pair.Metric += suffix
		if why == "" {
			e.Metrics = append(e.Metrics, pair)
			continue
		}
		if e.Lacking == nil {
			e.Lacking = map[string]string{}
		}
		e.Lacking[pair.Metric] = why
	}
}

// pair holds both sides to one metric, or says why that has no value.
func (p pairing) pair(f measure, at []int) (out hone.MetricPair, why string) {
	out = hone.MetricPair{Metric: f.name, Higher: f.higher, N: len(at)}
	for _, t := range []tally{p.a, p.b} {
		if f.lacks == nil {
			break
		}
		if why = f.lacks(t, at); why != "" {
			return out, why
		}
	}
	x, mine := f.of(p.a, at)
	y, other := f.of(p.b, at)
	if !finite(x) || !finite(y) {
		return out, "it is no finite number on these rows"
	}
	out.Candidate, out.Champion = x, y
	if len(at) < 2 {
		return out, ""
	}
	for k := range mine {
		mine[k] -= other[k]
	}
	center, lower, upper := p.interval(mine, at)
	if f.noise != nil {
		beyond := sq(stat.NormalQuantile(0.975)) * (f.noise(p.a, at) + f.noise(p.b, at))
		lower, upper = center-math.Sqrt(sq(center-lower)+beyond), center+math.Sqrt(sq(upper-center)+beyond)
	}
	if f.slack != nil {
		lower, upper = lower-f.slack(p.a, at), upper+f.slack(p.b, at)
	}
	out.Lower, out.Upper = x-y+lower-center, x-y+upper-center
	if !finite(out.Lower) || !finite(out.Upper) {
		return out, "its spread is no finite number on these rows"
	}
	return out, ""
}

// flips is the share of rows that were right and now are wrong; the champion's is
// that of the rows that are now right.
func (p pairing) flips(at []int, suffix string) hone.MetricPair {
	out, parts := hone.MetricPair{Metric: "negative_flips" + suffix, N: len(at)}, make([]float64, len(at))
	for k, i := range at {
		lost, won := indicator(p.b.right[i] && !p.a.right[i]), indicator(p.a.right[i] && !p.b.right[i])
		out.Candidate += lost / float64(len(at))
		out.Champion += won / float64(len(at))
		parts[k] = lost - won
	}
	if len(at) > 1 {
		_, out.Lower, out.Upper = p.interval(parts, at)
	}
	return out
}

// gated adds the metrics that the owner's gates hold on each slice, named after
// metric and slice: "auc country=DE".
func (p pairing) gated(e *hone.Evaluation, m hone.Model, s slice) {
	asked := func(name string) bool {
		return slices.ContainsFunc(m.Gates, func(g hone.Gate) bool { return g.Slices == "all" && g.Metric == name })
	}
	all := slices.DeleteFunc(measures(m), func(f measure) bool { return f.name == "loss" || !asked(f.name) })
	p.pairs(e, all, s.rows, " "+s.name)
	if m.Task != hone.Regression && asked("negative_flips") {
		e.Metrics = append(e.Metrics, p.flips(s.rows, " "+s.name))
	}
}

func sq(x float64) float64 { return x * x }

func indicator(is bool) float64 {
	if is {
		return 1
	}
	return 0
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
