package monitor_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hone"
	"hone/internal/monitor"
)

// checks is how many sequences a property is tried on: few by default, many where
// HONE_TEST_LONG is set.
func checks(t *testing.T) {
	t.Helper()
	n := "100"
	switch {
	case os.Getenv("HONE_TEST_LONG") != "":
		n = "2000"
	case testing.Short():
		n = "10"
	}
	if err := flag.Set("rapid.checks", n); err != nil {
		t.Fatal(err)
	}
}

// journey is a log: predictions in the order in which they arrived, and what was
// said of them likewise.
type journey struct {
	model       hone.Model
	predictions []hone.Prediction
	said        []hone.Outcome
	end         time.Time
}

// drawJourney serves rows and lets labels come: late, claiming to be older than
// they are, corrected, contradicted, many at the same moment, or never.
func drawJourney(w *world, model hone.Model, seed uint64) journey {
	r := rand.New(rand.NewPCG(seed, 9))
	j := journey{model: model}
	at := noon
	for _, o := range w.serve(260) {
		at = at.Add(time.Duration(r.IntN(40)) * time.Second)
		o.Received, o.Time = at, at
		if r.IntN(10) == 0 {
			o.Time = at.Add(-upTo(30*time.Minute, r)()) // Logged late.
		}
		j.predictions = append(j.predictions, o.Prediction)
		if r.IntN(4) == 0 {
			continue
		}
		o.LabelReceived = at.Add(upTo(time.Hour, r)()).Truncate(time.Duration(1+r.IntN(300)) * time.Second)
		if o.LabelReceived.Before(at) {
			o.LabelReceived = at
		}
		o.LabelTime = o.LabelReceived
		if r.IntN(3) == 0 {
			o.LabelTime = o.LabelReceived.Add(-upTo(2*time.Hour, r)())
		}
		j.said = append(j.said, o)
		if r.IntN(8) == 0 {
			o.LabelReceived = o.LabelReceived.Add(upTo(time.Hour, r)())
			o.LabelTime, o.Effect, o.Label = o.LabelReceived, hone.Corrected, fmt.Sprint(r.IntN(2))
			if r.IntN(2) == 0 {
				o.Effect = hone.Contradicted
			}
			j.said = append(j.said, o)
		}
	}
	slices.SortStableFunc(j.said, func(a, b hone.Outcome) int { return a.LabelReceived.Compare(b.LabelReceived) })
	for i := range j.said {
		j.said[i].LabelSeq = int64(i + 1)
	}
	j.end = at.Add(6 * time.Hour)
	return j
}

// reader reads a journey as the loop does: all that has arrived, in pages.
type reader struct {
	j               journey
	m               *monitor.Monitor
	said, presented int
	mature          []hone.Outcome
}

func (r *reader) readTo(t testing.TB, horizon time.Time, page int) {
	t.Helper()
	for {
		var os []hone.Outcome
		for len(os) < page && r.said < len(r.j.said) && !r.j.said[r.said].LabelReceived.After(horizon) {
			os = append(os, r.j.said[r.said])
			r.said++
		}
		r.m.Outcomes(os)
		by, more := horizon, len(os) == page
		if more {
			by = os[len(os)-1].LabelReceived.Add(-1)
		}
		r.advance(t, by, page)
		if !more {
			return
		}
	}
}

func (r *reader) advance(t testing.TB, by time.Time, page int) {
	t.Helper()
	for until := by; ; {
		full := false
		if r.m.Presumes(by) {
			end := r.presented
			for end < len(r.j.predictions) && end < r.presented+page && !r.j.predictions[end].Received.After(by) {
				end++
			}
			n, last := r.m.Presume(r.j.predictions[r.presented:end], by)
			r.presented += n
			if full = n == page; full {
				until = last
			} else {
				until = by
			}
		}
		step, err := r.m.Advance(t.Context(), until)
		if err != nil {
			t.Fatal(err)
		}
		r.mature = append(r.mature, step.Mature...)
		if !full {
			return
		}
	}
}

// TestOrderIsTheLogs holds that the ticks of a log are the same, bit for bit,
// whatever the pages, the moments at which it was read, and the restarts: with
// labels that count at once, after a delay, or together with their lack.
func TestOrderIsTheLogs(t *testing.T) {
	checks(t)
	plain := newSEA(t, 3, 0)
	plain.model.Monitor.Tick = 40
	late, absent := plain.model, plain.model
	late.Label.Delay = hone.Duration(20 * time.Minute)
	absent.Label.AbsentMeans, absent.Label.After = "0", hone.Duration(30*time.Minute)
	models := []hone.Model{plain.model, late, absent}
	rapid.Check(t, func(rt *rapid.T) {
		w := *plain
		w.model = models[rapid.IntRange(0, len(models)-1).Draw(rt, "model")]
		j := drawJourney(&w, w.model, rapid.Uint64().Draw(rt, "seed"))
		whole := &reader{j: j, m: w.monitor(t)}
		whole.readTo(t, j.end, 1<<20)
		got := &reader{j: j, m: w.monitor(t)}
		for now := noon; now.Before(j.end); {
			now = now.Add(time.Duration(rapid.IntRange(0, 3600).Draw(rt, "seconds")) * time.Second)
			got.readTo(t, now, rapid.IntRange(1, 60).Draw(rt, "page"))
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				got = &reader{j: j, m: w.monitor(t)}
			}
		}
		got.readTo(t, j.end, 1<<20)
		if !reflect.DeepEqual(got.m.Ticks(), whole.m.Ticks()) || got.m.Labels() != whole.m.Labels() || len(whole.m.Ticks()) == 0 {
			rt.Fatalf("%d ticks of %d labels, want %d of %d, bit for bit", len(got.m.Ticks()), got.m.Labels(), len(whole.m.Ticks()), whole.m.Labels())
		}
		if len(whole.mature) != whole.m.Labels() {
			rt.Fatalf("%d labels were told, %d counted", len(whole.mature), whole.m.Labels())
		}
	})
}

// TestAbsence holds what is inferred against the log: a prediction counts once, with
// its own label where that had come by then, else as absent_means says, and never
// while no label had come since it was old enough.
func TestAbsence(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 4, 0)
	w.model.Label.AbsentMeans, w.model.Label.After = "0", hone.Duration(30*time.Minute)
	for seed := range uint64(30) {
		j := drawJourney(w, w.model, seed)
		r := &reader{j: j, m: w.monitor(t)}
		r.readTo(t, j.end, 1<<20)
		inferred := 0
		seen := map[hone.PredictionID]bool{}
		for _, o := range r.mature {
			due := w.model.Label.Presumed(o.Prediction)
			spoke, label := false, ""
			for _, s := range j.said {
				spoke = spoke || !s.LabelReceived.Before(due) && !s.LabelReceived.After(o.Mature)
				if s.ID == o.ID && !s.LabelReceived.After(o.Mature) {
					label = s.Label
				}
			}
			if !spoke || seen[o.ID] {
				t.Fatalf("seed %d: %s counts at %v, due %v; a label came by then: %v; it had counted: %v", seed, o.ID, o.Mature, due, spoke, seen[o.ID])
			}
			if o.Inferred != (label == "") || label != "" && o.Label != label || label == "" && o.Label != "0" {
				t.Fatalf("seed %d: %s counts as %q, inferred %v; its label was %q", seed, o.ID, o.Label, o.Inferred, label)
			}
			if seen[o.ID] = true; o.Inferred {
				inferred++
			}
		}
		if inferred < 40 || len(r.mature) < 200 {
			t.Errorf("seed %d: %d of %d inferred; want about a quarter", seed, inferred, len(r.mature))
		}
	}
}

// TestAbsenceHolds lets the labels stop: nothing that falls due meanwhile counts,
// and all of it does once they come back.
func TestAbsenceHolds(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 5, 0)
	w.model.Label.AbsentMeans, w.model.Label.After = "0", hone.Duration(10*time.Minute)
	log := w.serve(1000) // A second apart.
	m := w.monitor(t)
	present := 0
	at := func(now time.Time, want int) {
		t.Helper()
		if m.Presumes(now) {
			n, _ := m.Presume(predictions(log[present:]), now)
			present += n
		}
		advance(t, m, now)
		if m.Labels() != want {
			t.Errorf("%v: %d count, want %d", now, m.Labels(), want)
		}
	}
	speak := func(row int, at time.Time) {
		o := log[row]
		o.LabelTime, o.LabelReceived, o.Label, o.LabelSeq = at, at, "1", int64(row)
		m.Outcomes([]hone.Outcome{o})
	}
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	speak(0, minute(5))
	at(minute(6), 0) // Nothing is ten minutes old.
	speak(1, minute(12))
	at(minute(12), 120) // The first two minutes' rows.
	at(minute(600), 120)
	speak(2, minute(600)) // One that counts already: nothing counts twice.
	at(minute(600), 1000)
	for _, s := range m.Signals(minute(600)) {
		if s.Name == "labels.inferred" && s.Value != 998 {
			t.Errorf("%v were inferred, want all but the two that had labels", s.Value)
		}
	}
}
