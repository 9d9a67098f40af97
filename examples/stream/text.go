package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
)

// height of the plot, in lines of text.
const height = 12

// marks stand for the lines in the plot, in their order.
const marks = "H1wa.pm"

// Text is the report as a person reads it.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d rows, the first %d imported, %d played; labels come %d rows late.\n", filepath.Base(r.File), r.Rows, r.History, r.Rows-r.History, r.DelayRows)
	if r.Skipped > 0 {
		fmt.Fprintf(&b, "%d rows had no label or could not be read, and were left out.\n", r.Skipped)
	}
	fmt.Fprintf(&b, "%s; %s; %.0f s; load %s on %d CPUs at the end.\n\n", r.Command, r.Began.Format("2006-01-02 15:04 MST"), r.Seconds, r.Load, r.CPUs)
	fmt.Fprintf(&b, "  %-30s %8s %7s %8s %8s\n", "", "accuracy", "errors", "retrains", "cost")
	for i, l := range r.Lines {
		fmt.Fprintf(&b, "%s %-30s %8.4f %7d %8d %8.0f\n", mark(i), l.Name, l.Accuracy, l.Errors, l.Retrains, l.Cost)
	}
	fmt.Fprintf(&b, "Cost is retrains × %g + errors; the first training is free to all.\n\n", r.Cost)
	b.WriteString(r.plot())
	fmt.Fprintf(&b, "\n%d runs: %d promoted, %d rejected, %d rolled back, %d other; of the promotions %d won nothing over %d rows.\n",
		len(r.Runs), r.Promoted, r.Rejected, r.RolledBack, r.Others, r.Worthless, horizon)
	if r.Stalls > 0 {
		fmt.Fprintf(&b, "The loop fell behind %d times.\n", r.Stalls)
	}
	if len(r.Runs) > 0 {
		b.WriteString(r.table())
	}
	return b.String()
}

func mark(i int) string {
	if i < len(marks) {
		return marks[i : i+1]
	}
	return " "
}

// table lists the runs.
func (r *Report) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%4s %7s %7s %-11s %6s %7s %7s %9s %7s %6s %8s %6s\n", "run", "began", "ended", "ending", "train", "holdout", "suffix", "gate diff", "train s", "missed", "promised", "won")
	for _, run := range r.Runs {
		missed, promised, won := "?", "?", "?"
		if run.Over > 0 {
			missed, promised, won = fmt.Sprintf("%+d", run.Missed), fmt.Sprintf("%+.0f", run.Promised), fmt.Sprintf("%+d", run.Won)
		}
		ending := string(run.Ending)
		if ending == "" {
			ending = "under way"
		}
		fmt.Fprintf(&b, "%4d %7d %7d %-11s %6d %7d %7d %+9.4f %7.2f %6s %8s %6s\n", run.Number, run.Began, run.Ended, ending, run.Train, run.Holdout, run.Suffix, run.Diff, run.Training, missed, promised, won)
		fmt.Fprintf(&b, "     because %s\n     ending  %s\n", run.Reason, run.Why)
	}
	fmt.Fprintf(&b, "missed: right answers that the candidate would have won while its run and rollout were under way;\n")
	fmt.Fprintf(&b, "won: those it has over the champion it was to replace, on the %d rows after the run; promised: what the trigger expected of them.\n", horizon)
	return b.String()
}

// plot draws accuracy over time, a column a part, and a ^ where a run promoted.
func (r *Report) plot() string {
	low, high := 1.0, 0.0
	for _, l := range r.Lines {
		for _, a := range l.Parts {
			low, high = math.Min(low, a), math.Max(high, a)
		}
	}
	low, high = math.Floor(low*20)/20, math.Ceil(high*20)/20
	if !(high > low) {
		high = low + 0.05
	}
	grid := make([][]byte, height)
	for k := range grid {
		grid[k] = []byte(strings.Repeat("  ", parts))
	}
	for i := len(r.Lines) - 1; i >= 0; i-- { // The first line is drawn over the others.
		for k, a := range r.Lines[i].Parts {
			level := int(math.Round((a - low) / (high - low) * (height - 1)))
			grid[height-1-level][2*k] = mark(i)[0]
		}
	}
	var b strings.Builder
	for k, row := range grid {
		fmt.Fprintf(&b, "%6.3f |%s\n", high-(high-low)*float64(k)/(height-1), strings.TrimRight(string(row), " "))
	}
	b.WriteString("       +" + strings.Repeat("--", parts) + "\n")
	events := []byte(strings.Repeat(" ", 2*parts))
	for _, run := range r.Runs {
		sign := map[string]byte{"promoted": '^', "rejected": 'x', "rolled_back": '<'}[string(run.Ending)]
		if k := (run.Ended - r.History) * parts / max(r.Rows-r.History, 1); sign != 0 && k >= 0 && k < parts {
			at := 2 * k
			if events[at] != ' ' {
				at++
			}
			events[at] = sign
		}
	}
	fmt.Fprintf(&b, "  runs |%s   ^ promoted, x rejected, < rolled back\n", events)
	return b.String()
}
