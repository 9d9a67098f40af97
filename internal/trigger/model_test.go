package trigger_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hone"
	"hone/internal/trigger"
)

// TestDecideAgainstAdversary plays years in which signals, events, persons and
// the ends of runs come as badly as they can. Whatever they do: never two runs at
// a time, never more in any window than the guards allow, a person is never
// starved by triggers, and the same input gives the same decision.
func TestDecideAgainstAdversary(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a hundred years take seconds")
	}
	rapid.Check(t, func(t *rapid.T) {
		w := &adversary{T: t, now: start, in: input(anyModel(t))}
		for w.now.Before(start.Add(365 * day)) {
			w.step()
		}
		w.check()
	})
}

type adversary struct {
	*rapid.T
	now   time.Time
	in    trigger.Input
	seq   int
	runs  []hone.Run // Oldest first, with costs.
	steps int
}

func anyModel(t *rapid.T) hone.Model {
	limit := 0.8
	rules := []hone.Trigger{
		lossTrigger(10), {Schedule: &hone.Schedule{Cron: "0 3 * * *"}}, {Schedule: &hone.Schedule{Cron: "*/7 * * * *", TimeZone: "Europe/Paris"}},
		{DataVolume: 500}, drifted(0.2), {Performance: &hone.Performance{Metric: "auc", Below: &limit}}, when("drift.share > 0.5 || auc < 0.7"),
		{Event: &hone.EventTrigger{}}, {PolicyChange: true}, {Any: hone.Triggers{drifted(0.3), {DataVolume: 700}}},
		{All: hone.Triggers{drifted(0.1), {Event: &hone.EventTrigger{}}}, Consecutive: 2}, {AtLeast: &hone.AtLeast{N: 2, Of: hone.Triggers{drifted(0.3), {DataVolume: 1}, {PolicyChange: true}}}, WarmUp: hone.Duration(day)},
	}
	m := model(rapid.SliceOfN(rapid.SampledFrom(rules), 1, 5).Draw(t, "rules")...)
	m.Guards = hone.Guards{
		Cooldown:  hone.Duration(time.Duration(rapid.IntRange(0, 600).Draw(t, "cooldown")) * time.Minute),
		MaxPerDay: rapid.IntRange(0, 5).Draw(t, "day"), MaxPerMonth: rapid.IntRange(0, 40).Draw(t, "month"), MinNewLabels: 200,
	}
	if rapid.Bool().Draw(t, "capped") {
		m.Guards.Budget = hone.Budget{RunCost: 100, PerDay: float64(100 * rapid.IntRange(1, 6).Draw(t, "per day")), PerMonth: float64(100 * rapid.IntRange(1, 30).Draw(t, "per month"))}
	}
	return m
}

// step lets time go by, changes the world as the adversary likes, and decides.
func (w *adversary) step() {
	w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 7 * time.Hour, day, 6 * day, 20 * day}).Draw(w.T, "wait"))
	in := &w.in
	in.Look = rapid.Bool().Draw(w.T, "look")
	share := rapid.SampledFrom([]float64{0, 0.15, 0.6, 1}).Draw(w.T, "drift")
	in.Signals = []hone.Signal{{Name: "drift.share", Value: share, N: 1000, At: w.now}, {Name: "auc", Value: 0.6, Lower: 0.5, Upper: 0.7, N: 500, At: w.now}}
	if rapid.Bool().Draw(w.T, "unknown") {
		in.Signals[0].Unknown = "not enough data"
	}
	in.NewLabels = rapid.SampledFrom([]int{0, 300, 5000}).Draw(w.T, "labels")
	in.Ticks = ticks(float64(rapid.IntRange(-5, 50).Draw(w.T, "gain")), 1, 5)
	in.Policy, in.Proven = &hone.Policy{Anchor: rapid.SampledFrom([]string{"a", "b"}).Draw(w.T, "policy")}, &hone.Policy{Anchor: "a"}
	if rapid.Bool().Draw(w.T, "event") {
		w.seq++
		in.Events = append([]hone.CloudEvent{{Seq: int64(w.seq), ID: "e", Type: "t", Source: "/s", Received: w.now}}, in.Events...)
	}
	if n := len(w.runs); n > 0 && w.runs[n-1].State != hone.Closed && rapid.Bool().Draw(w.T, "ends") {
		w.end(&w.runs[n-1])
	}
	w.decide()
}

func (w *adversary) end(r *hone.Run) {
	r.State, r.Ended = hone.Closed, w.now
	r.Ending = rapid.SampledFrom([]hone.Ending{hone.Promoted, hone.Rejected, hone.Failed, hone.Cancelled}).Draw(w.T, "ending")
	switch r.Ending {
	case hone.Promoted:
		w.in.Failures, w.in.ChampionSince, w.in.Champion = 0, w.now, hone.VersionID(w.now.Format("v060102150405"))
	case hone.Rejected:
		w.in.Failures++
	}
	w.remember()
}

func (w *adversary) remember() {
	w.in.Runs = w.in.Runs[:0:0]
	for i := len(w.runs) - 1; i >= max(0, len(w.runs)-100); i-- {
		w.in.Runs = append(w.in.Runs, w.runs[i])
	}
}

func (w *adversary) decide() {
	w.in.Manual = nil
	person := rapid.IntRange(0, 9).Draw(w.T, "person") == 0
	if person {
		w.in.Manual = &trigger.Manual{By: "ada", Force: true}
	}
	d := trigger.Decide(w.in, w.now)
	if w.steps++; w.steps%10 == 0 {
		w.pure(d)
	}
	open := len(w.runs) > 0 && w.runs[len(w.runs)-1].State != hone.Closed
	switch {
	case d.Start && open:
		w.Fatalf("two runs at a time: %s", d.Sentence)
	case person && !d.Start && !open && w.affordable():
		w.Fatalf("a person is starved: %s", d.Sentence)
	case !d.Again.IsZero() && !d.Again.After(w.now):
		w.Fatalf("looks again at %v, and it is %v", d.Again, w.now)
	}
	w.in.Looked, w.in.Streaks = w.now, d.Streaks
	if d.Start {
		w.in.Events, w.in.Streaks = nil, nil
		w.runs = append(w.runs, hone.Run{State: hone.Training, Started: w.now, Champion: w.in.Champion, Decision: d})
		w.remember()
	}
}

// pure decides once more, and looks whether the input stayed as it was.
func (w *adversary) pure(d hone.Decision) {
	before, err := json.Marshal(w.in)
	if err != nil {
		w.Fatal(err)
	}
	if again := trigger.Decide(w.in, w.now); !reflect.DeepEqual(d, again) {
		w.Fatalf("the same input gave two decisions: %+v and %+v", d, again)
	}
	if after, _ := json.Marshal(w.in); string(after) != string(before) {
		w.Fatal("deciding changed its input")
	}
}

// affordable tells whether the cost caps leave room for one more run.
func (w *adversary) affordable() bool {
	b := w.in.Model.Guards.Budget
	day24, month := 0.0, 0.0
	for _, r := range w.runs {
		if w.now.Sub(r.Started) < day {
			day24 += b.RunCost
		}
		if w.now.Sub(r.Started) < 30*day {
			month += b.RunCost
		}
	}
	return b.RunCost == 0 || day24+b.RunCost <= b.PerDay && month+b.RunCost <= b.PerMonth
}

// check holds every window of the years against the guards.
func (w *adversary) check() {
	g := w.in.Model.Guards
	for i, first := range w.runs {
		day24, month, cost24, cost30 := 0, 0, 0.0, 0.0
		for _, r := range w.runs[i:] {
			byTrigger := r.Decision.Trigger != hone.OnManual
			if since := r.Started.Sub(first.Started); since < 30*day {
				cost30 += r.Decision.Cost
				if byTrigger {
					month++
				}
				if since < day {
					cost24 += r.Decision.Cost
					if byTrigger {
						day24++
					}
				}
			}
		}
		if day24 > g.MaxPerDay || month > g.MaxPerMonth {
			w.Fatalf("%d runs in a day and %d in a month; %d and %d are allowed", day24, month, g.MaxPerDay, g.MaxPerMonth)
		}
		if b := g.Budget; b.RunCost > 0 && (cost24 > b.PerDay || cost30 > b.PerMonth) {
			w.Fatalf("spent %v in a day and %v in a month; %v and %v are allowed", cost24, cost30, b.PerDay, b.PerMonth)
		}
		if i > 0 && first.Decision.Trigger != hone.OnManual && first.Started.Sub(w.runs[i-1].Ended) < time.Duration(g.Cooldown) {
			w.Fatalf("a run began %v after the last", first.Started.Sub(w.runs[i-1].Ended))
		}
	}
}
