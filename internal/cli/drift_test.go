package cli

import (
	"strings"
	"testing"

	"hone/internal/monitor"
	"hone/internal/stat"
)

func TestPrintDistances(t *testing.T) {
	t.Parallel()
	of := func(name string, js, w float64) monitor.FeatureDrift {
		return monitor.FeatureDrift{Feature: name, Comparison: stat.Comparison{JS: js, Hellinger: 0.25, PSI: 0.5, LInfinity: 0.125, KS: w / 4, Wasserstein: w, WassersteinSD: w / 2}}
	}
	var b strings.Builder
	printDistances(&b, monitor.Drift{Features: []monitor.FeatureDrift{of("near", 0.01, 1), of("far", 0.4, 2), of("names", 0.2, 0)}, Score: of("score", 0, 0)})
	got := b.String()
	far, names, near := strings.Index(got, "  far "), strings.Index(got, "  names "), strings.Index(got, "  near ")
	if far < 0 || names < far || near < names || !strings.Contains(got, "base 2") {
		t.Errorf("not the farthest first, or the base is not named:\n%s", got)
	}
	for _, want := range []string{"0.400", "12.5 %", "2 (1.00 sd)", "0.500"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
}
