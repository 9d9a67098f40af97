package hone_test

import (
	"math"
	"strings"
	"testing"

	"hone"
)

var (
	binary = hone.Signature{Task: hone.Binary, Classes: []string{"no", "yes"}, Threshold: 0.3}
	multi  = hone.Signature{Task: hone.Multiclass, Classes: []string{"a", "b", "c"}}
	value  = hone.Signature{Task: hone.Regression}
)

// same is equality of numbers in which NaN equals NaN.
func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func TestTarget(t *testing.T) {
	t.Parallel()
	f := func(s hone.Signature, label string, want float64) {
		t.Helper()
		if got := s.Target(label); !same(got, want) {
			t.Errorf("%s label %q: got %v, want %v", s.Task, label, got, want)
		}
	}
	f(binary, "no", 0)
	f(binary, "yes", 1)
	f(binary, "maybe", -1)
	f(binary, "", -1)
	f(multi, "c", 2)
	f(multi, "C", -1)
	f(value, "-1.5", -1.5)
	f(value, "yes", math.NaN())
	f(value, "Inf", math.NaN())
	f(value, "", math.NaN())
}

func TestWidthAndAnswer(t *testing.T) {
	t.Parallel()
	f := func(s hone.Signature, want string, scores ...float64) {
		t.Helper()
		if got := s.Answer(scores); got != want || s.Width() != len(scores) {
			t.Errorf("%s %v: got %q of width %d, want %q", s.Task, scores, got, s.Width(), want)
		}
	}
	f(binary, "no", 0.29)
	f(binary, "yes", 0.3) // The threshold itself is the positive class.
	f(multi, "b", 0.2, 0.5, 0.3)
	f(multi, "a", 0.4, 0.4, 0.2) // The first of equals.
	f(value, "12", 12)
	f(value, "0.5", 0.5)
}

func TestScoresRow(t *testing.T) {
	t.Parallel()
	s := hone.Scores{Width: 2, V: []float64{1, 2, 3, 4}}
	if r := s.Row(1); len(r) != 2 || r[0] != 3 || r[1] != 4 {
		t.Errorf("row 1 is %v", r)
	}
}

func TestCanonicalLabel(t *testing.T) {
	t.Parallel()
	f := func(task hone.Task, positive string, v any, want string, ok bool) {
		t.Helper()
		m := hone.Model{Task: task, Label: hone.LabelSpec{Positive: positive}}
		if got, yes := m.CanonicalLabel(v); yes != ok || ok && got != want {
			t.Errorf("%s, positive %q: %T %v gives %q, %v; want %q, %v", task, positive, v, v, got, yes, want, ok)
		}
	}
	for _, one := range []any{1.0, "1", "1.0", " 1 ", "1e0", "+1", true} {
		f(hone.Binary, "1", one, "1", true)
	}
	for _, zero := range []any{0.0, "0", "0.0", "-0", false} {
		f(hone.Binary, "1", zero, "0", true)
	}
	f(hone.Binary, "true", true, "true", true)
	f(hone.Binary, "true", false, "false", true)
	f(hone.Binary, "true", "true", "true", true)
	f(hone.Binary, "true", " false\n", "false", true)
	f(hone.Binary, "1", "true", "1", true)
	f(hone.Binary, "1", "False", "0", true)
	f(hone.Binary, "True", false, "False", true)
	f(hone.Binary, "yes", "true", "true", true) // A class of its own: text is not guessed at.
	f(hone.Multiclass, "", "Zürich", "Zürich", true)
	f(hone.Multiclass, "", "NA", "NA", true)
	f(hone.Multiclass, "", "NaN", "NaN", true)
	f(hone.Multiclass, "", 2.5, "2.5", true)
	f(hone.Multiclass, "", strings.Repeat("x", 256), strings.Repeat("x", 256), true)
	f(hone.Multiclass, "", strings.Repeat("x", 257), "", false)
	f(hone.Multiclass, "", "", "", false)
	f(hone.Multiclass, "", " \t", "", false)
	f(hone.Multiclass, "", nil, "", false)
	f(hone.Multiclass, "", []any{"a"}, "", false)
	f(hone.Binary, "1", math.NaN(), "", false)
	f(hone.Binary, "1", math.Inf(1), "", false)
	f(hone.Regression, "", "12.50", "12.5", true)
	f(hone.Regression, "", -3.0, "-3", true)
	f(hone.Regression, "", true, "", false)
	f(hone.Regression, "true", true, "", false)
	f(hone.Regression, "", "twelve", "", false)
	f(hone.Regression, "", "NA", "", false)
	f(hone.Regression, "", "", "", false)
	f(hone.Regression, "", "Infinity", "", false)
	f(hone.Regression, "", math.Inf(-1), "", false)
}
