package monitor_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
)

// rival says the same as the champion, or the contrary.
type rival struct {
	version  hone.Version
	score    func(f *frame.Frame) hone.Scores
	contrary bool
	asked    int
	fails    int // From so many batches on.
	learned  []string
}

func (r *rival) Version() hone.Version { return r.version }

func (r *rival) Ask(_ context.Context, f *frame.Frame) (hone.Scores, error) {
	if r.asked++; r.fails > 0 && r.asked >= r.fails {
		return hone.Scores{}, errors.New("gone")
	}
	s := r.score(f)
	for i := range s.V {
		if r.contrary {
			s.V[i] = 1 - s.V[i]
		}
	}
	return s, nil
}

// pupil is a rival that learns.
type pupil struct{ rival }

func (p *pupil) Learn(f *frame.Frame, labels []string, weights []float64, _ time.Time) error {
	for i := range labels {
		if weights[i] > 0 {
			p.learned = append(p.learned, labels[i])
		}
	}
	return nil
}

// Rivals are asked about the rows of each tick, on the declared loss and by the
// weights of the labels; one that fails is dropped, and the others go on.
func TestRivals(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 5, 0)
	m := w.monitor(t)
	v := w.version
	beside := func(id hone.VersionID, contrary bool) *rival {
		v := v
		v.ID = id
		return &rival{version: v, score: w.score, contrary: contrary}
	}
	alike, contrary, frail := beside("v2", false), beside("v3", true), beside("v4", true)
	frail.fails = 6
	young := &pupil{*beside("v1-s500", true)}
	young.version.TrainedUntil = noon.Add(150 * time.Second) // Rows up to then do not judge it.
	m.Beside(alike, contrary, frail, young)
	os := w.serve(400)
	for i := range os {
		os[i].Propensity = 0.5
	}
	m.Outcomes(os)
	advance(t, m, noon.Add(time.Hour))
	all := m.Ticks()
	if len(all) != 2 {
		t.Fatalf("%d ticks", len(all))
	}
	of := func(tick int, v hone.VersionID) hone.Rival {
		for _, r := range all[tick].Rivals {
			if r.Version == v {
				return r
			}
		}
		return hone.Rival{}
	}
	if r := of(0, "v2"); r.N != 200 || r.Gain != 0 || r.Var != 0 {
		t.Errorf("one that answers alike: %+v", r)
	}
	// Each row counts as two: what the champion has right the contrary has wrong.
	if r := of(0, "v3"); r.N != 200 || math.Abs(r.Gain-(2*all[0].Loss-2*200)) > 1e-9 || r.Var != 4*200 {
		t.Errorf("one that says the contrary: %+v, where the champion loses %v", r, all[0].Loss)
	}
	if r := of(0, "v4"); r.N != 100 || of(1, "v4").N != 0 {
		t.Errorf("one that fails: %+v, then %+v", r, of(1, "v4"))
	}
	if r := of(0, "v1-s500"); r.N != 50 || !r.Learner || of(1, "v1-s500").N != 200 {
		t.Errorf("one that was trained later: %+v, then %+v", r, of(1, "v1-s500"))
	}
	if len(young.learned) != 400 || len(m.Rivals()) != 3 {
		t.Errorf("%d rows learned, %d rivals left", len(young.learned), len(m.Rivals()))
	}
	for i, o := range os {
		if young.learned[i] != o.Label {
			t.Fatalf("row %d was learned as %s, and is %s", i, young.learned[i], o.Label)
		}
	}
}

// What a champion was chosen by does not judge it.
func TestAfter(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 5, 0)
	m := w.monitor(t)
	m.After(noon.Add(200 * time.Second))
	m.After(noon.Add(time.Second)) // It never goes back.
	m.Outcomes(w.serve(400))
	advance(t, m, noon.Add(time.Hour))
	if m.Labels() != 200 || len(m.Ticks()) != 1 {
		t.Errorf("%d labels and %d ticks count", m.Labels(), len(m.Ticks()))
	}
}
