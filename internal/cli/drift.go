package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"hone/internal/monitor"
)

// printDistances lists how far each feature moved by several measures, the farthest
// first. What is not measured of names is left out.
func printDistances(w io.Writer, d monitor.Drift) {
	ranked := slices.Clone(d.Features)
	slices.SortStableFunc(ranked, func(a, b monitor.FeatureDrift) int { return cmp.Compare(b.JS, a.JS) })
	fmt.Fprintln(w, "\nHow far, whatever chance would do; the farthest first.")
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  feature\tJensen-Shannon (base 2)\tHellinger\tPSI\tlargest bin\tKS\tWasserstein\t")
	for _, f := range append(ranked, d.Score) {
		ks, moved := "-", "-"
		if f.KS > 0 || f.Wasserstein > 0 {
			ks, moved = fmt.Sprintf("%.3f", f.KS), fmt.Sprintf("%.3g", f.Wasserstein)
			if f.WassersteinSD > 0 {
				moved += fmt.Sprintf(" (%.2f sd)", f.WassersteinSD)
			}
		}
		fmt.Fprintf(t, "  %s\t%.3f\t%.3f\t%.3f\t%.1f %%\t%s\t%s\t\n", f.Feature, f.JS, f.Hellinger, f.PSI, 100*f.LInfinity, ks, moved)
	}
	t.Flush()
}

// printSummaries lists what features look like where there is nothing to compare
// them with.
func printSummaries(w io.Writer, all []monitor.Summary) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "What %d rows look like so far:\n", all[0].N)
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  feature\tmissing\tleast\t5 %\tmedian\t95 %\tlargest\t")
	for _, s := range all {
		fmt.Fprintf(t, "  %s\t%.1f %%\t", s.Feature, 100*s.Missing)
		if q := s.Quantiles; q != nil {
			fmt.Fprintf(t, "%.4g\t%.4g\t%.4g\t%.4g\t%.4g\t\n", q.Min, q.P5, q.Median, q.P95, q.Max)
			continue
		}
		fmt.Fprintf(t, "-\t-\t-\t-\t-\t%s\n", kinds(s))
	}
	t.Flush()
}

// kinds names the most frequent names of a feature.
func kinds(s monitor.Summary) string {
	if len(s.Names) == 0 {
		return ""
	}
	var top []string
	for _, v := range s.Names {
		top = append(top, fmt.Sprintf("%s (%d)", v.Value, v.N))
	}
	out := strings.Join(top, ", ")
	if more := s.Distinct - len(s.Names); more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}
