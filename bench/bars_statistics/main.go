// Command bars_statistics measures the bars of statistics: that they are right,
// calibrated and fast, each by simulation with fixed seeds. Each part has a file
// with its own bars. How bars are kept and printed is left to package bar.
package main

import (
	"os"
	"slices"

	"hone/bench/bar"
)

// bars are in the order in which they are measured and printed.
var bars = slices.Concat(
	goldenBars,
	measuresBars,
	alarmsBars,
	textsBars,
	jointBars,
	seasonBars,
	performanceBars,
	canaryBars,
	guardrailBars,
	validationBars,
	gateBars,
	safeguardBars,
	labelBars,
)

// programs are what bars measure as a process of its own, by the first argument.
var programs = map[string]func(args []string) error{
	"fold":         fold,
	"compare":      compareTables,
	"together":     tellTogether,
	"compare-held": compareHeld,
}

func main() {
	if len(os.Args) > 1 {
		if run, ok := programs[os.Args[1]]; ok {
			bar.Fail(run(os.Args[2:]))
			return
		}
	}
	bar.Main("statistics", bars)
}
