package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/internal/frame"
	"hone/internal/monitor"
)

var seasonBars = []bar.Measured{
	{Bar: bar.Bar{ID: "drift_season", Of: []string{"internal/stat", "internal/monitor"},
		About: "Traffic whose mean goes up and down by one standard deviation a day and is one and a half lower at weekends, with names and gaps " +
			"that follow, in hourly windows of 230 to 370 rows over two weeks, each against one of ten references of four weeks; half of them with " +
			"autocorrelation 0.5. The figures are the shares of windows that alarm without drift, and with a shift of one and of half a standard " +
			"deviation on top of the rhythm; beside them, the same compared with the whole reference.",
		Limits: []bar.Limit{
			{Series: "alarms", Unit: "% of windows", Of: bar.Median, Under: 1},
			{Series: "seen", Unit: "% of windows", Of: bar.Median, Over: 95},
		}, Also: []string{"seen_half", "whole_alarms", "whole_seen", "whole_seen_half"}}, Measure: season},
}

const (
	seasonWeeks = 4
	seasonRefs  = 10
	calmHours   = 24 * 14
	movedHours  = 24 * 7
)

// season judges hourly windows of traffic with a rhythm by references of four weeks.
func season(b *bar.Bench) error {
	var mu sync.Mutex
	var failed error
	sums, of := map[string]int{}, map[string]int{}
	bar.Parallel(seasonRefs, func(i int) {
		w := newTide(driftSeed+uint64(i), 0.5*float64(i%2))
		rows, times := w.next(24 * 7 * seasonWeeks)
		sig := hone.Signature{Task: hone.Regression, Features: tideSchema}
		ref := monitor.NewReference(sig, rows, w.scores(rows), make([]float64, rows.N), times)
		until := w.at
		for prefix, spec := range map[string]string{"": "", "whole_": hone.NoSeason} {
			m, err := w.monitor(ref, spec)
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
				return
			}
			w.r, w.at = rand.New(rand.NewPCG(driftSeed+uint64(i), 2)), until // Both judge the same rows.
			for _, part := range []struct {
				name  string
				shift float64
				hours int
			}{{"alarms", 0, calmHours}, {"seen", 1, movedHours}, {"seen_half", 0.5, movedHours}} {
				w.shift = part.shift
				alarms, judged, err := w.judge(m, part.hours)
				mu.Lock()
				if err != nil {
					failed = err
				}
				sums[prefix+part.name] += alarms
				of[prefix+part.name] += judged
				mu.Unlock()
			}
		}
	})
	if failed != nil {
		return failed
	}
	for name, n := range of {
		b.Keep(name, "% of windows", 100*float64(sums[name])/float64(n))
	}
	b.Note("%d windows without drift, %d with a shift of each size", of["alarms"], of["seen"])
	return nil
}

// tide is traffic with a daily and a weekly rhythm, of how much there is and of
// what is in it.
type tide struct {
	r     *rand.Rand
	at    time.Time
	rho   float64 // Of rows that follow each other.
	noise float64
	shift float64 // On top of the rhythm.
}

var tideSchema = frame.Schema{{Name: "load", Kind: frame.Number}, {Name: "other", Kind: frame.Number}, {Name: "kind", Kind: frame.Category}}

func newTide(seed uint64, rho float64) *tide {
	return &tide{r: rand.New(rand.NewPCG(seed, 1)), at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), rho: rho}
}

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

func (w *tide) monitor(ref *monitor.Reference, season string) (*monitor.Monitor, error) {
	return monitor.New(
		hone.Model{Name: "tide", Task: hone.Regression, Features: tideSchema, Loss: hone.Loss{Kind: hone.Squared},
			Monitor: hone.MonitorSpec{Every: hone.Duration(time.Hour), Season: season}},
		hone.Version{ID: "v1", Signature: hone.Signature{Task: hone.Regression, Features: tideSchema}}, ref, frame.Decoder{},
		func(_ context.Context, f *frame.Frame) (hone.Scores, error) { return w.scores(f), nil })
}

// judge has a monitor look at so many hours, and counts the windows that alarm. The
// first window that ends is one that began before.
func (w *tide) judge(m *monitor.Monitor, hours int) (alarms, judged int, err error) {
	for hour := range hours {
		f, times := w.next(1)
		scores := w.scores(f)
		ps := make([]hone.Prediction, f.N)
		for i, b := range f.EncodeRows() {
			ps[i] = hone.Prediction{Features: b, Time: times[i], Received: times[i], Version: "v1", Scores: scores.Row(i), Route: hone.ByChampion}
		}
		over, err := m.Predictions(ps)
		if err != nil {
			return 0, 0, err
		}
		if d, _ := m.Drift(); over && hour > 0 {
			judged++
			if d.Alarm {
				alarms++
			}
		}
	}
	return alarms, judged, nil
}
