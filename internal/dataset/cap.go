package dataset

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hone"
)

// evenShares is how many times the even share a user may have where they are few: a model with twenty shops for users keeps what each sent.
const evenShares = 5

// capped takes out the rows of new sources, and those of users who have many on one
// day. Rows are in the order of time; at is when labels counted, heard when each
// source was first heard.
func (t *tally) capped(c *hone.Caps, rows []Row, at time.Time, heard map[string]time.Time) []Row {
	if c == nil {
		return rows
	}
	if c.Quarantine > 0 {
		fresh := map[string]bool{}
		rows = slices.DeleteFunc(rows, func(r Row) bool {
			young := !declared(c, r.Source) && at.Sub(heard[r.Source]) < time.Duration(c.Quarantine)
			if young {
				t.Quarantined++
				fresh[r.Source] = true
			}
			return young
		})
		t.New = slices.Sorted(maps.Keys(fresh))
	}
	if c.PerUserDay > 0 {
		rows = t.perDay(rows, c.PerUserDay)
	}
	return rows
}

// tally counts what is left out of a dataset.
type tally struct {
	hone.Left
	users, sources map[string]bool
}

func newTally() *tally { return &tally{users: map[string]bool{}, sources: map[string]bool{}} }

// share holds users and sources to their share of n rows, and tells which rows
// stay and whether all do.
func (t *tally) share(c *hone.Caps, n int, user, source func(i int) string) (keep []int, all bool) {
	keep, users, rows := share(upTo(n), c.PerUser, evenShares, user)
	t.UserRows += rows
	keep, sources, more := share(keep, c.PerSource, 0, func(i int) string {
		if declared(c, source(i)) {
			return ""
		}
		return source(i)
	})
	t.SourceRows += more
	for _, u := range users {
		t.users[u] = true
	}
	for _, s := range sources {
		t.sources[s] = true
	}
	return keep, rows+more == 0
}

// rows holds users and sources to their share of one part of a dataset; the newest
// rows of each stay.
func (t *tally) rows(c *hone.Caps, r Rows) Rows {
	if keep, all := t.share(c, r.Len(), func(i int) string { return r.Units[i] }, r.source); !all {
		return r.Pick(keep)
	}
	return r
}

func declared(c *hone.Caps, source string) bool {
	return source == "" || source == imported || slices.Contains(c.Sources, source)
}

// done is what was left out, or nil.
func (t *tally) done() *hone.Left {
	t.Users, t.Sources = len(t.users), slices.Sorted(maps.Keys(t.sources))
	if t.UserRows+t.DayRows+t.SourceRows+t.Quarantined == 0 {
		return nil
	}
	return &t.Left
}

// imported is the source of labels that came with their rows.
const imported = "import"

// perDay keeps the first rows that each user has on a day.
func (t *tally) perDay(rows []Row, most int) []Row {
	type userDay struct {
		user string
		day  int64
	}
	count := map[userDay]int{}
	return slices.DeleteFunc(rows, func(r Row) bool {
		if r.Unit == "" {
			return false
		}
		at := userDay{r.Unit, r.Time.Unix() / 86400}
		count[at]++
		if count[at] > most {
			t.DayRows++
		}
		return count[at] > most
	})
}

// share holds each name to a share of the rows, and returns those that stay, the
// names that had more, and how many rows went.
// Where there are few names, it is as many times their even share that each may
// have; where all have too much, there is nothing to hold them against.
func share(rows []int, most float64, even int, name func(i int) string) (keep []int, names []string, taken int) {
	count := map[string]int{}
	for _, i := range rows {
		if n := name(i); n != "" {
			count[n]++
		}
	}
	if most <= 0 || len(count) == 0 {
		return rows, nil, 0
	}
	bound := boundOf(count, len(rows), max(most, float64(even)/float64(len(count))))
	for n, k := range count {
		if count[n] = max(0, k-bound); k > bound {
			names, taken = append(names, n), taken+k-bound
		}
	}
	if taken == 0 {
		return rows, nil, 0
	}
	for _, i := range rows {
		if n := name(i); count[n] > 0 {
			count[n]--
			continue
		}
		keep = append(keep, i)
	}
	return keep, names, taken
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// boundOf is the most rows of one name: at most its share of what is left when
// all are held to it.
func boundOf(count map[string]int, rows int, most float64) int {
	sizes := make([]int, 0, len(count))
	for _, k := range count {
		sizes = append(sizes, k)
	}
	slices.SortFunc(sizes, func(a, b int) int { return cmp.Compare(b, a) })
	rest := rows
	for i := range len(sizes) + 1 {
		// With i names at the bound b, and rest rows of others, b = most·(i·b + rest).
		bound := rows
		if free := 1 - most*float64(i); free > 0 && rest > 0 {
			bound = max(1, int(most*float64(rest)/free))
		}
		if i == len(sizes) || sizes[i] <= bound {
			return bound
		}
		rest -= sizes[i]
	}
	return rows
}

// CapCheck says what the caps left out. It never stops a run.
func CapCheck(left *hone.Left) hone.Check {
	c := hone.Check{Rule: "caps", Passed: true, Sentence: "no user or source has more than its share of the rows."}
	if left == nil {
		return c
	}
	var parts []string
	add := func(n int, format string, args ...any) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(format, args...))
			c.Value += float64(n)
		}
	}
	add(left.UserRows, "%d rows of %d users with more than their share", left.UserRows, left.Users)
	add(left.DayRows, "%d rows of users with many on one day", left.DayRows)
	add(left.SourceRows, "%d labels of %s, more than their share", left.SourceRows, listed(left.Sources))
	add(left.Quarantined, "%d labels of %s, not heard for long enough", left.Quarantined, listed(left.New))
	c.Sentence = "left out: " + strings.Join(parts, "; ") + "."
	return c
}

func listed(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more sources", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, " and ")
}
