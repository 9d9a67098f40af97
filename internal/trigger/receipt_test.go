package trigger_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"hone"
	"hone/internal/trigger"
)

// A run that was not started for what it wins back has a forecast of it all the same,
// which says so, with an interval that what is next to nothing does not stand out from.
func TestAside(t *testing.T) {
	t.Parallel()
	in := input(model(hone.Trigger{DataVolume: 100}))
	in.NewLabels = 1000
	f := func(name string, change func(*trigger.Input)) *hone.Forecast {
		t.Helper()
		in := in
		change(&in)
		d := trigger.Decide(in, start.Add(2*day))
		if !d.Start || d.Trigger == hone.OnLoss {
			t.Fatalf("%s: %s", name, d.Sentence)
		}
		return d.Forecast
	}
	little := f("little", func(in *trigger.Input) { in.Ticks = ticks(1, 16, 4) })
	if little == nil || !little.Aside || little.Unknown != "" || little.Rows != 600 || little.Measured != 3 || !(little.Gain > 4 && little.Lower < 0 && little.Upper > little.Gain+10) {
		t.Errorf("little: %+v", little)
	}
	less := f("less than nothing", func(in *trigger.Input) { in.Ticks = ticks(-2, 16, 3) })
	if less == nil || less.Measured != -6 || less.Gain != 0 || !(less.Lower < -5 && less.Upper > 5) {
		t.Errorf("less than nothing: %+v", less)
	}
	// Much is as uncertain as in a run that it starts: what is measured of it adds little.
	much := f("much", func(in *trigger.Input) { in.Ticks = ticks(60, 1, 3) })
	loss := in
	loss.Model, loss.Ticks = model(lossTrigger(100)), ticks(60, 1, 3)
	d := trigger.Decide(loss, start.Add(2*day))
	if want := d.Forecast; d.Trigger != hone.OnLoss || want.Aside || much.Gain != want.Gain || much.Rows != want.Rows || math.Abs(much.Upper/want.Upper-1) > 0.01 || math.Abs(much.Lower/want.Lower-1) > 0.1 {
		t.Errorf("much: %+v, and for itself %+v", much, want)
	}
	// A retrain differs from the champion in more rows than the probe does.
	losing := func(in *trigger.Input) {
		in.Model.Loss = hone.Loss{Kind: hone.ZeroOne}
		in.Ticks = ticks(0, 1, 3)
		for i := range in.Ticks {
			in.Ticks[i].Loss = 40
		}
	}
	if got := f("next to nothing", losing); got == nil || got.Measured != 0 || !(got.Lower < -8 && got.Lower > -10) || got.Upper != -got.Lower {
		t.Errorf("next to nothing: %+v", got)
	}
	absurd := func(in *trigger.Input) {
		losing(in)
		in.Ticks[1].Loss = math.Inf(1)
	}
	for why, change := range map[string]func(*trigger.Input){
		"fewer than 3 ticks":     func(in *trigger.Input) { in.Ticks = ticks(5, 1, 2) },
		"the losses of the rows": absurd,
		"the probe saw 12 %":     func(in *trigger.Input) { in.Ticks, in.Blind, in.Seen = ticks(5, 1, 9), true, 0.12 },
	} {
		if got := f(why, change); got == nil || !got.Aside || got.Rows != 0 || !strings.HasPrefix(got.Unknown, why) {
			t.Errorf("%s: %+v", why, got)
		}
	}
	if got := f("by hand", func(in *trigger.Input) { in.Ticks, in.Manual = ticks(5, 1, 3), &trigger.Manual{By: "ada"} }); got == nil || !got.Aside {
		t.Errorf("by hand: %+v", got)
	}
	first := trigger.Decide(trigger.Input{Model: in.Model, TrainableRows: 100000}, start)
	if !first.Start || first.Forecast != nil {
		t.Errorf("a first version: %+v", first.Forecast)
	}
}

// What came of runs that were not started for it corrects no forecast, and no trust.
func TestAsideCorrectsNothing(t *testing.T) {
	t.Parallel()
	in := input(model(lossTrigger(100)))
	in.Ticks = ticks(60, 12, 3)
	want := trigger.Decide(in, start.Add(2*day))
	for _, gain := range []float64{-400, 0, 400} {
		past := hone.Run{State: hone.Closed, Ending: hone.Promoted, Receipt: &hone.Receipt{
			Forecast: hone.Forecast{Rows: 600, Measured: 0.001, Aside: true}, Rows: 600, Gain: gain, Over: true}}
		if got := trigger.Trust(100, []hone.Run{past}); got != 1 {
			t.Errorf("gain %v: %v is believed", gain, got)
		}
		in.Runs = []hone.Run{past}
		if got := trigger.Decide(in, start.Add(2*day)); !reflect.DeepEqual(got.Forecast, want.Forecast) || got.Reasons[0] != want.Reasons[0] {
			t.Errorf("gain %v: %+v and %+v, want %+v", gain, got.Forecast, got.Reasons[0], want.Forecast)
		}
	}
}
