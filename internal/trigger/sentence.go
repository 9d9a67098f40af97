package trigger

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"hone"
)

// maxSummary is the length, in characters, that a summary keeps to.
const maxSummary = 90

// summary says the decision in one sentence.
func summary(model string, all []finding, best, stop *finding) string {
	switch {
	case best != nil && stop != nil:
		return clip(model + " would retrain, but waits: " + stop.start)
	case best != nil && best.Trigger == hone.OnFirst:
		return clip(model + " trains " + best.start)
	case best != nil:
		return clip(model + " retrains: " + best.start)
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
		return clip(model + " waits: no trigger is set, so only a person can start a run.")
	}
	return clip(out + ".")
}

func clip(s string) string {
	if utf8.RuneCountInString(s) <= maxSummary {
		return s
	}
	return string([]rune(s)[:maxSummary-1]) + "…"
}

func period(s string) string { return strings.TrimRight(s, ".") + "." }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(n) + " " + many
}

// whole writes a whole number with its thousands apart: 1,200.
func whole(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// num writes a number as one would say it: whole from 100 on, else to three
// digits.
func num(x float64) string {
	if math.Abs(x) >= 100 && math.Abs(x) < 1e15 {
		return whole(int(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func percent(x float64) string { return num(100*x) + " %" }

// ago writes a length of time to the second, or to the minute from an hour on.
func ago(d time.Duration) string {
	if d >= time.Hour {
		d = d.Truncate(time.Minute)
	}
	return hone.Duration(d.Truncate(time.Second)).String()
}
