package monitor_test

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

func count(t *testing.T, m *monitor.Monitor, os []hone.Outcome) bool {
	t.Helper()
	judged, err := m.Predictions(predictions(os))
	if err != nil {
		t.Fatal(err)
	}
	return judged
}

func named(d monitor.Drift) (out []string) {
	for _, f := range d.Features {
		if f.Drifted {
			out = append(out, f.Feature)
		}
	}
	return out
}

// TestNoFalseAlarm holds that drift is claimed in at most 1 % of windows in
// which there is none. The seeds are fixed: it gives the same count always.
func TestNoFalseAlarm(t *testing.T) {
	t.Parallel()
	windows, alarms := 0, 0
	for seed := range uint64(6) { // Each with a reference of its own.
		w := newMixed(t, seed, nil)
		m := w.monitor(t)
		for range 50 {
			if !count(t, m, w.serve(500)) {
				t.Fatal("500 predictions were not judged")
			}
			d, _ := m.Drift()
			windows++
			if d.Alarm || d.Drifted() > 0 || d.Score.Drifted {
				alarms++
				t.Logf("seed %d: %v drifted, p %v, score %v", seed, named(d), d.P, d.Score.P)
			}
		}
	}
	if windows != 300 || alarms > 3 {
		t.Errorf("%d alarms in %d windows without drift, want at most 3", alarms, windows)
	}
}

func TestDriftIsNamed(t *testing.T) {
	t.Parallel()
	f := func(want string, score bool, shift func(f *frame.Frame, row int)) {
		t.Helper()
		w := newMixed(t, 1, shift)
		m := w.monitor(t)
		count(t, m, w.serve(500))
		d, left := m.Drift()
		if got := named(d); !d.Alarm || !slices.Equal(got, []string{want}) || d.Drifted() != 1 || d.N != 500 || left != 0 || d.Unknown != "" {
			t.Errorf("%v drifted (alarm %v), want %s; %d rows, %d left, %q", got, d.Alarm, want, d.N, left, d.Unknown)
		}
		if d.Score.Drifted != score {
			t.Errorf("%s: the score drifted: %v (p %v)", want, d.Score.Drifted, d.Score.P)
		}
		if d.From != noon.Add(1e9) || d.To != noon.Add(500e9) {
			t.Errorf("the window is from %v to %v", d.From, d.To)
		}
		values := map[string]float64{}
		for _, s := range m.DriftSignals(noon) {
			if s.Slice == "" || s.Slice == want {
				values[s.Name] = s.Value
			}
		}
		if math.Abs(values["drift.share"]-1.0/12) > 1e-12 || values["drift"] > values["drift.max"] || !(values["drift.p"] < 0.001) {
			t.Errorf("%s: the signals are %v", want, values)
		}
	}
	f("n0", true, func(f *frame.Frame, row int) { f.Cols[0].Num[row] += 1 })
	f("n1", false, func(f *frame.Frame, row int) { f.Cols[1].Num[row] *= 2 })
	f("n3", false, func(f *frame.Frame, row int) { f.Cols[3].Num[row] += 3 })
	f("c2", false, func(f *frame.Frame, row int) {
		if row%3 == 0 {
			f.Cols[9].Str[row] = "never seen"
		}
	})
	f("text", false, func(f *frame.Frame, row int) { f.Cols[11].Str[row] += strings.Repeat("z", 60) })
	// What is missing is named even where the rest is as before.
	f("n2", false, func(f *frame.Frame, row int) {
		if row%10 == 0 {
			f.Cols[2].Num[row] = math.NaN()
		}
	})
	f("c3", false, func(f *frame.Frame, row int) {
		if row%10 == 0 {
			f.Cols[10].Str[row] = ""
		}
	})
	f("text", false, func(f *frame.Frame, row int) {
		if row%4 == 0 {
			f.Cols[11].Str[row] = ""
		}
	})
}

func TestDriftNeedsData(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 2, func(f *frame.Frame, row int) { f.Cols[0].Num[row] += 50 })
	w.model.Monitor.Window = 10 // Less than drift can be judged on.
	m := w.monitor(t)
	if count(t, m, w.serve(199)) {
		t.Error("199 predictions were judged")
	}
	d, left := m.Drift()
	if d.Unknown == "" || d.Alarm || d.P != 1 || left != 199 || d.Drifted() != 0 {
		t.Errorf("got %+v, %d left", d, left)
	}
	if s := m.DriftSignals(noon); len(s) != 1 || s[0].Name != "drift.share" || s[0].Unknown == "" || s[0].Value != 0 {
		t.Errorf("the signals are %+v", s)
	}
	if !count(t, m, w.serve(1)) {
		t.Error("200 predictions were not judged")
	}
	if d, left := m.Drift(); !d.Alarm || d.N != 200 || left != 0 {
		t.Errorf("alarm %v of %d rows, %d left", d.Alarm, d.N, left)
	}
}

// TestDriftPages holds that pages and imported rows change no window, and that
// scores of another version are no drift of the champion's.
func TestDriftPages(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 3, nil)
	log := w.serve(1700)
	want := w.monitor(t)
	count(t, want, log)
	for _, size := range []int{1, 7, 499, 500, 501, 1000} {
		m := w.monitor(t)
		for page := range slices.Chunk(log, size) {
			count(t, m, page)
			imported := slices.Clone(page)
			for i := range imported {
				imported[i].Route = hone.Imported
			}
			count(t, m, imported)
		}
		a, leftA := want.Drift()
		b, leftB := m.Drift()
		if !reflect.DeepEqual(a, b) || leftA != 200 || leftB != 200 {
			t.Errorf("pages of %d: %d and %d left, and another verdict", size, leftA, leftB)
		}
	}
	m := w.monitor(t)
	for i := range log {
		log[i].Version, log[i].Scores = "v0", []float64{0.999}
	}
	count(t, m, log[:500])
	if d, _ := m.Drift(); d.Score.Drifted || d.Alarm || d.N != 500 {
		t.Errorf("another version's scores: %+v", d.Score)
	}
}

func TestPredictionsRefuseUnknownRows(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 4, nil)
	log := w.serve(3)
	log[1].Features = []byte{1, 2, 3, 4}
	if _, err := w.monitor(t).Predictions(predictions(log)); err == nil || !strings.Contains(err.Error(), "mixed") {
		t.Errorf("got %v, want an error that names the model", err)
	}
}

func TestReferenceRoundTrip(t *testing.T) {
	t.Parallel()
	f := func(w *world, ref *monitor.Reference) {
		t.Helper()
		b, err := ref.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := monitor.ParseReference(b)
		if err != nil || !reflect.DeepEqual(back, ref) {
			t.Fatalf("%v: the reference came back as another one", err)
		}
		if again, err := back.Marshal(); err != nil || string(again) != string(b) {
			t.Errorf("written again it differs (%v)", err)
		}
		if w == nil {
			return
		}
		log := w.serve(600)
		a := w.monitor(t)
		w.ref = back
		c := w.monitor(t)
		count(t, a, log)
		count(t, c, log)
		x, _ := a.Drift()
		y, _ := c.Drift()
		if x.N != 500 || !reflect.DeepEqual(x, y) {
			t.Error("read back, the reference judges otherwise")
		}
	}
	w := newMixed(t, 5, func(f *frame.Frame, row int) { f.Cols[0].Num[row] += 0.3 })
	w.ref.Bound, w.ref.TargetSD = 1.25, 3
	f(w, w.ref)

	schema := frame.Schema{{Name: "x", Kind: frame.Number}}
	rows := frame.New(schema, 100)
	scores, targets := hone.Scores{Width: 3, V: make([]float64, 300)}, make([]float64, 100)
	for i := range 100 {
		rows.Cols[0].Num[i] = float64(i)
		scores.V[3*i+i%3] = 1
		targets[i] = float64(i)
	}
	multi := monitor.NewReference(hone.Signature{Task: hone.Multiclass, Features: schema, Classes: []string{"a", "b", "c"}}, rows, scores, targets, nil)
	if multi.Score.Kind != "names" || len(multi.Score.Names) != 3 || multi.Rows != 100 {
		t.Errorf("the score profile of a multiclass model is %+v", multi.Score)
	}
	f(nil, multi)
	regression := monitor.NewReference(hone.Signature{Task: hone.Regression, Features: schema}, rows, hone.Scores{Width: 1, V: targets}, targets, nil)
	if want := math.Sqrt(100 * 101 / 12.0); math.Abs(regression.TargetSD-want) > 1e-9 {
		t.Errorf("the spread of 0 to 99 is %v, want %v", regression.TargetSD, want)
	}
	f(nil, regression)
	mean, sd := regression.Means()
	if len(mean) != 1 || math.Abs(mean[0]-49.5) > 1e-9 || math.Abs(sd[0]-regression.TargetSD) > 1e-9 {
		t.Errorf("mean %v, spread %v", mean, sd)
	}
	if mean, sd := newMixed(t, 6, nil).ref.Means(); len(mean) != 12 || mean[8] != 0 || sd[8] != 1 {
		t.Errorf("a name has mean %v and spread %v", mean[8], sd[8])
	}
}

func TestParseReferenceRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "{", "{}", "[]", `{"features": [], "rows": 3}`} {
		if r, err := monitor.ParseReference([]byte(bad)); err == nil || r != nil || !strings.Contains(err.Error(), "reference") {
			t.Errorf("%q: got %v, %v", bad, r, err)
		}
	}
	w := newMixed(t, 7, nil)
	w.ref.Features = w.ref.Features[:11]
	if _, err := monitor.New(w.model, w.version, w.ref, frame.Decoder{}, nil); err == nil || !strings.Contains(err.Error(), "11") || !strings.Contains(err.Error(), "12") {
		t.Errorf("a reference of too few features: got %v", err)
	}
	if _, err := json.Marshal(w.ref); err != nil {
		t.Error(err)
	}
}
