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

// pairs returns the task's metrics of both sides over the given rows. A metric
// that has no value there, such as the AUC of one class, is left out. The suffix
// is added to each name.
func pairs(m hone.Model, a, b tally, at []int, suffix string) []hone.MetricPair {
	out := []hone.MetricPair{}
	add := func(name string, higher bool, f func(tally, []int) float64) {
		x, y := f(a, at), f(b, at)
		if finite(x) && finite(y) {
			out = append(out, hone.MetricPair{Metric: name + suffix, Candidate: x, Champion: y, Higher: higher, N: len(at)})
		}
	}
	add("loss", false, func(t tally, at []int) float64 {
		return average(at, func(i int) float64 { return t.losses[i] })
	})
	switch m.Task {
	case hone.Binary:
		add("accuracy", true, accuracy)
		add("auc", true, auc)
		add("log_loss", false, logLoss)
		add("brier", false, brier)
		add("f1", true, func(t tally, at []int) float64 { return f1(t, at, t.side.Signature.Classes[1]) })
	case hone.Multiclass:
		add("accuracy", true, accuracy)
		add("macro_f1", true, macroF1)
		add("log_loss", false, logLoss)
	case hone.Regression:
		add("rmse", false, func(t tally, at []int) float64 {
			return math.Sqrt(average(at, func(i int) float64 { return sq(t.targets[i] - t.scores[i][0]) }))
		})
		add("mae", false, func(t tally, at []int) float64 {
			return average(at, func(i int) float64 { return math.Abs(t.targets[i] - t.scores[i][0]) })
		})
	}
	return out
}

// gated returns the metrics that the owner's gates hold on each slice, named
// after metric and slice: "auc country=DE".
func gated(m hone.Model, a, b tally, s slice) []hone.MetricPair {
	var out []hone.MetricPair
	asked := func(name string) bool {
		return slices.ContainsFunc(m.Gates, func(g hone.Gate) bool {
			return g.Slices == "all" && g.Metric != "loss" && g.Metric+" "+s.name == name
		})
	}
	if !slices.ContainsFunc(m.Gates, func(g hone.Gate) bool { return g.Slices == "all" }) {
		return nil
	}
	for _, p := range pairs(m, a, b, s.rows, " "+s.name) {
		if asked(p.Metric) {
			out = append(out, p)
		}
	}
	return out
}

func average(at []int, f func(i int) float64) float64 {
	sum := 0.0
	for _, i := range at {
		sum += f(i)
	}
	return sum / float64(len(at))
}

func sq(x float64) float64 { return x * x }

func accuracy(t tally, at []int) float64 {
	return average(at, func(i int) float64 {
		if t.right[i] {
			return 1
		}
		return 0
	})
}

func auc(t tally, at []int) float64 {
	scores, positive := make([]float64, len(at)), make([]bool, len(at))
	for k, i := range at {
		scores[k], positive[k] = t.scores[i][0], t.targets[i] == 1
	}
	v, _ := stat.AUC(scores, positive)
	return v
}

func logLoss(t tally, at []int) float64 {
	l := hone.Loss{Kind: hone.Log}
	return average(at, func(i int) float64 { return l.Of(t.side.Signature, t.scores[i], t.targets[i], 0) })
}

// brier counts a class that the version does not know as surely wrong.
func brier(t tally, at []int) float64 {
	return average(at, func(i int) float64 {
		if t.targets[i] < 0 {
			return 1
		}
		return sq(t.targets[i] - t.scores[i][0])
	})
}

// f1 of one class; 0 where it is neither answered nor true.
func f1(t tally, at []int, class string) float64 {
	hit, answered, truly := 0, 0, 0
	for _, i := range at {
		is, said := t.labels[i] == class, t.answers[i] == class
		if is {
			truly++
		}
		if said {
			answered++
		}
		if is && said {
			hit++
		}
	}
	if answered+truly == 0 {
		return 0
	}
	return 2 * float64(hit) / float64(answered+truly)
}

// macroF1 is the mean over the classes that the labels have.
func macroF1(t tally, at []int) float64 {
	classes := map[string]bool{}
	for _, i := range at {
		classes[t.labels[i]] = true
	}
	sum := 0.0
	for _, c := range sortedKeys(classes) {
		sum += f1(t, at, c)
	}
	return sum / float64(len(classes))
}

func sortedKeys(m map[string]bool) []string {
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
