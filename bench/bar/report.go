package bar

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Report is what a topic's bars came to, as a page for people: of each bar what was
// done, each figure beside its target, and the notes. The same results give the
// same bytes.
func Report(topic string, bars []Bar, f File, sources map[string]string) []byte {
	var w bytes.Buffer
	ok := 0
	for _, b := range bars {
		if _, holds := b.line(f, sources[b.ID]); holds {
			ok++
		}
	}
	fmt.Fprintf(&w, "# %s%s: what was measured\n\n", strings.ToUpper(topic[:1]), topic[1:])
	fmt.Fprintf(&w, "Made by `bash bench/bars %s report` out of `bench/results/%s.json`, which keeps every sample; measure anew with\n", topic, topic)
	fmt.Fprintf(&w, "`bash bench/bars %s --measure`. %d of %d bars hold.\n", topic, ok, len(bars))
	for _, b := range bars {
		b.section(&w, f, sources[b.ID])
	}
	return w.Bytes()
}

func (b Bar) section(w *bytes.Buffer, f File, sources string) {
	r, measured := f.Results[b.ID]
	_, holds := b.line(f, sources)
	word := "short"
	if holds {
		word = "ok"
	}
	fmt.Fprintf(w, "\n## %s: %s\n\n", b.ID, word)
	if b.About != "" {
		fmt.Fprintf(w, "%s\n\n", b.About)
	}
	if !measured {
		fmt.Fprint(w, "Not measured.\n")
		return
	}
	fmt.Fprint(w, "| figure | measured | of | lowest to highest | target | |\n|---|---|---|---|---|---|\n")
	told := map[string]bool{}
	for _, l := range b.Limits {
		told[l.Series] = true
		x, there := l.figure(r)
		if !there {
			fmt.Fprintf(w, "| %s | - | | | %s | short |\n", l.Series, l)
			continue
		}
		word := "short"
		if l.holds(x) {
			word = "ok"
		}
		fmt.Fprintf(w, "| %s | %s %s | %s | %s | %s |\n", l.Series, number(x), l.Unit, r.Series[l.Series].of(l.Of), l, word)
	}
	for _, name := range b.Also {
		if s, there := r.Series[name]; there && !told[name] {
			fmt.Fprintf(w, "| %s | %s %s | %s | | |\n", name, number(s.Median), s.Unit, s.of(Median))
		}
	}
	fmt.Fprintln(w)
	for _, n := range slices.Sorted(slices.Values(r.Notes)) {
		fmt.Fprintf(w, "- %s\n", n)
	}
	fmt.Fprintf(w, "- %.0f s on %s, load %.1f to %.1f, commit %.12s", r.Seconds, r.Machine, r.LoadBefore, r.LoadAfter, r.Commit)
	if r.Sources != sources {
		fmt.Fprint(w, "; what it measures has changed since")
	}
	fmt.Fprintln(w)
}

// of tells what a figure was taken of: its samples, and their range.
func (s Series) of(x Statistic) string {
	if len(s.Samples) == 1 {
		return "one | "
	}
	return fmt.Sprintf("%s of %d | %s to %s", x, len(s.Samples), number(s.Min), number(s.Max))
}
