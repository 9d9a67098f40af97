package trigger

import (
	"strings"

	"hone"
	"hone/internal/say"
)

// Awaits tells whether one of the model's rules waits for such an event.
func Awaits(m hone.Model, e hone.CloudEvent) (yes bool) {
	each(m.Triggers, func(t hone.Trigger) { yes = yes || t.Event != nil && matches(*t.Event, e) })
	return yes
}

func matches(t hone.EventTrigger, e hone.CloudEvent) bool {
	return fits(t.Type, e.Type) && fits(t.Source, e.Source)
}

func fits(pattern, s string) bool {
	if head, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(s, head)
	}
	return pattern == "" || pattern == s
}

// onEvent fires while an event waits for a run. The newest speaks for those
// before it.
func onEvent(waiting []hone.CloudEvent, t hone.EventTrigger) finding {
	f := finding{Reason: hone.Reason{Trigger: hone.OnEvent, Limit: 1}}
	var newest *hone.CloudEvent
	n := 0
	for i, e := range waiting {
		if matches(t, e) {
			if newest == nil {
				newest = &waiting[i]
			}
			n++
		}
	}
	f.Value = float64(n)
	if newest == nil {
		what := t.Type
		if what == "" {
			what = "an event"
		}
		if t.Source != "" {
			what += " from " + t.Source
		}
		f.wait = "nothing announced"
		f.Sentence = "It waits for " + what + "; nothing such is announced."
		return f
	}
	f.Fired = true
	f.start = newest.Type + " came from " + newest.Source
	f.Sentence = newest.Type + " from " + newest.Source + " (id " + newest.ID + ") was announced " + day(newest.Received) + " by " + newest.By
	if n > 1 {
		others := say.Count(n-1, "earlier one", "earlier ones")
		f.start += ", and " + others
		f.Sentence += "; " + others + " are answered with it"
		if n == 2 {
			f.Sentence = strings.TrimSuffix(f.Sentence, "are answered with it") + "is answered with it"
		}
	}
	f.start += "."
	f.Sentence += "."
	return f
}
