package dataset

import (
	"fmt"
	"math"

	"hone"
)

// Validate checks by named rules that there is something to train on and to judge
// by. A rule that is not passed stops the run before anything is trained. Whether
// the rows are what they seem is left to package validate.
func Validate(m hone.Model, c Collected) []hone.Check {
	checks := []hone.Check{
		atLeast("min_rows", "labelled rows to train on", c.Train.Len(), m.Dataset.MinRows/2),
		atLeast("holdout_rows", "rows to hold out", c.Holdout.Len(), minHoldout),
		unseen(c),
		ordered(c),
		duplicates(c.Train),
	}
	if m.Task == hone.Regression {
		checks = append(checks, spread(c.Train))
	} else {
		checks = append(checks, classCount(m, c), rarest(c))
	}
	return append(checks, present(c.Train)...)
}

// Passed tells whether no check ends the run, else the first that does. A forced
// run passes over what a person can judge, and its checks say so.
func Passed(checks []hone.Check, forced bool) (bad hone.Check, ok bool) {
	for i := range checks {
		c := &checks[i]
		if c.Passed || c.Level == hone.Asks || c.Level == hone.Warns {
			continue
		}
		if c.Level == hone.Blocks && forced {
			c.Over = true
			continue
		}
		if bad.Rule == "" {
			bad = *c
		}
	}
	return bad, bad.Rule == ""
}

func atLeast(rule, what string, n, limit int) hone.Check {
	return hone.Check{Rule: rule, Passed: n >= limit, Value: float64(n), Limit: float64(limit),
		Sentence: fmt.Sprintf("%d %s; at least %d are needed.", n, what, limit)}
}

// unseen holds that no held-out row is one that the champion was trained on.
func unseen(c Collected) hone.Check {
	n := 0
	for _, t := range c.Holdout.Times {
		if !t.After(c.Recipe.HeldBack) {
			n++
		}
	}
	return hone.Check{Rule: "holdout_unseen", Passed: n == 0, Value: float64(n),
		Sentence: fmt.Sprintf("%d held-out rows were among the champion's training rows; none may be.", n)}
}

// ordered holds that everything held out happened after everything trained on.
func ordered(c Collected) hone.Check {
	n := 0
	if c.Train.Len() > 0 {
		last := c.Train.Times[c.Train.Len()-1]
		for _, t := range c.Holdout.Times {
			if t.Before(last) {
				n++
			}
		}
	}
	return hone.Check{Rule: "time_order", Passed: n == 0, Value: float64(n),
		Sentence: fmt.Sprintf("%d held-out rows are older than the newest training row; none may be.", n)}
}

// duplicates holds that the rows are not a few rows again and again.
func duplicates(r Rows) hone.Check {
	seen := make(map[string]bool, r.Len())
	for i, b := range r.Frame.EncodeRows() {
		seen[string(b)+"\x00"+r.Labels[i]] = true
	}
	share := 1 - float64(len(seen))/math.Max(1, float64(r.Len()))
	return hone.Check{Rule: "alike", Passed: share <= 0.95, Value: share, Limit: 0.95,
		Sentence: fmt.Sprintf("%.0f %% of the rows repeat another row; at most 95 %% may.", 100*share)}
}

func classCount(m hone.Model, c Collected) hone.Check {
	n := len(c.Classes)
	ok := n >= 2
	if m.Task == hone.Binary {
		ok = n == 2 && c.Classes[1] == m.Label.Positive
	}
	sentence := fmt.Sprintf("the labels have the classes %q.", trim(c.Classes))
	if m.Task == hone.Binary {
		sentence = fmt.Sprintf("the labels have the classes %q; a binary model needs two, one of them %q.", trim(c.Classes), m.Label.Positive)
	}
	return hone.Check{Rule: "classes", Passed: ok, Value: float64(n), Limit: 2, Sentence: sentence}
}

func trim(classes []string) []string {
	if len(classes) > 5 {
		return append(append([]string{}, classes[:5]...), "…")
	}
	return classes
}

// rarest holds that every class occurs among the training rows often enough to
// be learned at all.
func rarest(c Collected) hone.Check {
	count := map[string]int{}
	for _, l := range c.Train.Labels {
		count[l]++
	}
	least, name := c.Train.Len(), ""
	for _, class := range c.Classes {
		if count[class] <= least {
			least, name = count[class], class
		}
	}
	return hone.Check{Rule: "class_rows", Passed: least >= 5, Value: float64(least), Limit: 5,
		Sentence: fmt.Sprintf("class %q has %d training rows; at least 5 are needed.", name, least)}
}

func spread(r Rows) hone.Check {
	first, same := "", true
	for i, l := range r.Labels {
		if i == 0 {
			first = l
		}
		same = same && l == first
	}
	return hone.Check{Rule: "label_spread", Passed: !same, Sentence: "the labels must not all be the same number."}
}

// present holds that no feature lacks nearly all of its values.
func present(r Rows) []hone.Check {
	const limit = 0.99
	var out []hone.Check
	for i, field := range r.Frame.Schema {
		n := 0
		for row := range r.Frame.N {
			if r.Frame.Value(row, i) == nil {
				n++
			}
		}
		share := float64(n) / math.Max(1, float64(r.Len()))
		if share <= limit {
			continue
		}
		out = append(out, hone.Check{Rule: "present:" + field.Name, About: field.Name, Value: share, Limit: limit,
			Sentence: fmt.Sprintf("%s is missing in %.0f %% of the rows; at most %.0f %% may be.", field.Name, 100*share, 100*limit)})
	}
	if out == nil {
		out = append(out, hone.Check{Rule: "present", Passed: true, Limit: limit, Sentence: "every feature is present."})
	}
	return out
}
