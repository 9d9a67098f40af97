package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hone"
	"hone/bench/bar"
	"hone/internal/dataset"
	"hone/internal/frame"
	"hone/internal/learn/linear"
	"hone/internal/validate"
	"hone/internal/validate/world"
)

// Seeds below 10,000 chose the limits of the checks; those from firstSeed on report.
const (
	cleanWorlds = 2000
	faultWorlds = 100
	firstSeed   = 100_000
)

var validationBars = []bar.Measured{
	{Bar: bar.Bar{ID: "validation_false_blocks", Of: []string{"internal/stat", "internal/validate", "internal/dataset"},
		About: "2,000 datasets without a fault, half of them with drift: the share that any check holds up.",
		Limits: []bar.Limit{
			{Series: "held_up", Unit: "% of clean datasets", Of: bar.Max, Under: 1},
			{Series: "datasets", Unit: "datasets", Of: bar.Max, Over: cleanWorlds},
		}, Also: []string{"warned", "first_versions_held_up"}}, Measure: falseBlocks},
	{Bar: bar.Bar{ID: "validation_faults_caught", Of: []string{"internal/stat", "internal/validate", "internal/dataset"},
		About: "Datasets with a planted fault (units, missing values, categories renamed, labels turned round, duplicates, leaks, volume, a stale feed): the share that is caught, for the fault that is caught least; users that collude apart, as a share of what the check finds that is given the true chances of every label. The bounds are what the best of all tests finds, with as few false findings, that of one who knows how noisy labels are, besides the rule that they follow, and so sees from their sum alone that some are turned: of the 5 % of users who collude, and of the source with 60 % of its labels turned round.",
		Limits: []bar.Limit{
			{Series: "worst", Unit: "% of the worlds with the fault", Of: bar.Max, Over: 95},
			{Series: "users_of_possible", Unit: "% of what true chances find", Of: bar.Max, Over: 95},
		}, Also: []string{"users", "users_bound", "source_bound"}}, Measure: faultsCaught},
	{Bar: bar.Bar{ID: "validation_left_out", Of: []string{"internal/stat", "internal/validate", "internal/dataset",
		"internal/learn/encode", "internal/learn/linear", "internal/learn/residual"},
		About: "Labels that are left out for what they are: five users send a third of the labels, turned round, and their rows are rejected, without caps; and 5 % of the labels, of anybody, are turned round, and the 2 % that are believed least are trimmed. The share of the accuracy lost that this saves, and what trimming costs where nothing is wrong.",
		Limits: []bar.Limit{
			{Series: "saved_by_rejection", Unit: "% of the points lost", Of: bar.Max, Over: 80},
			{Series: "gained_by_trimming", Unit: "points", Of: bar.Max, Over: 0.01},
			{Series: "cost_of_trimming", Unit: "points", Of: bar.Max, Under: 0.3},
		}, Also: []string{"clean", "poisoned", "rejected", "flipped", "trimmed"}}, Measure: leftOut},
	{Bar: bar.Bar{ID: "validation_poisoning", Of: []string{"internal/stat", "internal/validate", "internal/dataset"},
		About: "Five users send a third of the labels, turned round: the share of the accuracy lost that the caps save.",
		Limits: []bar.Limit{
			{Series: "saved", Unit: "% of the points lost", Of: bar.Max, Over: 50},
		}, Also: []string{"clean", "uncapped", "capped"}}, Measure: poisoning},
}

// falseBlocks judges datasets without a fault, half of them with drift: what would
// end the run, or keep a person waiting, is false.
func falseBlocks(b *bar.Bench) error {
	said, firstSaid := make([][]hone.Check, cleanWorlds), make([][]hone.Check, cleanWorlds/10)
	bar.Parallel(cleanWorlds, func(i int) {
		in := world.New(firstSeed + uint64(i)).Input()
		said[i] = validate.Judge(in)
		if i%10 == 0 { // The same rows, for a model without a champion.
			in.Before, in.New = nil, 0
			firstSaid[i/10] = validate.Judge(in)
		}
	})
	held, warned, first := 0, 0, 0
	by := map[string]int{}
	for _, checks := range said {
		if hold, warn := outcome(checks, by); hold {
			held++
		} else if warn {
			warned++
		}
	}
	for _, checks := range firstSaid {
		if hold, _ := outcome(checks, map[string]int{}); hold {
			first++
		}
	}
	b.Keep("held_up", "% of clean datasets", 100*float64(held)/cleanWorlds)
	b.Keep("warned", "% of clean datasets", 100*float64(warned)/cleanWorlds)
	b.Keep("first_versions_held_up", "% of clean first datasets", 100*float64(first)/(cleanWorlds/10))
	b.Keep("datasets", "datasets", cleanWorlds)
	var parts []string
	for _, rule := range hone.DataChecks {
		if by[rule] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", rule, by[rule]))
		}
	}
	b.Note("findings by check: %s", strings.Join(parts, ", "))
	return nil
}

func outcome(checks []hone.Check, by map[string]int) (hold, warn bool) {
	for _, c := range checks {
		if c.Passed {
			continue
		}
		by[c.Rule]++
		hold = hold || c.Level != hone.Warns
		warn = true
	}
	return hold, warn
}

// faultsCaught plants each fault in a hundred worlds of their own.
func faultsCaught(b *bar.Bench) error {
	worst, users, possible := 100.0, 100.0, 100.0
	for _, f := range world.Faults {
		planted := pick(faultWorlds, firstSeed+cleanWorlds, f.Plant)
		share := caught(planted, f, func(w *world.World) validate.Input { return w.Input() })
		b.Note("%s: %.0f %%", f.Name, share)
		if f.Rule != "user_labels" {
			worst = min(worst, share)
			continue
		}
		most := caught(planted, f, func(w *world.World) validate.Input {
			in := w.Input()
			in.Answers = world.Bound(w).Answers()
			return in
		})
		b.Note("with the true chances: %.0f %%", most)
		users, possible = min(users, share), min(possible, 100*share/most)
	}
	b.Keep("worst", "% of the worlds with the fault", worst)
	b.Keep("users", "% of the worlds where users collude", users)
	b.Keep("users_of_possible", "% of what true chances find", possible)
	all := pick(faultWorlds, firstSeed+cleanWorlds, func(*world.World) bool { return true })
	b.Keep("users_bound", "% of the worlds where users collude", bound(all, func(w *world.World) float64 {
		return world.Bound(w).Users(0.05, falseFindings, boundSims)
	}))
	partners := pick(faultWorlds, firstSeed+cleanWorlds, func(w *world.World) bool { return slices.Contains(w.Rows.Sources, "partner 1") })
	b.Keep("source_bound", "% of the worlds where a source turns labels round", bound(partners, func(w *world.World) float64 {
		return world.Bound(w).Source(0.6, falseFindings, boundSims)
	}))
	return nil
}

// caught is the share of worlds in which a fault is found, in percent.
func caught(worlds []*world.World, f world.Fault, seen func(*world.World) validate.Input) float64 {
	found := make([]bool, len(worlds))
	bar.Parallel(len(worlds), func(i int) {
		found[i] = slices.ContainsFunc(validate.Judge(seen(worlds[i])), func(c hone.Check) bool { return c.Rule == f.Rule && !c.Passed })
	})
	return percentOf(found)
}

// pick returns the first n worlds, from a seed on, that are taken.
func pick(n int, seed uint64, take func(*world.World) bool) (out []*world.World) {
	for ; len(out) < n; seed++ {
		if w := world.New(seed); take(w) {
			out = append(out, w)
		}
	}
	return out
}

// falseFindings is the share of clean worlds in which a check of users, or of
// sources, may find something; the best test is given as much.
const (
	falseFindings = 0.002
	boundSims     = 2000
)

// bound is the mean power of the best test, in percent.
func bound(worlds []*world.World, power func(w *world.World) float64) float64 {
	found := make([]float64, len(worlds))
	bar.Parallel(len(worlds), func(i int) { found[i] = 100 * power(worlds[i]) / float64(len(worlds)) })
	sum := 0.0
	for _, p := range found {
		sum += p
	}
	return sum
}

// poisoning lets a few users send a third of the labels, all of them turned round,
// and trains on the dataset that is assembled of them with caps and without: how
// much of the accuracy that this costs the caps save. The labels that judge are
// right.
func poisoning(b *bar.Bench) error {
	const trials, spammers = 30, 5
	worlds := pick(trials, firstSeed, func(w *world.World) bool { return w.Model.Task == hone.Binary })
	right, failed := make([][3]float64, trials), make([]error, trials)
	bar.Parallel(trials, func(i int) { right[i], failed[i] = poisoned(worlds[i], spammers) })
	if err := errors.Join(failed...); err != nil {
		return err
	}
	sums := [3]float64{}
	for _, r := range right {
		for i := range r {
			sums[i] += 100 * r[i] / trials
		}
	}
	for i, name := range []string{"clean", "uncapped", "capped"} {
		b.Keep(name, "% right", sums[i])
	}
	b.Keep("saved", "% of the points lost", 100*(sums[2]-sums[1])/(sums[0]-sums[1]))
	b.Note("%d worlds; %d users send a third of the labels, turned round", trials, spammers)
	return nil
}

// poisoned is the accuracy without the spam, with it, and with it and caps.
func poisoned(w *world.World, spammers int) (right [3]float64, err error) {
	truth := slices.Clone(w.Rows.Labels)
	before := w.Rows
	w.Spam(spammers, 1.0/3)
	for i, part := range []struct {
		rows validate.Rows
		caps *hone.Caps
	}{{before, nil}, {w.Rows, nil}, {w.Rows, &hone.Caps{PerUser: 0.01}}} {
		part.rows.Labels = slices.Clone(part.rows.Labels)
		if i == 0 {
			part.rows.Labels = truth
		}
		if right[i], err = accuracy(w.Model, part.rows, truth, part.caps); err != nil {
			return right, err
		}
	}
	return right, nil
}

// accuracy of a linear model that was fitted to the training rows of a dataset, on
// those held out.
func accuracy(m hone.Model, r validate.Rows, truth []string, caps *hone.Caps) (float64, error) {
	m.Dataset = hone.DatasetSpec{Window: "all", Holdout: 0.25, MinRows: 200}
	var rows []dataset.Row
	for i, b := range r.Frame.EncodeRows() {
		rows = append(rows, dataset.Row{ID: hone.PredictionID(fmt.Sprint(i)), Time: r.Times[i], Seq: int64(i), Label: r.Labels[i], Unit: r.Units[i], Features: b})
	}
	c, err := dataset.Assemble(dataset.Need{Model: m, Caps: caps}, frame.Decoder{Target: m.Features}, rows, nil)
	if err != nil {
		return 0, err
	}
	sig := hone.Signature{Task: m.Task, Classes: []string{"0", "1"}}
	fit, err := linear.Fit(c.Train.Frame, c.Train.Targets(sig), nil, linear.Defaults(), nil, nil)
	if err != nil {
		return 0, err
	}
	p := make([]float64, c.Holdout.Len())
	fit.Predict(c.Holdout.Frame, p)
	right := 0
	for i, id := range c.Holdout.IDs {
		at, err := strconv.Atoi(string(id))
		if err != nil {
			return 0, err
		}
		if (p[i] >= 0.5) == (truth[at] == "1") {
			right++
		}
	}
	return float64(right) / float64(len(p)), nil
}
