// Command bars_when measures when Hone retrains: its policy against the best that
// could have been done in hindsight, beside what else decides so. How bars are kept
// and printed is left to package bar; the policies and worlds to package retraining.
package main

import (
	"slices"

	"hone/bench/bar"
)

// of is what the figures come from.
var of = []string{"internal/backtest", "internal/learn/encode", "internal/learn/gbdt", "internal/learn/linear", "internal/learn/residual", "internal/stat", "internal/trigger"}

// prices of a retrain, in errors.
var prices = []float64{100, 300, 1000}

func main() { bar.Main("when", slices.Concat(worldBars, streamBars, minuteBars)) }
