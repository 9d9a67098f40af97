package validate

import (
	"fmt"
	"math"
	"slices"

	"hone"
)

// Suspects are the sources and users whose new rows are better left out.
type Suspects struct {
	Sources, Users []string
	// Since is the first of the rows that were looked at.
	Since int
}

// Examine makes every check that is not turned off, as Judge does, and tells whose
// rows are better left out. Of those a finding no longer ends the run.
func Examine(in Input) ([]hone.Check, *Suspects) {
	found := in.find()
	var out *Suspects
	if !in.Model.Dataset.KeepSuspects {
		out = in.try(found)
	}
	return in.checks(found), out
}

// try trains without the rows of each suspicious source, and of the suspicious
// users together, and with them: on new rows alone, where the harm is. Whose rows
// make a model worse for all others, by more than one standard error, is rejected
// (B. Nelson and others, Exploiting Machine Learning to Subvert Your Spam Filter,
// 2008, by groups). It says so in the findings.
func (in Input) try(found []finding) *Suspects {
	rows := in.Rows
	if in.Before != nil && in.New >= minRows {
		rows = rows.from(rows.Frame.N - in.New)
	}
	suspect := make([]bool, rows.Frame.N)
	for _, f := range found {
		for _, i := range rows.of(f) {
			suspect[i] = true
		}
	}
	if !slices.Contains(suspect, true) {
		return nil
	}
	out := &Suspects{Since: in.Rows.Frame.N - rows.Frame.N}
	judges := in.judges(rows, suspect)
	for k := range found {
		f := &found[k]
		of := rows.of(*f)
		if _, _, on := in.Model.Validation.LevelOf(f.rule); !on || len(of) == 0 {
			continue
		}
		gain, off, n := judges.gain(in.Model, rows.pick(of))
		if !(gain > off) || n == 0 {
			continue
		}
		f.level = hone.Warns
		f.sentence += fmt.Sprintf(" These rows are left out: a model without them is better on %d rows of others.", n)
		if f.rule == "source_labels" {
			out.Sources = append(out.Sources, f.groups...)
			continue
		}
		out.Users = append(out.Users, f.groups...)
	}
	if out.Sources == nil && out.Users == nil {
		return nil
	}
	return out
}

// of are the rows that a finding of sources or users is about.
func (r Rows) of(f finding) (out []int) {
	names := map[string][]string{"source_labels": r.Sources, "user_labels": r.Units}[f.rule]
	if len(f.groups) == 0 {
		return nil
	}
	about := map[string]bool{}
	for _, g := range f.groups {
		about[g] = true
	}
	for i, n := range names {
		if about[n] {
			out = append(out, i)
		}
	}
	return out
}

// panel are rows that nobody suspects: each part is judged by models of the others;
// or anchor cases, which nobody but the owner writes.
type panel struct {
	parts  []Rows
	anchor bool
}

// leastAnchors judge alone.
const leastAnchors = 200

func (in Input) judges(rows Rows, suspect []bool) panel {
	var clean []int
	for i, is := range suspect {
		if !is {
			clean = append(clean, i)
		}
	}
	honest := rows.pick(clean).even(crowdRows)
	if in.Anchor.Frame != nil && in.Anchor.Frame.N >= leastAnchors {
		return panel{parts: []Rows{in.Anchor, honest}, anchor: true}
	}
	var p panel
	for fold := range folds {
		var at []int
		for i := range honest.Frame.N {
			if foldOf(honest, i) == fold {
				at = append(at, i)
			}
		}
		p.parts = append(p.parts, honest.pick(at))
	}
	return p
}

// gain is how much better a model of honest rows is without the suspects' than
// with them: the mean difference of the losses of the judges, its standard error,
// and how many judge.
func (p panel) gain(m hone.Model, suspects Rows) (gain, off float64, n int) {
	var sum, squares float64
	for k, judges := range p.parts {
		if p.anchor && k > 0 || judges.Frame.N == 0 {
			continue
		}
		var honest Rows
		for j, part := range p.parts {
			if j != k {
				honest = joined(honest, part)
			}
		}
		if honest.Frame == nil {
			continue
		}
		without, with := losses(m, honest, judges), losses(m, joined(honest, suspects), judges)
		for i := range min(len(without), len(with)) {
			d := with[i] - without[i]
			sum, squares, n = sum+d, squares+d*d, n+1
		}
	}
	if n < minRows {
		return 0, 0, 0
	}
	mean := sum / float64(n)
	return mean, math.Sqrt(math.Max(0, squares/float64(n)-mean*mean) / float64(n)), n
}

// losses are those of a linear model of some rows on others: log losses, or
// squares; nil where it cannot be fitted.
func losses(m hone.Model, train, test Rows) []float64 {
	a := predicted(m, train, test)
	if a == nil {
		return nil
	}
	sig := hone.Signature{Task: m.Task, Classes: a.Classes}
	out := make([]float64, test.Frame.N)
	for i, l := range test.Labels {
		y, p := sig.Target(l), a.Scores.Row(i)
		switch {
		case m.Task == hone.Regression:
			out[i] = (y - p[0]) * (y - p[0])
		case m.Task == hone.Binary && y == 0:
			out[i] = -math.Log(math.Max(1-p[0], 1e-4))
		case m.Task == hone.Binary:
			out[i] = -math.Log(math.Max(p[0], 1e-4))
		case y >= 0 && int(y) < len(p):
			out[i] = -math.Log(math.Max(p[int(y)], 1e-4))
		default:
			out[i] = -math.Log(1e-4)
		}
	}
	return out
}
