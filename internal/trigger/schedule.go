package trigger

import (
	"fmt"
	"slices"
	"time"

	"github.com/adhocore/gronx"

	"hone"
	"hone/internal/say"
)

// onSchedule is due when a time of the schedule has passed since the last one
// that was acted on. However many were missed, one run catches up.
func onSchedule(in Input, s hone.Schedule, now time.Time) finding {
	f := finding{Reason: hone.Reason{Trigger: hone.OnSchedule, Limit: 1}}
	since := scheduledSince(in, now)
	due, err := after(s, since)
	if err != nil {
		f.Unknown = true
		f.wait = "its schedule cannot be read"
		f.Sentence = "The schedule cannot be read: " + say.Period(err.Error())
		return f
	}
	f.Fired = !due.After(now)
	if f.Fired {
		f.Value = 1
		f.start = "its schedule of " + day(due) + " is due."
		f.Sentence = "The schedule \"" + s.Cron + "\" is due since " + day(due) + "."
		return f
	}
	f.wait = "next schedule " + day(due)
	f.Sentence = "The schedule \"" + s.Cron + "\" is next due " + day(due) + "."
	return f
}

// after returns the first time of the schedule after t. The search runs on the
// clock on the wall, so that a time which the change to summer time leaves out
// is taken an hour later, and one that comes twice is taken once.
func after(s hone.Schedule, t time.Time) (time.Time, error) {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return time.Time{}, fmt.Errorf("time zone %q is not known", s.TimeZone)
	}
	local := t.In(zone)
	wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, time.UTC)
	for range 200 {
		next, err := gronx.NextTickAfter(s.Cron, wall, false)
		if err != nil || !next.After(wall) {
			return time.Time{}, fmt.Errorf("%q never comes; write minute, hour, day, month and weekday", s.Cron)
		}
		wall = next
		at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
		if at.After(t) {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q comes too often", s.Cron)
}

func day(t time.Time) string { return t.Format("Mon 2 Jan 15:04 MST") }

// scheduledSince is from when on a time of a schedule counts as not acted on:
// since the last run that began while one was due, whatever it was put down to,
// else since the champion took over. What a clock stamped that ran far ahead is
// passed over, else the schedule would rest until then.
func scheduledSince(in Input, now time.Time) time.Time {
	sane := func(t time.Time) bool { return !t.IsZero() && !t.After(now.Add(ahead)) }
	for _, r := range in.Runs {
		if sane(r.Decision.At) && answered(r.Decision) {
			return r.Decision.At
		}
	}
	switch {
	case sane(in.ChampionSince):
		return in.ChampionSince
	case !in.Looked.IsZero() && !in.Looked.After(now):
		return in.Looked
	}
	return now
}

// ahead is how far in the future a time may lie that is still believed: a clock
// that was set back for the winter, or by a person's slip of a day.
const ahead = 25 * time.Hour

// answered tells whether a run began while a schedule was due.
func answered(d hone.Decision) bool {
	return slices.ContainsFunc(d.Reasons, func(r hone.Reason) bool { return r.Trigger == hone.OnSchedule && r.Fired })
}

// NextSchedule is the next time at which one of the model's schedules is due,
// zero when it has none that can be read.
func NextSchedule(m hone.Model, now time.Time) (next time.Time) {
	each(m.Triggers, func(t hone.Trigger) {
		if t.Schedule == nil {
			return
		}
		at, err := after(*t.Schedule, now)
		if err == nil && (next.IsZero() || at.Before(next)) {
			next = at
		}
	})
	return next
}
