package dataset_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/dataset"
)

// failed are the rules that were not passed, each with a sentence and a name.
func failed(t *testing.T, checks []hone.Check) []string {
	t.Helper()
	out := []string{}
	for _, c := range checks {
		if c.Rule == "" || !strings.HasSuffix(c.Sentence, ".") {
			t.Errorf("check %+v does not name or explain itself", c)
		}
		if !c.Passed {
			out = append(out, c.Rule)
		}
	}
	if first, ok := dataset.Passed(checks, false); ok != (len(out) == 0) || !ok && first.Rule != out[0] {
		t.Errorf("Passed says %v, %v, and %v failed", first, ok, out)
	}
	return out
}

func TestValidate(t *testing.T) {
	t.Parallel()
	rows := history(t, 1000)
	f := func(want string, change func(m *hone.Model, c *dataset.Collected)) {
		t.Helper()
		m := model()
		c := assemble(t, dataset.Need{Model: m}, rows)
		change(&m, &c)
		if got := strings.Join(failed(t, dataset.Validate(m, c)), " "); got != want {
			t.Errorf("%q failed, want %q", got, want)
		}
	}
	relabel := func(labels []string, r *dataset.Rows) {
		r.Labels = slices.Clone(r.Labels)
		for i := range r.Labels {
			r.Labels[i] = labels[i%len(labels)]
		}
	}
	f("", func(*hone.Model, *dataset.Collected) {})
	f("min_rows", func(m *hone.Model, _ *dataset.Collected) { m.Dataset.MinRows = 1602 })
	f("", func(m *hone.Model, _ *dataset.Collected) { m.Dataset.MinRows = 1600 }) // Half of it is left to train on.
	f("holdout_rows", func(_ *hone.Model, c *dataset.Collected) { c.Holdout = c.Holdout.Slice(0, 49) })
	f("", func(_ *hone.Model, c *dataset.Collected) { c.Holdout = c.Holdout.Slice(0, 50) })
	f("holdout_unseen", func(_ *hone.Model, c *dataset.Collected) { c.Recipe.HeldBack = c.Holdout.Times[0] })
	f("", func(_ *hone.Model, c *dataset.Collected) { c.Recipe.HeldBack = c.Holdout.Times[0].Add(-1) })
	f("time_order", func(_ *hone.Model, c *dataset.Collected) {
		c.Holdout.Times = slices.Clone(c.Holdout.Times)
		c.Holdout.Times[7] = c.Train.Times[0]
	})
	f("alike", func(_ *hone.Model, c *dataset.Collected) {
		one := make([]int, c.Train.Len())
		for i := range one {
			one[i] = i % 20
		}
		c.Train.Frame = c.Train.Frame.Pick(one)
		relabel([]string{"0", "1"}, &c.Train)
	})
	f("classes", func(m *hone.Model, c *dataset.Collected) { c.Classes = []string{"1"} })
	f("classes", func(m *hone.Model, c *dataset.Collected) { c.Classes = []string{"1", "0"} })
	f("classes", func(m *hone.Model, _ *dataset.Collected) { m.Label.Positive = "yes" })
	f("classes", func(_ *hone.Model, c *dataset.Collected) {
		relabel([]string{"0", "1", "2"}, &c.Train)
		c.Classes = []string{"0", "1", "2"}
	})
	f("", func(m *hone.Model, c *dataset.Collected) {
		m.Task = hone.Multiclass
		relabel([]string{"0", "1", "2"}, &c.Train)
		c.Classes = []string{"0", "1", "2"}
	})
	f("class_rows", func(_ *hone.Model, c *dataset.Collected) {
		relabel([]string{"0"}, &c.Train)
		copy(c.Train.Labels, []string{"1", "1", "1", "1"})
	})
	f("", func(_ *hone.Model, c *dataset.Collected) {
		relabel([]string{"0"}, &c.Train)
		copy(c.Train.Labels, []string{"1", "1", "1", "1", "1"})
	})
	f("label_spread", func(m *hone.Model, c *dataset.Collected) {
		m.Task, c.Classes = hone.Regression, nil
		relabel([]string{"12.5"}, &c.Train)
	})
	f("", func(m *hone.Model, c *dataset.Collected) {
		m.Task, c.Classes = hone.Regression, nil
		relabel([]string{"12.5", "13"}, &c.Train)
	})
	f("present:country", func(_ *hone.Model, c *dataset.Collected) {
		c.Train.Frame = c.Train.Frame.Pick(upTo(c.Train.Len()))
		clear(c.Train.Frame.Cols[1].Str)
	})
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// TestPassed holds that a forced run passes over what a person can judge, and says
// so, and over nothing else.
func TestPassed(t *testing.T) {
	t.Parallel()
	f := func(want string, forced bool, levels ...hone.Level) {
		t.Helper()
		var checks []hone.Check
		for _, l := range levels {
			checks = append(checks, hone.Check{Rule: string(l) + "!", Level: l})
		}
		bad, ok := dataset.Passed(checks, forced)
		if bad.Rule != want || ok != (want == "") {
			t.Errorf("%q, forced %v: %q, %v; want %q", levels, forced, bad.Rule, ok, want)
		}
		for _, c := range checks {
			if c.Over != (forced && c.Level == hone.Blocks) {
				t.Errorf("forced %v: %s passed over %v", forced, c.Rule, c.Over)
			}
		}
	}
	f("", false)
	f("", false, hone.Warns, hone.Asks)
	f("block!", false, hone.Warns, hone.Blocks)
	f("", true, hone.Warns, hone.Blocks)
	f("!", true, hone.Blocks, hone.Stops)
	f("!", false, hone.Stops)
}

func TestValidateNamesClasses(t *testing.T) {
	t.Parallel()
	m := model()
	c := assemble(t, dataset.Need{Model: m}, history(t, 1000))
	c.Classes = nil
	for i := range 40 {
		c.Classes = append(c.Classes, "class "+strconv.Itoa(i))
	}
	checks := dataset.Validate(m, c)
	i := slices.IndexFunc(checks, func(c hone.Check) bool { return c.Rule == "classes" })
	if s := checks[i].Sentence; !strings.Contains(s, `"class 4"`) || strings.Contains(s, `"class 5"`) || !strings.Contains(s, `"1"`) {
		t.Errorf("%q names too many classes, or not the positive", s)
	}
	if checks[i].Value != 40 {
		t.Errorf("%v classes were counted", checks[i].Value)
	}
}

// TestValidateEverythingWrong holds that rules do not hide one another.
func TestValidateEverythingWrong(t *testing.T) {
	t.Parallel()
	m := model()
	c := assemble(t, dataset.Need{Model: m, HeldBack: noon}, history(t, 1000))
	c.Holdout = c.Holdout.Slice(0, 3)
	c.Holdout.Times = []time.Time{noon, noon, noon}
	c.Classes = []string{"0"}
	c.Train = c.Train.Slice(0, 4)
	rules := map[string]bool{}
	for _, r := range failed(t, dataset.Validate(m, c)) {
		rules[r] = true
	}
	want := []string{"class_rows", "classes", "holdout_rows", "holdout_unseen", "min_rows", "time_order"}
	if got := slices.Sorted(maps.Keys(rules)); !slices.Equal(got, want) {
		t.Errorf("%q failed, want %q", got, want)
	}
}
