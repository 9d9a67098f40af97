package op

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"hone"
	"hone/internal/loop"
	"hone/internal/monitor"
	"hone/internal/say"
)

// Mood is how much a model needs a person.
type Mood string

// The moods, from most to least urgent.
const (
	Attention Mood = "needs a person"
	Working   Mood = "working"
	New       Mood = "new"
	Unsure    Mood = "cannot tell"
	Well      Mood = "well"
)

// longest is how many characters a sentence has at most: what a person says in
// one breath, and a narrow screen shows in two lines.
const longest = 90

// nameRoom is how many characters of a model's name the why of a failed run leaves.
const nameRoom = 20

// Sentence says aloud how a model is, in at most 90 characters, and how much
// that needs a person. It is the one place where this is put into words. A long
// name of a model is cut to fit.
func Sentence(v loop.View) (Mood, string) {
	mood, rest := remark(v)
	name := v.Model.Name
	if over := utf8.RuneCountInString(name) + utf8.RuneCountInString(rest) - longest; over > 0 {
		r := []rune(name)
		name = string(r[:max(0, len(r)-over-1)]) + "…"
	}
	return mood, name + rest
}

// remark is what is said of a model behind its name.
func remark(v loop.View) (Mood, string) {
	switch {
	case v.Stuck:
		return Attention, " serves, but does nothing else: its state cannot be read. The log has the cause."
	case v.Run != nil:
		return runRemark(v, *v.Run)
	case v.Champion.ID == "" && v.Last != nil && v.Last.Ending != hone.Promoted:
		return Attention, fmt.Sprintf(" has no champion: its first run was %s.", words(v.Last.Ending))
	case v.Champion.ID == "" && v.Rows < v.Model.Dataset.MinRows:
		return New, fmt.Sprintf(" has no champion yet: %d labelled rows, %d needed.", v.Rows, v.Model.Dataset.MinRows)
	case v.Champion.ID == "":
		return New, fmt.Sprintf(" has no champion yet; its %d labelled rows are enough to train one.", v.Rows)
	case v.Undelivered != "":
		return Attention, ": its newest plan does not get to its servers; it is tried again."
	case unseen(v) != "" && len(v.Elsewhere.Strangers) > 0 && v.Elsewhere.Strangers[0].Version != "":
		return Attention, fmt.Sprintf(": %s waits to be seen in the logs; they name %s, which is unknown here.", v.Champion.ID, say.Clip(string(v.Elsewhere.Strangers[0].Version), 20))
	case silent(v) != "":
		return Attention, silent(v)
	case len(v.Failed) >= 2:
		return Attention, failed(v, fmt.Sprintf(" serves, but its last %s runs failed: ", count(len(v.Failed))))
	case v.Failures >= 2:
		return Attention, fmt.Sprintf(": %s candidates in a row did not make it; look at its data.", count(v.Failures))
	case unseen(v) != "":
		return Working, fmt.Sprintf(": %s is champion and waits to be seen in the logs.", v.Champion.ID)
	case len(v.Failed) == 1:
		return calm(v), failed(v, " serves, and its last run failed: ")
	case v.Blind:
		return Unsure, blind(v)
	case v.Untested:
		return Working, " serves; its probe is not tested yet."
	case v.Watch != nil && !v.Watch.Over:
		return Well, fmt.Sprintf(" is well; %s is under probation, %d of %d labels seen.", v.Champion.ID, v.Watch.Quality.N, v.Watch.Labels)
	case v.Drift.Alarm:
		n := max(1, v.Drift.Drifted())
		return Well, fmt.Sprintf(" is well: %d %s drifted, and it does no harm so far.", n, plural(n, "feature"))
	}
	return Well, " is well."
}

// calm is the mood of a model of which nothing bad is known.
func calm(v loop.View) Mood {
	switch {
	case v.Blind:
		return Unsure
	case v.Untested:
		return Working
	}
	return Well
}

// cannotTell is what is said in place of "well" where the probe is blind.
const cannotTell = " cannot tell whether a retrain would pay"

// blind says what is known beside.
func blind(v loop.View) string {
	switch {
	case v.Watch != nil && !v.Watch.Over:
		return fmt.Sprintf("%s; %s is under probation.", cannotTell, v.Champion.ID)
	case v.Drift.Alarm:
		n := max(1, v.Drift.Drifted())
		return fmt.Sprintf("%s; %d %s drifted.", cannotTell, n, plural(n, "feature"))
	}
	return cannotTell + "; its schedule decides."
}

// failed says why the newest run failed, as far as there is room for it. The sentence
// of a run says it behind a colon; where a program said something, its last line is it.
func failed(v loop.View, said string) string {
	_, why, ok := strings.Cut(v.Failed[0].Sentence, ": ")
	if !ok {
		why = v.Failed[0].Sentence
	}
	if _, tail, ok := strings.Cut(why, "it said:\n"); ok {
		tail = strings.TrimSpace(tail)
		why = tail[strings.LastIndexByte(tail, '\n')+1:]
	}
	room := longest - min(nameRoom, utf8.RuneCountInString(v.Model.Name)) - utf8.RuneCountInString(said) - 1
	why = strings.Join(strings.Fields(why), " ") // A program may say anything.
	return said + say.Period(say.Clip(why, room))
}

// silent says that labels have stopped, or nothing while they come as usual.
func silent(v loop.View) string {
	s, often := signalOf(v, monitor.Silent), signalOf(v, monitor.Every)
	if s.Unknown != "" || s.Value <= s.Upper || s.Upper <= 0 {
		return ""
	}
	return fmt.Sprintf(" has had no label for %s; they usually come every %s.", age(inSeconds(s.Value)), every(inSeconds(often.Value)))
}

func inSeconds(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }

// signalOf returns a model's signal of a name; one without a name where it has none.
func signalOf(v loop.View, name string) hone.Signal {
	for _, s := range v.Signals {
		if s.Name == name && s.Slice == "" {
			return s
		}
	}
	return hone.Signal{}
}

// every says an interval in its largest unit.
func every(d time.Duration) string {
	if d < 2*time.Minute {
		n := max(1, int(d/time.Second))
		return strings.TrimPrefix(fmt.Sprintf("%d %s", n, plural(n, "second")), "1 ")
	}
	return strings.TrimPrefix(age(d), "1 ")
}

func count(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	if n >= 0 && n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// unseen is the version that the logs have yet to name, where the model is served
// elsewhere.
func unseen(v loop.View) hone.VersionID {
	if v.Elsewhere == nil {
		return ""
	}
	return v.Elsewhere.Unseen
}

// elsewhere says what the logs do not: the version that they have yet to name, and
// those that they name in vain.
func elsewhere(v loop.View) string {
	if v.Elsewhere == nil {
		return ""
	}
	var parts []string
	if v.Undelivered != "" {
		parts = append(parts, "Its plan is not delivered: "+say.Clip(v.Undelivered, 200)+". It is tried again.")
	}
	if id := v.Elsewhere.Unseen; id != "" {
		parts = append(parts, fmt.Sprintf("%s waits to be seen in the logs; until then its numbers are what Hone's copy of it would have answered.", id))
	}
	if all := v.Elsewhere.Strangers; len(all) > 0 {
		s, names := all[0], "no version"
		if s.Version != "" {
			names = fmt.Sprintf("%s, which %s does not have", say.Clip(string(s.Version), 40), v.Model.Name)
		}
		more := ""
		if n := len(all) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more such %s)", n, plural(n, "name"))
		}
		verb := "name"
		if s.N == 1 {
			verb = "names"
		}
		parts = append(parts, fmt.Sprintf("%d logged %s %s %s%s: they count for no version.", s.N, plural(s.N, "prediction"), verb, names, more))
	}
	return strings.Join(parts, " ")
}

func runRemark(v loop.View, r hone.Run) (Mood, string) {
	if v.Champion.ID == "" {
		switch r.State {
		case hone.AwaitingApproval:
			return Attention, " has a first version that waits for approval."
		case hone.Deciding:
			if len(r.Verdicts) > 0 {
				return Working, " has a first version that waits for more labels."
			}
		}
		return Working, fmt.Sprintf(" gets its first version: %s.", r.State)
	}
	stale := " is going stale"
	if r.Decision.Trigger != hone.OnLoss && r.Decision.Trigger != hone.OnPerformance {
		stale = " is well"
		if v.Blind || v.Untested {
			stale = " may be going stale"
		}
	}
	switch r.State {
	case hone.AwaitingApproval:
		return Attention, stale + ", and its replacement waits for approval."
	case hone.Shadowing, hone.Canary:
		return rolloutRemark(v, r, stale)
	case hone.Deciding:
		if len(r.Verdicts) > 0 {
			return Working, stale + ", and its replacement waits for more labels."
		}
		return Working, stale + ", and its replacement is being judged."
	case hone.Training:
		return Working, stale + ", and its replacement is being trained."
	}
	return Working, stale + ", and its replacement is being prepared."
}

func rolloutRemark(v loop.View, r hone.Run, stale string) (Mood, string) {
	where, does := "canary", "is in canary"
	if r.State == hone.Shadowing {
		where, does = "shadow", "answers in shadow"
	}
	switch {
	case r.Rollout != nil && r.Rollout.Ask != "":
		return Attention, fmt.Sprintf("%s, and its replacement in %s waits for a person.", stale, where)
	case r.Rollout != nil && r.Rollout.Paused:
		return Attention, fmt.Sprintf("%s, and its replacement is paused in %s.", stale, where)
	}
	if v.Undelivered != "" {
		return Attention, fmt.Sprintf("%s, and its replacement does not get to its servers.", stale)
	}
	if id := unseen(v); id != "" && id == r.Candidate {
		does = "waits to be seen in the logs"
	}
	return Working, fmt.Sprintf("%s, and its replacement %s.", stale, does)
}

func words(e hone.Ending) string { return strings.ReplaceAll(string(e), "_", " ") }

// Lead says in a few more words what stands behind the sentence: what was
// measured, what it would take, and what happens next.
func Lead(v loop.View, now time.Time) string {
	logs := elsewhere(v)
	if v.Run != nil {
		return strings.TrimSpace(v.Run.Sentence + " " + logs)
	}
	var parts []string
	if v.Decision.Sentence != "" {
		parts = append(parts, v.Decision.Sentence)
	}
	if logs != "" {
		parts = append(parts, logs)
	}
	if v.Watch != nil && v.Champion.ID != "" {
		does := "has served"
		if unseen(v) == v.Champion.ID {
			does = "has been champion"
		}
		parts = append(parts, fmt.Sprintf("%s %s for %s.", v.Champion.ID, does, age(now.Sub(v.Watch.Since))))
	}
	if said := expected(v); said != "" {
		parts = append(parts, said)
	}
	if v.Bias != "" {
		parts = append(parts, v.Model.Name+" is judged in part: "+v.Bias)
	}
	if len(parts) > 0 {
		return strings.Join(parts, " ")
	}
	if v.Champion.ID == "" && v.Rows >= v.Model.Dataset.MinRows {
		return "`hone serve` trains it."
	}
	return "Send predictions, or load history with `hone import`."
}

// expected says what the newest predictions are worth by estimate, while their
// labels lack.
func expected(v loop.View) string {
	name := monitor.Headline(v.Model.Task)
	s := signalOf(v, "estimated."+name)
	switch {
	case s.Name == "":
		return ""
	case s.Unknown != "":
		return fmt.Sprintf("Its newest %d predictions have no labels yet, and what they are worth is unknown.", s.N)
	case v.Model.Task == hone.Regression:
		return fmt.Sprintf("Its newest %d predictions have no labels yet; their estimated (not measured) mean error is %.3g (%.3g to %.3g).", s.N, s.Value, s.Lower, s.Upper)
	}
	return fmt.Sprintf("Its newest %d predictions have no labels yet; their estimated (not measured) accuracy is %.1f %% (%.1f to %.1f).",
		s.N, 100*s.Value, 100*s.Lower, 100*s.Upper)
}

// age says a length of time in its largest unit.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	n, unit := int(d/day), "day"
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		n, unit = int(d/time.Minute), "minute"
	case d < 2*day:
		n, unit = int(d/time.Hour), "hour"
	}
	return fmt.Sprintf("%d %s", n, plural(n, unit))
}
