package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
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
