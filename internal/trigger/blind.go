package trigger

import (
	"time"

	"hone"
)

// monthly is when a model retrains that knows neither whether it would pay nor when it
// should.
var monthly = hone.Schedule{Cron: "0 3 1 * *", TimeZone: "UTC"}

// takesOver tells whether a schedule stands in for a probe that cannot tell: where the
// owner has set none.
func takesOver(in Input) bool { return in.Blind && !Has(in.Model, hone.OnSchedule) }

// inPlace asks the schedule that stands in for a blind probe.
func inPlace(in Input, r hone.RecoverableLoss, now time.Time) finding {
	s := monthly
	if r.Blind != nil {
		s = *r.Blind
	}
	f := onSchedule(in, s, now)
	if f.Fired {
		f.start = "its probe cannot tell, and " + f.start
	}
	f.Sentence += " It stands in for the probe."
	f.until = in.nextDue(s, now)
	return f
}

// nextDue is when the schedule is due, where that is to come.
func (in Input) nextDue(s hone.Schedule, now time.Time) time.Time {
	at, err := after(s, scheduledSince(in, now))
	if err != nil || !at.After(now) {
		return time.Time{}
	}
	return at
}
