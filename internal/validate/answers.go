package validate

import (
	"hash/fnv"
	"math"
	"slices"

	"hone"
	"hone/internal/learn/linear"
)

// Answers are what a version said of rows, in their order.
type Answers struct {
	Scores  hone.Scores
	Classes []string
}

// pick are the answers for some of the rows.
func (a *Answers) pick(at []int) *Answers {
	out := &Answers{Classes: a.Classes, Scores: hone.Scores{Width: a.Scores.Width}}
	for _, i := range at {
		out.Scores.V = append(out.Scores.V, a.Scores.Row(i)...)
	}
	return out
}

// folds is how many models answer for the rows of one another.
const folds = 3

// crossed are the answers of linear models, each fitted to the older rows and those
// new ones that are of other users than the rows it answers for; nil where none can
// be fitted. So no user's labels say how they themselves are judged.
func crossed(m hone.Model, old, now Rows) *Answers {
	if now.Frame.N < minRows {
		return nil
	}
	var out *Answers
	for fold := range folds {
		var in, others []int
		for i := range now.Frame.N {
			if foldOf(now, i) == fold {
				in = append(in, i)
			} else {
				others = append(others, i)
			}
		}
		if len(in) == 0 {
			continue
		}
		a := predicted(m, joined(old, now.pick(others)), now.pick(in))
		if a == nil || out != nil && !slices.Equal(a.Classes, out.Classes) {
			return nil
		}
		if out == nil {
			out = &Answers{Classes: a.Classes, Scores: hone.Scores{Width: a.Scores.Width, V: make([]float64, a.Scores.Width*now.Frame.N)}}
		}
		for k, i := range in {
			copy(out.Scores.Row(i), a.Scores.Row(k))
		}
	}
	return out
}

// blended are the answers of two that know the same classes, each as sure as the
// other; nil where they cannot be.
func blended(m hone.Model, a, b *Answers) *Answers {
	if a == nil || b == nil || m.Task == hone.Regression || !slices.Equal(a.Classes, b.Classes) {
		return nil
	}
	out := &Answers{Classes: a.Classes, Scores: hone.Scores{Width: a.Scores.Width, V: make([]float64, len(a.Scores.V))}}
	for i := range len(a.Scores.V) / max(1, a.Scores.Width) {
		p, q, to := a.Scores.Row(i), b.Scores.Row(i), out.Scores.Row(i)
		left := 0.0
		for c := range to {
			to[c] = math.Sqrt(math.Max(0, p[c]*q[c]))
			left += to[c]
		}
		if m.Task == hone.Binary {
			left += math.Sqrt(math.Max(0, (1-p[0])*(1-q[0])))
		}
		for c := range to {
			to[c] /= math.Max(left, 1e-12)
		}
	}
	return out
}

func foldOf(r Rows, i int) int {
	if r.Units == nil || r.Units[i] == "" {
		return i % folds
	}
	h := fnv.New32a()
	h.Write([]byte(r.Units[i]))
	return int(h.Sum32() % folds)
}

// joined puts b behind a, without users and sources.
func joined(a, b Rows) Rows {
	if a.Frame == nil || a.Frame.N == 0 {
		return b
	}
	out := Rows{Frame: a.Frame.Pick(nil), Labels: slices.Concat(a.Labels, b.Labels), Times: slices.Concat(a.Times, b.Times)}
	out.Frame.Append(a.Frame)
	out.Frame.Append(b.Frame)
	return out
}

// predicted are the answers for some rows of a linear model that was fitted to
// others; nil where that cannot be.
func predicted(m hone.Model, old, now Rows) *Answers {
	fit, a := fitted(m, old)
	if fit == nil {
		return nil
	}
	a.Scores = hone.Scores{Width: a.Scores.Width, V: make([]float64, a.Scores.Width*now.Frame.N)}
	fit.Predict(now.Frame, a.Scores.V)
	return a
}

// fitted is a linear model of some rows, and the answers it will give, still
// without any; nil where there is nothing to learn.
func fitted(m hone.Model, old Rows) (*linear.Model, *Answers) {
	a := &Answers{Classes: classes(m, old.Labels)}
	sig := hone.Signature{Task: m.Task, Classes: a.Classes}
	if m.Task != hone.Regression && len(a.Classes) < 2 || m.Task == hone.Binary && len(a.Classes) != 2 {
		return nil, nil
	}
	o := linear.Defaults()
	o.Epochs, o.Interactions = 8, true
	switch m.Task {
	case hone.Multiclass:
		o.Task, o.Classes = linear.Softmax, len(a.Classes)
	case hone.Regression:
		o.Task = linear.LeastSquares
	}
	y := make([]float64, old.Frame.N)
	for i, l := range old.Labels {
		y[i] = sig.Target(l)
	}
	fit, err := linear.Fit(old.Frame, y, nil, o, nil, nil)
	if err != nil {
		return nil, nil
	}
	a.Scores.Width = sig.Width()
	return fit, a
}

// classes are the labels, sorted; for a binary model the negative, then the
// positive.
func classes(m hone.Model, labels []string) []string {
	if m.Task == hone.Regression {
		return nil
	}
	seen := map[string]bool{}
	for _, l := range labels {
		seen[l] = true
	}
	var out []string
	for l := range seen {
		out = append(out, l)
	}
	slices.Sort(out)
	if m.Task == hone.Binary && len(out) == 2 && out[0] == m.Label.Positive {
		out[0], out[1] = out[1], out[0]
	}
	return out
}
