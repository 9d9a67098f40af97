package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"hone"
	"hone/internal/monitor"
)

// printPerformance writes the sentence, one row a number, and what an estimate
// cannot see.
func printPerformance(w io.Writer, p monitor.Performance) {
	fmt.Fprintln(w, p.Sentence)
	if p.Unknown != "" {
		return
	}
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  metric\tknown from\trows\tvalue\tinterval")
	row := func(s hone.Signal, name, from string) {
		if s.Unknown != "" {
			fmt.Fprintf(t, "  %s\t%s\t%d\tunknown\t%s\n", name, from, s.N, s.Unknown)
			return
		}
		fmt.Fprintf(t, "  %s\t%s\t%d\t%.4g\t%.4g to %.4g\n", name, from, s.N, s.Value, s.Lower, s.Upper)
	}
	for _, s := range p.Realised {
		name, since := strings.CutSuffix(s.Name, ".since")
		from := "newest labels (99.9 %)"
		if since {
			from = "labels since " + string(p.Version) + " serves (95 %)"
		}
		row(s, name, from)
	}
	for _, s := range p.Matured {
		row(s.Signal, s.Name, "labels, with those to come (95 %)")
	}
	for _, s := range p.Slices {
		row(s, s.Name+" of "+s.Slice, "newest labels (99.9 %)")
	}
	for _, s := range p.Estimated.Metrics {
		row(s, s.Name, "estimate (95 %)")
	}
	t.Flush()
	for _, s := range p.Matured[:min(1, len(p.Matured))] {
		if s.Unknown == "" && s.Later >= 0.001 {
			fmt.Fprintf(w, "  labels to come: seen up to %.1f days after the answer; %.1f %% of the slowest kind come later at most, and the interval reaches from none to so many\n", time.Duration(s.Within).Hours()/24, 100*s.Later)
		}
	}
	e := p.Estimated
	switch {
	case e.Unknown != "":
		fmt.Fprintf(w, "  estimate: unknown, for %s\n", e.Unknown)
	case e.Weighted:
		fmt.Fprintf(w, "  estimate: %d labelled rows weighed for %d predictions, worth %.0f of equal weight; inputs have changed (AUC %.2f)\n", e.Reference, e.Rows, e.Effective, e.Telling)
	default:
		fmt.Fprintf(w, "  estimate: by the scores of %d labelled rows; %.0f %% of the inputs have their like among them\n", e.Reference, 100*e.Covered)
	}
	fmt.Fprintln(w, "  what is expected is "+e.Caveat)
	for _, s := range p.Worst {
		fmt.Fprintf(w, "  worse where %s: loss %.4g on %d rows, %.4g elsewhere (difference %.4g to %.4g, p %.2g)\n", s.Slice, s.Loss, s.N, s.Rest, s.Lower, s.Upper, s.P)
	}
	if p.WorstUnknown != "" {
		fmt.Fprintln(w, "  slices: "+p.WorstUnknown)
	}
}
