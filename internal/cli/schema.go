package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"hone"
	"hone/internal/validate"
)

// printSchema writes what rows were like, one line a feature.
func printSchema(w io.Writer, s validate.Schema) {
	fmt.Fprintf(w, "%d rows from %s to %s UTC\n", s.Rows, stamp(s.Oldest), stamp(s.Newest))
	if len(s.Labels) > 0 {
		fmt.Fprintf(w, "  labels: %s\n", sharesText(s.Labels, len(s.Labels)))
	} else {
		fmt.Fprintf(w, "  labels: mean %.4g, standard deviation %.4g\n", s.Mean, s.SD)
	}
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  feature\tkind\tmissing\tvalues\tconstraint\t")
	for _, c := range s.Columns {
		fmt.Fprintf(t, "  %s\t%s\t%.1f %%\t%s\t%s\t\n", c.Feature, c.Kind, 100*c.Missing, valuesText(c), constraintText(c.Constraint))
	}
	t.Flush()
}

func valuesText(c validate.Column) string {
	switch {
	case c.Min != nil:
		return fmt.Sprintf("%.4g to %.4g, middle %.4g", *c.Min, *c.Max, *c.Median)
	case len(c.Categories) > 0:
		return sharesText(c.Categories, c.Distinct)
	}
	return fmt.Sprintf("%d different texts", c.Distinct)
}

// sharesText names the most frequent of so many values.
func sharesText(all []validate.Share, distinct int) string {
	var parts []string
	for _, s := range all[:min(4, len(all))] {
		parts = append(parts, fmt.Sprintf("%s %.0f %%", s.Value, 100*s.Share))
	}
	if more := distinct - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, ", ")
}

func constraintText(c *hone.Constraint) string {
	if c == nil {
		return ""
	}
	var parts []string
	if c.Required {
		parts = append(parts, "required")
	}
	if c.Min != nil {
		parts = append(parts, fmt.Sprintf("min %v", *c.Min))
	}
	if c.Max != nil {
		parts = append(parts, fmt.Sprintf("max %v", *c.Max))
	}
	if n := len(c.Categories); n > 0 {
		parts = append(parts, fmt.Sprintf("%d categories", n))
	}
	if c.MaxMissing != nil {
		parts = append(parts, fmt.Sprintf("max_missing %v %%", 100**c.MaxMissing))
	}
	return strings.Join(parts, ", ")
}

// printChecks writes what came of the checks of a dataset: those that found
// something, and the others where all are wanted, or how many they are.
func printChecks(w io.Writer, checks []hone.Check, all bool) {
	passed := 0
	for _, c := range checks {
		if c.Passed {
			passed++
		}
		if c.Passed && !all {
			continue
		}
		fmt.Fprintf(w, "  %-13s %-14s %s\n", c.Says(), c.Rule, c.Sentence)
	}
	if !all && len(checks) > 0 {
		fmt.Fprintf(w, "  %-13s %-14s %d of %d checks of its rows found nothing.\n", "ok", "dataset", passed, len(checks))
	}
}
