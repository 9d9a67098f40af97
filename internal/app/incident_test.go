package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/op"
)

const hour = time.Hour

// wideWorld is a model of so many features, trained on calm rows.
func wideWorld(t *testing.T, features int) *world {
	t.Helper()
	names := make([]string, features)
	for i := range names {
		names[i] = fmt.Sprintf("f%d: number", i)
	}
	w := newWorld(t, map[string][]string{"hone.yaml": {
		"version: 1", "models:", "  sea:", "    task: binary", "    label: {name: label}", "    features: {" + strings.Join(names, ", ") + "}",
		"    monitor: {window: 200}", "    dataset: {window: all}", "    triggers: [{drift: {features: 30%}}]",
		"    guards: {cooldown: 30m, max_per_day: 2, min_new_labels: 100}", "    validation: {warn: [leakage]}", "    log: durable",
	}})
	if err := w.history("wide", 500, options{}); err != nil {
		t.Fatal(err)
	}
	if err := w.advance(hour, hour/4); err != nil {
		t.Fatal(err)
	}
	if v, err := w.app.Loop().View(model); err != nil || v.Champion.ID == "" {
		t.Fatalf("no champion: %s, %v", v.Decision.Sentence, err)
	}
	return w
}

func (w *world) allIncidents() []hone.Incident {
	w.t.Helper()
	got, err := w.call("incidents", &op.ListIn{Model: model})
	if err != nil {
		w.t.Fatal(err)
	}
	return got.(op.IncidentList).Incidents
}

// A thousand features that drift together, window after window, are one thing to
// a person: one incident, and one fired trigger.
func TestThousandFeaturesAreOneIncident(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a thousand features take seconds")
	}
	w := wideWorld(t, 1000)
	if err := w.traffic("wide", 1600, options{"variant": "1", "unlabelled": "yes"}); err != nil {
		t.Fatal(err)
	}
	got := w.allIncidents()
	if len(got) != 1 || len(got[0].Causes) != 1 || !got[0].Closed.IsZero() {
		t.Fatalf("got %+v", got)
	}
	if !strings.Contains(got[0].Causes[0], " of 1000 features drifted") || !strings.Contains(got[0].Causes[0], " → recoverable loss ") {
		t.Errorf("got %q", got[0].Causes[0])
	}
	// Two calm windows end it.
	if err := w.traffic("wide", 600, options{"variant": "0", "unlabelled": "yes"}); err != nil {
		t.Fatal(err)
	}
	if got := w.allIncidents(); len(got) != 1 || got[0].Closed.IsZero() {
		t.Errorf("got %+v", got)
	}
}

// TestABurstHidesNoDrift lets three windows come between two looks at the log, of which
// only the first drifted: it is an incident all the same.
func TestABurstHidesNoDrift(t *testing.T) {
	t.Parallel()
	w := wideWorld(t, 5)
	for _, part := range []struct {
		variant string
		rows    int
	}{{"1", 200}, {"0", 400}} {
		f, _, ids, err := w.rows("wide", part.rows, options{"variant": part.variant})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.serve(f, ids, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.pass(time.Second); err != nil {
		t.Fatal(err)
	}
	if got := w.allIncidents(); len(got) != 1 || !strings.HasPrefix(got[0].Causes[0], "drift: ") {
		t.Errorf("got %+v", got)
	}
}

// Without drift there is no incident: a window alarms once in a thousand times,
// however many features it has.
func TestNoIncidentWithoutDrift(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a hundred windows take seconds")
	}
	w := wideWorld(t, 40)
	if err := w.traffic("wide", 20_000, options{"unlabelled": "yes", "rate": "100"}); err != nil {
		t.Fatal(err)
	}
	if got := w.allIncidents(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	if v, err := w.app.Loop().View(model); err != nil || v.Drift.Unknown != "" || v.Window != 0 {
		t.Errorf("not every window was judged: %+v, %v", v.Drift, err)
	}
}

// Clocks that jump must not start a run each time they do.
func TestClockJumpsInTheLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string][]string{"hone.yaml": {
		"version: 1", "models:", "  sea:", "    task: binary", "    label: {name: label}", "    features: {f0: number, f1: number, f2: number}",
		"    monitor: {window: 500, tick: 100}", "    triggers: [{schedule: \"0 3 * * *\"}]", "    guards: {cooldown: 1m, max_per_day: 4, min_new_labels: 0}",
		"    rollout: {strategy: immediate}",
	}})
	if err := w.history("sea", 1000, options{}); err != nil {
		t.Fatal(err)
	}
	if err := w.advance(48*hour, hour); err != nil {
		t.Fatal(err)
	}
	before, err := w.allRuns()
	if err != nil {
		t.Fatal(err)
	}
	for _, jump := range []int{1, -1, 365 * 24, -365 * 24, -365 * 24, 365 * 24} {
		w.clock.Advance(time.Duration(jump) * hour)
		if err := w.step(); err != nil {
			t.Fatal(err)
		}
	}
	after, err := w.allRuns()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(after) - len(before); n > 2 {
		t.Errorf("six jumps started %d runs", n)
	}
	if err := w.advance(72*hour, hour); err != nil {
		t.Fatal(err)
	}
	if end, err := w.allRuns(); err != nil || len(end)-len(after) < 2 || len(end)-len(after) > 4 {
		t.Errorf("three days later %d runs more, %v", len(end)-len(after), err)
	}
}
