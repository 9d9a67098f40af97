// Package validate says whether the rows of a run are what they seem: it infers
// what rows were like, finds faults in new ones, features that give the label
// away, and labels that were turned round. What follows from a finding is left to
// the loop; that there are rows enough is left to dataset.
package validate

import (
	"fmt"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
)

// Rows are labelled rows, oldest first. Units and Sources are nil where none has
// one.
type Rows struct {
	Frame   *frame.Frame
	Labels  []string
	Times   []time.Time
	Units   []string
	Sources []string
}

func (r Rows) from(i int) Rows { return r.part(i, r.Frame.N) }

func (r Rows) to(i int) Rows { return r.part(0, i) }

// part returns rows [from, to).
func (r Rows) part(from, to int) Rows {
	out := Rows{Frame: r.Frame.Slice(from, to), Labels: r.Labels[from:to], Times: r.Times[from:to]}
	if r.Units != nil {
		out.Units = r.Units[from:to]
	}
	if r.Sources != nil {
		out.Sources = r.Sources[from:to]
	}
	return out
}

// even takes at most n rows, evenly spread.
func (r Rows) even(n int) Rows {
	step := (r.Frame.N + n - 1) / n
	if step <= 1 {
		return r
	}
	var at []int
	for i := 0; i < r.Frame.N; i += step {
		at = append(at, i)
	}
	return r.pick(at)
}

// pick takes the given rows.
func (r Rows) pick(at []int) Rows {
	out := Rows{Frame: r.Frame.Pick(at)}
	for _, i := range at {
		out.Labels, out.Times = append(out.Labels, r.Labels[i]), append(out.Times, r.Times[i])
		if r.Units != nil {
			out.Units = append(out.Units, r.Units[i])
		}
		if r.Sources != nil {
			out.Sources = append(out.Sources, r.Sources[i])
		}
	}
	return out
}

// Input is what a judgement rests on.
type Input struct {
	Model hone.Model
	// Rows of the dataset; New of them, the newest, are unknown to the champion.
	Rows Rows
	New  int
	// Holdout of them, the newest, judge and are not trained on.
	Holdout int
	// Anchor are curated cases; empty where there are none.
	Anchor Rows
	// Before is what the champion's rows were like; nil where there is none. Then
	// the newest fifth of the rows is held against the others, and only warned of.
	Before *Schema
	// Known are the findings of the champion's dataset: what gave the label away
	// there was let pass.
	Known []hone.Check
	// Answers of the champion to the new rows; nil where there are none.
	Answers *Answers
	// Imported and Served are rows of history and rows as they are served; nil where
	// there are too few of either.
	Imported, Served *frame.Frame
	// Days counts the labelled rows of each day since 1970.
	Days map[int64]int
	// Age of the newest labelled row, beyond the label delay.
	Age time.Duration
}

// finding is one thing that is not as it should be.
type finding struct {
	rule, about  string
	level        hone.Level
	value, limit float64
	sentence     string
	groups       []string // Sources or users that it is about.
}

// well says of each check that it found nothing.
var well = map[string]string{
	"constraint":         "every feature is as its constraints want it.",
	"missing":            "no feature is missing more often than before.",
	"unseen":             "no more new categories than usual.",
	"renamed":            "no category has come in the place of another.",
	"range":              "numbers lie where they lay before.",
	"unit":               "no feature looks to be in another unit.",
	"skew":               "features are served as they were imported.",
	"label_rate":         "labels are as frequent as before.",
	"volume":             "as many rows came as usual.",
	"freshness":          "new rows come.",
	"duplicates":         "no rows were brought twice.",
	"near_duplicates":    "no more rows nearly repeat others than chance has it.",
	"holdout_duplicates": "no held-out rows repeat rows to train on.",
	"leakage":            "no feature alone gives the label away.",
	"source_labels":      "the labels of every source go with those of the others.",
	"user_labels":        "no group of users labels against all others.",
}

// drifts are the checks that find what moves as the world does.
var drifts = map[string]bool{"unseen": true, "range": true, "skew": true, "label_rate": true}

// Judge makes every check that is not turned off: one line for each that found
// nothing, and one for each finding, the gravest first.
func Judge(in Input) []hone.Check { return in.checks(in.find()) }

func (in Input) checks(all []finding) []hone.Check {
	spec := in.Model.Validation
	found := map[string][]finding{}
	for _, f := range all {
		level, set, on := spec.LevelOf(f.rule)
		if !on {
			continue
		}
		if set {
			f.level = level
		}
		if drifts[f.rule] && f.level == hone.Warns {
			f.sentence += " Drift only warns."
		}
		found[f.rule] = append(found[f.rule], f)
	}
	var out []hone.Check
	for _, rule := range hone.DataChecks {
		if _, _, on := spec.LevelOf(rule); !on {
			continue
		}
		if len(found[rule]) == 0 {
			out = append(out, hone.Check{Rule: rule, Passed: true, Sentence: in.nothing(rule)})
			continue
		}
		out = append(out, shown(rule, found[rule])...)
	}
	slices.SortStableFunc(out, func(a, b hone.Check) int { return rank(a) - rank(b) })
	return out
}

// nothing is why a check found nothing.
func (in Input) nothing(rule string) string {
	compared := slices.Contains([]string{"missing", "unseen", "renamed", "range", "unit", "label_rate"}, rule)
	switch {
	case compared && in.Before != nil && in.New < minRows, compared && in.Rows.Frame.N < 5*minRows && in.Before == nil:
		return fmt.Sprintf("not compared: that takes %d new rows.", minRows)
	case rule == "skew" && (in.Imported == nil || in.Served == nil):
		return "not compared: rows are all imported, or all as they were served."
	case rule == "volume" && len(in.Days) < 10:
		return "not compared: that takes ten days of labelled rows."
	case rule == "freshness" && in.Before == nil && in.Model.Validation.Freshness == 0:
		return "not compared: rows of a first version may be of any age."
	case rule == "holdout_duplicates" && in.Holdout == 0:
		return "not compared: no rows are held out."
	case rule == "source_labels" && in.Rows.Sources == nil:
		return "not compared: no label names its source."
	case rule == "user_labels" && !slices.ContainsFunc(in.Rows.Units, func(u string) bool { return u != "" }):
		return "not compared: no row names its user."
	case rule == "constraint" && len(in.Model.Validation.Features) == 0:
		return "no feature has constraints."
	}
	return well[rule]
}

// most is how many findings of one check are shown.
const most = 5

func shown(rule string, found []finding) (out []hone.Check) {
	slices.SortStableFunc(found, func(a, b finding) int { return rank(hone.Check{Level: a.level}) - rank(hone.Check{Level: b.level}) })
	for i, f := range found {
		if i == most {
			out[i-1].Sentence += fmt.Sprintf(" %d more are like it.", len(found)-most)
			break
		}
		out = append(out, hone.Check{Rule: rule, About: f.about, Level: f.level, Value: f.value, Limit: f.limit, Sentence: f.sentence})
	}
	return out
}

func rank(c hone.Check) int {
	if c.Passed {
		return 9
	}
	return slices.Index([]hone.Level{hone.Stops, hone.Blocks, hone.Asks, hone.Warns}, c.Level)
}

// find makes all checks.
func (in Input) find() (out []finding) {
	m := in.Model
	out = append(out, constraints(m.Validation, in.Rows.Frame)...)
	before, now, first := in.Before, in.Rows.from(in.Rows.Frame.N-in.New), in.Before == nil
	if first {
		cut := in.Rows.Frame.N * 4 / 5
		before, now = Infer(m, in.Rows.to(cut)), in.Rows.from(cut)
	}
	found := newPair(before, now.Frame, false).find()
	found = append(found, labelRate(m, before, now)...)
	if in.Imported != nil && in.Served != nil {
		p := newPair(Infer(m, Rows{Frame: in.Imported}), in.Served, true)
		found = append(append(found, p.find()...), p.skewed()...)
	}
	if first {
		for i := range found {
			found[i].level = hone.Warns
		}
	}
	out = append(out, found...)
	out = append(out, volume(in.Days)...)
	usual := time.Duration(-1)
	if !first {
		usual = time.Duration(before.Age)
	}
	out = append(out, stale(m.Validation, in.Age, usual)...)
	out = append(out, duplicates(in.Rows)...)
	out = append(out, nearly(in.Rows, in.Holdout)...)
	known := map[string]bool{}
	for _, c := range in.Known {
		if c.Rule == "leakage" && !c.Passed {
			known[c.About] = true
		}
	}
	out = append(out, leaks(m, in.Rows, known)...)
	return append(out, in.crowd()...)
}

// crowd judges the labels of the new rows, or of all where nothing is known of the
// others: by the answers of the champion, and of simple models of the rows of other
// users, whichever go best with the labels.
func (in Input) crowd() []finding {
	m, n := in.Model, in.Rows.Frame.N
	cut := n - in.New
	if in.Before == nil || in.New < minRows {
		all := in.Rows.even(crowdRows)
		return crowd(m, all, answersFor(m, Rows{}, all)...)
	}
	old, now, champion := in.Rows.to(cut).even(crowdRows), in.Rows.from(cut), in.Answers
	if step := (in.New + crowdRows - 1) / crowdRows; step > 1 {
		var at []int
		for i := 0; i < in.New; i += step {
			at = append(at, i)
		}
		now = now.pick(at)
		if champion != nil {
			champion = champion.pick(at)
		}
	}
	return crowd(m, now, append(answersFor(m, old, now), champion)...)
}

// answersFor are what simple models have of rows, out of other users' rows alone.
func answersFor(m hone.Model, old, now Rows) []*Answers {
	fit, card := crossed(m, old, now), carded(m, old, now)
	return []*Answers{fit, card, blended(m, fit, card)}
}

func (p *pair) find() (out []finding) {
	out = append(out, p.missing()...)
	out = append(out, p.renamed()...)
	out = append(out, p.unit()...)
	out = append(out, p.unseen()...)
	return append(out, p.outOfRange()...)
}

// Questions are what a person is to answer before a candidate gets traffic.
func Questions(checks []hone.Check) (out []string) {
	for _, c := range checks {
		if !c.Passed && c.Level == hone.Asks {
			out = append(out, c.Sentence)
		}
	}
	return out
}
