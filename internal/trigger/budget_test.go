package trigger_test

import (
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

// past is a run that ended a minute after it began, so long ago.
func past(now time.Time, ago time.Duration, kind hone.TriggerKind, cost float64) hone.Run {
	return hone.Run{State: hone.Closed, Started: now.Add(-ago), Ended: now.Add(-ago + time.Minute), Decision: hone.Decision{Trigger: kind, Cost: cost}}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	now := start.Add(100 * day)
	runs := func(kind hone.TriggerKind, cost float64, ago ...time.Duration) (out []hone.Run) {
		for _, a := range ago {
			out = append(out, past(now, a, kind, cost))
		}
		return out
	}
	ada, force := &trigger.Manual{By: "ada"}, &trigger.Manual{By: "ada", Force: true}
	two := []time.Duration{10 * time.Hour, 20 * time.Hour}
	cases := []struct {
		name   string
		guards hone.Guards
		runs   []hone.Run
		manual *trigger.Manual
		guard  string // That holds, if any.
		again  time.Duration
	}{
		{"month, free", hone.Guards{MaxPerDay: 9, MaxPerMonth: 3}, runs(hone.OnVolume, 0, 2*day, 29*day, 30*day), nil, "", 0},
		{"month, full", hone.Guards{MaxPerDay: 9, MaxPerMonth: 3}, runs(hone.OnVolume, 0, 2*day, 20*day, 29*day), nil, "max_per_month", day},
		{"month, full, by hand", hone.Guards{MaxPerDay: 9, MaxPerMonth: 3}, runs(hone.OnVolume, 0, 2*day, 20*day, 29*day), ada, "", 0},
		{"month, by hand before", hone.Guards{MaxPerDay: 9, MaxPerMonth: 3}, runs(hone.OnManual, 0, 2*day, 20*day, 29*day), nil, "", 0},
		{"none a month", hone.Guards{MaxPerDay: 9}, nil, nil, "max_per_month", 0},
		{"none a day", hone.Guards{MaxPerMonth: 9}, nil, nil, "max_per_day", 0},
		{"day's money", hone.Guards{MaxPerDay: 9, MaxPerMonth: 90, Budget: hone.Budget{RunCost: 300, PerDay: 900}}, runs(hone.OnVolume, 300, two...), nil, "", 0},
		{"day's money is spent", hone.Guards{MaxPerDay: 9, MaxPerMonth: 90, Budget: hone.Budget{RunCost: 300, PerDay: 800}}, runs(hone.OnVolume, 300, two...), nil, "budget", 4 * time.Hour},
		{"runs cost what they cost then", hone.Guards{MaxPerDay: 9, MaxPerMonth: 90, Budget: hone.Budget{RunCost: 300, PerDay: 800}}, runs(hone.OnVolume, 250, two...), nil, "", 0},
		{"runs from before the budget", hone.Guards{MaxPerDay: 9, MaxPerMonth: 90, Budget: hone.Budget{RunCost: 300, PerDay: 800}}, runs(hone.OnVolume, 0, two...), nil, "budget", 4 * time.Hour},
		{"persons pay too", hone.Guards{Budget: hone.Budget{RunCost: 300, PerDay: 800}}, runs(hone.OnManual, 300, two...), ada, "budget", 4 * time.Hour},
		{"force does not pay", hone.Guards{Budget: hone.Budget{RunCost: 300, PerDay: 800}}, runs(hone.OnManual, 300, two...), force, "budget", 4 * time.Hour},
		{"month's money", hone.Guards{MaxPerDay: 9, MaxPerMonth: 90, Budget: hone.Budget{RunCost: 300, PerMonth: 600}}, runs(hone.OnVolume, 300, 3*day, 29*day), nil, "budget", day},
		{"too dear at any time", hone.Guards{MaxPerDay: 9, MaxPerMonth: 90, Budget: hone.Budget{RunCost: 300, PerDay: 200}}, nil, nil, "budget", 0},
		{"tenths add up", hone.Guards{MaxPerDay: 9, MaxPerMonth: 90, Budget: hone.Budget{RunCost: 0.1, PerDay: 0.3}}, runs(hone.OnVolume, 0.1, two...), nil, "", 0},
	}
	for _, c := range cases {
		in := input(model(hone.Trigger{DataVolume: 100}))
		in.Model.Guards, in.Runs, in.Manual = c.guards, c.runs, c.manual
		d := trigger.Decide(in, now)
		held := ""
		for _, r := range d.Reasons {
			if r.Guard != "" && r.Guard != trigger.Forced && r.Fired {
				held = r.Guard
			}
		}
		if d.Start != (c.guard == "") || held != c.guard {
			t.Errorf("%s: start %v, held by %q: %s", c.name, d.Start, held, d.Sentence)
		}
		if want := now.Add(c.again); c.again > 0 && !d.Again.Equal(want) || c.again == 0 && !d.Again.IsZero() {
			t.Errorf("%s: looks again %v, want %v", c.name, d.Again, want)
		}
		if d.Start && d.Cost != c.guards.Budget.RunCost {
			t.Errorf("%s: cost %v", c.name, d.Cost)
		}
	}
}

func TestCooldownEndsByItself(t *testing.T) {
	t.Parallel()
	in := input(model(hone.Trigger{Schedule: &hone.Schedule{Cron: "0 4 * * 1"}}))
	in.Runs = []hone.Run{past(start.Add(59*time.Minute), 2*time.Minute, hone.OnVolume, 0)}
	d := trigger.Decide(in, start.Add(time.Hour))
	if d.Start || !d.Again.Equal(start.Add(58*time.Minute+time.Hour)) {
		t.Fatalf("got %s, again %v", d.Sentence, d.Again)
	}
	if d := trigger.Decide(in, d.Again); !d.Start || d.Trigger != hone.OnSchedule {
		t.Errorf("what is due must not wait for the next time: %s", d.Sentence)
	}
}

// One run answers all that is due: two schedules, missed for weeks, and events.
func TestCatchUpIsOneRun(t *testing.T) {
	t.Parallel()
	in := input(model(hone.Trigger{Schedule: &hone.Schedule{Cron: "0 3 * * *"}}, hone.Trigger{Schedule: &hone.Schedule{Cron: "30 4 * * 1"}},
		hone.Trigger{Event: &hone.EventTrigger{}}, lossTrigger(10)))
	in.Ticks = ticks(10, 1, 5)
	in.Events = []hone.CloudEvent{{ID: "2"}, {ID: "1"}}
	now := start.Add(30*day + 20*time.Minute)
	d := trigger.Decide(in, now)
	if !d.Start || d.Trigger != hone.OnLoss || d.Event == nil {
		t.Fatalf("got %+v", d)
	}
	in.Runs = []hone.Run{{State: hone.Closed, Started: now, Ended: now, Decision: d}}
	in.Events, in.Ticks = nil, nil
	for h := 2; h < 20; h++ {
		if d := trigger.Decide(in, now.Add(time.Duration(h)*time.Hour)); d.Start {
			t.Errorf("%d hours later it starts again: %s", h, d.Sentence)
		}
	}
	if d := trigger.Decide(in, now.Add(day)); !d.Start {
		t.Errorf("the next day's schedule is due: %s", d.Sentence)
	}
}

// A clock that jumps, there and back, costs at most one more run of what is due,
// and neither a storm nor a rest until the clock is there again.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 365 * day, -365 * day} {
		in := input(model(hone.Trigger{Schedule: &hone.Schedule{Cron: "0 3 * * *"}}, drifted(0.1)))
		in.Signals = []hone.Signal{{Name: "drift.share", Value: 0, N: 1000}}
		total, byDrift := 0, 0
		play := func(from time.Time, hours int) {
			for h := range hours {
				now := from.Add(time.Duration(h) * time.Hour)
				d := trigger.Decide(in, now)
				in.Looked = now
				if !d.Start {
					continue
				}
				total++
				if d.Trigger == hone.OnDrift {
					byDrift++
				}
				in.Runs = append([]hone.Run{{State: hone.Closed, Started: now, Ended: now, Decision: d}}, in.Runs...)
			}
		}
		play(start.Add(400*day), 240)
		before := total
		play(start.Add(410*day+jump), 240)
		if during := total - before; during < 9 || during > 11 {
			t.Errorf("jump %v: %d runs in ten days", jump, during)
		}
		before = total
		play(start.Add(420*day), 240)
		if after := total - before; after < 9 || after > 11 {
			t.Errorf("back from %v: %d runs in ten days", jump, after)
		}
		// Nor do cooldown and budget hold a real alarm back for ever.
		in.Signals[0].Value = 1
		play(start.Add(430*day+jump), 26)
		if byDrift == 0 || byDrift > 4 {
			t.Errorf("jump %v: %d runs by drift in 26 hours", jump, byDrift)
		}
	}
}
