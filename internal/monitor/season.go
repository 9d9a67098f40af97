package monitor

import (
	"slices"
	"time"

	"hone"
	"hone/internal/stat"
)

// seasonSpan is how long a reference must cover for windows to be compared with
// the same hours of the week: four weeks, less the hour in which the last one ends.
const seasonSpan = 4*7*24*time.Hour - time.Hour

// hourOf is the hour of the week, in UTC, counted from Sunday's first.
func hourOf(t time.Time) int {
	t = t.UTC()
	return 24*int(t.Weekday()) + t.Hour()
}

// hoursOf are the hours of the week of the times; nil where these cover less than
// four weeks.
func hoursOf(times []time.Time) []int {
	if len(times) == 0 {
		return nil
	}
	first, last := times[0], times[0]
	hours := make([]int, len(times))
	for i, t := range times {
		if t.Before(first) {
			first = t
		}
		if t.After(last) {
			last = t
		}
		hours[i] = hourOf(t)
	}
	if last.Sub(first) < seasonSpan {
		return nil
	}
	return hours
}

func numbersProfile(of *stat.Profiler, values []float64, hours []int) *stat.Profile {
	p := of.Numeric(values)
	if hours != nil {
		p.NumbersByHour(values, hours)
	}
	return p
}

func namesProfile(of *stat.Profiler, values []string, hours []int) *stat.Profile {
	p := of.Names(values)
	if hours != nil {
		p.NamesByHour(values, hours)
	}
	return p
}

// like is the reference as it would be if its rows had come in the same hours of
// the week as a window's, which has so many in each; rows is how many it is worth.
// It is the reference itself, and 0, where no feature has a rhythm, or it would be
// worth fewer rows than drift is judged on.
func (r *Reference) like(hours []int) (like *Reference, rows int) {
	q := *r
	q.Features = slices.Clone(r.Features)
	for i, p := range r.Features {
		if p.Season == nil {
			continue
		}
		of, n, ok := p.Like(hours)
		if !ok || n < MinWindow {
			return r, 0
		}
		q.Features[i], rows = of, n
	}
	if of, n, ok := r.Score.Like(hours); ok && n >= MinWindow {
		q.Score, rows = of, n
	}
	return &q, rows
}

// whole is the reference without its season, where the model wants none.
func (r *Reference) whole(spec hone.MonitorSpec) *Reference {
	if spec.Season != hone.NoSeason {
		return r
	}
	q := *r
	q.Features = make([]*stat.Profile, len(r.Features))
	for i, p := range r.Features {
		q.Features[i] = p.Whole()
	}
	q.Score = r.Score.Whole()
	return &q
}
