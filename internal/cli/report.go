package cli

import (
	"fmt"
	"io"

	"hone/internal/op"
)

// printReports writes what was done, and a sentence for each other policy.
func printReports(w io.Writer, all op.Reports) {
	if len(all.Reports) == 0 {
		fmt.Fprintln(w, "No model is configured.")
	}
	for _, c := range all.Reports {
		fmt.Fprintln(w, c.Sentence)
		if c.Objective != nil {
			fmt.Fprintln(w, "  "+c.Objective.Sentence)
		}
		for _, a := range c.Policies {
			fmt.Fprintf(w, "  %-8s %s\n", a.Verdict, a.Sentence)
		}
	}
}
