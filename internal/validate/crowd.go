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
	userRate    = 0.0025
	userChance  = 1e-5
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
	if len(all) == 0 || all[0].slope() < crowdSignal || all[0].along < 10*all[0].error() {
		return nil // The answers say too little to judge labels by.
	}
	var out []finding
	if r.Sources != nil {
		out = append(out, sources(gather(along, could, func(i int) string { return r.Sources[i] }), all[0])...)
	}
	if r.Units != nil {
		out = append(out, users(gather(along, could, func(i int) string { return r.Units[i] }), all[0])...)
	}
	return out
}

// agreement is how far each label goes with its answer, and what that is on
// average where the answer's chances are right.
func agreement(m hone.Model, r Rows, a *Answers) (along, could []float64) {
	if a == nil {
		a = crossed(m, r)
	}
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

// users finds more users whose labels run against the answers than chance has it.
func users(all []party, whole party) []finding {
	slope := whole.slope()
	var bad []party
	expected, rows := 0.0, 0
	judged := 0
	for _, u := range all {
		if u.n < userRows {
			continue
		}
		judged++
		// How likely labels as good as all others are to look so bad.
		z := (slope*u.could + userAgainst*u.error()) / u.error()
		expected += math.Max(userRate, tail(z))
		if u.along < -userAgainst*u.error() {
			bad, rows = append(bad, u), rows+u.n
		}
	}
	if judged < 20 || !rare(len(bad), expected) {
		return nil
	}
	slices.SortFunc(bad, func(a, b party) int { return cmp.Or(cmp.Compare(a.along, b.along), strings.Compare(a.name, b.name)) })
	names := []string{}
	for _, u := range bad[:min(3, len(bad))] {
		names = append(names, clip(u.name))
	}
	return []finding{{rule: "user_labels", about: bad[0].name, level: hone.Warns, value: float64(len(bad)), limit: math.Ceil(expected),
		sentence: fmt.Sprintf("the labels of %d users run against those of all others, %d rows in all; chance would have it of %.0f. The first are %s.",
			len(bad), rows, math.Ceil(expected), strings.Join(names, ", "))}}
}

// tail is the chance of a normal number above z.
func tail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// rare tells whether k or more are less likely than userChance where so many are
// expected.
func rare(k int, expected float64) bool {
	if float64(k) <= expected {
		return false
	}
	p, term := 0.0, math.Exp(-expected)
	for i := range k {
		p += term
		term *= expected / float64(i+1)
	}
	return 1-p < userChance
}

// Answers are what a version said of rows, in their order.
type Answers struct {
	Scores  hone.Scores
	Classes []string
}

// crossed are the answers of linear models, each fitted to the rows of the other
// half; nil where none can be.
func crossed(m hone.Model, r Rows) *Answers {
	a := &Answers{Classes: classes(m, r.Labels)}
	sig := hone.Signature{Task: m.Task, Classes: a.Classes}
	width := sig.Width()
	if r.Frame.N < 2*minRows || m.Task != hone.Regression && len(a.Classes) < 2 {
		return nil
	}
	o := linear.Defaults()
	o.Epochs = 8
	switch m.Task {
	case hone.Multiclass:
		o.Task, o.Classes = linear.Softmax, width
	case hone.Regression:
		o.Task = linear.LeastSquares
	}
	y := make([]float64, r.Frame.N)
	for i, l := range r.Labels {
		y[i] = sig.Target(l)
	}
	a.Scores = hone.Scores{Width: width, V: make([]float64, width*r.Frame.N)}
	cut := r.Frame.N / 2
	for _, part := range [][4]int{{0, cut, cut, r.Frame.N}, {cut, r.Frame.N, 0, cut}} {
		fit, err := linear.Fit(r.Frame.Slice(part[0], part[1]), y[part[0]:part[1]], nil, o, nil, nil)
		if err != nil {
			return nil
		}
		fit.Predict(r.Frame.Slice(part[2], part[3]), a.Scores.V[part[2]*width:part[3]*width])
	}
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
