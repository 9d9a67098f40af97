package op

import (
	"fmt"
	"strings"
	"time"

	"hone"
	"hone/internal/loop"
)

// Mood is how much a model needs a person.
type Mood string

// The moods, from most to least urgent.
const (
	Attention Mood = "needs a person"
	Working   Mood = "working"
	New       Mood = "new"
	Well      Mood = "well"
)

// Sentence says aloud how a model is, in at most 90 characters, and how much
// that needs a person. It is the one place where this is put into words.
func Sentence(v loop.View) (Mood, string) {
	name := v.Model.Name
	switch {
	case v.Run != nil:
		return runSentence(name, *v.Run, v.Champion.ID)
	case v.Champion.ID == "" && v.Last != nil && v.Last.Ending != hone.Promoted:
		return Attention, fmt.Sprintf("%s has no champion: its first run was %s.", name, words(v.Last.Ending))
	case v.Champion.ID == "":
		return New, fmt.Sprintf("%s has no champion yet: %d labelled rows, %d needed.", name, v.Rows, v.Model.Dataset.MinRows)
	case failures(v) >= 2:
		return Attention, fmt.Sprintf("%s: two candidates in a row did not make it; look at its data.", name)
	case v.Watch != nil && !v.Watch.Over:
		return Well, fmt.Sprintf("%s is well; %s is under probation, %d of %d labels seen.", name, v.Champion.ID, v.Watch.Quality.N, v.Watch.Labels)
	case v.Drift.Alarm:
		return Well, fmt.Sprintf("%s is well: %d features drifted, and it does no harm so far.", name, max(1, v.Drift.Drifted()))
	}
	return Well, fmt.Sprintf("%s is well.", name)
}

func failures(v loop.View) int {
	for _, r := range v.Decision.Reasons {
		if r.Guard == "failures" {
			return int(r.Value)
		}
	}
	return 0
}

func runSentence(name string, r hone.Run, champion hone.VersionID) (Mood, string) {
	if champion == "" {
		switch r.State {
		case hone.AwaitingApproval:
			return Attention, fmt.Sprintf("%s has a first version that waits for approval.", name)
		case hone.Deciding:
			if len(r.Verdicts) > 0 {
				return Working, fmt.Sprintf("%s has a first version that waits for more labels.", name)
			}
		}
		return Working, fmt.Sprintf("%s gets its first version: %s.", name, r.State)
	}
	stale := name + " is going stale"
	if r.Decision.Trigger != hone.OnLoss && r.Decision.Trigger != hone.OnPerformance {
		stale = name + " is well"
	}
	switch r.State {
	case hone.AwaitingApproval:
		return Attention, fmt.Sprintf("%s, and its replacement waits for approval.", stale)
	case hone.Shadowing:
		return Working, fmt.Sprintf("%s, and its replacement answers in shadow.", stale)
	case hone.Canary:
		if r.Rollout != nil && r.Rollout.Ask != "" {
			return Attention, fmt.Sprintf("%s, and its replacement in canary waits for a person.", stale)
		}
		return Working, fmt.Sprintf("%s, and its replacement is in canary.", stale)
	case hone.Deciding:
		if len(r.Verdicts) > 0 {
			return Working, fmt.Sprintf("%s, and its replacement waits for more labels.", stale)
		}
		return Working, fmt.Sprintf("%s, and its replacement is being judged.", stale)
	case hone.Training:
		return Working, fmt.Sprintf("%s, and its replacement is being trained.", stale)
	}
	return Working, fmt.Sprintf("%s, and its replacement is being prepared.", stale)
}

func words(e hone.Ending) string { return strings.ReplaceAll(string(e), "_", " ") }

// Lead says in a few more words what stands behind the sentence: what was
// measured, what it would take, and what happens next.
func Lead(v loop.View, now time.Time) string {
	if v.Run != nil {
		return v.Run.Sentence
	}
	var parts []string
	if v.Decision.Sentence != "" {
		parts = append(parts, v.Decision.Sentence)
	}
	if v.Watch != nil && v.Champion.ID != "" {
		parts = append(parts, fmt.Sprintf("%s has served for %s.", v.Champion.ID, hone.Duration(now.Sub(v.Watch.Since).Round(time.Second))))
	}
	if len(parts) == 0 {
		return "Send predictions, or load history with `hone import`."
	}
	return strings.Join(parts, " ")
}
