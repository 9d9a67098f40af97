package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"hone"
)

// printRollout writes what the step under way was said to see, and what its guards
// found: of each the harm measured, what it surely is within, what is put up with,
// and on how much that rests.
func printRollout(w io.Writer, r hone.Rollout) {
	if r.Outlook != nil && r.Outlook.Sentence != "" {
		fmt.Fprintf(w, "  outlook: %s\n", r.Outlook.Sentence)
	}
	if len(r.Verdicts) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  guard\tresult\tharm\tsurely within\tput up with\tof")
	for _, v := range r.Verdicts {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%d\n", named(v), v.Result, harm(v, v.Value), within(v), harm(v, v.Limit), v.N)
	}
	t.Flush()
	for _, v := range r.Verdicts {
		fmt.Fprintf(w, "  %s: %s\n", named(v), v.Sentence)
	}
}

// harm writes a guard's number in its unit.
func harm(v hone.Verdict, x float64) string {
	switch v.Unit {
	case "share":
		return fmt.Sprintf("%.3g points", 100*x)
	case "e-value":
		return fmt.Sprintf("e %.3g", x)
	}
	return fmt.Sprintf("%.4g %s", x, v.Unit)
}

func within(v hone.Verdict) string {
	if v.Lower == 0 && v.Upper == 0 {
		return ""
	}
	return harm(v, v.Lower) + " to " + harm(v, v.Upper)
}
