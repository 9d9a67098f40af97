package monitor_test

import (
	"testing"
	"time"

	"hone"
)

// A label that was asked for does not show that the source of labels speaks: no lack
// of a label counts by it. Where its prediction counts, it counts with it.
func TestAskedLabelsDoNotSpeak(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 3, 0)
	w.model.Label.AbsentMeans, w.model.Label.After = "0", hone.Duration(30*time.Minute)
	m := w.monitor(t)
	served := w.serve(60)
	for i := range served {
		served[i].Time = noon.Add(time.Duration(i+1) * time.Second)
		served[i].Received = served[i].Time
	}
	if _, err := m.Predictions(predictions(served)); err != nil {
		t.Fatal(err)
	}
	say := func(i int, label string, at time.Time, asked bool) {
		o := served[i]
		o.Label, o.LabelTime, o.LabelReceived, o.LabelSeq, o.Asked = label, at, at, int64(at.Unix()), asked
		m.Outcomes([]hone.Outcome{o})
	}
	say(7, "1", noon.Add(2*time.Hour), true)
	if m.Presumes(noon.Add(3 * time.Hour)) {
		t.Fatal("a label that was asked for lets the lack of others count")
	}
	say(8, "1", noon.Add(4*time.Hour), false)
	if !m.Presumes(noon.Add(4 * time.Hour)) {
		t.Fatal("a label that came by itself does not")
	}
	if n, _ := m.Presume(predictions(served), noon.Add(4*time.Hour)); n != 60 {
		t.Fatalf("%d of 60 predictions are due", n)
	}
	step, err := m.Advance(t.Context(), noon.Add(4*time.Hour))
	if err != nil || len(step.Mature) != 60 {
		t.Fatalf("%d count, %v", len(step.Mature), err)
	}
	for i, o := range step.Mature {
		if real := i == 7 || i == 8; o.Inferred == real || real && o.Label != "1" {
			t.Errorf("prediction %d counts as %q, inferred %v", i, o.Label, o.Inferred)
		}
	}
}
