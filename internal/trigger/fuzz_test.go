package trigger_test

import (
	"testing"
	"time"

	"hone"
	"hone/internal/trigger"
)

// FuzzSchedule: no expression keeps a decision from being made, and what comes
// next lies ahead.
func FuzzSchedule(f *testing.F) {
	f.Add("0 3 * * 1", "", int64(0))
	f.Add("* * * * *", "Europe/Paris", int64(1_000_000))
	f.Add("0 0 31 2 *", "UTC", int64(5))
	f.Add("*/0 * * * *", "Nowhere/Else", int64(-1))
	f.Add("59 23 29 2 7", "Pacific/Apia", int64(1<<33))
	f.Add("1-99999999/3,5-2 L W # ?", "../etc/passwd", int64(1<<40))
	f.Fuzz(func(t *testing.T, cron, zone string, seconds int64) {
		now := start.Add(time.Duration(seconds%(100*366*86400)) * time.Second)
		m := model(hone.Trigger{Schedule: &hone.Schedule{Cron: cron, TimeZone: zone}})
		if next := trigger.NextSchedule(m, now); !next.IsZero() && !next.After(now) {
			t.Fatalf("%q in %q at %v: next comes %v", cron, zone, now, next)
		}
		in := input(m)
		in.ChampionSince = now.Add(-time.Hour)
		if d := trigger.Decide(in, now); d.Sentence == "" {
			t.Fatalf("%q in %q at %v: a decision without words: %+v", cron, zone, now, d)
		}
	})
}
