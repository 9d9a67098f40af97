package main

import (
	"math"
	"slices"
	"strings"
	"testing"

	"hone"
)

func TestLine(t *testing.T) {
	t.Parallel()
	const n = 30 + 60 // The first 30 are history.
	labels, answers := make([]string, n), make([]string, n)
	for i := range labels {
		labels[i], answers[i] = "1", "1"
	}
	for i := range 30 {
		answers[i] = "wrong, and not played"
	}
	answers[30], answers[31], answers[89] = "0", "0", "0"
	got := line("x", answers, labels, 30, 2, 100)
	if got.Errors != 3 || math.Abs(got.Accuracy-0.95) > 1e-12 || got.Cost != 203 {
		t.Errorf("got %d errors, accuracy %v, cost %v; want 3, 0.95, 203", got.Errors, got.Accuracy, got.Cost)
	}
	if len(got.Parts) != parts || got.Parts[0] != 0 || got.Parts[1] != 1 || got.Parts[parts-1] != 0.5 {
		t.Errorf("parts are %v; want 0, then 1s, then 0.5", got.Parts)
	}
}

func TestRivals(t *testing.T) {
	t.Parallel()
	f := func(name string, got, want []string) {
		t.Helper()
		if !slices.Equal(got[3:], want) {
			t.Errorf("%s answers %q, want %q", name, got[3:], want)
		}
	}
	labels := []string{"a", "b", "b", "c", "d", "e", "f"}
	// With a delay of 2, row 5 is asked when the labels of rows 0 to 2 are known,
	// row 6 when that of row 3 has come too.
	f("lastLabel", lastLabel(labels, 3, 2), []string{"b", "b", "b", "c"})
	f("lastLabel without delay", lastLabel(labels, 3, 0), []string{"b", "c", "d", "e"})
	f("previousLabel", previousLabel(labels, 3), []string{"b", "c", "d", "e"})
	f("majority", majority(labels, 3), []string{"b", "b", "b", "b"})
}

func TestWon(t *testing.T) {
	t.Parallel()
	labels := []string{"1", "1", "1", "1"}
	a, b := []string{"1", "1", "0", "1"}, []string{"0", "0", "1", "1"}
	if got := won(a, b, labels, 0, 4); got != 1 {
		t.Errorf("a won %d, want 1", got)
	}
	if got := won(a, b, labels, 2, 4); got != -1 {
		t.Errorf("a won %d of the last two rows, want -1", got)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := &Report{File: "x.csv", Rows: 400, History: 40, Cost: 100, Runs: []Run{
		{Number: 2, Ending: hone.Promoted, Training: 1, Won: 5, Over: 10, Ended: 100},
		{Number: 3, Ending: hone.Promoted, Training: 1, Won: 0, Over: 10, Ended: 200},
		{Number: 4, Ending: hone.Promoted, Training: 1, Ended: 220}, // Worth unknown.
		{Number: 5, Ending: hone.Rejected, Training: 1, Ended: 300},
		{Number: 6, Ending: hone.Failed, Ended: 310}, // Before it trained.
		{Number: 7, Ending: hone.RolledBack, Training: 1, Ended: 399},
	}}
	if got := r.count(); got != 5 {
		t.Errorf("%d retrains, want 5", got)
	}
	if r.Promoted != 3 || r.Worthless != 1 || r.Rejected != 1 || r.RolledBack != 1 || r.Others != 1 {
		t.Errorf("counted %d promoted, %d worthless, %d rejected, %d rolled back, %d others", r.Promoted, r.Worthless, r.Rejected, r.RolledBack, r.Others)
	}
	labels := slices.Repeat([]string{"1"}, 400)
	r.Lines = []Line{line("Hone", labels, labels, 40, 5, 100), line("first model alone", slices.Repeat([]string{"0"}, 400), labels, 40, 0, 100)}
	text := r.Text()
	for _, want := range []string{" 1.000 |H H", " 0.000 |1 1", "H Hone", "360", "^ promoted", "rolled back"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}
