// Command bars_hold measures the bars of what holds: what is lost when the
// program is killed, whether every planted fault is met and every planted bug is
// caught, what users notice of a retrain, of a control side that is gone, and of a
// restart. How bars are kept and printed is left to package bar.
package main

import "hone/bench/bar"

// bars are in the order in which they are measured and printed.
var bars = []bar.Measured{
	{Bar: bar.Bar{ID: "restart_ready", Limits: []bar.Limit{
		{Series: "ready", Unit: "s", Of: bar.Max, Under: 2},
	}, Also: []string{"loop_caught_up", "rss"}}, Measure: restart},
}

func main() { bar.Main("hold", bars) }
