package dataset_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/dataset"
)

// crowd is history in which users and sources have so many of 1,000 rows, in turns.
func crowd(t *testing.T, user func(i int) string, source func(i int) string) []dataset.Row {
	rows := history(t, 1000)
	for i := range rows {
		rows[i].Unit, rows[i].Source = user(i), source(i)
	}
	return rows
}

func nobody(int) string { return "" }

// each of n users in turn.
func each(n int) func(int) string { return func(i int) string { return fmt.Sprint("user ", i%n) } }

// hog is one user with every k-th row among many others.
func hog(k int) func(int) string {
	return func(i int) string {
		if i%k == 0 {
			return "hog"
		}
		return fmt.Sprint("user ", i%600)
	}
}

func partner(k int) func(int) string {
	return func(i int) string {
		if i%k == 0 {
			return "partner"
		}
		return ""
	}
}

func TestCaps(t *testing.T) {
	t.Parallel()
	most := func(names []string, name string) (n int) {
		for _, u := range names {
			if u == name {
				n++
			}
		}
		return n
	}
	f := func(caps hone.Caps, rows []dataset.Row, check func(c dataset.Collected) string) {
		t.Helper()
		c := assemble(t, dataset.Need{Model: model(), Caps: &caps, At: noon.Add(48 * time.Hour), Heard: map[string]time.Time{"partner": noon.Add(36 * time.Hour)}}, rows)
		if problem := check(c); problem != "" {
			t.Errorf("%+v: %s; left out %+v", caps, problem, c.Recipe.Left)
		}
		if again := assemble(t, dataset.Need{Model: model()}, rows); again.Train.Len()+again.Holdout.Len() != 1000 {
			t.Errorf("%d and %d rows without caps", again.Train.Len(), again.Holdout.Len())
		}
	}
	whole := func(c dataset.Collected) string {
		if c.Train.Len()+c.Holdout.Len() != 1000 || c.Recipe.Left != nil {
			return fmt.Sprintf("%d and %d rows are left", c.Train.Len(), c.Holdout.Len())
		}
		return ""
	}
	f(hone.Caps{PerUser: 0.01, PerSource: 0.2}, crowd(t, nobody, nobody), whole)
	f(hone.Caps{PerUser: 0.01}, crowd(t, each(20), nobody), whole) // Few users: an even share is no crowd.
	f(hone.Caps{PerUser: 0.01}, crowd(t, hog(4), nobody), func(c dataset.Collected) string {
		if n := most(c.Train.Units, "hog"); n*100 > c.Train.Len()+100 || n == 0 {
			return fmt.Sprintf("the hog has %d of %d rows", n, c.Train.Len())
		}
		last := c.Holdout.IDs[c.Holdout.Len()-1]
		if last != "p00999" {
			return fmt.Sprintf("the newest row is %s", last)
		}
		if s := dataset.CapCheck(c.Recipe.Left); !strings.Contains(s.Sentence, "1 users") || !s.Passed {
			return s.Sentence
		}
		return ""
	})
	f(hone.Caps{PerSource: 0.2}, crowd(t, nobody, partner(2)), func(c dataset.Collected) string {
		if n := most(c.Train.Sources, "partner"); n*5 > c.Train.Len()+5 || n*6 < c.Train.Len() {
			return fmt.Sprintf("the partner has %d of %d rows", n, c.Train.Len())
		}
		return ""
	})
	f(hone.Caps{PerSource: 0.2, Sources: []string{"partner"}}, crowd(t, nobody, partner(2)), whole)
	f(hone.Caps{PerUserDay: 5}, crowd(t, each(10), nobody), func(c dataset.Collected) string {
		if n := most(c.Train.Units, "user 3") + most(c.Holdout.Units, "user 3"); n != 10 { // The rows are of two days, from noon on.
			return fmt.Sprintf("a user has %d rows", n)
		}
		return ""
	})
	f(hone.Caps{Quarantine: hone.Duration(24 * time.Hour)}, crowd(t, nobody, partner(4)), func(c dataset.Collected) string {
		if n := most(c.Train.Sources, "partner"); n > 0 || c.Recipe.Left.Quarantined != 250 {
			return fmt.Sprintf("%d rows of a new source", n)
		}
		return ""
	})
	f(hone.Caps{Quarantine: hone.Duration(6 * time.Hour)}, crowd(t, nobody, partner(4)), whole) // It was heard twelve hours ago.
}

// TestCapsOfTheWindow holds that whoever has little of all rows has no more of the
// newest.
func TestCapsOfTheWindow(t *testing.T) {
	t.Parallel()
	rows := crowd(t, func(i int) string {
		if i >= 700 && i < 790 {
			return "late"
		}
		return fmt.Sprint("user ", i)
	}, nobody)
	m := model()
	m.Dataset.Window = "200"
	c := assemble(t, dataset.Need{Model: m, Caps: &hone.Caps{PerUser: 0.1}}, rows)
	n := 0
	for _, u := range c.Train.Units {
		if u == "late" {
			n++
		}
	}
	if n == 0 || n*10 > c.Train.Len()+10 {
		t.Errorf("a user with 9 %% of the rows has %d of the %d in the window", n, c.Train.Len())
	}
}
