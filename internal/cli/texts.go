package cli

import (
	"fmt"
	"io"
	"strings"

	"hone/internal/monitor"
	"hone/internal/stat/text"
)

// printTexts says of each text feature how many of its words are new, and what it is
// about more or less than before.
func printTexts(w io.Writer, d monitor.Drift) {
	for _, f := range d.Features {
		t := f.Text
		if t == nil {
			continue
		}
		fmt.Fprintf(w, "\nWords of %s: %.1f %% are new, %.1f %% are to be expected (p %.3g)%s\n", f.Feature, 100*t.Unseen, 100*t.UnseenRef, t.UnseenP, newWords(t))
		if len(t.Topics) == 0 {
			continue
		}
		fmt.Fprintf(w, "Topics of %s (excess PSI %.3f, p %.3g), those that changed most:\n", f.Feature, t.TopicPSI, t.TopicP)
		for _, m := range t.Topics {
			fmt.Fprintf(w, "  %-40s %.1f %% → %.1f %%\n", m.Topic, 100*m.Ref, 100*m.Cur)
		}
	}
}

func newWords(t *text.Comparison) string {
	var out []string
	for _, n := range t.New {
		out = append(out, fmt.Sprintf("%s (%d)", n.Word, n.N))
	}
	if len(out) == 0 {
		return "."
	}
	return ": " + strings.Join(out, ", ")
}

// printJoint says what all features together tell.
func printJoint(w io.Writer, j *monitor.Joint) {
	if j == nil {
		return
	}
	fmt.Fprintln(w, "\n"+j.Sentence)
	if j.Unknown != "" {
		return
	}
	fmt.Fprintf(w, "  %d predictions, %d rows of the champion (p %.3g)\n", j.Rows, j.Reference, j.P)
	for _, f := range j.By {
		alone := "not by itself"
		if f.Alone {
			alone = "drifted"
		}
		fmt.Fprintf(w, "  %-20s AUC %.3f less without it  %s\n", f.Feature, f.Loss, alone)
	}
}
