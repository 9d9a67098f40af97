package trigger_test

import (
	"math"
	"strings"
	"testing"

	"hone"
	"hone/internal/trigger"
)

// beside are ticks whose rivals have these gains, and as many squares as varied.
func beside(varied float64, gains map[hone.VersionID][]float64) []hone.Tick {
	n := 0
	for _, g := range gains {
		n = max(n, len(g))
	}
	out := ticks(0, 1, n)
	for v, g := range gains {
		for i, x := range g {
			out[i].Rivals = append(out[i].Rivals, hone.Rival{Version: v, Learner: strings.Contains(string(v), "-s"), N: 200, Own: 200, Gain: x, Var: varied})
		}
	}
	return out
}

func nobody(hone.Rival) bool { return false }

func TestBestRival(t *testing.T) {
	t.Parallel()
	f := func(name string, in []hone.Tick, want hone.VersionID, lower float64, n int) {
		t.Helper()
		got, l, rows := trigger.BestRival(in, nobody)
		if got.Version != want || math.Abs(l-lower) > 1e-9 || rows != n {
			t.Errorf("%s: got %s %v on %d rows, want %s %v on %d", name, got.Version, l, rows, want, lower, n)
		}
	}
	f("nobody", ticks(5, 1, 4), "", 0, 0)
	f("one tick is too little", beside(4, map[hone.VersionID][]float64{"v1": {20}}), "", 0, 0)
	f("two ticks", beside(8, map[hone.VersionID][]float64{"v1": {20, 20}}), "v1", 40-2*4, 400)
	f("only its newest stretch", beside(8, map[hone.VersionID][]float64{"v1": {-50, -50, 20, 20}}), "v1", 32, 400)
	f("the one that is surely ahead", beside(8, map[hone.VersionID][]float64{"v1": {10, 10, 10, 10}, "v2": {9, 9, 9, 9}}), "v1", 40-2*math.Sqrt(32), 800)
	// What learns must be ahead by four standard errors, whatever its snapshots are called.
	learner := beside(8, map[hone.VersionID][]float64{"v1-s500": {20, 20}})
	learner[1].Rivals[0].Version = "v1-s1000"
	f("what learns", learner, "v1-s1000", 40-4*4, 400)
	learner[1].Rivals[0].Own = 99
	f("what learns, too young to be judged", learner, "", 0, 0)
	long := make([]float64, 60)
	for i := range long {
		long[i] = 1
	}
	f("no further back than 40 ticks", beside(0, map[hone.VersionID][]float64{"v1": long}), "v1", 40, 8000)
	broken := beside(8, map[hone.VersionID][]float64{"v1": {20, math.NaN(), 20, 20}})
	f("up to what is no number", broken, "v1", 32, 400)
}

func TestReuseComesBeforeRetrain(t *testing.T) {
	t.Parallel()
	m := model(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 100, Reuse: 5}})
	in := input(m)
	in.Champion = "v3"
	in.Ticks = beside(8, map[hone.VersionID][]float64{"v1": {2, 2}, "v2": {10, 10}})
	in.NewLabels = 0 // Nothing is learned.
	d := trigger.Decide(in, start.Add(2*day))
	if !d.Start || d.Reuse != "v2" || d.Trigger != hone.OnLoss || d.Sentence != "fraud goes back to v2: it loses at least 12 less, over its price of 5." {
		t.Errorf("got start %t, reuse %q: %s", d.Start, d.Reuse, d.Sentence)
	}
	if d.Forecast == nil || d.Forecast.Rows != 400 || d.Forecast.Gain != 20 || !(d.Forecast.Lower < 20 && d.Forecast.Upper > 20) {
		t.Errorf("forecast %+v", d.Forecast)
	}
	no := func(name string, change func(*trigger.Input)) {
		t.Helper()
		other := in
		other.Model.Triggers = append([]hone.Trigger(nil), in.Model.Triggers...)
		change(&other)
		if d := trigger.Decide(other, start.Add(2*day)); d.Start || d.Reuse != "" && name != "held" {
			t.Errorf("%s: %s", name, d.Sentence)
		}
	}
	no("not worth its price", func(in *trigger.Input) {
		in.Model.Triggers[0].RecoverableLoss = &hone.RecoverableLoss{RetrainCost: 300, Reuse: 5}
	})
	no("switched off", func(in *trigger.Input) {
		in.Model.Triggers[0].RecoverableLoss = &hone.RecoverableLoss{RetrainCost: 100, Reuse: -1}
	})
	no("came to nothing before", func(in *trigger.Input) {
		in.Runs = []hone.Run{{ID: "r", State: hone.Closed, Ending: hone.Rejected, Champion: "v3", Decision: hone.Decision{Reuse: "v2"}}}
	})
	no("held", func(in *trigger.Input) {
		in.Runs = []hone.Run{{ID: "r", State: hone.Closed, Ending: hone.Held, Ended: start.Add(2*day - 1)}}
	})
}

// TestReuseIsCheap: what is trained costs a run, what is there a twentieth of it.
func TestReuseIsCheap(t *testing.T) {
	t.Parallel()
	m := model(hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 100, Reuse: 5}})
	m.Guards.Budget = hone.Budget{RunCost: 100, PerDay: 110}
	in := input(m)
	in.Ticks = beside(8, map[hone.VersionID][]float64{"v1": {10, 10}})
	in.Runs = []hone.Run{{ID: "r", State: hone.Closed, Ending: hone.Promoted, Started: start.Add(day), Ended: start.Add(day), Decision: hone.Decision{Cost: 100}}}
	d := trigger.Decide(in, start.Add(day+6*day/24))
	if !d.Start || d.Cost != 5 {
		t.Errorf("start %t, cost %v: %s", d.Start, d.Cost, d.Sentence)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	receipt := func(measured, gain float64, forecast, rows int) hone.Run {
		return hone.Run{Receipt: &hone.Receipt{Forecast: hone.Forecast{Rows: forecast, Measured: measured}, Rows: rows, Gain: gain}}
	}
	for _, c := range []struct {
		name string
		runs []hone.Run
		want float64
	}{
		{"no receipt", nil, 1},
		{"as forecast", []hone.Run{receipt(50, 50, 600, 600)}, 1},
		{"nothing came", []hone.Run{receipt(300, 0, 600, 600)}, 0.25},
		{"half of the rows so far", []hone.Run{receipt(200, 0, 600, 300)}, 0.5},
		{"harm counts, up to a point", []hone.Run{receipt(300, -300, 600, 600)}, 0.05},
		{"more than was said, up to a point", []hone.Run{receipt(100, 900, 600, 600)}, 1.2},
	} {
		if got := trigger.Trust(100, c.runs); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	// A retrain is held against what is believed.
	in := input(model(lossTrigger(100)))
	in.Ticks = ticks(60, 12, 3)
	in.Runs = []hone.Run{receipt(300, 0, 600, 600)}
	if d := trigger.Decide(in, start.Add(2*day)); d.Start || !strings.Contains(d.Reasons[0].Sentence, "Past retrains brought 25 %") {
		t.Errorf("%s: %s", d.Sentence, d.Reasons[0].Sentence)
	}
	cheap := in
	cheap.Model, cheap.Runs = model(lossTrigger(20)), []hone.Run{receipt(100, 0, 600, 600)}
	usual := in
	usual.Model, usual.Runs = cheap.Model, nil
	if a, b := trigger.Decide(cheap, start.Add(2*day)).Forecast, trigger.Decide(usual, start.Add(2*day)).Forecast; a == nil || b == nil || a.Gain > 0.7*b.Gain || a.Lower > 0.6*b.Lower {
		t.Errorf("the forecast is %+v, after a receipt of nothing %+v", b, a)
	}
	in.Runs = nil
	if d := trigger.Decide(in, start.Add(2*day)); !d.Start || d.Forecast == nil || d.Forecast.Measured != 180 {
		t.Errorf("%s: %+v", d.Sentence, d.Forecast)
	}
}
