package trigger

import (
	"time"
	"unicode/utf8"

	"hone"
	"hone/internal/say"
)

// maxSummary is the length, in characters, that a summary keeps to.
const maxSummary = 90

// summary says the decision in one sentence.
func summary(model string, all []finding, best, stop *finding) string {
	switch {
	case best != nil && stop != nil && best.reuse != "":
		return say.Clip(model+" would let "+string(best.reuse)+" serve, but waits: "+stop.start, maxSummary)
	case best != nil && stop != nil:
		return say.Clip(model+" would retrain, but waits: "+stop.start, maxSummary)
	case best != nil && best.reuse != "":
		return say.Clip(model+" goes "+best.start, maxSummary)
	case best != nil && best.Trigger == hone.OnFirst:
		return say.Clip(model+" trains "+best.start, maxSummary)
	case best != nil:
		return say.Clip(model+" retrains: "+best.start, maxSummary)
	}
	out := model + " waits: "
	said := 0
	for _, f := range all {
		if f.wait == "" {
			continue
		}
		part := f.wait
		if said > 0 {
			part = "; " + part
		}
		if said > 0 && utf8.RuneCountInString(out+part)+1 > maxSummary {
			break
		}
		out += part
		said++
	}
	if said == 0 {
		return say.Clip(model+" waits: no trigger is set, so only a person can start a run.", maxSummary)
	}
	return say.Clip(out+".", maxSummary)
}

// ago writes a length of time to the second, or to the minute from an hour on.
func ago(d time.Duration) string {
	if d >= time.Hour {
		d = d.Truncate(time.Minute)
	}
	return hone.Duration(d.Truncate(time.Second)).String()
}
