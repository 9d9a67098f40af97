package hone_test

import (
	"testing"

	"hone"
)

func TestMetricsByName(t *testing.T) {
	t.Parallel()
	f := func(name string, quantile float64, class string) {
		t.Helper()
		if q, ok := hone.Quantile(name); q != quantile || ok != (quantile > 0) {
			t.Errorf("quantile of %s: %v, %v", name, q, ok)
		}
		if c, ok := hone.ClassOf(name); c != class || ok != (class != "") {
			t.Errorf("class of %s: %q, %v", name, c, ok)
		}
	}
	f("pinball_0.9", 0.9, "")
	f("pinball_0.050", 0.05, "")
	for _, none := range []string{"pinball", "pinball_", "pinball_0", "pinball_0.0", "pinball_1", "pinball_1.5", "pinball_.5", "pinball_9e-1", "pinball_-0.5", "pinball_NaN", "f1", "f1_", "auc", ""} {
		f(none, 0, "")
	}
	f("f1_fraud", 0, "fraud")
	f("f1_late payment", 0, "late payment")
}
