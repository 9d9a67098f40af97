package monitor_test

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

// A drift begins with the first window that alarms, and ends once, after two calm
// windows in a row.
func TestDriftBeginsAndEnds(t *testing.T) {
	t.Parallel()
	by := 0.0
	w := newMixed(t, 21, func(f *frame.Frame, row int) { f.Cols[0].Num[row] += by })
	m := w.monitor(t)
	next := func(shift float64) monitor.Drift {
		t.Helper()
		by = shift
		count(t, m, w.serve(500))
		d, _ := m.Drift()
		return d
	}
	if d := next(0); !d.Since.IsZero() || d.Sentence != "No drift over 500 predictions." || d.Damage != nil {
		t.Errorf("calm: %q, since %v", d.Sentence, d.Since)
	}
	began := next(2)
	if !began.Since.Equal(began.From) || !strings.HasPrefix(began.Sentence, "1 of 12 features drifted: PSI ") || !strings.Contains(began.Sentence, " on n0 → recoverable loss not known yet (0 of 100 mature labels since it began)") {
		t.Errorf("began: %q, since %v", began.Sentence, began.Since)
	}
	if d := next(0); d.Since != began.From || d.Calm != 1 || !strings.Contains(d.Sentence, "has been calm for 1 window of 2") {
		t.Errorf("one calm window: %q, since %v", d.Sentence, d.Since)
	}
	if d := next(2); d.Since != began.From || d.Calm != 0 {
		t.Errorf("it goes on: %+v", d.Since)
	}
	next(0)
	over := next(0)
	if !over.Since.IsZero() || !over.Ended.Equal(over.To) || over.Sentence != "No drift over 500 predictions." {
		t.Errorf("two calm windows: %q, since %v", over.Sentence, over.Since)
	}
	if d := next(0); !d.Ended.Equal(over.To) {
		t.Errorf("it ended again at %v", d.Ended)
	}
}

// Values that the reference never saw are named when they come, however few, and
// a feature that is missing throughout is said to have no data.
func TestNewValuesAreNamed(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 22, func(f *frame.Frame, row int) {
		if row%100 == 0 {
			f.Cols[8].Str[row] = "Kosovo"
		}
		if row%250 == 0 {
			f.Cols[8].Str[row] = "Åland"
		}
		f.Cols[9].Str[row] = ""
	})
	m := w.monitor(t)
	count(t, m, w.serve(500))
	d, _ := m.Drift()
	if want := []monitor.NewValue{{Value: "Kosovo", N: 4}, {Value: "Åland", N: 2}}; !reflect.DeepEqual(d.Features[8].New, want) || d.Features[8].Drifted {
		t.Errorf("c1 has %+v, drifted %v", d.Features[8].New, d.Features[8].Drifted)
	}
	for i, f := range d.Features {
		if i != 8 && f.New != nil {
			t.Errorf("%s has %v", f.Feature, f.New)
		}
	}
	if f := d.Features[9]; !f.Drifted || f.Note != "no data: every value is missing" || !strings.Contains(d.Sentence, "c2 has no data: every value is missing") {
		t.Errorf("c2: %+v; %q", f, d.Sentence)
	}
	// Of a reference with thousands of rare names new ones are nothing new.
	schema := frame.Schema{{Name: "id", Kind: frame.Category}}
	rows := frame.New(schema, 3000)
	for i := range rows.N {
		rows.Cols[0].Str[i] = "u" + time.Duration(i).String()
	}
	ref := monitor.NewReference(hone.Signature{Task: hone.Regression, Features: schema}, rows, hone.Scores{Width: 1, V: make([]float64, 3000)}, make([]float64, 3000), nil)
	c := ref.Features[0].Window()
	c.AddName("never seen")
	if len(c.New) > 0 {
		t.Errorf("told of %v", c.New)
	}
}

// Windows by time hold the predictions that were made in them, also those that
// come late, whatever the pages in which the log is read.
func TestWindowsByTime(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 23, nil)
	w.model.Monitor = hone.MonitorSpec{Every: hone.Duration(10 * time.Minute), Late: hone.Duration(2 * time.Minute)}
	log := w.serve(3 * 600) // One a second: noon is the first window's begin.
	for i := range log {
		log[i].Time = log[i].Time.Add(-time.Second)
	}
	late := slices.Clone(log[500:520]) // A minute late, and twenty minutes late.
	order := slices.Concat(log[:500], log[520:660], late[:10], log[660:1799], late[10:])
	run := func(size int) (got []monitor.Drift, left int) {
		m := w.monitor(t)
		for page := range slices.Chunk(order, size) {
			if count(t, m, page) {
				d, _ := m.Drift()
				got = append(got, d)
			}
		}
		_, left = m.Drift()
		return got, left
	}
	got, left := run(1)
	if len(got) != 2 || got[0].N != 590 || got[1].N != 600 || left != 599 {
		t.Fatalf("%d windows, %d left: %+v", len(got), left, got)
	}
	for i, d := range got {
		if want := noon.Add(time.Duration(i) * 10 * time.Minute); !d.From.Equal(want) || !d.To.Equal(want.Add(10*time.Minute)) || d.Alarm {
			t.Errorf("window %d is from %v to %v, alarm %v", i, d.From, d.To, d.Alarm)
		}
	}
	for _, size := range []int{7, 100, 2000} {
		again, leftToo := run(size)
		if !reflect.DeepEqual(again[len(again)-1], got[1]) || leftToo != left {
			t.Errorf("pages of %d give another verdict", size)
		}
	}
	// Those that came too late are told with the next verdict, and too few are no verdict.
	m := w.monitor(t)
	count(t, m, order)
	rest := w.serve(2000)
	for i := range rest {
		rest[i].Time = noon.Add(30*time.Minute + time.Duration(i)*5*time.Second)
	}
	count(t, m, rest[:30])
	if d, _ := m.Drift(); d.Late != 10 || d.N != 599 || d.Unknown != "" {
		t.Errorf("got %d late, %d rows, %q", d.Late, d.N, d.Unknown)
	}
	count(t, m, rest[30:300])
	if d, _ := m.Drift(); d.Alarm || d.Unknown != "not enough data between 1 Mar 12:40 and 12:50 UTC: 120 of 200 predictions" {
		t.Errorf("got %q", d.Unknown)
	}
	// One clock that is a year ahead ends no window.
	ahead := rest[300]
	ahead.Time = ahead.Time.AddDate(1, 0, 0)
	if count(t, m, []hone.Outcome{ahead}) {
		t.Error("a clock a year ahead has a window judged")
	}
}

// Rows that follow each other say less than independent ones: the window is made
// longer, which is said, and the verdict says what it is worth.
func TestWindowIsWidened(t *testing.T) {
	t.Parallel()
	f := func(rho float64, wantRows, wantWorth, tolerance int, says string) {
		t.Helper()
		schema := frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "y", Kind: frame.Number}}
		r := rand.New(rand.NewPCG(5, 5))
		var state [2]float64
		next := func(f *frame.Frame, row int) string {
			for i := range state {
				state[i] = rho*state[i] + math.Sqrt(1-rho*rho)*r.NormFloat64()
				f.Cols[i].Num[row] = state[i]
			}
			return "1"
		}
		rows := frame.New(schema, 10_000)
		for i := range rows.N {
			next(rows, i)
		}
		score := func(f *frame.Frame) hone.Scores { return hone.Scores{Width: 1, V: make([]float64, f.N)} }
		sig := hone.Signature{Task: hone.Regression, Features: schema}
		w := &world{model: hone.Model{Name: "ar", Task: hone.Regression, Features: schema, Monitor: hone.MonitorSpec{Window: 1000}},
			version: hone.Version{ID: "v1", Signature: sig}, ref: monitor.NewReference(sig, rows, score(rows), make([]float64, rows.N), nil), next: next, score: score}
		m := w.monitor(t)
		count(t, m, w.serve(wantRows-1))
		if d, left := m.Drift(); d.N != 0 || left != wantRows-1 {
			t.Fatalf("rho %v: %d rows judged, %d left", rho, d.N, left)
		}
		count(t, m, w.serve(1))
		d, _ := m.Drift()
		if d.N != wantRows || d.Worth < wantWorth-tolerance || d.Worth > wantWorth+tolerance || strings.Contains(d.Sentence, "made longer than the 1000 asked for") != (wantRows > 1000) || !strings.Contains(d.Sentence, says) {
			t.Errorf("rho %v: %d rows worth %d: %q", rho, d.N, d.Worth, d.Sentence)
		}
	}
	f(0, 1000, 950, 50, "No drift over 1,000 predictions.")
	f(0.8, 2000, 222, 60, "say as much as")
}

// The damage of a drift is measured on the labels since it began.
func TestDamage(t *testing.T) {
	t.Parallel()
	measure := func(change int) monitor.Drift {
		t.Helper()
		w := newSEA(t, 9, change)
		m := w.monitor(t)
		feed := func(n int, shift float64) {
			t.Helper()
			log := w.serve(n)
			for i := range log {
				f, err := frame.Decoder{Target: w.version.Signature.Features}.Frame([][]byte{log[i].Features})
				if err != nil {
					t.Fatal(err)
				}
				f.Cols[2].Num[0] += shift // It has no part in the label.
				log[i].Features = f.EncodeRows()[0]
			}
			count(t, m, log)
			m.Outcomes(log)
			if _, err := m.Advance(context.Background(), log[n-1].LabelTime); err != nil {
				t.Fatal(err)
			}
		}
		feed(2000, 0)
		feed(3000, 4)
		d, _ := m.Drift()
		if d.Damage == nil || d.Damage.N < 1800 || d.Damage.Unit != "points" || !strings.Contains(d.Sentence, " on f2 → recoverable loss ") {
			t.Fatalf("got %+v: %q", d.Damage, d.Sentence)
		}
		return d
	}
	if d := measure(0); math.Abs(d.Damage.Loss) > 0.01 || !strings.HasSuffix(d.Sentence, " points → no action.") {
		t.Errorf("harmless: %+v: %q", d.Damage, d.Sentence)
	}
	if d := measure(3001); d.Damage.Loss-d.Damage.Half < 0.01 || !strings.HasSuffix(d.Sentence, "→ harm, watched against the price of a retrain.") {
		t.Errorf("harmful: %+v: %q", d.Damage, d.Sentence)
	}
}

// A model whose traffic stops for longer than is usual is said to have no data.
func TestTrafficStops(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 24, nil)
	m := w.monitor(t)
	one := w.serve(1)[0]
	at := noon
	silent := func(after time.Duration) bool {
		_, yes := m.Silence(at.Add(after))
		return yes
	}
	for range 20 * 24 { // One an hour by day, none at night.
		if at = at.Add(time.Hour); at.Hour() < 6 {
			continue
		}
		one.Time, one.Received = at, at
		count(t, m, []hone.Outcome{one})
		if at.Sub(noon) < 6*24*time.Hour && silent(100*time.Hour) {
			t.Fatalf("silence is known after %v", at.Sub(noon))
		}
	}
	at = one.Received
	if silent(13 * time.Hour) {
		t.Error("thirteen hours are silence, where seven are usual")
	}
	if !silent(15 * time.Hour) {
		t.Error("fifteen hours are no silence, where seven are usual")
	}
	for _, s := range m.Signals(at.Add(15 * time.Hour)) {
		if s.Name == monitor.Stopped && (s.Value != 15*3600 || s.Upper != 14*3600) {
			t.Errorf("the signal is %+v", s)
		}
	}
}
