package cli

import (
	"strings"
	"testing"

	"hone/internal/monitor"
	"hone/internal/stat/text"
)

func TestPrintTexts(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	printTexts(&b, monitor.Drift{Features: []monitor.FeatureDrift{{Feature: "amount"}, {Feature: "note", Text: &text.Comparison{
		Unseen: 0.043, UnseenRef: 0.011, UnseenP: 3e-12, TopicP: 2e-9, TopicPSI: 0.114,
		Topics: []text.Moved{{Topic: "4: refund, late", Ref: 0.081, Cur: 0.193}}, New: []text.Word{{Word: "chargeback", N: 61}, {Word: "klarna", N: 40}}}}}})
	for _, want := range []string{"Words of note: 4.3 % are new, 1.1 % are to be expected (p 3e-12): chargeback (61), klarna (40)\n", "Topics of note (excess PSI 0.114, p 2e-09)", "4: refund, late", "8.1 % → 19.3 %"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "amount") {
		t.Errorf("a number has words:\n%s", b.String())
	}
}

func TestPrintJoint(t *testing.T) {
	t.Parallel()
	f := func(j *monitor.Joint, want ...string) {
		t.Helper()
		var b strings.Builder
		printJoint(&b, j)
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%q is missing:\n%s", w, b.String())
			}
		}
		if len(want) == 0 && b.Len() > 0 {
			t.Errorf("printed %q", b.String())
		}
	}
	f(nil)
	f(&monitor.Joint{Unknown: "x", Sentence: "It is unknown: x."}, "It is unknown: x.")
	f(&monitor.Joint{Sentence: "They do.", Rows: 1000, Reference: 3000, P: 1e-9, By: []monitor.JointFeature{{Feature: "age", Loss: 0.12}, {Feature: "sum", Loss: 0.05, Alone: true}}},
		"They do.", "1000 predictions, 3000 rows of the champion (p 1e-09)", "AUC 0.120 less without it  not by itself", "drifted")
}
