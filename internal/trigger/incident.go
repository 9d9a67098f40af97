package trigger

import (
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/say"
)

// calmLooks is how many looks in a row without an alarm end an incident.
const calmLooks = 2

// Alarm is one thing that is wrong, with a name that stays while its numbers
// change.
type Alarm struct{ Name, Sentence string }

// Alarms lists what is surely wrong by the rules and signals of a model: metrics
// past the limit of a performance trigger, and labels that stay away.
func Alarms(m hone.Model, signals []hone.Signal) (out []Alarm) {
	each(m.Triggers, func(t hone.Trigger) {
		if t.Performance == nil {
			return
		}
		if f := onPerformance(signals, *t.Performance); f.Fired {
			out = append(out, Alarm{t.Performance.Metric, strings.TrimSuffix(f.start, ".")})
		}
	})
	if s, why := latest(signals, "labels.silent"); why == "" && s.Upper > 0 && s.Value > s.Upper {
		out = append(out, Alarm{"labels", "labels have not come for " + ago(time.Duration(s.Value*float64(time.Second)))})
	}
	if s, why := latest(signals, "traffic.silent"); why == "" && s.Upper > 0 && s.Value > s.Upper {
		out = append(out, Alarm{"traffic", "no data: predictions have not come for " + ago(time.Duration(s.Value*float64(time.Second)))})
	}
	return out
}

// What an incident's look came to.
const (
	Opened   = "opened"
	Joined   = "joined"
	Measured = "measured" // What is done about an alarm has changed.
	Ended    = "closed"
)

// Incident is one look at a model's alarms. Those that come together, or while
// one is open, are one incident, which two looks without an alarm end. The last
// incident is the newest one, or nil; no other is opened within the gap after it
// was. What it came to is empty where nothing is to be told; next may still count
// a calm look.
func Incident(model string, last *hone.Incident, alarms []Alarm, now time.Time, gap time.Duration) (next *hone.Incident, came string) {
	if last == nil || !last.Closed.IsZero() {
		if len(alarms) == 0 || last != nil && within(last.Opened, now, gap) {
			return last, ""
		}
		next = &hone.Incident{Model: model, Opened: now}
		addTo(next, alarms)
		next.Sentence = model + " has an incident: " + gist(next.Causes) + "."
		return next, Opened
	}
	copied := *last
	copied.Causes = append([]string(nil), last.Causes...)
	next = &copied
	if len(alarms) == 0 {
		if next.Calm++; next.Calm < calmLooks {
			return next, ""
		}
		next.Closed = now
		next.Sentence = "The incident of " + model + " is over after " + ago(max(now.Sub(next.Opened), 0)) + ": " + gist(next.Causes) + "."
		return next, Ended
	}
	next.Calm = 0
	if came = addTo(next, alarms); came != "" {
		next.Sentence = model + " has an incident: " + gist(next.Causes) + "."
	}
	return next, came
}

// addTo adds the alarms of names that an incident does not have yet. Of one that
// it has, the words are renewed once what is done about it has changed.
func addTo(i *hone.Incident, alarms []Alarm) (came string) {
	for _, a := range alarms {
		said := a.Name + ": " + a.Sentence
		known := slices.IndexFunc(i.Causes, func(c string) bool { return strings.HasPrefix(c, a.Name+": ") })
		switch {
		case known < 0:
			i.Causes, came = append(i.Causes, said), Joined
		case outcome(said) != outcome(i.Causes[known]):
			i.Causes[known] = said
			if came == "" {
				came = Measured
			}
		}
	}
	return came
}

// outcome is what an alarm says after its last arrow: what is done about it.
func outcome(said string) string {
	i := strings.LastIndex(said, "→")
	if i < 0 {
		return ""
	}
	return said[i:]
}

// gist says the first cause, and how many more there are.
func gist(causes []string) string {
	_, s, _ := strings.Cut(causes[0], ": ")
	if n := len(causes) - 1; n > 0 {
		s += ", and " + say.Count(n, "more alarm", "more alarms")
	}
	return s
}
