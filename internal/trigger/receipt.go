package trigger

import (
	"math"

	"hone"
)

// Watched bounds for how long a retrain's forecast is held against what it brings: as
// many rows as it rests on, in ticks.
const (
	minWatched = 3
	maxWatched = 15
)

// decile is the normal quantile that leaves a tenth on either side.
const decile = 1.2815515655446004

// forecast is what a gain seen on n rows, whose squares add up to variance, is thought
// to come to on the next ones, where so much of it is believed: its uncertainty is that
// of the estimate and that of the rows to come.
func forecast(gain, variance float64, n, rows int, trust float64) *hone.Forecast {
	if n == 0 || gain-gain != 0 || variance-variance != 0 {
		return nil
	}
	share := float64(rows) / float64(n)
	sd := math.Sqrt(variance * (share*share + share))
	mean := trust * gain * share
	return &hone.Forecast{Rows: rows, Measured: gain * share, Gain: mean, Lower: mean - decile*sd, Upper: mean + decile*sd}
}

// Trust is what of a forecast is believed, from 0.2 to 1.2: what past retrains brought
// of what they were forecast to, with one more of the present price that brought it all.
// Source: the receipts of Hone's retraining rule.
func Trust(price float64, runs []hone.Run) float64 {
	seen, said := price, price
	for _, r := range runs {
		if x := r.Receipt; x != nil && x.Forecast.Rows > 0 && r.Decision.Reuse == "" {
			seen += x.Gain
			said += x.Forecast.Measured * float64(x.Rows) / float64(x.Forecast.Rows)
		}
	}
	if !(price > 0) || !(said > 0) {
		return 1
	}
	return math.Min(math.Max(seen/said, 0.2), 1.2)
}
