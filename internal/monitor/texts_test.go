package monitor_test

import (
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stream"
)

// newTalk has a text and a number, and a champion that knows the number.
func newTalk(t testing.TB, seed uint64) (*world, *stream.Texts) {
	t.Helper()
	schema := frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "note", Kind: frame.Text}}
	texts := stream.NewTexts(seed)
	fill := func(f *frame.Frame, row int) {
		f.Cols[0].Num[row], f.Cols[1].Str[row] = float64(row%7), texts.Next()
	}
	score := func(f *frame.Frame) hone.Scores {
		return hone.Scores{Width: 1, V: append([]float64{}, f.Cols[0].Num...)}
	}
	sig := hone.Signature{Task: hone.Binary, Features: schema, Classes: []string{"0", "1"}, Threshold: 0.5}
	reference := frame.New(schema, 5000)
	for row := range reference.N {
		fill(reference, row)
	}
	return &world{
		model:   hone.Model{Name: "talk", Task: hone.Binary, Features: schema, Loss: hone.Loss{Kind: hone.ZeroOne}, Monitor: hone.MonitorSpec{Window: 1000}},
		version: hone.Version{ID: "v1", Signature: sig, Lineage: hone.Lineage{TrainedUntil: noon}},
		ref:     monitor.NewReference(sig, reference, score(reference), nil, nil),
		next: func(f *frame.Frame, row int) string {
			fill(f, row)
			return "1"
		},
		score: score,
	}, texts
}

func TestTextsDrift(t *testing.T) {
	t.Parallel()
	w, texts := newTalk(t, 31)
	m := w.monitor(t)
	next := func() monitor.Drift {
		t.Helper()
		count(t, m, w.serve(1000))
		d, _ := m.Drift()
		return d
	}
	if d := next(); d.Alarm || d.Features[1].Text == nil || d.Features[0].Text != nil {
		t.Errorf("calm: %+v", d)
	}
	texts.Slang = 0.05
	d := next()
	if !d.Alarm || strings.Join(named(d), " ") != "note" || !strings.Contains(d.Sentence, " of the words of note are new (") {
		t.Errorf("slang: %v, %s", named(d), d.Sentence)
	}
	if strings.Contains(d.Sentence, "slang") || len(d.Features[1].Text.New) == 0 {
		t.Errorf("a word stands where it is kept, or nowhere: %s %+v", d.Sentence, d.Features[1].Text)
	}
	unseen := 0.0
	for _, s := range m.DriftSignals(noon) {
		if s.Name == "unseen.share" {
			unseen = s.Value
		}
	}
	if unseen < 0.05 {
		t.Errorf("unseen.share %v", unseen)
	}
	texts.Slang, texts.Mix = 0, []float64{4, 1, 1, 1, 1, 1, 1, 1}
	d = next()
	if !d.Alarm || strings.Join(named(d), " ") != "note" || !strings.Contains(d.Sentence, " on the topics of note") || d.Features[1].Size() < 0.05 || d.Features[1].Severity == "none" {
		t.Errorf("topics: %v, %s, %+v", named(d), d.Sentence, d.Features[1])
	}
}

// TestOlderReference holds that a reference without texts is judged as it was.
func TestOlderReference(t *testing.T) {
	t.Parallel()
	w, texts := newTalk(t, 32)
	w.ref.Texts = nil
	m := w.monitor(t)
	texts.Slang = 0.05
	count(t, m, w.serve(1000))
	if d, _ := m.Drift(); d.Unknown != "" || d.Features[1].Text != nil {
		t.Errorf("%+v", d)
	}
}

func TestTellApart(t *testing.T) {
	t.Parallel()
	w, texts := newTalk(t, 33)
	rows := func(n int) *frame.Frame {
		f := frame.New(w.version.Signature.Features, n)
		for i := range n {
			w.next(f, i)
		}
		return f
	}
	before := rows(4000)
	calm := monitor.TellApart(w.ref, before, rows(1000), monitor.Drift{}, noon)
	if calm.Alarm || calm.Reference != monitor.JointReference || calm.Rows != 1000 || !strings.Contains(calm.Sentence, "do not tell the newest 1,000 predictions") {
		t.Errorf("calm: %+v", calm)
	}
	texts.Mix = []float64{6, 1, 1, 1, 1, 1, 1, 1}
	now := rows(1000)
	got := monitor.TellApart(w.ref, before, now, monitor.Drift{}, noon)
	if !got.Alarm || len(got.By) == 0 || got.By[0].Feature != "topic of note" || !strings.Contains(got.Sentence, "None of these drifted by itself") {
		t.Errorf("topics: %+v", got)
	}
	drifted := monitor.Drift{Features: []monitor.FeatureDrift{{Feature: "note", Drifted: true}}}
	if got := monitor.TellApart(w.ref, before, now, drifted, noon); !got.By[0].Alone || strings.Contains(got.Sentence, "None of these") {
		t.Errorf("drifted by itself: %+v", got)
	}
	for _, s := range got.Signals("talk") {
		if s.Name == "drift.joint" && (s.Value != got.AUC || !(s.Lower > 0.5)) || s.Unknown != "" {
			t.Errorf("signal %+v", s)
		}
	}
	few := monitor.TellApart(w.ref, before, rows(100), monitor.Drift{}, noon)
	gone := monitor.TellApart(w.ref, rows(0), now, monitor.Drift{}, time.Time{})
	for _, j := range []monitor.Joint{few, gone, monitor.Unknowable("there is no champion", noon)} {
		if j.Unknown == "" || j.Alarm || j.Signals("talk")[0].Unknown == "" || !strings.HasPrefix(j.Sentence, "Whether all features together have changed is unknown: ") {
			t.Errorf("%+v", j)
		}
	}
}
