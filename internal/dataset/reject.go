package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"hone"
)

// Hashed is how a manifest names a user, so that it reveals none.
func Hashed(unit string) string {
	sum := sha256.Sum256([]byte("user\x00" + unit))
	return hex.EncodeToString(sum[:8])
}

// Reject leaves out the rows of some sources and users from a moment on, and notes
// how many these were. Nothing is left out where nobody is rejected.
func Reject(c Collected, r *hone.RejectedRows) Collected {
	if r == nil {
		return c
	}
	users := map[string]bool{}
	for _, u := range r.Users {
		users[u] = true
	}
	noted := *r
	noted.Rows = 0
	part := func(rows Rows) Rows {
		return rows.Without(func(i int) bool {
			out := !rows.Times[i].Before(r.Since) && (slices.Contains(r.Sources, rows.source(i)) || users[Hashed(rows.Units[i])])
			if out {
				noted.Rows++
			}
			return out
		})
	}
	c.Train, c.Holdout = part(c.Train), part(c.Holdout)
	c.Recipe.Rejected = &noted
	return c
}

// Without leaves out some rows.
func (r Rows) Without(gone func(i int) bool) Rows {
	var stay []int
	for i := range r.Labels {
		if !gone(i) {
			stay = append(stay, i)
		}
	}
	if len(stay) == r.Len() {
		return r
	}
	return r.Pick(stay)
}

// Told marks the rows whose label came as feedback, from a source that the owner
// does not vouch for.
func (r Rows) Told(vouched []string) []bool {
	out := make([]bool, r.Len())
	for i := range out {
		s := r.source(i)
		out[i] = s != imported && !slices.Contains(vouched, s) && !r.inferred(i)
	}
	return out
}

// SiftChecks say which rows were left out for what they are. They never stop a run.
func SiftChecks(r hone.Recipe, trimmed []hone.PredictionID) (out []hone.Check) {
	add := func(rule string, n int, format string, args ...any) {
		out = append(out, hone.Check{Rule: rule, Passed: true, Value: float64(n), Sentence: fmt.Sprintf(format, args...)})
	}
	if r.Copies > 0 {
		add("copies_dropped", r.Copies, "%d held-out rows are left out: they repeat rows to train on, or nearly do.", r.Copies)
	}
	if j := r.Rejected; j != nil {
		var who []string
		if n := len(j.Users); n > 0 {
			who = append(who, fmt.Sprintf("%d users", n))
		}
		if len(j.Sources) > 0 {
			who = append(who, "the source "+listed(j.Sources))
		}
		add("rejected", j.Rows, "%d rows of %s are left out: their labels run against all others.", j.Rows, strings.Join(who, " and "))
	}
	if r.Trimmed > 0 {
		var shown []string
		for _, id := range trimmed[:min(5, len(trimmed))] {
			shown = append(shown, fmt.Sprintf("%.40s", id))
		}
		add("trimmed", r.Trimmed, "%d rows to train on are left out: a model of the others believes their labels least, such as those of %s.", r.Trimmed, strings.Join(shown, ", "))
	}
	return out
}
