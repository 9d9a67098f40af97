// Package bar holds measured figures against their targets: it keeps raw samples
// with what they were measured on, and prints one line a bar. What is measured,
// and how, is left to the programs beside it.
package bar

import (
	"fmt"
	"io"
	"strings"
)

// Bar is one promise: every limit must hold.
type Bar struct {
	ID     string
	Limits []Limit
	// Also are series that are printed and must not hold anything.
	Also []string
	// About tells a reader of the report, in a sentence or two, what was measured
	// and how.
	About string
	// Of are the folders, below the project's, that the figure comes from: a change
	// in another one leaves it as good as it was. None means the whole program.
	Of []string
}

// Limit bounds what a series of samples comes to.
type Limit struct {
	Series string
	Unit   string
	Of     Statistic
	Under  float64 // The figure must be below; 0 where there is no such limit.
	AtMost bool    // The figure may also equal Under.
	Over   float64 // The figure must be this or more; 0 where there is no such limit.
}

// Statistic is what is taken of a series.
type Statistic string

const (
	Median Statistic = "median"
	Max    Statistic = "max"
)

// figure is what the limit is held against, and whether there is one.
func (l Limit) figure(r Result) (float64, bool) {
	s, ok := r.Series[l.Series]
	if !ok || len(s.Samples) == 0 {
		return 0, false
	}
	if l.Of == Max {
		return s.Max, true
	}
	return s.Median, true
}

func (l Limit) holds(x float64) bool {
	return (l.Under == 0 || x < l.Under || l.AtMost && x == l.Under) && (l.Over == 0 || x >= l.Over)
}

func (l Limit) String() string {
	if l.Over != 0 {
		return fmt.Sprintf("at least %s %s", number(l.Over), l.Unit)
	}
	return fmt.Sprintf("under %s %s", number(l.Under), l.Unit)
}

// Print writes a line for each bar and tells whether all of them hold. Sources
// has, by bar, the hash of what would be measured now.
func Print(w io.Writer, bars []Bar, f File, sources map[string]string) bool {
	all := true
	for _, b := range bars {
		line, ok := b.line(f, sources[b.ID])
		fmt.Fprintln(w, line)
		all = all && ok
	}
	return all
}

// line is: id, figure, target, ok or short; then what helps to read it.
func (b Bar) line(f File, sources string) (string, bool) {
	r, measured := f.Results[b.ID]
	var figures, targets, notes []string
	ok := measured
	for _, l := range b.Limits {
		if t := l.String(); len(targets) == 0 || targets[len(targets)-1] != t {
			targets = append(targets, t)
		}
		x, there := l.figure(r)
		if !there {
			ok = false
			continue
		}
		figures = append(figures, fmt.Sprintf("%s %s %s", l.Series, number(x), l.Unit))
		if !l.holds(x) {
			ok = false
			notes = append(notes, l.Series+" misses")
		}
	}
	switch {
	case !measured:
		notes = append(notes, "not measured")
	case r.Sources != sources:
		ok = false
		notes = append(notes, "older than what it measures")
	}
	if measured {
		for _, name := range b.Also {
			if s, there := r.Series[name]; there {
				notes = append(notes, fmt.Sprintf("%s %s %s", name, number(s.Median), s.Unit))
			}
		}
		notes = append(notes, r.Notes...)
		notes = append(notes, fmt.Sprintf("load %.2f to %.2f", r.LoadBefore, r.LoadAfter))
	}
	word := "ok"
	if !ok {
		word = "short"
	}
	if figures == nil {
		figures = []string{"-"}
	}
	return fmt.Sprintf("%-26s %s | %s | %s (%s)", b.ID, strings.Join(figures, ", "), strings.Join(targets, ", "), word, strings.Join(notes, "; ")), ok
}

func number(x float64) string {
	switch {
	case x == float64(int64(x)):
		return fmt.Sprint(int64(x))
	case x >= 1000 || x <= -1000:
		return fmt.Sprintf("%.0f", x)
	case x >= 10 || x <= -10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.3f", x)
}
