package monitor_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

// tide is traffic with a daily and a weekly rhythm, of how much there is and of
// what is in it, from a Sunday's midnight on.
type tide struct {
	r     *rand.Rand
	at    time.Time
	rho   float64 // Of rows that follow each other.
	noise float64
	shift float64 // On top of the rhythm.
}

var tideSchema = frame.Schema{{Name: "load", Kind: frame.Number}, {Name: "other", Kind: frame.Number}, {Name: "kind", Kind: frame.Category}}

// level goes up and down by one standard deviation a day, and is one and a half
// lower at weekends.
func (w *tide) level() float64 {
	out := math.Sin(2 * math.Pi * float64(w.at.Hour()) / 24)
	if d := w.at.Weekday(); d == time.Saturday || d == time.Sunday {
		out -= 1.5
	}
	return out
}

// next is the traffic of so many hours.
func (w *tide) next(hours int) (*frame.Frame, []time.Time) {
	var times []time.Time
	f := frame.New(tideSchema, 400*hours)
	for range hours {
		level := w.level()
		n := 330 + int(40*level)
		for i := range n {
			row := len(times)
			w.noise = w.rho*w.noise + math.Sqrt(1-w.rho*w.rho)*w.r.NormFloat64()
			f.Cols[0].Num[row] = level + w.shift + w.noise
			f.Cols[1].Num[row] = w.r.NormFloat64()
			if w.r.IntN(50) == 0 && level > 0 {
				f.Cols[1].Num[row] = math.NaN()
			}
			f.Cols[2].Str[row] = fmt.Sprint("k", int(3*w.r.Float64()+0.3*level+0.5))
			times = append(times, w.at.Add(time.Duration(i)*time.Hour/time.Duration(n)))
		}
		w.at = w.at.Add(time.Hour)
	}
	return f.Slice(0, len(times)), times
}

func (w *tide) scores(f *frame.Frame) hone.Scores {
	s := hone.Scores{Width: 1, V: make([]float64, f.N)}
	for i, x := range f.Cols[0].Num {
		s.V[i] = x / 2
	}
	return s
}

// watch lets a monitor look at hourly windows, by a reference of so many weeks.
func (w *tide) watch(t *testing.T, weeks int, season string) *monitor.Monitor {
	t.Helper()
	rows, times := w.next(24 * 7 * weeks)
	sig := hone.Signature{Task: hone.Regression, Features: tideSchema}
	m, err := monitor.New(
		hone.Model{Name: "tide", Task: hone.Regression, Features: tideSchema, Loss: hone.Loss{Kind: hone.Squared},
			Monitor: hone.MonitorSpec{Every: hone.Duration(time.Hour), Season: season}},
		hone.Version{ID: "v1", Signature: sig},
		monitor.NewReference(sig, rows, w.scores(rows), make([]float64, rows.N), times), frame.Decoder{},
		func(_ context.Context, f *frame.Frame) (hone.Scores, error) { return w.scores(f), nil })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// judged has a monitor look at so many hours, and returns its verdicts.
func (w *tide) judged(t *testing.T, m *monitor.Monitor, hours int) (out []monitor.Drift) {
	t.Helper()
	for range hours {
		f, times := w.next(1)
		scores := w.scores(f)
		ps := make([]hone.Prediction, f.N)
		for i, b := range f.EncodeRows() {
			ps[i] = hone.Prediction{Features: b, Time: times[i], Received: times[i], Version: "v1", Scores: scores.Row(i), Route: hone.ByChampion}
		}
		got, err := m.Predictions(ps)
		if err != nil {
			t.Fatal(err)
		}
		if got {
			d, _ := m.Drift()
			out = append(out, d)
		}
	}
	return out
}

func newTide(seed uint64, rho float64) *tide {
	return &tide{r: rand.New(rand.NewPCG(seed, 7)), at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), rho: rho}
}

func alarmsOf(ds []monitor.Drift) (n int) {
	for _, d := range ds {
		if d.Alarm {
			n++
		}
	}
	return n
}

// A strong daily and weekly rhythm is no drift, and a shift as large as it is seen
// on top of it.
func TestRhythmIsNoDrift(t *testing.T) {
	t.Parallel()
	windows, alarms, shifted, seen := 0, 0, 0, 0
	for i, rho := range []float64{0, 0, 0.5} {
		w := newTide(uint64(70+i), rho)
		m := w.watch(t, 4, "")
		calm := w.judged(t, m, 24*14)
		for _, d := range calm {
			if d.Season < 800 || d.Season > 2500 || d.Unknown != "" {
				t.Fatalf("compared with %d rows of the reference: %q", d.Season, d.Sentence)
			}
		}
		if got := calm[5].Sentence; !strings.Contains(got, " Compared with the same hours of the week: ") {
			t.Errorf("the verdict does not say so: %q", got)
		}
		windows, alarms = windows+len(calm), alarms+alarmsOf(calm)
		w.shift = 1
		moved := w.judged(t, m, 24*3)[1:]
		shifted, seen = shifted+len(moved), seen+alarmsOf(moved)
	}
	t.Logf("%d of %d windows alarm, %d of %d with a shift", alarms, windows, seen, shifted)
	if windows < 1000 || 100*alarms >= windows {
		t.Errorf("%d of %d windows alarm without drift, want under 1 %%", alarms, windows)
	}
	if 100*seen < 95*shifted {
		t.Errorf("a shift by the size of the rhythm is seen in %d of %d windows", seen, shifted)
	}
}

// Without enough weeks, or where the model wants none, windows are compared with
// the whole reference; so are those of a reference without a rhythm.
func TestNoSeason(t *testing.T) {
	t.Parallel()
	f := func(weeks int, season string) {
		t.Helper()
		w := newTide(80, 0)
		for _, d := range w.judged(t, w.watch(t, weeks, season), 30) {
			if d.Season != 0 || strings.Contains(d.Sentence, "hours of the week") {
				t.Fatalf("%d weeks, %q: compared with %d rows: %q", weeks, season, d.Season, d.Sentence)
			}
		}
	}
	f(3, "")
	f(4, hone.NoSeason)
	r := rand.New(rand.NewPCG(81, 1))
	rows, times := frame.New(tideSchema[:2], 40_000), make([]time.Time, 40_000)
	for i := range times {
		times[i] = time.Date(2026, 3, 1, 0, i, 0, 0, time.UTC)
		rows.Cols[0].Num[i], rows.Cols[1].Num[i] = r.NormFloat64(), r.ExpFloat64()
	}
	ref := monitor.NewReference(hone.Signature{Task: hone.Regression, Features: tideSchema[:2]}, rows, hone.Scores{Width: 1, V: rows.Cols[0].Num}, nil, times)
	for i, p := range ref.Features {
		if p.Season != nil {
			t.Errorf("feature %d, which has no rhythm, has a season", i)
		}
	}
}

// What a reference knows of the hours of the week survives JSON.
func TestSeasonIsKept(t *testing.T) {
	t.Parallel()
	w := newTide(82, 0)
	rows, times := w.next(24 * 7 * 4)
	ref := monitor.NewReference(hone.Signature{Task: hone.Regression, Features: tideSchema}, rows, w.scores(rows), nil, times)
	b, err := ref.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := monitor.ParseReference(b)
	if err != nil {
		t.Fatal(err)
	}
	hours := make([]int, 168)
	hours[30], hours[31] = 200, 100
	for i, p := range ref.Features {
		if p.Season == nil {
			t.Errorf("feature %d has no season", i)
		}
		a, n, _ := p.Like(hours)
		b, m, _ := again.Features[i].Like(hours)
		if n != m || fmt.Sprint(a.Ref, a.Missing) != fmt.Sprint(b.Ref, b.Missing) {
			t.Errorf("feature %d: like these hours it has %v, read again %v", i, a.Ref, b.Ref)
		}
	}
}
