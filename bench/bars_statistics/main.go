// Command bars_statistics measures the bars of statistics: that they are right,
// calibrated and fast, each by simulation with fixed seeds. Each part has a file
// with its own bars. How bars are kept and printed is left to package bar.
package main

import (
	"slices"

	"hone/bench/bar"
)

// bars are in the order in which they are measured and printed.
var bars = slices.Concat(
	alarmsBars,
)

func main() { bar.Main("statistics", bars) }
