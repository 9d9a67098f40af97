package trigger_test

import (
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

const day = 24 * time.Hour

func drifted(share float64) hone.Trigger {
	return hone.Trigger{Drift: &hone.DriftTrigger{Features: share}}
}

func when(text string) hone.Trigger { return hone.Trigger{When: text} }

func TestWhen(t *testing.T) {
	t.Parallel()
	now := start.Add(50 * time.Hour) // Wednesday, 5:00.
	f := func(text string, start, unknown bool, said string) {
		t.Helper()
		in := input(model(when(text)))
		in.TrainedAt = now.Add(-36 * time.Hour)
		in.Signals = []hone.Signal{
			{Name: "drift.max", Value: 0.2, At: now.Add(-time.Hour)}, {Name: "drift.max", Value: 0.4, At: now},
			{Name: "drift.max", Slice: "country=DE", Value: 9, At: now.Add(time.Hour)},
			{Name: "labels.mature", Value: 2001}, {Name: "auc", Unknown: "too few mature labels of one class"},
		}
		d := trigger.Decide(in, now)
		r := reason(t, d, hone.OnWhen, "")
		if d.Start != start || r.Unknown != unknown || !strings.Contains(r.Sentence, said) {
			t.Errorf("%s: start %v, unknown %v, %q; want %v, %v, %q", text, d.Start, r.Unknown, r.Sentence, start, unknown, said)
		}
	}
	f("drift.max > 0.3 && labels.mature > 2000", true, false, "holds: drift.max 0.4, labels.mature 2,001.")
	f("drift.max > 0.5", false, false, "does not hold: drift.max 0.4.")
	f("auc < 0.8", false, true, "auc: too few mature labels of one class.")
	f("accuracy < 0.8", false, true, "accuracy: it has not been measured yet.")
	f("accuracy < 0.8 || drift.max > 0.3", true, false, "holds")
	f("hour == 5 && weekday == 3", true, false, "hour 5, weekday 3")
	f("days_since_training == 1.5 && labels.new == 1000 && failures == 0", true, false, "holds")
	f("days_since_run > 1", false, true, "cannot be told") // No run has ended.
	f("nonsense > 1", false, true, "unknown signal")
}

func TestWhenLooksAgain(t *testing.T) {
	t.Parallel()
	now := start.Add(7 * time.Minute)
	if d := trigger.Decide(input(model(when("hour == 7"))), now); !d.Again.Equal(start.Add(10 * time.Minute)) {
		t.Errorf("a rule about the time is asked again at %v", d.Again)
	}
	if d := trigger.Decide(input(model(when("loss > 1"))), now); !d.Again.IsZero() {
		t.Errorf("a rule about signals alone waits for them, not until %v", d.Again)
	}
}

func TestCombinations(t *testing.T) {
	t.Parallel()
	yes, no, unknown := hone.Trigger{DataVolume: 1000}, hone.Trigger{DataVolume: 1001}, drifted(0.3)
	atLeast := func(n int, of ...hone.Trigger) hone.Trigger {
		return hone.Trigger{AtLeast: &hone.AtLeast{N: n, Of: of}}
	}
	f := func(name string, rule hone.Trigger, fired, open bool) {
		t.Helper()
		d := trigger.Decide(input(model(rule)), start)
		r := d.Reasons[0]
		if d.Start != fired || r.Fired != fired || r.Unknown != open || r.Depth != 0 || r.Sentence == "" {
			t.Errorf("%s: start %v, %+v; want fired %v, unknown %v", name, d.Start, r, fired, open)
		}
		if d.Start && d.Trigger != r.Trigger {
			t.Errorf("%s: put down to %q", name, d.Trigger)
		}
	}
	f("any, one", hone.Trigger{Any: hone.Triggers{no, unknown, yes}}, true, false)
	f("any, none", hone.Trigger{Any: hone.Triggers{no, no}}, false, false)
	f("any, open", hone.Trigger{Any: hone.Triggers{no, unknown}}, false, true)
	f("all", hone.Trigger{All: hone.Triggers{yes, yes}}, true, false)
	f("all, but one", hone.Trigger{All: hone.Triggers{yes, no, unknown}}, false, false)
	f("all, open", hone.Trigger{All: hone.Triggers{yes, unknown}}, false, true)
	f("two of three", atLeast(2, yes, no, yes), true, false)
	f("two of three, open", atLeast(2, yes, no, unknown), false, true)
	f("two of three, decided", atLeast(2, no, no, unknown), false, false)
	f("nested", hone.Trigger{All: hone.Triggers{yes, {Any: hone.Triggers{no, atLeast(1, unknown, yes)}}}}, true, false)
}

func TestCombinationTellsItsParts(t *testing.T) {
	t.Parallel()
	in := input(model(hone.Trigger{All: hone.Triggers{{DataVolume: 10}, {Any: hone.Triggers{drifted(0.3), {DataVolume: 5000}}}}}))
	d := trigger.Decide(in, start)
	var depths []int
	for _, r := range d.Reasons {
		if r.Guard == "" {
			depths = append(depths, r.Depth)
		}
	}
	if len(depths) != 5 || depths[0] != 0 || depths[1] != 1 || depths[2] != 1 || depths[3] != 2 || depths[4] != 2 {
		t.Errorf("depths %v: %+v", depths, d.Reasons)
	}
	if want := "1 of its 2 rules hold: data volume, and any cannot be told; it takes 2."; d.Reasons[0].Sentence != want {
		t.Errorf("got %q", d.Reasons[0].Sentence)
	}
}

func TestConsecutive(t *testing.T) {
	t.Parallel()
	rule := drifted(0.3)
	rule.Consecutive = 3
	in := input(model(rule))
	ask := func(share float64, unknown string, look bool) hone.Decision {
		in.Look = look
		in.Signals = []hone.Signal{{Name: "drift.share", Value: share, N: 1000, Unknown: unknown}}
		d := trigger.Decide(in, start)
		in.Streaks = d.Streaks
		return d
	}
	for i, c := range []struct {
		share   float64
		unknown string
		look    bool
		start   bool
	}{
		{0.5, "", true, false},
		{0.5, "", true, false},
		{0.1, "", true, false}, // Ends the row.
		{0.5, "", true, false},
		{0.5, "not enough data", true, false}, // Neither counts nor ends it.
		{0.5, "", false, false},               // No look.
		{0.5, "", true, false},
		{0.5, "not enough data", true, false},
		{0.5, "", true, true}, // The third.
		{0.5, "", true, false},
	} {
		if d := ask(c.share, c.unknown, c.look); d.Start != c.start {
			t.Errorf("look %d: start %v: %s, streaks %v", i, d.Start, d.Reasons[0].Sentence, d.Streaks)
		}
	}
	// A row that is long enough fires once guards let it, at a look or not; and
	// another rule does not take it over.
	in.NewLabels = 0
	ask(0.5, "", true)
	ask(0.5, "", true)
	in.NewLabels = 1000
	if d := ask(0.5, "", false); !d.Start {
		t.Errorf("got %s", d.Sentence)
	}
	in.Streaks = nil
	ask(0.5, "", true)
	ask(0.5, "", true)
	in.Model.Triggers[0].Drift = &hone.DriftTrigger{Features: 0.4}
	if d := ask(0.5, "", true); d.Start {
		t.Error("an edited rule must begin its own row")
	}
}

func TestWarmUp(t *testing.T) {
	t.Parallel()
	rule := hone.Trigger{DataVolume: 10, WarmUp: hone.Duration(2 * day)}
	in := input(model(rule))
	d := trigger.Decide(in, start.Add(2*day-time.Second))
	if d.Start || !d.Again.Equal(start.Add(2*day)) || d.Sentence != "fraud waits: data volume warms up until Wed 4 Nov 03:00 UTC." {
		t.Errorf("got %+v", d)
	}
	if d := trigger.Decide(in, start.Add(2*day)); !d.Start {
		t.Errorf("got %s", d.Sentence)
	}
	// A rule that warms up does not count looks.
	rule = drifted(0.1)
	rule.WarmUp, rule.Consecutive = hone.Duration(2*day), 2
	in = input(model(rule))
	in.Look = true
	in.Signals = []hone.Signal{{Name: "drift.share", Value: 1, N: 1000}}
	for h, want := range []bool{false, false, false, false, false, true} {
		d := trigger.Decide(in, start.Add(time.Duration(12*h)*time.Hour))
		if in.Streaks = d.Streaks; d.Start != want {
			t.Errorf("after %d hours: start %v", 12*h, d.Start)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	event := func(kind, source, id string) hone.CloudEvent {
		return hone.CloudEvent{Type: kind, Source: source, ID: id, Received: start, By: "ada", Pending: true}
	}
	f := func(kind, source string, e hone.CloudEvent, want bool) {
		t.Helper()
		m := model(hone.Trigger{Any: hone.Triggers{{Event: &hone.EventTrigger{Type: kind, Source: source}}}})
		if got := trigger.Awaits(m, e); got != want {
			t.Errorf("%q from %q awaits %+v: %v", kind, source, e, got)
		}
		in := input(m)
		in.Events = []hone.CloudEvent{e}
		if d := trigger.Decide(in, start); d.Start != want {
			t.Errorf("%q from %q, %+v: start %v", kind, source, e, d.Start)
		}
	}
	e := event("com.acme.catalogue.changed", "/catalogue/eu", "1")
	f("com.acme.catalogue.changed", "", e, true)
	f("com.acme.*", "/catalogue/*", e, true)
	f("", "", e, true)
	f("*", "*", e, true)
	f("com.acme.catalogue", "", e, false)
	f("com.acme.catalogue.changed", "/catalogue", e, false)
	f("", "/prices*", e, false)

	in := input(model(hone.Trigger{Event: &hone.EventTrigger{Type: "com.acme.*"}}))
	in.Events = []hone.CloudEvent{event("com.acme.c", "/x", "3"), event("com.acme.b", "/x", "2"), event("com.acme.a", "/x", "1")}
	d := trigger.Decide(in, start)
	if !d.Start || d.Trigger != hone.OnEvent || d.Event == nil || d.Event.ID != "3" {
		t.Fatalf("got %+v", d)
	}
	if want := "fraud retrains: com.acme.c came from /x, and 2 earlier ones."; d.Sentence != want {
		t.Errorf("got %q", d.Sentence)
	}
	if r := d.Reasons[0]; r.Value != 3 || !strings.Contains(r.Sentence, "(id 3)") || !strings.Contains(r.Sentence, "2 earlier ones are answered with it") {
		t.Errorf("got %+v", r)
	}
	in.NewLabels = 0
	if d := trigger.Decide(in, start); d.Start || d.Event != nil {
		t.Errorf("an event that waits is answered by no run: %+v", d)
	}
}

func TestPolicyChange(t *testing.T) {
	t.Parallel()
	gate := func(limit float64) hone.Gate { return hone.Gate{Metric: "accuracy", Min: &limit} }
	in := input(model(hone.Trigger{PolicyChange: true}))
	in.Champion = "v3"
	proven := hone.Policy{Loss: hone.Loss{Kind: hone.ZeroOne}, Gates: []hone.Gate{gate(0.8)}, Evidence: hone.Balanced, Anchor: "aa"}
	ask := func(now *hone.Policy, was *hone.Policy) hone.Decision {
		in.Policy, in.Proven = now, was
		return trigger.Decide(in, start)
	}
	same := proven
	same.Gates = []hone.Gate{gate(0.8)}
	if d := ask(&same, &proven); d.Start || d.Reasons[0].Unknown || d.Policy == "" {
		t.Errorf("got %+v", d.Reasons[0])
	}
	changed := proven
	changed.Gates, changed.Anchor = []hone.Gate{gate(0.9)}, "bb"
	d := ask(&changed, &proven)
	if !d.Start || d.Sentence != "fraud retrains: the gates and the anchor cases changed since its champion was proven." {
		t.Errorf("got %q", d.Sentence)
	}
	for _, d := range []hone.Decision{ask(nil, &proven), ask(&changed, nil)} {
		if d.Start || !d.Reasons[0].Unknown {
			t.Errorf("what is not known is no change: %+v", d.Reasons[0])
		}
	}
	// One run answers a change; the next change wants another.
	in.Runs = []hone.Run{{ID: "fraud-7", State: hone.Closed, Champion: "v3", Started: start.Add(-3 * time.Hour), Ended: start.Add(-2 * time.Hour), Decision: d}}
	if d := ask(&changed, &proven); d.Start || !strings.Contains(d.Reasons[0].Sentence, "fraud-7 was judged by it") {
		t.Errorf("got %q", d.Reasons[0].Sentence)
	}
	more := changed
	more.Loss = hone.Loss{Kind: hone.Log}
	if d := ask(&more, &proven); !d.Start {
		t.Errorf("got %q", d.Reasons[0].Sentence)
	}
}

func TestPendingFires(t *testing.T) {
	t.Parallel()
	in := input(model(drifted(0.3)))
	in.Pending = &hone.Reason{Trigger: hone.OnDrift, Fired: true, Value: 0.4, Limit: 0.3, Depth: 1, Sentence: "40 % of the features have drifted."}
	d := trigger.Decide(in, start)
	if !d.Start || d.Trigger != hone.OnDrift || d.Sentence != "fraud retrains: its drift trigger fired during its last run." {
		t.Errorf("got %q", d.Sentence)
	}
}
