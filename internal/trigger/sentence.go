package trigger

import (
	"strings"
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

// policies name the other policies as a sentence begins.
var policies = map[string]string{
	schedule: "A weekly schedule", psi: "PSI over " + say.Num(psiFar), adwin: "ADWIN on the loss", performance: "A loss surely a tenth over its baseline",
}

// short names them inside a sentence.
var short = map[string]string{schedule: "a weekly schedule", psi: "PSI", adwin: "ADWIN", performance: "performance"}

// many counts things, of which there may be none.
func many(n int, noun string) string {
	if n == 0 {
		return "no " + noun
	}
	return say.Count(n, noun, noun+"s")
}

// say tells what Hone did in the time of a comparison.
func (c Comparison) say() string {
	out := "Between " + day(c.From.UTC()) + " and " + day(c.Until.UTC()) + " Hone started " + many(c.Runs, "run") + " of " + c.Model
	if c.Runs > 0 {
		out += " for " + say.Amount(c.Cost, c.Currency)
		if c.Reused > 0 {
			out += ", " + say.Whole(c.Reused) + " of them without training"
		}
		out += c.brought()
	}
	if c.ByHand > 0 {
		out += "; " + say.Count(c.ByHand, "run that a person started is", "runs that persons started are") + " not counted"
	}
	return out + "."
}

// brought says what the runs won back, as far as their receipts tell.
func (c Comparison) brought() string {
	by, they := "its receipt", "it"
	if c.Runs > 1 {
		by, they = "their receipts", "they"
	}
	switch open := len(c.Open); {
	case c.WonBack == 0 && open == 0:
		return "; " + they + " won nothing back"
	case c.WonBack == 0 && open == c.Runs:
		return "; what " + they + " won back is not known yet"
	case open > 0:
		return "; by " + by + " " + they + " won back " + say.Num(c.WonBack) + " so far"
	}
	return "; by " + by + " " + they + " won back " + say.Num(c.WonBack)
}

// say tells how Hone did against a policy.
func (a Against) say(c Comparison) string {
	out := policies[a.Kind]
	if a.Looks == 0 || a.Untold == a.Looks {
		return out + ": cannot tell, for " + a.Why + "."
	}
	out += " would have started " + many(a.Retrains, "retrain")
	if a.Verdict == Same && a.Retrains == c.Runs {
		return out + ", as Hone did: the same."
	}
	if c.Price > 0 && a.Retrains > 0 {
		out += " for " + say.Amount(a.Cost, c.Currency)
	}
	switch {
	case a.Retrains > 0:
		out += " and won back about " + say.Num(a.WonBack)
	case a.WonBack != 0:
		out += ", and one before won back about " + say.Num(a.WonBack)
	}
	between := func(lower, upper float64) string {
		if lower == upper {
			return ""
		}
		return " (" + say.Num(lower) + " to " + say.Num(upper) + ")"
	}
	switch a.Verdict {
	case Saved:
		return out + ": Hone saved " + say.Num(a.Saved) + between(a.Lower, a.Upper) + "."
	case Lost:
		return out + ": Hone lost " + say.Num(-a.Saved) + between(-a.Upper, -a.Lower) + "."
	case Same:
		return out + ": neither saved nor lost."
	}
	if a.Why == chance {
		return out + ": cannot tell yet whether Hone saved or lost, " + say.Num(a.Saved) + between(a.Lower, a.Upper) + " may be chance."
	}
	return out + ": cannot tell yet, for " + a.Why + "."
}

// Gist says a comparison in one sentence.
func (c Comparison) Gist() string {
	var parts []string
	for _, a := range c.Policies {
		part := "cannot tell yet against "
		switch a.Verdict {
		case Saved:
			part = "saved " + say.Num(a.Saved) + " against "
		case Lost:
			part = "lost " + say.Num(-a.Saved) + " against "
		case Same:
			part = "the same as "
		}
		parts = append(parts, part+short[a.Kind])
	}
	out := c.Sentence + " By the probe's measure: " + strings.Join(parts, ", ") + "."
	if c.Objective != nil {
		out += " " + c.Objective.Sentence
	}
	return out
}

// ago writes a length of time to the second, or to the minute from an hour on.
func ago(d time.Duration) string {
	if d >= time.Hour {
		d = d.Truncate(time.Minute)
	}
	return hone.Duration(d.Truncate(time.Second)).String()
}
