package validate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"hone"
	"hone/internal/learn/linear"
)

// Poisoning shows in how labels of one source, or one user, go with a model's
// answers, where those of all others do: they run against them, as labels that
// were turned round do, or go with them less than those of the others.

const (
	crowdRows   = 20000
	sourceRows  = 50
	userRows    = 4
	against     = 4.0 // Standard errors below nothing, or below the others.
	userAgainst = 2.0
	weakShare   = 0.6
	crowdSignal = 0.3 // Least agreement of all rows, as a share of a perfect model's.
	userErrors  = 4.0
)

// party is one source or user: how far its labels go with the answers.
type party struct {
	name    string
	n       int
	along   float64 // Sum of how far each label goes with its answer.
	could   float64 // What it would be, were the answers' own chances right.
	squares float64 // Of the former.
}

// slope is 1 where labels are as the answers have it, 0 where they have nothing to
// do with them, and -1 where they are turned round.
func (p party) slope() float64 { return p.along / math.Max(p.could, 1e-12) }

// error is the standard error of along, were labels to have nothing to do with
// the answers.
func (p party) error() float64 { return math.Sqrt(math.Max(p.squares, 1e-12)) }

// crowd finds sources and users whose labels run against the answers.
func crowd(m hone.Model, r Rows, answers *Answers) []finding {
	along, could := agreement(m, r, answers)
	if along == nil {
		return nil
	}
	all := gather(along, could, func(int) string { return "all" })
	if len(all) == 0 || all[0].slope() < crowdSignal || all[0].along < 5*all[0].error() {
		return nil // The answers say too little to judge labels by.
	}
	var out []finding
	if r.Sources != nil {
		out = append(out, sources(gather(along, could, func(i int) string { return r.Sources[i] }), all[0])...)
	}
	if r.Units != nil {
		out = append(out, users(along, could, r.Units, all[0].slope())...)
	}
	return out
}

// agreement is how far each label goes with its answer, and what that is on
// average where the answer's chances are right.
func agreement(m hone.Model, r Rows, a *Answers) (along, could []float64) {
	if a == nil || a.Scores.Width == 0 {
		return nil, nil
	}
	n := r.Frame.N
	along, could = make([]float64, n), make([]float64, n)
	sig := hone.Signature{Task: m.Task, Classes: a.Classes}
	base := bases(sig, r.Labels, a.Scores.Width)
	for i, l := range r.Labels {
		y, p := sig.Target(l), a.Scores.Row(i)
		for k := range p {
			is := y
			if m.Task == hone.Multiclass {
				is = 0
				if int(y) == k {
					is = 1
				}
			}
			d := p[k] - base[k].mean
			one := (is - base[k].mean) * d / base[k].scale
			if !(math.Abs(one) < 1e6) {
				continue
			}
			along[i] += one
			could[i] += d * d / base[k].scale
		}
	}
	return along, could
}

type base struct{ mean, scale float64 }

// bases are the means of the labels, and by what squares are divided: the variance
// of numbers, whose tails are cut.
func bases(sig hone.Signature, labels []string, width int) []base {
	out := make([]base, width)
	for k := range out {
		y := make([]float64, len(labels))
		for i, l := range labels {
			t := sig.Target(l)
			if sig.Task == hone.Multiclass {
				if int(t) == k {
					y[i] = 1
				}
				continue
			}
			y[i] = t
		}
		out[k] = base{mean(y), 1}
		if sig.Task == hone.Regression {
			v := 0.0
			for _, x := range y {
				v += (x - out[k].mean) * (x - out[k].mean) / float64(len(y))
			}
			out[k].scale = math.Max(v, 1e-300)
		}
	}
	return out
}

// gather adds up the rows of each name; rows without one are nobody's.
func gather(along, could []float64, name func(i int) string) []party {
	at := map[string]int{}
	var out []party
	for i := range along {
		n := name(i)
		if n == "" {
			continue
		}
		k, ok := at[n]
		if !ok {
			k = len(out)
			at[n], out = k, append(out, party{name: n})
		}
		p := &out[k]
		p.n++
		p.along, p.could, p.squares = p.along+along[i], p.could+could[i], p.squares+along[i]*along[i]
	}
	return out
}

// sources finds those whose labels run against the answers, or go with them far
// less than those of the others.
func sources(all []party, whole party) (out []finding) {
	slices.SortFunc(all, func(a, b party) int {
		return cmp.Or(cmp.Compare(a.slope(), b.slope()), strings.Compare(a.name, b.name))
	})
	for _, s := range all {
		rest := party{along: whole.along - s.along, could: whole.could - s.could, squares: whole.squares - s.squares}
		if s.n < sourceRows || whole.n-s.n < sourceRows || rest.slope() < crowdSignal {
			continue
		}
		f := finding{rule: "source_labels", about: s.name, level: hone.Warns, value: s.slope(), limit: weakShare * rest.slope()}
		gap := rest.slope()*s.could - s.along
		switch {
		case s.along < -against*s.error():
			f.level, f.limit = hone.Blocks, 0
			f.sentence = fmt.Sprintf("the %d labels of the source %s run against those of all others: they look turned round.", s.n, clip(s.name))
		case s.slope() < f.limit && gap > against*math.Sqrt(s.squares+rest.squares*(s.could/rest.could)*(s.could/rest.could)):
			f.sentence = fmt.Sprintf("the %d labels of the source %s go with the answers %.0f %% as well as those of all others.", s.n, clip(s.name), 100*math.Max(0, s.slope()/rest.slope()))
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

// users finds that labels of the same user err together: some go with the answers
// as they should, and some against them. Chance has labels err each for itself,
// whoever they are of.
func users(along, could []float64, units []string, slope float64) []finding {
	all := gather(along, could, func(i int) string { return units[i] })
	off := make([]float64, len(along)) // How far each label is off what its answer has it.
	for i := range off {
		off[i] = along[i] - slope*could[i]
	}
	// The sum of the products of all pairs of one user, and its variance.
	errs, squares := gather(off, off, func(i int) string { return units[i] }), map[string]float64{}
	for i, u := range units {
		squares[u] += math.Pow(off[i], 4)
	}
	products, variance := 0.0, 0.0
	for _, u := range errs {
		products += u.along*u.along - u.squares
		variance += 2 * (u.squares*u.squares - squares[u.name])
	}
	if len(all) < 20 || variance <= 0 || products < userErrors*math.Sqrt(variance) {
		return nil
	}
	var bad []party
	rows := 0
	for _, u := range all {
		if u.n >= userRows && u.along < -userAgainst*u.error() {
			bad, rows = append(bad, u), rows+u.n
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.SortFunc(bad, func(a, b party) int { return cmp.Or(cmp.Compare(a.along, b.along), strings.Compare(a.name, b.name)) })
	names := []string{}
	for _, u := range bad[:min(3, len(bad))] {
		names = append(names, clip(u.name))
	}
	return []finding{{rule: "user_labels", about: bad[0].name, level: hone.Warns, value: products / math.Sqrt(variance), limit: userErrors,
		sentence: fmt.Sprintf("labels of some users run against those of all others: of %d users with %d rows clearly so, such as %s.",
			len(bad), rows, strings.Join(names, ", "))}}
}

// Answers are what a version said of rows, in their order.
type Answers struct {
	Scores  hone.Scores
	Classes []string
}

// crossed are the answers of linear models, each fitted to the rows of the other
// half; nil where none can be.
func crossed(m hone.Model, r Rows) *Answers {
	cut := r.Frame.N / 2
	if cut < minRows {
		return nil
	}
	a, b := predicted(m, r.from(cut), r.to(cut)), predicted(m, r.to(cut), r.from(cut))
	if a == nil || b == nil || !slices.Equal(a.Classes, b.Classes) {
		return nil
	}
	a.Scores.V = append(a.Scores.V, b.Scores.V...)
	return a
}

// predicted are the answers for some rows of a linear model that was fitted to
// others; nil where that cannot be.
func predicted(m hone.Model, old, now Rows) *Answers {
	a := &Answers{Classes: classes(m, old.Labels)}
	sig := hone.Signature{Task: m.Task, Classes: a.Classes}
	if m.Task != hone.Regression && len(a.Classes) < 2 || m.Task == hone.Binary && len(a.Classes) != 2 {
		return nil
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
		return nil
	}
	a.Scores = hone.Scores{Width: sig.Width(), V: make([]float64, sig.Width()*now.Frame.N)}
	fit.Predict(now.Frame, a.Scores.V)
	return a
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
