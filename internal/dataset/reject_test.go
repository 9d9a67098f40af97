package dataset_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/dataset"
)

// TestReject holds that the rows of whom is rejected go, from the moment on, from
// both parts; that they are counted, and no name of a user is kept.
func TestReject(t *testing.T) {
	t.Parallel()
	rows := crowd(t, hog(4), partner(5))
	c := assemble(t, dataset.Need{Model: model()}, rows)
	f := func(r *hone.RejectedRows, gone func(user, source string, at time.Time) bool) {
		t.Helper()
		got := dataset.Reject(c, r)
		want := 0
		for _, part := range []struct{ before, after dataset.Rows }{{c.Train, got.Train}, {c.Holdout, got.Holdout}} {
			left := 0
			for i := range part.before.Labels {
				if gone(part.before.Units[i], part.before.Sources[i], part.before.Times[i]) {
					want++
				} else {
					left++
				}
			}
			if part.after.Len() != left {
				t.Errorf("%+v: %d rows are left, want %d", r, part.after.Len(), left)
			}
			for i := range part.after.Labels {
				source := ""
				if part.after.Sources != nil {
					source = part.after.Sources[i]
				}
				if gone(part.after.Units[i], source, part.after.Times[i]) {
					t.Errorf("%+v: a row of %s is left", r, part.after.Units[i])
				}
			}
		}
		if r == nil {
			return
		}
		if got.Recipe.Rejected.Rows != want || want == 0 {
			t.Errorf("%d rows are counted, want %d", got.Recipe.Rejected.Rows, want)
		}
		if dataset.Identity(dataset.Reject(c, got.Recipe.Rejected)) != dataset.Identity(got) {
			t.Error("the recipe does not give the same rows again")
		}
	}
	f(nil, func(string, string, time.Time) bool { return false })
	f(&hone.RejectedRows{Users: []string{dataset.Hashed("hog")}}, func(u, _ string, _ time.Time) bool { return u == "hog" })
	f(&hone.RejectedRows{Sources: []string{"partner"}}, func(_, s string, _ time.Time) bool { return s == "partner" })
	since := c.Train.Times[c.Train.Len()/2]
	f(&hone.RejectedRows{Sources: []string{"partner"}, Since: since}, func(_, s string, at time.Time) bool { return s == "partner" && !at.Before(since) })
	if h := dataset.Hashed("hog"); strings.Contains(h, "hog") || h == dataset.Hashed("dog") {
		t.Errorf("a user is kept as %q", h)
	}
}

// TestTold holds that imported rows and those of sources that the owner vouches for
// did not come as feedback of others.
func TestTold(t *testing.T) {
	t.Parallel()
	r := dataset.Rows{Labels: make([]string, 4), Sources: []string{"", "import", "warehouse", "partner"}}
	if got := r.Told([]string{"warehouse"}); !slices.Equal(got, []bool{true, false, false, true}) {
		t.Error(got)
	}
	r.Inferred = []bool{true, false, false, false}
	if r.Told(nil)[0] {
		t.Error("the lack of a label is feedback")
	}
}

func TestSiftChecks(t *testing.T) {
	t.Parallel()
	f := func(want string, r hone.Recipe, ids ...hone.PredictionID) {
		t.Helper()
		var got []string
		for _, c := range dataset.SiftChecks(r, ids) {
			if !c.Passed || c.Value == 0 {
				t.Errorf("%+v", c)
			}
			got = append(got, c.Sentence)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
	f("", hone.Recipe{})
	f("7 held-out rows are left out: they repeat rows to train on, or nearly do.", hone.Recipe{Copies: 7})
	f("9 rows of 2 users and the source p are left out: their labels run against all others.",
		hone.Recipe{Rejected: &hone.RejectedRows{Rows: 9, Users: []string{"a", "b"}, Sources: []string{"p"}}})
	f("2 rows to train on are left out: a model of the others believes their labels least, such as those of x, y.", hone.Recipe{Trimmed: 2}, "x", "y")
}
