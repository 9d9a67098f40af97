package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"hone"
	"hone/internal/monitor"
	"hone/internal/op"
	"hone/internal/say"
	"hone/internal/validate"
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
		if header(w, len(v.Decisions), "No decision yet.", timeHead+"  decision") {
			for _, d := range v.Decisions {
				fmt.Fprintf(w, "%s  %s\n", stamp(d.At), d.Sentence)
			}
		}
	case op.RunList:
		printRuns(w, v)
	case hone.Run:
		printRun(w, v)
	case op.Drifted:
		printDrift(w, v.Drift)
		printJoint(w, v.Joint)
	case hone.Backup:
		fmt.Fprintln(w, v.Sentence)
	case hone.Erasure:
		fmt.Fprintln(w, v.Sentence)
		for _, next := range v.Next {
			fmt.Fprintln(w, "  "+next)
		}
	case op.Weights:
		fmt.Fprintln(w, v.Sentence)
		if v.Challenger != "" {
			unit := cmp.Or(v.StickyBy, "the prediction's id")
			fmt.Fprintf(w, "Split by %s with the salt %q: %s below %v.\n", unit, v.Salt, v.Challenger, v.Weight)
		}
	case op.Sight:
		printSight(w, v)
	case monitor.Performance:
		printPerformance(w, v)
	case op.Done:
		fmt.Fprintln(w, v.Sentence)
	case op.Trace:
		fmt.Fprintln(w, v.Sentence)
		for _, s := range v.Steps {
			fmt.Fprintln(w, "  "+s)
		}
	case op.Verified:
		fmt.Fprintln(w, v.Sentence)
		if v.Keep != "" {
			fmt.Fprintln(w, "  head "+v.Keep)
		}
	case op.Rebuilt:
		fmt.Fprintln(w, v.Sentence)
	case op.Replayed:
		printReplayed(w, v)
	case op.FeedbackOut:
		fmt.Fprintf(w, "%d stored: %s.\n", v.Stored, counts(v.Counts))
	case op.Stored:
		fmt.Fprintf(w, "%d stored, %d with a label, %d were there already.\n", v.Stored, v.Labels, v.Repeated)
	case op.AuditList:
		if header(w, len(v.Events), "No event yet.", fmt.Sprintf("%6s  %s  %-10s %-22s %s", "number", timeHead, "who", "what", "in words")) {
			for _, e := range v.Events {
				fmt.Fprintf(w, "%6d  %s  %-10s %-22s %s\n", e.Seq, stamp(e.At), e.Actor, e.Action, e.Sentence)
			}
		}
	case op.PrincipalList:
		printPrincipals(w, v)
	case op.Token:
		fmt.Fprintf(w, "%s\n%s\n", v.Sentence, v.Token)
	case op.Revoked:
		fmt.Fprintln(w, v.Sentence)
	case op.VersionList:
		printVersions(w, v)
	case op.EventOut:
		fmt.Fprintln(w, v.Sentence)
	case op.IncidentList:
		printIncidents(w, v)
	case op.SignalList:
		if header(w, len(v.Signals), "No value yet.", timeHead+"  signal") {
			for _, s := range v.Signals {
				fmt.Fprintf(w, "%s  %s\n", stamp(s.At), signal(s))
			}
		}
	case op.Reports:
		printReports(w, v)
	case op.Report:
		for _, f := range v.Findings {
			fmt.Fprintf(w, "%-4s %s: %s\n", map[bool]string{true: "ok", false: "BAD"}[f.OK], f.Name, f.Sentence)
		}
	case validate.Schema:
		printSchema(w, v)
	case hone.Dataset:
		printDataset(w, v)
	case hone.Applied:
		fmt.Fprint(w, v.Text)
	case op.ConfigList:
		printConfigs(w, v)
	case op.ConfigDiff:
		printDiff(w, v)
	case op.ConfigApplied:
		fmt.Fprintln(w, v.Sentence)
	default:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.Encode(out)
	}
}

func printPrincipals(w io.Writer, l op.PrincipalList) {
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\trole\tkind\tmodels\tcame last (UTC)\ttoken")
	for _, p := range l.Principals {
		models, last, token := "all", "never", "good until revoked"
		if len(p.Models) > 0 {
			models = strings.Join(p.Models, ", ")
		}
		if !p.LastUsed.IsZero() {
			last = stamp(p.LastUsed)
		}
		switch {
		case !p.Revoked.IsZero():
			token = "revoked " + stamp(p.Revoked)
		case !p.Expires.IsZero():
			token = "good until " + stamp(p.Expires)
		}
		if p.Data {
			p.Role += ", data"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Role, p.Kind, models, last, token)
	}
	t.Flush()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// timeHead stands over a column of stamps.
const timeHead = "time (UTC)         "

// header writes the head of a list of n, or what is said where it is empty.
func header(w io.Writer, n int, none, head string) bool {
	if n == 0 {
		head = none
	}
	fmt.Fprintln(w, head)
	return n > 0
}

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
		return fmt.Sprintf("%-24s %s (%s to %s, %d rows)", name, amount(s.Name, s.Value), amount(s.Name, s.Lower), amount(s.Name, s.Upper), s.N)
	}
	return fmt.Sprintf("%-24s %s", name, amount(s.Name, s.Value))
}

// amount writes a signal's value in its unit.
func amount(name string, v float64) string {
	switch {
	case strings.HasPrefix(name, "latency."), strings.HasPrefix(name, "label_delay."), name == monitor.Silent, name == monitor.Every:
		return seconds(v)
	case strings.HasSuffix(name, ".rate"):
		return fmt.Sprintf("%.4g/s", v)
	case strings.HasSuffix(name, ".share"):
		return fmt.Sprintf("%.4g %%", 100*v)
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprintf("%.4g", v)
}

// seconds writes a time in three digits.
func seconds(v float64) string {
	d := time.Duration(v * float64(time.Second))
	unit := time.Nanosecond
	for unit < time.Second && d >= 1000*unit {
		unit *= 10
	}
	return hone.Duration(d.Round(unit)).String()
}

func printStatus(w io.Writer, s op.Status) {
	if len(s.Models) == 0 {
		fmt.Fprintln(w, "No model is configured.")
	}
	for _, m := range s.Models {
		fmt.Fprintln(w, m.Sentence)
		fmt.Fprintln(w, "  "+m.Lead)
		if m.Owner != "" {
			fmt.Fprintln(w, "  owner "+m.Owner)
		}
		for _, sig := range []*hone.Signal{m.Quality, m.Loss} {
			if sig != nil {
				fmt.Fprintln(w, "  "+signal(*sig))
			}
		}
		printIncident(w, m.Incident)
		if m.Recoverable != nil && m.Recoverable.N > 0 && m.Price > 0 {
			fmt.Fprintf(w, "  recoverable loss         at least %.3g of %.3g that a retrain costs\n", max(0, m.Recoverable.Lower), m.Price)
		}
	}
}

func printModel(w io.Writer, m op.ModelDetail) {
	fmt.Fprintln(w, m.Sentence)
	fmt.Fprintln(w, "  "+m.Lead)
	if m.Owner != "" {
		fmt.Fprintln(w, "  owner "+m.Owner)
	}
	if m.Version != nil {
		fmt.Fprintf(w, "  champion %s: %s, trained on %d rows up to %s UTC\n", m.Version.ID, m.Version.Format, m.Version.TrainedRows, stamp(m.Version.TrainedUntil))
	}
	printIncident(w, m.Incident)
	for _, e := range m.Events {
		fmt.Fprintf(w, "  waits for a run: %s from %s, announced %s UTC by %s\n", e.Type, e.Source, stamp(e.Received), e.By)
	}
	if m.Sight != nil {
		fmt.Fprintln(w, "  "+m.Sight.Sentence)
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

func printIncident(w io.Writer, i *hone.Incident) {
	if i != nil {
		fmt.Fprintf(w, "  incident since %s UTC: %s\n", stamp(i.Opened), strings.Join(i.Causes, "; "))
	}
}

func printIncidents(w io.Writer, l op.IncidentList) {
	if !header(w, len(l.Incidents), "No incident yet.", fmt.Sprintf("%-19s  %-19s  %s", "opened (UTC)", "closed (UTC)", "causes")) {
		return
	}
	for _, i := range l.Incidents {
		closed := "open"
		if !i.Closed.IsZero() {
			closed = stamp(i.Closed)
		}
		fmt.Fprintf(w, "%s  %-19s  %s\n", stamp(i.Opened), closed, strings.Join(i.Causes, "; "))
	}
}

func printSight(w io.Writer, v op.Sight) {
	fmt.Fprintln(w, v.Sentence)
	for _, c := range v.Coverage {
		fmt.Fprintf(w, "  of %d predictions older than %s, %.0f %% have a label\n", c.N, time.Duration(c.Age).Round(time.Second), 100*c.Share)
	}
	if v.LabelsPerDay > 0 {
		fmt.Fprintf(w, "  %.0f labels come to count a day\n", v.LabelsPerDay)
	}
	if v.Smallest > 0 {
		fmt.Fprintf(w, "  %d labels find a loss %.3g higher a row in 4 of 5 cases, as %s has it\n", v.Labels, v.Smallest, v.Spread)
	}
}

func printDecision(w io.Writer, d hone.Decision) {
	fmt.Fprintln(w, d.Sentence)
	for _, r := range d.Reasons {
		mark := " "
		switch {
		case r.Fired:
			mark = "•"
		case r.Unknown:
			mark = "?"
		}
		name := string(r.Trigger)
		if r.Guard != "" {
			name = "guard " + r.Guard
		}
		fmt.Fprintf(w, "  %s %-21s %s\n", mark, strings.Repeat("  ", r.Depth)+name, r.Sentence)
	}
}

func printRuns(w io.Writer, l op.RunList) {
	if !header(w, len(l.Runs), "No run yet.", fmt.Sprintf("%-14s %s  %-12s %s", "run", "started (UTC)      ", "state", "in words")) {
		return
	}
	for _, r := range l.Runs {
		state := string(r.State)
		if r.Ending != "" {
			state = string(r.Ending)
		}
		fmt.Fprintf(w, "%-14s %s  %-12s %s\n", r.ID, stamp(r.Started), state, r.Sentence)
	}
}

// printReceipt says what a run won back, or was to.
func printReceipt(w io.Writer, r hone.Run) {
	f := r.Decision.Forecast
	switch {
	case r.Receipt != nil:
		fmt.Fprintf(w, "  receipt: %s\n", r.Receipt.Sentence)
	case f == nil:
	case f.Unknown != "":
		fmt.Fprintf(w, "  receipt: none, since nothing was forecast: %s.\n", f.Unknown)
	default:
		beside := ""
		if f.Aside {
			beside = ", which is not what started the run"
		}
		fmt.Fprintf(w, "  forecast: %s units of loss, %s to %s, won back on %s%s.\n", say.Num(f.Gain), say.Num(f.Lower), say.Num(f.Upper), say.Count(f.Rows, "labelled row", "labelled rows"), beside)
	}
}

func printRun(w io.Writer, r hone.Run) {
	said, _ := strings.CutPrefix(r.Sentence, string(r.ID)+" ")
	fmt.Fprintf(w, "%s: %s\n", r.ID, said)
	fmt.Fprintf(w, "  started %s UTC", stamp(r.Started))
	if !r.Ended.IsZero() {
		fmt.Fprintf(w, ", %s %s UTC", strings.ReplaceAll(string(r.Ending), "_", " "), stamp(r.Ended))
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "  why: %s\n", r.Decision.Sentence)
	if r.Pending != nil {
		fmt.Fprintf(w, "  meanwhile the trigger %s fired: %s\n", r.Pending.Trigger, r.Pending.Sentence)
	}
	if r.Spent != nil {
		fmt.Fprintf(w, "  cost: %s\n", r.Spent.Sentence)
	}
	printReceipt(w, r)
	if r.Dataset != "" {
		fmt.Fprintf(w, "  dataset %.12s\n", r.Dataset)
	}
	printChecks(w, r.Checks, false)
	if e := r.Evaluation; e != nil {
		against := "the champion"
		if e.Champion == "" {
			against = "the best constant answer"
		}
		fmt.Fprintf(w, "  loss %.4g against %.4g of %s on %d rows (difference %.4g, 95 %% %.4g to %.4g)\n",
			e.Loss.Candidate, e.Loss.Champion, against, e.Loss.N, e.Loss.Diff, e.Loss.Lower, e.Loss.Upper)
	}
	for _, v := range r.Verdicts {
		fmt.Fprintf(w, "  %-13s %-14s %s\n", v.Standing(), v.Gate, v.Sentence)
	}
	printVerdicts(w, r.Verdicts)
	if r.State == hone.Deciding && slices.ContainsFunc(r.Verdicts, func(v hone.Verdict) bool {
		return v.Gate == "quality" && v.Result == hone.Inconclusive && v.Need > 0
	}) {
		fmt.Fprintf(w, "  `hone label %s` names the rows whose labels would decide it.\n", r.Model)
	}
	if r.Rollout != nil {
		printRollout(w, *r.Rollout)
	}
	for _, s := range []hone.State{hone.Collecting, hone.Validating, hone.Training, hone.Evaluating, hone.Deciding, hone.AwaitingApproval, hone.Shadowing, hone.Canary} {
		if d, ok := r.Took[s]; ok {
			fmt.Fprintf(w, "  %-18s %s\n", s, time.Duration(d).Round(time.Millisecond))
		}
	}
}

func printDrift(w io.Writer, d monitor.Drift) {
	fmt.Fprintln(w, d.Sentence)
	if d.Silence > 0 {
		fmt.Fprintf(w, "No data: no prediction has come for %s.\n", time.Duration(d.Silence).Round(time.Second))
	}
	if d.Late > 0 {
		fmt.Fprintf(w, "%d predictions came too late for their window.\n", d.Late)
	}
	printSummaries(w, d.Summaries)
	if d.Unknown != "" {
		return
	}
	fmt.Fprintf(w, "%d predictions up to %s UTC (p %.3g):\n", d.N, stamp(d.To), d.P)
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  feature\texcess PSI\tp\tmissing\toutside\t")
	for _, f := range append(slices.Clone(d.Features), d.Score) {
		fmt.Fprintf(t, "  %s\t%.3f\t%.3g\t%.1f %%\t%.1f %%\t%s\n", f.Feature, f.ExcessPSI, f.P, 100*f.MissingCur, 100*f.Outside, strings.Join(remarks(f), "; "))
	}
	t.Flush()
	printTexts(w, d)
	printDistances(w, d)
}

// remarks are what there is to say of one feature besides its numbers.
func remarks(f monitor.FeatureDrift) (out []string) {
	if f.Drifted {
		out = append(out, "drifted, "+f.Severity)
	}
	if f.Note != "" {
		out = append(out, f.Note)
	}
	if len(f.New) > 0 {
		var names []string
		for _, v := range f.New[:min(5, len(f.New))] {
			names = append(names, fmt.Sprintf("%s (%d)", v.Value, v.N))
		}
		said := "new: " + strings.Join(names, ", ")
		if more := len(f.New) - len(names); more > 0 {
			said += fmt.Sprintf(" and %d more", more)
		}
		out = append(out, said)
	}
	return out
}

func printDataset(w io.Writer, d hone.Dataset) {
	fmt.Fprintf(w, "dataset %s\n", d.ID)
	fmt.Fprintf(w, "  of %s for %s, made %s UTC\n", d.Model, d.Run, stamp(d.Created))
	fmt.Fprintf(w, "  %d rows to train on, %d held out, %d anchor cases\n", d.Train, d.Holdout, d.Anchor)
	fmt.Fprintf(w, "  window of %d rows, by %s\n", d.Recipe.Window, d.Recipe.WindowBy)
	printChecks(w, d.Checks, true)
}

func printVersions(w io.Writer, l op.VersionList) {
	if !header(w, len(l.Versions), "No version yet.", fmt.Sprintf("%-10s %s  %-8s %s", "version", "trained (UTC)      ", "format", "rows, artefact")) {
		return
	}
	for _, v := range l.Versions {
		fmt.Fprintf(w, "%-10s %s  %-8s %d rows  %.12s\n", v.ID, stamp(v.Created), v.Format, v.TrainedRows, v.Artefact)
	}
	if len(l.History) > 0 {
		fmt.Fprintf(w, "\n%s  %s\n", timeHead, "alias → version")
	}
	for _, m := range l.History {
		to := string(m.Version)
		if to == "" {
			to = "nobody"
		}
		fmt.Fprintf(w, "%s  %-10s → %-10s by %s: %s\n", stamp(m.At), m.Alias, to, m.By, m.Reason)
	}
}
