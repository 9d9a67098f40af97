package app_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"hone"
)

// tally counts what all lives together have met, so that a simulation in which
// nothing happens any more is noticed.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (a *tally) add(what string, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n == nil {
		a.n = map[string]int{}
	}
	a.n[what] += n
}

// must fails for what no life met.
func (a *tally) must(t *testing.T, what ...string) {
	t.Helper()
	for _, w := range what {
		if a.n[w] == 0 {
			t.Errorf("no life met %q: the simulation lost it", w)
		}
	}
}

func (a *tally) String() string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(a.n)) {
		out = append(out, fmt.Sprintf("%s %d", k, a.n[k]))
	}
	return strings.Join(out, ", ")
}

// count adds a life to the tally.
func (l *life) count(runs []hone.Run) {
	l.tally.add("lives", 1)
	l.tally.add("lives of "+l.kind.task+" models", 1)
	l.tally.add("predictions", len(l.kept))
	for _, r := range runs {
		l.tally.add("runs", 1)
		if r.Ending != "" {
			l.tally.add("runs "+string(r.Ending), 1)
		}
		l.tally.add("runs by "+string(r.Decision.Trigger), 1)
		if r.Decision.Reuse != "" {
			l.tally.add("runs that train nothing", 1)
		}
		if r.Receipt != nil {
			l.tally.add("receipts", 1)
		}
		if r.Rollout != nil && r.Rollout.Ask != "" {
			l.tally.add("questions", 1)
		}
	}
	l.tally.add("deaths", l.deaths)
}
