package trigger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

// said writes what the others would do: a letter for each that fires, ? for one that
// cannot be told.
func said(others []hone.Other) string {
	var parts []string
	for _, o := range others {
		switch {
		case o.Fired && o.Unknown:
			parts = append(parts, o.Kind+"!?")
		case o.Fired:
			parts = append(parts, o.Kind+"!")
		case o.Unknown:
			parts = append(parts, o.Kind+"?")
		}
	}
	return strings.Join(parts, " ")
}

func TestOthers(t *testing.T) {
	t.Parallel()
	sig := func(name string, value, lower, upper float64, n int) hone.Signal {
		return hone.Signal{Name: name, At: start, Value: value, Lower: lower, Upper: upper, N: n}
	}
	lacks := func(name string, n int) hone.Signal {
		return hone.Signal{Name: name, At: start, N: n, Unknown: "not yet"}
	}
	f := func(name, want string, after time.Duration, change func(*trigger.Input), signals ...hone.Signal) {
		t.Helper()
		in := input(model(lossTrigger(100)))
		in.Baseline, in.Signals = map[string]float64{"loss": 0.1}, signals
		if change != nil {
			change(&in)
		}
		if got := said(trigger.Others(in, start.Add(after))); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	calm := []hone.Signal{sig("drift.max", 0.2, 0, 0, 500), lacks("loss.change", 600), sig("loss", 0.11, 0.09, 0.13, 600)}
	f("nothing was measured", "psi? adwin? performance?", time.Hour, nil)
	f("all is calm", "", time.Hour, nil, calm...)
	f("a Monday has come", "schedule!", 7*day, nil, calm...)
	f("the champion took over since", "", 7*day, func(in *trigger.Input) { in.ChampionSince = start.Add(7 * day) }, calm...)
	f("a feature moved", "psi!", time.Hour, nil, sig("drift.max", 0.21, 0, 0, 500), calm[1], calm[2])
	f("the loss rose", "adwin!", time.Hour, nil, calm[0], sig("loss.change", 0.02, -0.01, 0.05, 100), calm[2])
	f("the loss fell", "", time.Hour, nil, calm[0], sig("loss.change", -0.02, -0.05, 0.01, 100), calm[2])
	f("another detector watches", "adwin?", time.Hour, func(in *trigger.Input) { in.Model.Monitor.Detector = "ddm" }, calm[0], sig("loss.change", 0.2, 0.1, 0.3, 100), calm[2])
	f("the range of the loss is not known", "adwin?", time.Hour, nil, calm[0], lacks("loss.change", 0), calm[2])
	f("the loss is surely a tenth over", "performance!", time.Hour, nil, calm[0], calm[1], sig("loss", 0.14, 0.112, 0.17, 600))
	f("the loss may be a tenth over", "", time.Hour, nil, calm[0], calm[1], sig("loss", 0.14, 0.109, 0.17, 600))
	f("there is no baseline", "performance?", time.Hour, func(in *trigger.Input) { in.Baseline = nil }, calm...)
	if got := trigger.Others(trigger.Input{}, start); got != nil {
		t.Errorf("without a champion: %v", got)
	}
}

// TestOthersStartNothing lets all the others fire: the decision is the one without.
func TestOthersStartNothing(t *testing.T) {
	t.Parallel()
	in := input(model(lossTrigger(100)))
	in.Baseline = map[string]float64{"loss": 0.1}
	in.Signals = []hone.Signal{{Name: "drift.max", Value: 3, N: 500}, {Name: "loss.change", Value: 0.5, Lower: 0.4, Upper: 0.6, N: 500}, {Name: "loss", Value: 0.6, Lower: 0.5, Upper: 0.7, N: 500}}
	in.Ticks = ticks(1, 1, 5)
	d := trigger.Decide(in, start.Add(8*day))
	if got := said(d.Others); got != "schedule! psi! adwin! performance!" || trigger.Firing(d) != "schedule psi adwin performance" {
		t.Errorf("others: %q, firing %q", got, trigger.Firing(d))
	}
	if d.Start || len(d.Reasons) != 6 {
		t.Errorf("started %v for %v", d.Start, d.Reasons)
	}
}

// story is a reign told in looks: each at an hour, with the policies that fire then.
type story struct {
	reign trigger.Reign
}

func hour(h float64) time.Time { return start.Add(time.Duration(h * float64(time.Hour))) }

// at adds a look; the kinds that end in ? cannot be told.
func (s *story) at(h float64, firing string) *story {
	d := hone.Decision{At: hour(h), ID: fmt.Sprint(h)}
	for _, kind := range []string{"schedule", "psi", "adwin", "performance"} {
		o := hone.Other{Kind: kind}
		for _, k := range strings.Fields(firing) {
			o.Fired = o.Fired || k == kind
			o.Unknown = o.Unknown || k == kind+"?"
		}
		d.Others = append(d.Others, o)
	}
	s.reign.Looks = append(s.reign.Looks, d)
	return s
}

// tick adds one tick an hour, from one up to another.
func (s *story) ticks(from, to int, gain, variance float64) *story {
	for h := from; h <= to; h++ {
		s.reign.Ticks = append(s.reign.Ticks, hone.Tick{At: hour(float64(h)), N: 200, Gain: gain, Var: variance})
	}
	return s
}

func reign(champion, next hone.VersionID, from, to float64) *story {
	r := trigger.Reign{Champion: champion, Next: next, Since: hour(from)}
	if next != "" {
		r.Until = hour(to)
	}
	return &story{r}
}

func closed(id hone.RunID, at float64, champion, candidate hone.VersionID, gain float64, over bool) hone.Run {
	r := hone.Run{ID: id, State: hone.Closed, Ending: hone.Promoted, Started: hour(at), Ended: hour(at + 1), Champion: champion, Candidate: candidate}
	r.Decision = hone.Decision{At: r.Started, Trigger: hone.OnLoss, Forecast: &hone.Forecast{Rows: 1000, Measured: gain, Gain: gain}}
	r.Receipt = &hone.Receipt{Forecast: *r.Decision.Forecast, Rows: 1000, Gain: gain, Over: over}
	return r
}

func TestCompare(t *testing.T) {
	t.Parallel()
	m := model(lossTrigger(100))
	week := func(runs []hone.Run, stories ...*story) trigger.Comparison {
		var reigns []trigger.Reign
		for _, s := range stories {
			reigns = append(reigns, s.reign)
		}
		return trigger.Compare(m, reigns, runs, start, start.Add(7*day))
	}
	f := func(name string, c trigger.Comparison, kind string, retrains int, won, saved float64, verdict trigger.Verdict) {
		t.Helper()
		for _, a := range c.Policies {
			if a.Kind != kind {
				continue
			}
			if a.Retrains != retrains || !near(a.WonBack, won) || !near(a.Saved, saved) || a.Verdict != verdict || (a.Why == "") == (verdict == trigger.Unknown) || a.Cost != float64(retrains)*100 {
				t.Errorf("%s, %s: got %+v; want %d retrains, won %v, saved %v, %s", name, kind, a, retrains, won, saved, verdict)
			}
		}
	}
	quiet := reign("v1", "", 0, 0).at(1, "").at(50, "").ticks(1, 60, 0, 1)
	f("nobody did anything", week(nil, quiet), "psi", 0, 0, 0, trigger.Same)

	harmless := reign("v1", "", 0, 0).at(1, "").at(20, "psi").at(21, "psi").at(40, "psi").ticks(1, 60, 0.1, 1)
	c := week(nil, harmless)
	f("drift without damage, on for long", c, "psi", 1, 4, 96, trigger.Saved)
	f("drift without damage", c, "adwin", 0, 0, 0, trigger.Same)

	flickers := reign("v1", "", 0, 0).at(20, "psi").at(20.2, "").at(20.5, "psi").at(30, "").at(31.5, "psi").ticks(1, 60, -1, 1)
	f("off for less than the cooldown is on, for longer is off; and nothing is won back", week(nil, flickers), "psi", 2, 0, 200, trigger.Saved)

	weeks := reign("v1", "", 0, 0).at(1, "").at(168+1, "schedule").at(2*168+1, "schedule").ticks(1, 500, 0, 0.01)
	got := trigger.Compare(m, []trigger.Reign{weeks.reign}, nil, start, start.Add(21*day))
	f("a schedule that nobody answers fires each week", got, "schedule", 2, 0, 200, trigger.Saved)

	// Hone waits for its price, and PSI would have gone at once.
	before := reign("v1", "v2", 0, 31).at(10, "psi").at(30, "psi").ticks(1, 31, 10, 4)
	after := reign("v2", "", 31, 0).at(40, "").ticks(32, 60, 0, 4)
	runs := []hone.Run{closed("fraud-2", 30, "v1", "v2", 100, true)}
	c = week(runs, before, after)
	f("earlier than Hone by 20 ticks", c, "psi", 1, 200+100, -200, trigger.Lost)
	f("never", c, "adwin", 0, 0, 100-100, trigger.Same)
	if c.Runs != 1 || c.Cost != 100 || c.WonBack != 100 || len(c.Open) != 0 {
		t.Errorf("Hone did %+v", c)
	}
	dear := closed("fraud-2", 30, "v1", "v2", 300, true)
	dear.Decision.Forecast.Measured, dear.Receipt.Forecast.Measured = 300, 300
	f("never, where it was worth it", week([]hone.Run{dear}, before, after), "adwin", 0, 0, 200, trigger.Saved)
	with := reign("v1", "v2", 0, 31).at(10, "").at(30, "adwin").ticks(1, 31, 10, 4)
	f("at the same moment", week(runs, with, after), "adwin", 1, 100, 0, trigger.Same)

	back := runs[0]
	back.Decision.Reuse = "v2"
	f("a version that came back costs a twentieth", week([]hone.Run{back}, with, after), "adwin", 1, 100, 95, trigger.Saved)
	hand := runs[0]
	hand.Decision.Trigger = hone.OnManual
	if c := week([]hone.Run{hand}, before, after); c.Runs != 0 || c.ByHand != 1 || c.WonBack != 0 {
		t.Errorf("a run by hand counts: %+v", c)
	}
	first := runs[0]
	first.Champion = ""
	if c := week([]hone.Run{first}, after); c.Runs != 0 || c.ByHand != 0 {
		t.Errorf("a first version counts: %+v", c)
	}

	// What is not known.
	f("nothing was decided", week(nil), "psi", 0, 0, 0, trigger.Unknown)
	f("it could never be told", week(nil, reign("v1", "", 0, 0).at(1, "psi?").at(50, "psi?")), "psi", 0, 0, 0, trigger.Unknown)
	f("two ticks since", week(nil, reign("v1", "", 0, 0).at(20, "psi").ticks(1, 22, 1, 1)), "psi", 1, 2, 98, trigger.Unknown)
	f("three ticks since", week(nil, reign("v1", "", 0, 0).at(20, "psi").ticks(1, 23, 1, 1)), "psi", 1, 3, 97, trigger.Saved)
	f("it may be chance", week(nil, reign("v1", "", 0, 0).at(20, "psi").ticks(1, 60, 2.5, 10)), "psi", 1, 100, 0, trigger.Unknown)
	open := []hone.Run{closed("fraud-2", 30, "v1", "v2", 10, false)}
	f("what Hone's retrain wins back is open", week(open, before, after), "adwin", 0, 0, -90, trigger.Unknown)
	f("both had that retrain", week(open, before, after), "psi", 1, 210, -200, trigger.Lost)
	under := open[0]
	under.State, under.Ending, under.Receipt = hone.Training, "", nil
	f("a run is under way", week([]hone.Run{under}, reign("v1", "", 0, 0).at(10, "psi").ticks(1, 31, 10, 4)), "psi", 1, 210, -210, trigger.Unknown)

	// A firing of the week before is paid, and what it wins back goes on.
	old := reign("v1", "", -100, 0).at(-50, "psi").at(10, "psi").ticks(-60, 100, 1, 0.1)
	f("fired before", week(nil, old), "psi", 0, 100, -100, trigger.Lost)
	later := reign("v1", "", 0, 0).at(1, "").at(200, "psi").ticks(1, 300, 1, 1)
	f("fires after", week(nil, later), "psi", 0, 0, 0, trigger.Same)

	unpriced := trigger.Compare(model(drifted(0.3)), []trigger.Reign{harmless.reign}, nil, start, start.Add(7*day))
	for _, a := range unpriced.Policies {
		if a.Kind == "psi" && (a.Verdict != trigger.Unknown || !strings.Contains(a.Sentence, "no price")) {
			t.Errorf("without a price: %+v", a)
		}
	}
}

func near(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 }

// TestComparePast believes of the probe what past receipts bear out.
func TestComparePast(t *testing.T) {
	t.Parallel()
	m := model(lossTrigger(100))
	r := closed("fraud-2", -500, "v0", "v1", 50, true)
	r.Receipt.Forecast.Measured = 200 // And with one more of the price 150 of 300 came.
	s := reign("v1", "", 0, 0).at(20, "psi").ticks(1, 60, 1, 0.1)
	for _, a := range trigger.Compare(m, []trigger.Reign{s.reign}, []hone.Run{r}, start, start.Add(7*day)).Policies {
		if a.Kind == "psi" && !near(a.WonBack, 20) {
			t.Errorf("won back %v; of 40 half is believed", a.WonBack)
		}
	}
}

func TestCompareSentences(t *testing.T) {
	t.Parallel()
	m := model(lossTrigger(100))
	f := func(c trigger.Comparison, want string, policies ...string) {
		t.Helper()
		if c.Sentence != want {
			t.Errorf("got  %s\nwant %s", c.Sentence, want)
		}
		for i, w := range policies {
			if got := c.Policies[i].Sentence; got != w {
				t.Errorf("got  %s\nwant %s", got, w)
			}
		}
	}
	week := start.Add(7 * day)
	quiet := reign("v1", "", 0, 0).at(1, "adwin? performance?").at(20, "psi adwin? performance?").at(40, "psi adwin?").ticks(1, 60, 0.1, 0.25)
	c := trigger.Compare(m, []trigger.Reign{quiet.reign}, nil, start, week)
	f(c, "Between Mon 2 Nov 03:00 UTC and Mon 9 Nov 03:00 UTC Hone started no run of fraud.",
		"A weekly schedule would have started no retrain, as Hone did: the same.",
		"PSI over 0.2 would have started 1 retrain for 100 units of loss and won back about 4: Hone saved 96 (91.9 to 100).",
		"ADWIN on the loss: cannot tell, for at none of 3 looks was it known whether it fires.",
		"A loss surely a tenth over its baseline would have started no retrain, as Hone did: the same.")
	if got, want := c.Gist(), c.Sentence+" By the probe's measure: the same as a weekly schedule, saved 96 against PSI, cannot tell yet against ADWIN, the same as performance."; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	runs := []hone.Run{closed("fraud-3", 50, "v2", "v3", 80, false), closed("fraud-2", 30, "v1", "v2", 100, true)}
	runs[0].Decision.Reuse, runs[0].Decision.Cost = "v3", 5
	before := reign("v1", "v2", 0, 31).at(10, "psi").at(30, "psi").ticks(1, 31, 10, 4)
	after := reign("v2", "v3", 31, 51).at(50, "").ticks(32, 51, 1, 4)
	hand := closed("fraud-4", 60, "v3", "v3", 0, true)
	hand.Decision.Trigger = hone.OnManual
	f(trigger.Compare(m, []trigger.Reign{before.reign, after.reign}, append([]hone.Run{hand}, runs...), start, week),
		"Between Mon 2 Nov 03:00 UTC and Mon 9 Nov 03:00 UTC Hone started 2 runs of fraud for 105 units of loss, 1 of them without training; by their receipts they won back 180 so far; 1 run that a person started is not counted.",
		"A weekly schedule would have started no retrain: cannot tell yet, for what fraud-3 wins back is not known.")
	f(trigger.Compare(m, []trigger.Reign{before.reign}, runs[1:], start, week),
		"Between Mon 2 Nov 03:00 UTC and Mon 9 Nov 03:00 UTC Hone started 1 run of fraud for 100 units of loss; by its receipt it won back 100.",
		"A weekly schedule would have started no retrain: neither saved nor lost.",
		"PSI over 0.2 would have started 1 retrain for 100 units of loss and won back about 300: Hone lost 200 (189 to 211).")
	open, rejected := runs[1], runs[1]
	open.State, open.Ending, open.Receipt = hone.Training, "", nil
	rejected.Ending, rejected.Receipt = hone.Rejected, nil
	f(trigger.Compare(m, []trigger.Reign{before.reign}, []hone.Run{open}, start, week),
		"Between Mon 2 Nov 03:00 UTC and Mon 9 Nov 03:00 UTC Hone started 1 run of fraud for 100 units of loss; what it won back is not known yet.",
		"A weekly schedule would have started no retrain: cannot tell yet, for what fraud-2 wins back is not known.")
	f(trigger.Compare(m, []trigger.Reign{quiet.reign}, []hone.Run{rejected}, start, week),
		"Between Mon 2 Nov 03:00 UTC and Mon 9 Nov 03:00 UTC Hone started 1 run of fraud for 100 units of loss; it won nothing back.",
		"A weekly schedule would have started no retrain: Hone lost 100.")
	old := reign("v1", "", -100, 0).at(-50, "psi").at(10, "psi").ticks(-60, 100, 1, 0.1)
	f(trigger.Compare(m, []trigger.Reign{old.reign}, nil, start, week), "Between Mon 2 Nov 03:00 UTC and Mon 9 Nov 03:00 UTC Hone started no run of fraud.",
		"A weekly schedule would have started no retrain, as Hone did: the same.",
		"PSI over 0.2 would have started no retrain, and one before won back about 100: Hone lost 100 (95.9 to 104).")
}
