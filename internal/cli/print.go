package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"
	"time"

	"hone"
	"hone/internal/monitor"
	"hone/internal/op"
)

// print writes an answer for people. What has no form of its own is JSON.
func print(w io.Writer, out any) {
	switch v := out.(type) {
	case op.Status:
		printStatus(w, v)
	case op.ModelDetail:
		printModel(w, v)
	case hone.Decision:
		printDecision(w, v)
	case op.DecisionList:
		for _, d := range v.Decisions {
			fmt.Fprintf(w, "%s  %s\n", stamp(d.At), d.Sentence)
		}
	case op.RunList:
		printRuns(w, v)
	case hone.Run:
		printRun(w, v)
	case monitor.Drift:
		printDrift(w, v)
	case op.Done:
		fmt.Fprintln(w, v.Sentence)
	case op.Trace:
		fmt.Fprintln(w, v.Sentence)
		for _, s := range v.Steps {
			fmt.Fprintln(w, "  "+s)
		}
	case op.Verified:
		fmt.Fprintln(w, v.Sentence)
	case op.Rebuilt:
		fmt.Fprintln(w, v.Sentence)
	case op.FeedbackOut:
		fmt.Fprintf(w, "%d stored: %s\n", v.Stored, counts(v.Counts))
	case op.Stored:
		fmt.Fprintf(w, "%d stored, %d were there already, %d labels joined\n", v.Stored, v.Repeated, v.Labels)
	case op.AuditList:
		for _, e := range v.Events {
			fmt.Fprintf(w, "%6d  %s  %-10s %-22s %s\n", e.Seq, stamp(e.At), e.Actor, e.Action, e.Sentence)
		}
	case op.VersionList:
		printVersions(w, v)
	case op.SignalList:
		for _, s := range v.Signals {
			fmt.Fprintf(w, "%s  %s\n", stamp(s.At), signal(s))
		}
	case op.Report:
		for _, f := range v.Findings {
			fmt.Fprintf(w, "%-5s %s: %s\n", map[bool]string{true: "ok", false: "BAD"}[f.OK], f.Name, f.Sentence)
		}
	case hone.Applied:
		fmt.Fprint(w, v.Text)
	default:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.Encode(out)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func counts(m map[hone.Effect]int) string {
	var out []string
	for e, n := range m {
		out = append(out, fmt.Sprintf("%d %s", n, e))
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

func signal(s hone.Signal) string {
	name := s.Name
	if s.Slice != "" {
		name += " [" + s.Slice + "]"
	}
	if s.Unknown != "" {
		return fmt.Sprintf("%-24s unknown: %s", name, s.Unknown)
	}
	if s.Upper > s.Lower {
		return fmt.Sprintf("%-24s %.4g (%.4g to %.4g, %d rows)", name, s.Value, s.Lower, s.Upper, s.N)
	}
	return fmt.Sprintf("%-24s %.4g", name, s.Value)
}

func printStatus(w io.Writer, s op.Status) {
	if len(s.Models) == 0 {
		fmt.Fprintln(w, "No model is configured.")
	}
	for _, m := range s.Models {
		fmt.Fprintln(w, m.Sentence)
		fmt.Fprintln(w, "  "+m.Lead)
		for _, sig := range []*hone.Signal{m.Quality, m.Loss} {
			if sig != nil {
				fmt.Fprintln(w, "  "+signal(*sig))
			}
		}
		if m.Recoverable != nil && m.Price > 0 {
			fmt.Fprintf(w, "  recoverable loss         at least %.3g of %.3g that a retrain costs\n", max(0, m.Recoverable.Lower), m.Price)
		}
	}
}

func printModel(w io.Writer, m op.ModelDetail) {
	fmt.Fprintln(w, m.Sentence)
	fmt.Fprintln(w, "  "+m.Lead)
	if m.Version != nil {
		fmt.Fprintf(w, "  champion %s: %s, trained on %d rows up to %s\n", m.Version.ID, m.Version.Format, m.Version.TrainedRows, stamp(m.Version.TrainedUntil))
	}
	for _, s := range m.Signals {
		if s.Name != "drift" {
			fmt.Fprintln(w, "  "+signal(s))
		}
	}
	if m.Open != nil {
		printRun(w, *m.Open)
	}
}

func printDecision(w io.Writer, d hone.Decision) {
	fmt.Fprintln(w, d.Sentence)
	for _, r := range d.Reasons {
		mark := " "
		if r.Fired {
			mark = "•"
		}
		name := string(r.Trigger)
		if r.Guard != "" {
			name = "guard " + r.Guard
		}
		fmt.Fprintf(w, "  %s %-18s %s\n", mark, name, r.Sentence)
	}
}

func printRuns(w io.Writer, l op.RunList) {
	if len(l.Runs) == 0 {
		fmt.Fprintln(w, "No run yet.")
	}
	for _, r := range l.Runs {
		state := string(r.State)
		if r.Ending != "" {
			state = string(r.Ending)
		}
		fmt.Fprintf(w, "%-14s %s  %-12s %s\n", r.ID, stamp(r.Started), state, r.Sentence)
	}
}

func printRun(w io.Writer, r hone.Run) {
	fmt.Fprintf(w, "%s: %s\n", r.ID, r.Sentence)
	fmt.Fprintf(w, "  why: %s\n", r.Decision.Sentence)
	if r.Dataset != "" {
		fmt.Fprintf(w, "  dataset %.12s\n", r.Dataset)
	}
	if e := r.Evaluation; e != nil {
		fmt.Fprintf(w, "  loss %.4g against %.4g of the champion on %d rows (difference %.4g, 95 %% %.4g to %.4g)\n",
			e.Loss.Candidate, e.Loss.Champion, e.Loss.N, e.Loss.Diff, e.Loss.Lower, e.Loss.Upper)
	}
	for _, v := range r.Verdicts {
		fmt.Fprintf(w, "  %-13s %-14s %s\n", v.Result, v.Gate, v.Sentence)
	}
	if r.Rollout != nil {
		for _, v := range r.Rollout.Verdicts {
			fmt.Fprintf(w, "  %-13s %-14s %s\n", v.Result, v.Gate, v.Sentence)
		}
	}
	for _, s := range []hone.State{hone.Collecting, hone.Validating, hone.Training, hone.Evaluating, hone.Deciding, hone.AwaitingApproval, hone.Shadowing, hone.Canary} {
		if d, ok := r.Took[s]; ok {
			fmt.Fprintf(w, "  %-18s %s\n", s, time.Duration(d).Round(time.Millisecond))
		}
	}
}

func printDrift(w io.Writer, d monitor.Drift) {
	if d.Unknown != "" {
		fmt.Fprintln(w, "unknown: "+d.Unknown)
		return
	}
	verdict := "no drift"
	if d.Alarm {
		verdict = fmt.Sprintf("%d features drifted", d.Drifted())
	}
	fmt.Fprintf(w, "%s over %d predictions up to %s (p %.3g)\n", verdict, d.N, stamp(d.To), d.P)
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  feature\texcess PSI\tp\tmissing\toutside\t")
	for _, f := range append(d.Features, d.Score) {
		mark := ""
		if f.Drifted {
			mark = "drifted, " + f.Severity
		}
		fmt.Fprintf(t, "  %s\t%.3f\t%.3g\t%.1f %%\t%.1f %%\t%s\n", f.Feature, f.ExcessPSI, f.P, 100*f.MissingCur, 100*f.Outside, mark)
	}
	t.Flush()
}

func printVersions(w io.Writer, l op.VersionList) {
	for _, v := range l.Versions {
		fmt.Fprintf(w, "%-10s %s  %-8s %d rows  %.12s\n", v.ID, stamp(v.Created), v.Format, v.TrainedRows, v.Artefact)
	}
	for _, m := range l.History {
		to := string(m.Version)
		if to == "" {
			to = "nobody"
		}
		fmt.Fprintf(w, "%s  %-10s → %-10s by %s: %s\n", stamp(m.At), m.Alias, to, m.By, m.Reason)
	}
}
