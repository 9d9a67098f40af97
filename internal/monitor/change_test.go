package monitor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stat/change"
)

// told hands rows to a monitor, labels at once, and returns what it says.
func told(t *testing.T, m *monitor.Monitor, os []hone.Outcome, signal string) hone.Signal {
	t.Helper()
	if _, err := m.Predictions(predictions(os)); err != nil {
		t.Fatal(err)
	}
	m.Outcomes(os)
	now := os[len(os)-1].Time.Add(time.Second)
	if _, err := m.Advance(context.Background(), now); err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Signals(now) {
		if s.Name == signal {
			return s
		}
	}
	t.Fatalf("there is no signal %s", signal)
	return hone.Signal{}
}

func TestLossChange(t *testing.T) {
	t.Parallel()
	for _, detector := range append(change.Names(), "") {
		w := newSEA(t, 5, 3000+2000)
		w.model.Monitor.Detector = detector
		m := w.monitor(t)
		if s := told(t, m, w.serve(2000), monitor.LossChange); detector != change.NameHDDMW && (s.Unknown != "no change in 2,000 labelled rows" || s.N != 2000) {
			t.Errorf("%q: before the change: %+v", detector, s)
		}
		s := told(t, m, w.serve(3000), monitor.LossChange)
		if s.Unknown != "" || s.N < 1000 || s.N > 5000 || !(s.Lower < s.Value && s.Value < s.Upper) {
			t.Errorf("%q: after the change: %+v", detector, s)
		}
		if hasty := detector == change.NameHDDMW; !hasty && (s.Value < 0.02 || s.Lower < 0) {
			t.Errorf("%q: the loss rises, and is told as %+v", detector, s)
		}
	}
}

// The loss is told in its own unit, whatever its range is.
func TestLossChangeInItsUnit(t *testing.T) {
	t.Parallel()
	of := func(l hone.Loss) hone.Signal {
		w := newSEA(t, 6, 3000+2000)
		w.model.Loss = l
		m := w.monitor(t)
		return told(t, m, w.serve(6000), monitor.LossChange)
	}
	one := of(hone.Loss{Kind: hone.ZeroOne})
	ten := of(hone.Loss{Kind: hone.Cost, FalseNegative: 10, FalsePositive: 10, Threshold: 0.5})
	if one.Unknown != "" || ten.N != one.N || ten.Value < 9.999*one.Value || ten.Value > 10.001*one.Value || ten.Lower < 9.999*one.Lower {
		t.Errorf("errors that cost ten: %+v, that cost one: %+v", ten, one)
	}
	if s := of(hone.Loss{Kind: hone.Squared}); !strings.Contains(s.Unknown, "range") {
		t.Errorf("a loss whose range nobody knows: %+v", s)
	}
}

func TestScoreChange(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 3, nil)
	m := w.monitor(t)
	if s := told(t, m, w.serve(4000), monitor.ScoreChange); s.Unknown != "no change in 4,000 predictions" {
		t.Errorf("nothing changed: %+v", s)
	}
	score := w.score
	w.score = func(f *frame.Frame) hone.Scores {
		s := score(f)
		for i := range s.V {
			s.V[i] *= 0.6
		}
		return s
	}
	s := told(t, m, w.serve(2000), monitor.ScoreChange)
	if s.Unknown != "" || s.Upper > 0 || s.Value < -0.4 {
		t.Errorf("scores fell by two fifths: %+v", s)
	}
}
