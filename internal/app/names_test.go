package app_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"hone/internal/expr"
)

// TestNamesOfExpressions holds the names that expressions know against what is
// measured, and against the guide.
func TestNamesOfExpressions(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guide/triggers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range expr.Names() {
		if !strings.Contains(string(guide), "`"+name+"`") {
			t.Errorf("the guide does not say what %s is", name)
		}
	}
	seen := map[string]bool{}
	for rows, of := range map[string][3]string{
		"sea":   {"binary", "{f0: number, f1: number, f2: number}", "{kind: log, false_negative: 2, false_positive: 1}"},
		"bands": {"multiclass", "{a: number, b: number}", "zero_one"},
		"plane": {"regression", "{f0: number, f1: number}", "squared"},
		"talk":  {"binary", "{note: text}", "zero_one"},
	} {
		task, features, loss := of[0], of[1], of[2]
		w := newWorld(t, map[string][]string{"hone.yaml": {
			"version: 1", "models:", "  sea:", "    task: " + task, "    label: {name: label}", "    features: " + features, "    loss: " + loss,
			"    monitor: {window: 200, tick: 50, joint: true}", "    log: durable",
		}})
		if err := w.history(rows, 500, options{}); err != nil {
			t.Fatal(err)
		}
		if err := w.advance(hour, hour/4); err != nil {
			t.Fatal(err)
		}
		if err := w.traffic(rows, 400, options{}); err != nil {
			t.Fatal(err)
		}
		// Some signals are there while labels lack, the others always.
		if err := w.traffic(rows, 500, options{"unlabelled": "yes"}); err != nil {
			t.Fatal(err)
		}
		v, err := w.app.Loop().View(model)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range v.Signals {
			if s.Slice == "" {
				seen[s.Name] = true
			}
			if s.Slice == "" && !slices.Contains(expr.Names(), s.Name) {
				t.Errorf("%s is measured, and expressions do not know it", s.Name)
			}
		}
	}
	for _, name := range expr.Names() {
		if own := slices.Contains(expr.OfTime(), name) || name == "labels.new" || name == "failures"; !own && !seen[name] {
			t.Errorf("expressions know %s, and nothing measures it", name)
		}
	}
}
