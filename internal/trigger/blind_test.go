package trigger_test

import (
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

// Where the probe is blind the decision says that it cannot tell, and a schedule takes
// over, unless the owner has one.
func TestBlind(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	quiet := []hone.Tick{{N: 200, Gain: 1, Var: 4}, {N: 200, Gain: 1, Var: 4}, {N: 200, Gain: 1, Var: 4}}
	loud := []hone.Tick{{N: 200, Gain: 50, Var: 4}, {N: 200, Gain: 50, Var: 4}, {N: 200, Gain: 50, Var: 4}}
	loss := hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 100}}
	daily := hone.Trigger{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: 100, Blind: &hone.Schedule{Cron: "0 6 * * *", TimeZone: "Europe/Paris"}}}
	own := hone.Trigger{Schedule: &hone.Schedule{Cron: "0 3 * * 1"}}
	f := func(blind bool, ticks []hone.Tick, after time.Duration, by hone.TriggerKind, sentence string, triggers ...hone.Trigger) hone.Decision {
		t.Helper()
		d := trigger.Decide(trigger.Input{Model: hone.Model{Name: "sea", Triggers: triggers, Guards: hone.Guards{MaxPerDay: 4, MaxPerMonth: 40}}, HasChampion: true, Champion: "v1", ChampionSince: since,
			NewLabels: 1000, Ticks: ticks, Blind: blind, Seen: 0.12}, since.Add(after))
		if d.Trigger != by || d.Start != (by != "") || d.Sentence != sentence {
			t.Errorf("%q by %q, start %v; want %q by %q", d.Sentence, d.Trigger, d.Start, sentence, by)
		}
		return d
	}
	const day = 24 * time.Hour
	f(false, quiet, 31*day, "", "sea waits: recoverable loss 0 of 100.", loss)
	d := f(true, quiet, 29*day, "", "sea waits: whether a retrain would pay cannot be told; next schedule Wed 1 Apr 03:00 UTC.", loss)
	if want := time.Date(2026, 4, 1, 3, 0, 0, 0, time.UTC); !d.Again.Equal(want) {
		t.Errorf("it looks again at %v, want %v", d.Again, want)
	}
	if s := d.Reasons[0].Sentence; !d.Reasons[0].Unknown || !strings.HasPrefix(s, "Whether a retrain would pay cannot be told: of losses that were planted to test it the probe saw 12 %. Over the last 600 labelled rows") {
		t.Errorf("reason %+v", d.Reasons[0])
	}
	f(true, nil, 29*day, "", "sea waits: whether a retrain would pay cannot be told; next schedule Wed 1 Apr 03:00 UTC.", loss)
	f(true, quiet, 31*day, hone.OnSchedule, "sea retrains: its probe cannot tell, and its schedule of Wed 1 Apr 03:00 UTC is due.", loss)
	// What is seen all the same counts.
	f(true, loud, day, hone.OnLoss, "sea retrains: it would win back at least 147 units of loss, over its price of 100.", loss)
	f(true, quiet, 8*time.Hour, hone.OnSchedule, "sea retrains: its probe cannot tell, and its schedule of Mon 2 Mar 06:00 CET is due.", daily)
	f(false, quiet, 8*time.Hour, "", "sea waits: recoverable loss 0 of 100.", daily)
	f(true, quiet, 31*day, hone.OnSchedule, "sea retrains: its schedule of Mon 2 Mar 03:00 UTC is due.", loss, own)
	f(true, quiet, day, "", "sea waits: 0 of 1 rules hold.", hone.Trigger{Any: hone.Triggers{loss}})
}
