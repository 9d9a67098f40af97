package trigger_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hone"
	"hone/internal/trigger"
)

var start = time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC) // A Monday.

func model(t ...hone.Trigger) hone.Model {
	return hone.Model{
		Name:     "fraud",
		Dataset:  hone.DatasetSpec{MinRows: 200},
		Guards:   hone.Guards{Cooldown: hone.Duration(time.Hour), MaxPerDay: 4, MaxPerMonth: 40, MinNewLabels: 200},
		Triggers: t,
	}
}

func lossTrigger(cost float64) hone.Trigger {
	return hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: hone.Price(cost)}}
}

func input(m hone.Model) trigger.Input {
	return trigger.Input{Model: m, HasChampion: true, ChampionSince: start, NewLabels: 1000, TrainableRows: 5000}
}

func ticks(gain, variance float64, n int) []hone.Tick {
	out := make([]hone.Tick, n)
	for i := range out {
		out[i] = hone.Tick{At: start.Add(time.Duration(i) * time.Hour), N: 200, Gain: gain, Var: variance}
	}
	return out
}

func reason(t *testing.T, d hone.Decision, kind hone.TriggerKind, guard string) hone.Reason {
	t.Helper()
	for _, r := range d.Reasons {
		if r.Trigger == kind && r.Guard == guard {
			return r
		}
	}
	t.Fatalf("no reason %q%q in %+v", kind, guard, d.Reasons)
	return hone.Reason{}
}

func TestBestSuffix(t *testing.T) {
	t.Parallel()
	f := func(name string, in []hone.Tick, lower, gain float64, n, from int) {
		t.Helper()
		l, g, rows, at := trigger.BestSuffix(in)
		if math.Abs(l-lower) > 1e-9 || math.Abs(g-gain) > 1e-9 || rows != n || at != from {
			t.Errorf("%s: got %v %v %v %v, want %v %v %v %v", name, l, g, rows, at, lower, gain, n, from)
		}
	}
	f("nothing", nil, 0, 0, 0, 0)
	f("two ticks are too few", ticks(50, 1, 2), 0, 0, 0, 2)
	f("three ticks", ticks(10, 12, 3), 30-6, 30, 600, 0)
	f("all of an even stretch", ticks(10, 1, 9), 90-3, 90, 1800, 0)
	mixed := append(ticks(-20, 4, 10), ticks(10, 12, 3)...)
	f("bad days before do not count", mixed, 24, 30, 600, 10)
	f("losses only", ticks(-1, 0, 4), -3, -3, 600, 1)
	broken := ticks(10, 12, 6)
	broken[2].Gain = math.NaN()
	f("only what is after a broken tick", broken, 24, 30, 600, 3)
	broken[4].Gain = math.Inf(1)
	f("too little after a broken tick", broken, 0, 0, 0, 6)
}

func TestPrice(t *testing.T) {
	t.Parallel()
	for failures, want := range []float64{30, 30, 60, 120, 120, 120} {
		if got := trigger.Price(30, failures); got != want {
			t.Errorf("after %d failures: got %v, want %v", failures, got, want)
		}
	}
}

func TestRecoverableLoss(t *testing.T) {
	t.Parallel()
	in := input(model(lossTrigger(24)))
	in.Ticks = ticks(10, 12, 3)
	d := trigger.Decide(in, start)
	if !d.Start || d.Trigger != hone.OnLoss || d.By != "hone" {
		t.Fatalf("a gain that equals its price must start a run: %+v", d)
	}
	if d.LossRate != 30.0/600 {
		t.Errorf("loss rate %v, want 0.05", d.LossRate)
	}
	if r := reason(t, d, hone.OnLoss, ""); r.Value != 24 || r.Limit != 24 || !r.Fired {
		t.Errorf("reason %+v", r)
	}
	if want := "fraud retrains: it would win back at least 24 units of loss, over its price of 24."; d.Sentence != want {
		t.Errorf("sentence %q", d.Sentence)
	}
	in.Failures = 1
	if d := trigger.Decide(in, start); !d.Start {
		t.Error("the first retry costs the same")
	}
	in.Failures = 2
	if d := trigger.Decide(in, start); d.Start || reason(t, d, hone.OnLoss, "").Limit != 48 {
		t.Errorf("the second retry costs twice as much: %+v", d.Reasons)
	}
	in.Failures, in.Ticks = 0, ticks(math.NaN(), 1, 10)
	if d := trigger.Decide(in, start); d.Start {
		t.Error("NaN must not start a run")
	}
	in.Model = model(lossTrigger(0))
	in.Ticks = ticks(-1, 1, 10)
	if d := trigger.Decide(in, start); d.Start {
		t.Error("a price of nothing must not start a run")
	}
	in.Ticks = ticks(1, 1, 900)
	if d := trigger.Decide(in, start); len(d.Ticks) != 500 || !reflect.DeepEqual(d.Ticks[499], in.Ticks[899]) {
		t.Errorf("the evidence holds %d ticks", len(d.Ticks))
	}
}

// A champion that is as good as any probe must not be retrained: the rule is no
// safety claim, but noise alone may cost few runs.
func TestNoiseSeldomFires(t *testing.T) {
	t.Parallel()
	fired := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		in := input(model(lossTrigger(30)))
		for i := range 100 {
			n := 0.0
			for range 20 { // Twenty of 200 rows differ; each is a coin.
				n += float64(2*rng.IntN(2) - 1)
			}
			in.Ticks = append(in.Ticks, hone.Tick{At: start, N: 200, Gain: n - 1, Var: 20})
			if d := trigger.Decide(in, start.Add(time.Duration(i)*time.Hour)); d.Start {
				fired++
				break
			}
		}
	}
	if fired > 10 {
		t.Errorf("noise started %d of 200 models, want at most 10", fired)
	}
}

// scheduled is a run that a schedule started, and that was over at once.
func scheduled(at time.Time) hone.Run {
	return hone.Run{State: hone.Closed, Started: at, Ended: at, Decision: hone.Decision{At: at, Trigger: hone.OnSchedule,
		Reasons: []hone.Reason{{Trigger: hone.OnSchedule, Fired: true}}}}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	f := func(cron, zone string, last, now time.Time, want bool) {
		t.Helper()
		in := input(model(hone.Trigger{Schedule: &hone.Schedule{Cron: cron, TimeZone: zone}}))
		in.ChampionSince = start
		if !last.IsZero() {
			in.Runs = []hone.Run{scheduled(last)}
		}
		d := trigger.Decide(in, now)
		if d.Start != want {
			t.Errorf("%s %s: last %v, now %v: start %v; %s", cron, zone, last, now, d.Start, d.Sentence)
		}
	}
	day := 24 * time.Hour
	none := time.Time{}
	f("0 3 * * 1", "", none, start, false) // The champion is as new as the tick.
	f("0 3 * * 1", "", none, start.Add(7*day-time.Second), false)
	f("0 3 * * 1", "", none, start.Add(7*day), true)
	f("0 3 * * 1", "", start.Add(7*day), start.Add(8*day), false)
	f("0 3 * * 1", "", start.Add(7*day), start.Add(40*day), true) // Missed four: one run.
	f("0 3 * * 1", "", start.Add(40*day), start.Add(40*day+time.Hour), false)
	f("0 3 * * *", "America/New_York", none, start.Add(4*time.Hour), false)
	f("0 3 * * *", "America/New_York", none, start.Add(5*time.Hour), true)
	f("0 3 30 2 *", "", none, start.Add(9000*day), false) // Never comes.
	f("not cron", "", none, start.Add(9000*day), false)
	f("0 3 * * *", "Mars/Olympus", none, start.Add(9000*day), false)
	// 02:30 does not exist on 29 March 2026 in Paris, and exists twice on 25 October.
	spring := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	f("30 2 * * *", "Europe/Paris", spring, spring.Add(12*time.Hour), false)
	f("30 2 * * *", "Europe/Paris", spring, spring.Add(14*time.Hour), true)
	autumn := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	f("30 2 * * *", "Europe/Paris", autumn, autumn.Add(2*time.Hour), false)
}

func TestVolumeDriftPerformance(t *testing.T) {
	t.Parallel()
	low, high := 0.9, 0.3
	signal := func(name string, value, lower, upper float64) hone.Signal {
		return hone.Signal{Name: name, Value: value, Lower: lower, Upper: upper, N: 500}
	}
	acc := hone.Trigger{Performance: &hone.Performance{Metric: "accuracy", Below: &low}}
	loss := hone.Trigger{Performance: &hone.Performance{Metric: "loss", Above: &high}}
	drift := hone.Trigger{Drift: &hone.DriftTrigger{Features: 0.4}}
	old := signal("accuracy", 0.5, 0.4, 0.6)
	newer := signal("accuracy", 0.95, 0.93, 0.97)
	newer.At = start.Add(time.Hour)
	sliced := signal("accuracy", 0.1, 0.05, 0.2)
	sliced.Slice = "country=DE"
	cases := []struct {
		name    string
		rule    hone.Trigger
		signals []hone.Signal
		want    bool
	}{
		{"volume reached", hone.Trigger{DataVolume: 1000}, nil, true},
		{"volume short by one", hone.Trigger{DataVolume: 1001}, nil, false},
		{"drift at the limit", drift, []hone.Signal{{Name: "drift.share", Value: 0.4, N: 1000}}, true},
		{"drift under it", drift, []hone.Signal{{Name: "drift.share", Value: 0.39, N: 1000}}, false},
		{"drift unknown", drift, []hone.Signal{{Name: "drift.share", Value: 1, Unknown: "not enough data"}}, false},
		{"drift not measured", drift, nil, false},
		{"drift not a number", drift, []hone.Signal{{Name: "drift.share", Value: math.NaN()}}, false},
		{"accuracy surely low", acc, []hone.Signal{signal("accuracy", 0.85, 0.8, 0.89)}, true},
		{"accuracy perhaps low", acc, []hone.Signal{signal("accuracy", 0.85, 0.8, 0.9)}, false},
		{"accuracy without an interval", acc, []hone.Signal{signal("accuracy", 0.85, 0, 0)}, false},
		{"accuracy not a number", acc, []hone.Signal{signal("accuracy", math.NaN(), 0, 0)}, false},
		{"the newest counts", acc, []hone.Signal{newer, old}, false},
		{"a slice is not the model", acc, []hone.Signal{sliced}, false},
		{"loss surely high", loss, []hone.Signal{signal("loss", 0.4, 0.31, 0.5)}, true},
		{"loss perhaps high", loss, []hone.Signal{signal("loss", 0.4, 0.3, 0.5)}, false},
	}
	for _, c := range cases {
		in := input(model(c.rule))
		in.Signals = c.signals
		d := trigger.Decide(in, start)
		if d.Start != c.want {
			t.Errorf("%s: start %v: %s", c.name, d.Start, d.Sentence)
		}
		for _, r := range d.Reasons {
			if r.Sentence == "" || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
				t.Errorf("%s: reason %+v", c.name, r)
			}
		}
	}
}

func TestGuards(t *testing.T) {
	t.Parallel()
	now := start.Add(48 * time.Hour)
	closed := func(ended time.Duration, kind hone.TriggerKind) hone.Run {
		return hone.Run{
			ID: "fraud-3", State: hone.Closed, Started: now.Add(-ended - time.Minute), Ended: now.Add(-ended),
			Decision: hone.Decision{Trigger: kind},
		}
	}
	open := hone.Run{ID: "fraud-4", State: hone.Canary, Started: now.Add(-time.Minute)}
	many := []hone.Run{closed(2*time.Hour, hone.OnVolume), closed(4*time.Hour, hone.OnVolume),
		closed(6*time.Hour, hone.OnVolume), closed(23*time.Hour, hone.OnVolume)}
	byHand := many[:3:3]
	byHand = append(byHand, closed(9*time.Hour, hone.OnManual))
	ada := &trigger.Manual{By: "ada", Reason: "new country"}
	force := &trigger.Manual{By: "ada", Force: true}
	agent := &trigger.Manual{By: "bot", Guarded: true}
	held := closed(6*time.Hour, hone.OnManual)
	held.Decision.Reasons = []hone.Reason{{Guard: "cooldown"}}
	cases := []struct {
		name   string
		runs   []hone.Run
		manual *trigger.Manual
		labels int
		fails  int
		want   bool
		guard  string
	}{
		{"free", nil, nil, 600, 0, true, ""},
		{"a run is open", []hone.Run{open}, nil, 600, 0, false, "single_flight"},
		{"a run is open, by hand", []hone.Run{open}, force, 600, 0, false, "single_flight"},
		{"just ended", []hone.Run{closed(59*time.Minute, hone.OnVolume)}, nil, 600, 0, false, "cooldown"},
		{"ended an hour ago", []hone.Run{closed(time.Hour, hone.OnVolume)}, nil, 600, 0, true, ""},
		{"the cooldown grows", []hone.Run{closed(2*time.Hour, hone.OnVolume)}, nil, 600, 3, false, "cooldown"},
		{"just ended, after one that the clock put a year ahead", []hone.Run{closed(10*time.Minute, hone.OnVolume), closed(-365*24*time.Hour, hone.OnVolume)}, nil, 600, 0, false, "cooldown"},
		{"just ended, by hand", []hone.Run{closed(time.Minute, hone.OnVolume)}, ada, 600, 0, true, ""},
		{"four in a day", many, nil, 600, 0, false, "max_per_day"},
		{"four in a day, by hand", many, ada, 600, 0, true, ""},
		{"three and one by hand", byHand, nil, 600, 0, true, ""},
		{"just ended, by an agent", []hone.Run{closed(time.Minute, hone.OnVolume)}, agent, 600, 0, false, "cooldown"},
		{"four in a day, by an agent", many, agent, 600, 0, false, "max_per_day"},
		{"three and one by an agent", append(many[:3:3], held), agent, 600, 0, false, "max_per_day"},
		{"three and one by hand, by an agent", byHand, agent, 600, 0, true, ""},
		{"few labels", nil, nil, 199, 0, false, "min_new_labels"},
		{"few labels, by hand", nil, ada, 199, 0, false, "min_new_labels"},
		{"few labels, forced", nil, force, 0, 0, true, ""},
	}
	for _, c := range cases {
		in := input(model(hone.Trigger{DataVolume: 100}))
		in.Runs, in.Manual, in.NewLabels, in.Failures = c.runs, c.manual, c.labels, c.fails
		d := trigger.Decide(in, now)
		if d.Start != c.want {
			t.Errorf("%s: start %v: %s", c.name, d.Start, d.Sentence)
		}
		for _, r := range d.Reasons {
			if r.Guard != "" && r.Fired != (r.Guard == c.guard) {
				t.Errorf("%s: guard %s fired %v", c.name, r.Guard, r.Fired)
			}
		}
	}
}

func TestManual(t *testing.T) {
	t.Parallel()
	in := input(model(lossTrigger(1)))
	in.Ticks = ticks(10, 1, 5)
	in.Manual = &trigger.Manual{By: "ada", Reason: "new country", Force: true}
	d := trigger.Decide(in, start)
	if !d.Start || d.Trigger != hone.OnManual || d.By != "ada" || d.Sentence != "fraud retrains: ada asked for it." {
		t.Errorf("got %+v", d)
	}
	if r := reason(t, d, "", trigger.Forced); r.Fired {
		t.Error("force must not hold a run back")
	}
	in.Manual.Force = false
	for _, r := range trigger.Decide(in, start).Reasons {
		if r.Guard == trigger.Forced {
			t.Error("nobody forced it")
		}
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	f := func(rows int, want bool, sentence string) {
		t.Helper()
		in := trigger.Input{Model: model(hone.Trigger{DataVolume: 1}), TrainableRows: rows}
		d := trigger.Decide(in, start)
		if d.Start != want || d.Sentence != sentence {
			t.Errorf("%d rows: start %v, %q", rows, d.Start, d.Sentence)
		}
	}
	f(199, false, "fraud waits: 199 of 200 labelled rows for a first version.")
	f(1200, true, "fraud trains its first version, on 1,200 labelled rows.")
	in := trigger.Input{Model: model(), TrainableRows: 5, Manual: &trigger.Manual{By: "ada"}}
	if d := trigger.Decide(in, start); d.Start {
		t.Error("five rows do not make a version, whoever asks")
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	in := input(model(lossTrigger(30), hone.Trigger{Schedule: &hone.Schedule{Cron: "0 3 * * 1"}}))
	in.Ticks = ticks(3, 36, 4)
	d := trigger.Decide(in, start.Add(time.Hour))
	if want := "fraud waits: recoverable loss 0 of 30; next schedule Mon 9 Nov 03:00 UTC."; d.Sentence != want {
		t.Errorf("got %q", d.Sentence)
	}
	in.Model = model()
	if d := trigger.Decide(in, start); d.Sentence != "fraud waits: no trigger is set, so only a person can start a run." {
		t.Errorf("got %q", d.Sentence)
	}
	in.Model.Name = strings.Repeat("long", 40)
	if d := trigger.Decide(in, start); utf8.RuneCountInString(d.Sentence) > 90 {
		t.Errorf("summary has %d characters", utf8.RuneCountInString(d.Sentence))
	}
}

// A trigger that is always on, and every candidate rejected: the guards must
// keep a year's runs to the monthly budget, and two never overlap.
func TestNoStorm(t *testing.T) {
	t.Parallel()
	in := input(model(hone.Trigger{DataVolume: 1}, lossTrigger(0.001)))
	in.Ticks = ticks(1000, 1, 10)
	total := 0
	for h := range 24 * 365 {
		now := start.Add(time.Duration(h) * time.Hour)
		if len(in.Runs) > 0 && in.Runs[0].State != hone.Closed {
			in.Runs[0].State, in.Runs[0].Ended, in.Runs[0].Ending = hone.Closed, now, hone.Rejected
			in.Failures++
		}
		if d := trigger.Decide(in, now); d.Start {
			total++
			in.Runs = append([]hone.Run{{State: hone.Training, Started: now, Decision: d}}, in.Runs...)
			in.Runs = in.Runs[:min(len(in.Runs), 50)]
		}
	}
	if total > 40*13 || total < 100 {
		t.Errorf("%d runs in a year", total)
	}
}

func TestDecideIsPure(t *testing.T) {
	t.Parallel()
	in := input(model(lossTrigger(24), hone.Trigger{DataVolume: 10}))
	in.Ticks = ticks(10, 12, 30)
	a, b := trigger.Decide(in, start), trigger.Decide(in, start)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same input gave two decisions")
	}
}
