package monitor

import (
	"time"

	"hone"
)

const (
	flowDays = 14
	// flowTimes is how many times the longest pause of two weeks is silence.
	flowTimes = 2
	minFlow   = 10 * time.Minute
)

// flow tells when predictions have stopped: once they have paused for twice the
// longest pause between two of them on any of the last 14 days, and at least for
// ten minutes. It is not known before a week of traffic: what pauses every weekend
// is not known before the first.
type flow struct {
	first, last time.Time
	day         int64
	longest     [flowDays]time.Duration // Of the day, by its number modulo 14.
}

func (f *flow) add(at time.Time) {
	if at.IsZero() {
		return
	}
	if f.last.IsZero() {
		f.first, f.last, f.day = at, at, dayOf(at)
		return
	}
	if !at.After(f.last) {
		return
	}
	gap := at.Sub(f.last)
	f.last = at
	for today := dayOf(at); f.day < today; {
		if today-f.day > flowDays {
			f.day = today - flowDays
		}
		f.day++
		f.longest[f.day%flowDays] = 0
	}
	i := f.day % flowDays
	f.longest[i] = max(f.longest[i], gap)
}

func dayOf(t time.Time) int64 { return t.Unix() / 86400 }

// bound is the longest pause that is still usual; 0 while that is not known.
func (f *flow) bound() time.Duration {
	if f.last.Sub(f.first) < pulseSpan {
		return 0
	}
	longest := time.Duration(0)
	for _, g := range f.longest {
		longest = max(longest, g)
	}
	return max(minFlow, flowTimes*longest)
}

func (f *flow) signal(now time.Time) hone.Signal {
	s := hone.Signal{Name: Stopped, Upper: f.bound().Seconds()}
	switch {
	case f.last.IsZero():
		s.Unknown = "no prediction has come yet"
	case s.Upper == 0:
		s.Unknown = "there has been traffic for less than a week, too short to say which pause is usual"
	default:
		s.Value = max(0, now.Sub(f.last).Seconds())
	}
	return s
}

// Stopped is the signal of how long no prediction has come, in seconds; Upper is
// the longest pause that is usual.
const Stopped = "traffic.silent"

// Silence is how long no prediction has come, and whether that is longer than usual.
func (m *Monitor) Silence(now time.Time) (time.Duration, bool) {
	s := m.flow.signal(now)
	return time.Duration(s.Value * float64(time.Second)), s.Unknown == "" && s.Value > s.Upper
}
