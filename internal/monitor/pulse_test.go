package monitor_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"hone"
	"hone/internal/monitor"
)

// pulsed hears a stream of labels and tells how often the next came only after the
// bound, and what the bound and the usual gap are in the end.
func pulsed(t *testing.T, m *monitor.Monitor, labels int, next func(i int) time.Duration) (alarms int, bound, every time.Duration, last time.Time) {
	t.Helper()
	last = noon
	for i := range labels {
		gap := next(i)
		if bound > 0 && gap > bound {
			alarms++
		}
		last = last.Add(gap)
		m.Hear([]hone.Outcome{{LabelTime: last, LabelReceived: last}})
		if i < 20 || i%7 != 0 && i != labels-1 {
			continue // The bound is read now and then.
		}
		bound, every = silence(m)
	}
	return alarms, bound, every, last
}

func silence(m *monitor.Monitor) (bound, every time.Duration) {
	for _, s := range m.Signals(noon) {
		switch {
		case s.Name == monitor.Silent && s.Unknown == "":
			bound = time.Duration(s.Upper * float64(time.Second))
		case s.Name == monitor.Every:
			every = time.Duration(s.Value * float64(time.Second))
		}
	}
	return bound, every
}

// TestPulse simulates sources that never stop. A trickle of independent labels
// raises a thousandth of a false alarm in as many pauses as are looked at; batches
// at night and pauses at the weekend are no silence either.
func TestPulse(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 6, 0)
	f := func(name string, streams, labels, most int, least, limit time.Duration, next func(r *rand.Rand) func(i int) time.Duration) {
		t.Helper()
		total := 0
		for seed := range uint64(streams) {
			alarms, bound, _, _ := pulsed(t, w.monitor(t), labels, next(rand.New(rand.NewPCG(seed, 11))))
			total += alarms
			if bound < least || bound > limit {
				t.Errorf("%s, stream %d: %v is silence; want %v to %v", name, seed, bound, least, limit)
			}
		}
		t.Logf("%s: %d false alarms in %d gaps", name, total, streams*labels)
		if total > most {
			t.Errorf("%s: %d false alarms in %d gaps; want at most %d", name, total, streams*labels, most)
		}
	}
	f("independent", 20, 1500, 1, 20*time.Hour, 60*time.Hour, func(r *rand.Rand) func(int) time.Duration {
		return func(int) time.Duration { return time.Duration(r.ExpFloat64() * float64(2*time.Hour)) }
	})
	f("nightly batches but at weekends", 10, 3000, 0, 5*24*time.Hour, 8*24*time.Hour, func(r *rand.Rand) func(int) time.Duration {
		return func(i int) time.Duration {
			switch {
			case i%60 > 0:
				return time.Duration(1+r.IntN(5)) * time.Second
			case i/60%5 == 0:
				return 71*time.Hour + time.Duration(r.IntN(60))*time.Minute
			}
			return 23*time.Hour + time.Duration(r.IntN(60))*time.Minute
		}
	})
}

// TestSilence stops the labels: the silence is told once predictions have gone on
// for longer than the bound, and never where they stopped too.
func TestSilence(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 7, 0)
	m := w.monitor(t)
	r := rand.New(rand.NewPCG(7, 12))
	_, bound, every, last := pulsed(t, m, 500, func(int) time.Duration { return time.Duration(r.ExpFloat64() * float64(time.Hour)) })
	if every < 30*time.Minute || every > 3*time.Hour {
		t.Errorf("they usually come every %v; want about an hour", every)
	}
	tell := func() (time.Duration, bool) {
		for _, s := range m.Signals(noon) {
			if s.Name == monitor.Silent {
				return time.Duration(s.Value * float64(time.Second)), s.Unknown == "" && s.Value > s.Upper
			}
		}
		return 0, false
	}
	serve := func(from time.Time, n int) {
		t.Helper()
		ps := predictions(w.serve(n))
		for i := range ps {
			ps[i].Received = from.Add(time.Duration(i) * time.Second)
		}
		if _, err := m.Predictions(ps); err != nil {
			t.Fatal(err)
		}
	}
	if how, silent := tell(); silent || how != 0 {
		t.Errorf("without predictions: silent for %v", how)
	}
	serve(last.Add(bound/2), 60)
	if how, silent := tell(); silent || how < bound/2 {
		t.Errorf("before the bound of %v: silent %v for %v", bound, silent, how)
	}
	serve(last.Add(bound), 60)
	if how, silent := tell(); !silent || how < bound {
		t.Errorf("past the bound of %v: silent %v for %v", bound, silent, how)
	}
	back := last.Add(bound + 2*time.Minute)
	m.Hear([]hone.Outcome{{LabelTime: back, LabelReceived: back}})
	if how, silent := tell(); silent || how != 0 {
		t.Errorf("after a label: silent for %v", how)
	}
}

// TestPulseNeedsLabels holds that little is not taken for much.
func TestPulseNeedsLabels(t *testing.T) {
	t.Parallel()
	m := newSEA(t, 8, 0).monitor(t)
	pulsed(t, m, 15, func(int) time.Duration { return 12 * time.Hour })
	if bound, _ := silence(m); bound != 0 {
		t.Errorf("after 15 labels %v is silence", bound)
	}
	m = newSEA(t, 8, 0).monitor(t)
	pulsed(t, m, 1000, func(int) time.Duration { return time.Minute })
	if bound, _ := silence(m); bound != 0 {
		t.Errorf("after less than a day %v is silence", bound)
	}
}
