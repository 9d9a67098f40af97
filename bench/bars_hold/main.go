// Command bars_hold measures the bars of what holds: what is lost when the
// program is killed, whether every planted fault is met and every planted bug is
// caught, what users notice of a retrain, of a control side that is gone, and of a
// restart. How bars are kept and printed is left to package bar.
package main

import (
	"os"

	"hone/bench/bar"
)

// bars are in the order in which they are measured and printed.
var bars = []bar.Measured{
	{Bar: bar.Bar{ID: "acknowledged_lost", Limits: []bar.Limit{
		{Series: "lost", Unit: "events", Of: bar.Max, Under: 0.5},
		{Series: "kills", Unit: "kills", Of: bar.Max, Over: 100},
		{Series: "acknowledged", Unit: "events", Of: bar.Max, Over: 500_000},
	}, Also: []string{"runs"}}, Measure: kills},
	{Bar: bar.Bar{ID: "failpoints_hit", Limits: []bar.Limit{
		{Series: "hit", Unit: "%", Of: bar.Max, Over: 100},
		{Series: "points", Unit: "points", Of: bar.Max, Over: 60},
	}}, Measure: failpoints},
	{Bar: bar.Bar{ID: "gateway_p99_retraining", Limits: []bar.Limit{
		{Series: "ratio", Unit: "times idle p99", Of: bar.Median, Under: 1.5, AtMost: true},
		{Series: "builtin_ratio", Unit: "times idle p99", Of: bar.Median, Under: 1.5, AtMost: true},
	}, Also: []string{"idle_p99", "retraining_p99", "builtin_idle_p99", "builtin_retraining_p99"}}, Measure: retraining},
	{Bar: bar.Bar{ID: "control_killed", Limits: []bar.Limit{
		{Series: "failed", Unit: "predictions", Of: bar.Max, Under: 0.5},
	}, Also: []string{"answers"}}, Measure: controlKilled},
	{Bar: bar.Bar{ID: "restart_ready", Limits: []bar.Limit{
		{Series: "ready", Unit: "s", Of: bar.Max, Under: 2},
	}, Also: []string{"loop_caught_up", "rss"}}, Measure: restart},
	{Bar: bar.Bar{ID: "race_detector", Of: []string{"cmd", "internal"}, Limits: []bar.Limit{
		{Series: "reports", Unit: "reports", Of: bar.Max, Under: 0.5},
	}, Also: []string{"packages"}}, Measure: races},
	{Bar: bar.Bar{ID: "planted_bugs", Limits: []bar.Limit{
		{Series: "caught", Unit: "bugs", Of: bar.Max, Over: 30},
		{Series: "missed", Unit: "bugs", Of: bar.Max, Under: 0.5},
	}}, Measure: caught},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "trainer" {
		bar.Fail(burn())
		return
	}
	bar.Main("hold", bars)
}
