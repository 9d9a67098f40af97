// Command bars_loop measures the bars of the loop: what a request costs, what
// logging adds, how fast durable batches are, what idle models hold, and how much
// of the time from drift to promotion is machinery. How bars are kept and printed
// is left to package bar.
package main

import (
	"os"

	"hone/bench/bar"
)

// bars are in the order in which they are measured and printed.
var bars = []bar.Measured{
	{Bar: bar.Bar{ID: "cpu_us_per_request", Limits: []bar.Limit{
		{Series: "named", Unit: "µs", Of: bar.Median, Under: 140},
		{Series: "matrix", Unit: "µs", Of: bar.Median, Under: 140},
		{Series: "short", Unit: "µs", Of: bar.Median, Under: 140},
	}, Also: []string{"named_one_caller", "requests_per_s", "peer_ratio"}}, Measure: requestCost},
	{Bar: bar.Bar{ID: "logging_cost", Limits: []bar.Limit{
		{Series: "share", Unit: "%", Of: bar.Median, Under: 20},
	}, Also: []string{"over_unlogged", "logged", "unlogged"}}, Measure: loggingCost},
	{Bar: bar.Bar{ID: "durable_predictions_per_s", Limits: []bar.Limit{
		{Series: "named", Unit: "/s", Of: bar.Median, Over: 40_000},
		{Series: "matrix", Unit: "/s", Of: bar.Median, Over: 40_000},
	}, Also: []string{"named_cpu", "matrix_cpu"}}, Measure: durableRate},
	{Bar: bar.Bar{ID: "idle_200", Limits: []bar.Limit{
		{Series: "rss", Unit: "MiB", Of: bar.Max, Under: 300},
		{Series: "cpu", Unit: "%", Of: bar.Max, Under: 2},
	}, Also: []string{"restarted_rss", "restarted_cpu", "import"}}, Measure: idleModels},
	{Bar: bar.Bar{ID: "demo_machinery_s", Limits: []bar.Limit{
		{Series: "machinery", Unit: "s", Of: bar.Median, Under: 2},
	}, Also: []string{"collecting", "validating", "training", "evaluating", "deciding", "shadow", "canary", "first_label_to_trigger", "first_label_to_end"}}, Measure: demoMachinery},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "parts" {
		bar.Fail(serveParts(os.Args[2:]))
		return
	}
	bar.Main("loop", bars)
}
