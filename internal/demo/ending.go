package demo

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"hone"
)

// Ending is how a story ended.
type Ending struct {
	Scenario string
	Expect   hone.Ending
	Run      hone.Run
	Started  hone.RunID // A run that should not have started.
	Features int        // That drifted at the end.
	// Accuracy before the drift, until the new champion, and after.
	Before, During, After       float64
	Drift, FirstLabel, Promoted time.Time
	Errors                      int
	LastError                   error
}

// work are the states in which the machinery works; the others wait for
// evidence.
var work = []hone.State{hone.Collecting, hone.Validating, hone.Training, hone.Evaluating, hone.Deciding}

// Machinery is the time that the loop worked, apart from waiting for evidence.
func (e Ending) Machinery() (sum time.Duration) {
	for _, s := range work {
		sum += time.Duration(e.Run.Took[s])
	}
	return sum
}

// err says what did not go as it should.
func (e Ending) err() error {
	var out []error
	fail := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	if e.Errors > 0 {
		fail("users saw %d errors, the last: %v", e.Errors, e.LastError)
	}
	if e.Expect == "" {
		if e.Started != "" {
			fail("%s started, and nothing should have", e.Started)
		}
		if e.Features == 0 {
			fail("no feature drifted, and some should have")
		}
		return errors.Join(out...)
	}
	if e.Run.Ending != e.Expect {
		fail("the run ended as %q, not as %s: %s", e.Run.Ending, e.Expect, e.Run.Sentence)
	}
	if e.Expect == hone.Promoted && !e.Drift.IsZero() && e.After < e.Before-tolerance {
		fail("accuracy is %.3f after the promotion; it was %.3f before the drift", e.After, e.Before)
	}
	return errors.Join(out...)
}

func (e Ending) record() map[string]any {
	took := map[string]float64{}
	for s, d := range e.Run.Took {
		took[string(s)] = time.Duration(d).Seconds()
	}
	out := map[string]any{"scenario": e.Scenario, "ok": e.err() == nil, "ending": e.Run.Ending, "run": e.Run.ID, "sentence": e.Run.Sentence,
		"accuracy_before": e.Before, "accuracy_during": e.During, "accuracy_after": e.After, "errors": e.Errors, "drifted_features": e.Features,
		"took_seconds": took, "machinery_seconds": e.Machinery().Seconds()}
	if !e.FirstLabel.IsZero() && !e.Drift.IsZero() && !e.Promoted.IsZero() {
		out["first_label_to_end_seconds"] = e.Promoted.Sub(e.FirstLabel).Seconds()
		out["first_label_to_trigger_seconds"] = e.Run.Started.Sub(e.FirstLabel).Seconds()
	}
	if err := e.err(); err != nil {
		out["why"] = err.Error()
	}
	return out
}

// text is the summary that a person reads.
func (e Ending) text() string {
	var b strings.Builder
	b.WriteString("\n")
	if err := e.err(); err != nil {
		fmt.Fprintf(&b, "Not as it should be: %v\n", err)
	}
	switch e.Expect {
	case "":
		fmt.Fprintf(&b, "%d features drifted, no run started: drift without damage never retrains.\n", e.Features)
		fmt.Fprintf(&b, "Accuracy: %.3f before, %.3f since.\n", e.Before, e.During)
		return b.String()
	case hone.Promoted:
		if e.Drift.IsZero() {
			fmt.Fprintf(&b, "The loop closed. Accuracy: %.3f until the new champion, %.3f in the last three seconds.\n", e.Before, e.After)
			break
		}
		fmt.Fprintf(&b, "The loop closed. Accuracy: %.3f before the drift, %.3f until the new champion, %.3f in the last three seconds.\n", e.Before, e.During, e.After)
	case hone.Rejected:
		fmt.Fprintf(&b, "The gates stopped the candidate; the champion serves on. %s\n", e.Run.Sentence)
	case hone.RolledBack:
		fmt.Fprintf(&b, "The challenger was taken back. Errors that users saw: %d. %s\n", e.Errors, e.Run.Sentence)
	}
	if e.FirstLabel.IsZero() || e.Drift.IsZero() {
		return b.String()
	}
	fmt.Fprintf(&b, "From the first label after the drift: trigger %.1f s", e.Run.Started.Sub(e.FirstLabel).Seconds())
	for _, s := range append(append([]hone.State{}, work...), hone.Shadowing, hone.Canary) {
		if d, ok := e.Run.Took[s]; ok {
			fmt.Fprintf(&b, ", %s %.2f s", s, time.Duration(d).Seconds())
		}
	}
	fmt.Fprintf(&b, ".\nMachinery apart from waiting for evidence: %.2f s.\n", e.Machinery().Seconds())
	return b.String()
}
