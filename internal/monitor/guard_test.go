package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"hone"
	"hone/internal/monitor"
)

func atMost(x float64) *float64 { return &x }

var guards = []hone.Guardrail{
	{Metric: hone.LatencyP99, Max: atMost(0.02)},
	{Metric: hone.ErrorRate, Max: atMost(0.01)},
	{Metric: hone.ScoreMean, MaxChange: atMost(0.02)},
	{Metric: hone.ClassShare, Class: "yes", MaxChange: atMost(0.05)},
	{Feedback: "thumb", MaxRegression: atMost(0.02), Age: hone.Duration(time.Hour)},
	{Feedback: "score", MaxRegression: atMost(0.1)},
	{Metric: "profit", MaxRegression: atMost(0)},
}

var yesNo = hone.Signature{Task: hone.Binary, Classes: []string{"no", "yes"}, Threshold: 0.5}

func guardedArms() *monitor.Arms {
	a := monitor.NewArms(10*time.Millisecond, "v3")
	a.Guard(guards, yesNo, yesNo)
	return a
}

func counted(t *testing.T, a *monitor.Arms, what string, i int, canary, control hone.Spread) {
	t.Helper()
	got := a.Health().Guards[i]
	got.Canary.Alike, got.Control.Alike = 0, 0
	if got.Gate != guards[i].Gate() || got.Canary != canary || got.Control != control {
		t.Errorf("%s: got %+v, want %+v and %+v", what, got, canary, control)
	}
}

// TestArmsGuard holds what each side's answers count for the owner's guardrails.
func TestArmsGuard(t *testing.T) {
	t.Parallel()
	a := guardedArms()
	at := time.Unix(0, 0)
	serve := func(n int, route hone.Route, score float64, took time.Duration, fault string) {
		for range n {
			at = at.Add(time.Second)
			a.Prediction(hone.Prediction{Time: at, Route: route, Latency: took, Scores: []float64{score}, Fault: fault})
		}
	}
	serve(6, hone.ByCanary, 0.75, 5*time.Millisecond, "")
	serve(2, hone.ByCanary, 0.25, 21*time.Millisecond, "")
	serve(1, hone.ByCanary, 0.25, 20*time.Millisecond, "") // As slow as it may be.
	serve(3, hone.ByFallback, 0.5, time.Second, "v4: no")  // The champion's scores, the canary's fault.
	serve(4, hone.ByControl, 0.25, 30*time.Millisecond, "")
	serve(2, hone.ByChampion, 0.5, time.Millisecond, "")
	serve(9, hone.Imported, 1, time.Hour, "")
	counted(t, a, "slow", 0, hone.Spread{N: 12, Sum: 5, Square: 5}, hone.Spread{N: 6, Sum: 4, Square: 4})
	counted(t, a, "failed", 1, hone.Spread{N: 12, Sum: 3, Square: 3}, hone.Spread{N: 6})
	counted(t, a, "scores", 2, hone.Spread{N: 9, Sum: 5.25, Square: 3.5625}, hone.Spread{N: 6, Sum: 2, Square: 0.75})
	counted(t, a, "classes", 3, hone.Spread{N: 9, Sum: 6, Square: 6}, hone.Spread{N: 6, Sum: 2, Square: 2})
	counted(t, a, "profit, measured elsewhere", 6, hone.Spread{}, hone.Spread{})
	a = guardedArms()
	for i := range 4 {
		a.Shadow(hone.ShadowScore{Time: at.Add(time.Duration(i)), Scores: []float64{0.75}, Served: []float64{0.25}}, yesNo, "no")
	}
	a.Shadow(hone.ShadowScore{Time: at, Fault: "no"}, yesNo, "no")
	for i, want := range map[int]hone.Spread{2: {N: 4, Sum: 2, Square: 1}, 3: {N: 4, Sum: 4, Square: 4}} {
		got := a.Health().Guards[i].Paired
		if got.Alike = 0; got != want {
			t.Errorf("pairs of %s: %+v, want %+v", guards[i].Gate(), got, want)
		}
	}
}

// TestArmsOpinions holds that what users send counts once for each answer, on the side
// that gave it, at the age that the owner asks for: of cohorts of equal age alone.
func TestArmsOpinions(t *testing.T) {
	t.Parallel()
	a := guardedArms()
	at := time.Unix(0, 0).UTC()
	say := func(seq int64, route hone.Route, kind hone.FeedbackKind, value string, after time.Duration) {
		a.Opinion(hone.Opinion{Prediction: hone.Prediction{Seq: seq, Time: at, Route: route, Unit: fmt.Sprint("user ", seq)}, Kind: kind, Value: value, Received: at.Add(after)})
	}
	say(1, hone.ByCanary, hone.Thumb, "down", time.Minute)
	say(1, hone.ByCanary, hone.Thumb, "up", time.Hour) // At the very end they changed their mind.
	say(2, hone.ByCanary, hone.Thumb, "down", time.Minute)
	say(3, hone.ByCanary, hone.Thumb, "down", 61*time.Minute) // Too late to be of this age.
	say(4, hone.ByControl, hone.Thumb, "up", time.Minute)
	say(5, hone.ByFallback, hone.Thumb, "down", time.Minute) // Another answered than was asked.
	say(6, hone.Imported, hone.Thumb, "down", time.Minute)
	a.Ripen(at.Add(59 * time.Minute))
	counted(t, a, "thumbs before their age", 4, hone.Spread{}, hone.Spread{})
	a.Ripen(at.Add(time.Hour))
	a.Ripen(at.Add(2 * time.Hour))
	say(2, hone.ByCanary, hone.Thumb, "up", 3*time.Hour)
	counted(t, a, "thumbs", 4, hone.Spread{N: 2, Sum: 1, Square: 1}, hone.Spread{N: 1})
	say(1, hone.ByCanary, hone.Score, "4", time.Minute)
	say(1, hone.ByCanary, hone.Score, "1", time.Minute) // The first counts.
	say(4, hone.ByChampion, hone.Score, "3", time.Minute)
	say(7, hone.ByChampion, hone.Score, "1e300", time.Minute)
	say(8, hone.ByChampion, hone.Score, "many", time.Minute)
	counted(t, a, "scores", 5, hone.Spread{N: 1, Sum: 4, Square: 16}, hone.Spread{N: 1, Sum: 3, Square: 9})
}

// TestFewUsersAgree holds that a handful of users, each of whom says the same all the
// time, count as few.
func TestFewUsersAgree(t *testing.T) {
	t.Parallel()
	a := guardedArms()
	for i := range 40 {
		a.Prediction(hone.Prediction{Time: time.Unix(int64(i), 0), Route: hone.ByCanary, Unit: fmt.Sprint("user ", i/10), Scores: []float64{0.9}})
	}
	if got := a.Health().Guards[3].Canary; got.N != 40 || got.Alike < 8 {
		t.Errorf("four users of ten requests each that agree: %+v", got)
	}
}
