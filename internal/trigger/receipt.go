package trigger

import (
	"math"

	"hone"
	"hone/internal/say"
)

// Watched bounds for how long a retrain's forecast is held against what it brings: as
// many rows as it rests on, in ticks.
const (
	minWatched = 3
	maxWatched = 15
)

// decile is the normal quantile that leaves a tenth on either side.
const decile = 1.2815515655446004

// What a retrain brings of what was measured before it, before anything is known of a
// model: the logarithm of the ratio is about normal. The measurement learns on the way,
// so that it says too little rather than too much. The figures are those of seven made-up
// worlds with seeds that report nothing, at prices of 30, 100 and 300.
const (
	usualRatio  = 0.5 // Mean of the logarithm, two thirds as much again,
	usualSpread = 0.75
	usualWeight = 4 // as if it were known from so many receipts.
)

// forecast is what a gain that was measured comes to over the next rows, by what past
// retrains brought of what was measured.
func forecast(measured float64, rows int, runs []hone.Run) *hone.Forecast {
	if rows == 0 || measured-measured != 0 {
		return nil
	}
	ratios := ratios(runs)
	n, mean := float64(usualWeight), usualWeight*usualRatio
	for _, x := range ratios {
		n, mean = n+1, mean+x
	}
	mean /= n
	square := usualWeight * (usualSpread*usualSpread + (usualRatio-mean)*(usualRatio-mean))
	for _, x := range ratios {
		square += (x - mean) * (x - mean)
	}
	sd := math.Sqrt(square / n * (1 + 1/n))
	return &hone.Forecast{Rows: rows, Measured: measured, Gain: measured * math.Exp(mean),
		Lower: measured * math.Exp(mean-decile*sd), Upper: measured * math.Exp(mean+decile*sd)}
}

// usualDiffer is how much two champions differ on a row where nothing changes, as a share
// of the squared loss: 0.2 for linear ones and 0.5 for trees, on worlds as above.
const usualDiffer = 0.35

// aside forecasts what a run wins back that was not started for it: by what the probe
// measured over the best suffix, however little. Little may be chance, so the uncertainty
// of the measurement and of the rows to come widens the interval, in squares.
func aside(in Input) *hone.Forecast {
	unknown := func(why string) *hone.Forecast { return &hone.Forecast{Aside: true, Unknown: why} }
	if in.Blind {
		return unknown("the probe saw " + say.Percent(in.Seen) + " of losses planted to test it, too little to tell")
	}
	lower, gain, n, from := BestSuffix(in.Ticks)
	rows := watched(n, len(in.Ticks)-from)
	if rows <= 0 {
		return unknown("fewer than " + say.Num(minSuffix) + " ticks of labelled rows had come")
	}
	share, lost := float64(rows)/float64(n), 0.0
	for _, t := range in.Ticks[from:] {
		lost += t.Loss
	}
	f := forecast(math.Max(gain, 0)*share, rows, in.Runs)
	variance := (gain - lower) * (gain - lower)
	toCome := math.Max(variance, usualDiffer*squared(in.Model.Loss, lost, n))
	own := decile * math.Sqrt(share*share*variance+share*toCome)
	f.Aside, f.Measured = true, gain*share
	f.Lower, f.Upper = f.Gain-math.Hypot(f.Gain-f.Lower, own), f.Gain+math.Hypot(f.Upper-f.Gain, own)
	if width := f.Upper - f.Lower; width-width != 0 {
		return unknown("the losses of the rows were out of all proportion")
	}
	return f
}

// squared is what n losses that add up to lost come to about when each is squared: those
// of wrong answers are all of one size, others spread as widely as they are large.
func squared(l hone.Loss, lost float64, n int) float64 {
	if l.Kind == hone.ZeroOne || l.Kind == hone.Cost {
		return lost * l.Bound()
	}
	return 2 * lost * lost / float64(n)
}

// watched is on how many rows a forecast is held against what it brings that rests on n
// rows in so many ticks.
func watched(n, ticks int) int {
	if n <= 0 || ticks <= 0 {
		return 0
	}
	return n * min(max(ticks, minWatched), maxWatched) / ticks
}

// ratios are the logarithms of what retrains brought of what was measured before them,
// where that started them: what they bring of next to nothing says nothing of the others.
func ratios(runs []hone.Run) (out []float64) {
	for _, r := range runs {
		x := r.Receipt
		if x == nil || x.Forecast.Aside || r.Decision.Reuse != "" || 2*x.Rows < x.Forecast.Rows {
			continue
		}
		out = append(out, math.Log(math.Min(math.Max(x.Gain/said(*x), 0.1), 10)))
	}
	return out
}

// said is what was measured before a retrain, carried on to the rows of its receipt.
func said(r hone.Receipt) float64 {
	return r.Forecast.Measured * float64(r.Rows) / float64(r.Forecast.Rows)
}

// seen is what a gain that was seen itself on n rows, whose squares add up to variance,
// comes to on as many more: its uncertainty is that of the estimate and that of the rows
// to come.
func seen(gain, variance float64, n int) *hone.Forecast {
	sd := math.Sqrt(2 * variance)
	return &hone.Forecast{Rows: n, Measured: gain, Gain: gain, Lower: gain - decile*sd, Upper: gain + decile*sd}
}

const leastTrust, mostTrust = 0.05, 1.2

// Trust is what of a forecast is believed, from 0.05 to 1.2: what past retrains brought
// of what they were forecast to, with one more of the present price that brought it all.
// Those count that were started for it.
// Source: the receipts of Hone's retraining rule; the least was chosen on streams that
// report nothing.
func Trust(price float64, runs []hone.Run) float64 {
	seen, told := price, price
	for _, r := range runs {
		if x := r.Receipt; x != nil && x.Forecast.Rows > 0 && !x.Forecast.Aside && r.Decision.Reuse == "" {
			seen += x.Gain
			told += said(*x)
		}
	}
	if !(price > 0) || !(told > 0) {
		return 1
	}
	return math.Min(math.Max(seen/told, leastTrust), mostTrust)
}

// Receive counts what a version won back against the champion before on its ticks so far,
// up to as many rows as were forecast; Rows is 0 where that one was not asked about them.
func Receive(f hone.Forecast, ticks []hone.Tick, before hone.VersionID) hone.Receipt {
	r := hone.Receipt{Forecast: f}
	for _, t := range ticks {
		for _, x := range t.Rivals {
			if x.Version == before && !x.Learner && r.Rows < f.Rows {
				r.Rows += x.N
				r.Gain -= x.Gain
			}
		}
	}
	r.Over = r.Rows >= f.Rows
	return r
}
