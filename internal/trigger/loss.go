package trigger

import (
	"math"
	"strconv"
	"time"

	"hone"
	"hone/internal/say"
)

// minSuffix is the least number of ticks that a retrain may rest on.
const minSuffix = 3

// BestSuffix returns the stretch of newest ticks that holds the most
// recoverable loss for sure: over all suffixes of at least three ticks, the
// largest Σgain − √Σvar, in units of the loss. It gives that lower bound, the
// gain itself, the rows and the index of the first tick. With fewer than three
// ticks n is 0 and from is len(ticks). Ticks that are not finite end the search.
func BestSuffix(ticks []hone.Tick) (lower, gain float64, n int, from int) {
	best, from := math.Inf(-1), len(ticks)
	sumGain, sumVar, rows := 0.0, 0.0, 0
	for i := len(ticks) - 1; i >= 0; i-- {
		t := ticks[i]
		sumGain, sumVar, rows = sumGain+t.Gain, sumVar+t.Var, rows+t.N
		b := sumGain - math.Sqrt(sumVar)
		if math.IsNaN(b) || math.IsInf(b, 0) || t.Var < 0 {
			break
		}
		if len(ticks)-i >= minSuffix && b > best {
			best, gain, n, from = b, sumGain, rows, i
		}
	}
	if n == 0 {
		return 0, 0, 0, len(ticks)
	}
	return best, gain, n, from
}

// Price is what a retrain must win back, in units of the loss, after so many
// candidates in a row that came to nothing: the first retry costs the same,
// then the price doubles, at most four times the cost.
func Price(cost float64, failures int) float64 { return cost * backOff(failures) }

func backOff(failures int) float64 {
	switch {
	case failures <= 1:
		return 1
	case failures == 2:
		return 2
	}
	return 4
}

// lossRate is the loss a row that a retrain would win back, at least 0: since
// the champion began to lose, where such a moment is found.
func lossRate(ticks []hone.Tick) float64 {
	gain, n := 0.0, 0
	since := SinceChange(ticks)
	for i := len(ticks) - 1; i >= 0 && n < since; i-- {
		gain += ticks[i].Gain
		n += ticks[i].N
	}
	if n == 0 {
		_, gain, n, _ = BestSuffix(ticks)
	}
	if n == 0 {
		return 0
	}
	return math.Max(gain/float64(n), 0)
}

// LossSignal is the recoverable loss of a model as a signal, where a tick takes so many
// labelled rows.
func LossSignal(model string, ticks []hone.Tick, tickRows int, now time.Time) hone.Signal {
	lower, gain, n, _ := BestSuffix(ticks)
	s := hone.Signal{Model: model, Name: "recoverable_loss", At: now, Value: gain, Lower: lower, Upper: gain, N: n}
	if n == 0 {
		s.Unknown = "not enough mature labels: " + strconv.Itoa(minSuffix*tickRows) + " are needed"
	}
	return s
}

func onLoss(in Input, r hone.RecoverableLoss) finding {
	f := found(in, r)
	if in.Blind && !f.Fired {
		f.Unknown = true
		f.wait = "whether a retrain would pay cannot be told"
		f.Sentence = "Whether a retrain would pay cannot be told: of losses that were planted to test it the probe saw " + say.Percent(in.Seen) + ". " + f.Sentence
	}
	return f
}

// found holds what the probe found against the price.
func found(in Input, r hone.RecoverableLoss) finding {
	cost := costOf(r.RetrainCost, in.Model, in.Runs)
	f := finding{Reason: hone.Reason{Trigger: hone.OnLoss, Limit: Price(cost.inLoss, in.Failures)}}
	lower, gain, n, from := BestSuffix(in.Ticks)
	price := say.Num(f.Limit)
	if n == 0 {
		f.Unknown = true
		f.wait = "recoverable loss is not known yet"
		f.Sentence = "Recoverable loss is not known yet: " + say.Count(len(in.Ticks), "stretch", "stretches") + " of labelled rows, and it takes " + say.Num(minSuffix) + "."
		return f
	}
	k, trust := len(in.Ticks)-from, Trust(cost.inLoss, in.Runs)
	rows := watched(n, k)
	f.forecast = forecast(gain*float64(rows)/float64(n), rows, in.Runs)
	gain, lower = trust*gain, trust*lower
	f.Value = lower
	f.Fired = f.Limit > 0 && lower >= f.Limit
	f.start = "it would win back at least " + say.Num(lower) + " units of loss, over its price of " + price + "."
	f.wait = "recoverable loss " + say.Num(math.Max(lower, 0)) + " of " + price
	f.Sentence = "Over the last " + say.Count(n, "labelled row", "labelled rows") + " (" + say.Count(len(in.Ticks)-from, "tick", "ticks") +
		") a retrain would have won back about " + say.Num(gain) + ", at least " + say.Num(math.Max(lower, 0)) + " units of loss; it costs " + cost.said(in.Model, f.Limit)
	if b := backOff(in.Failures); b > 1 {
		f.Sentence += ", " + say.Num(b) + " times the usual price after " + say.Num(float64(in.Failures)) + " failed candidates"
	}
	if trust != 1 {
		f.Sentence += ". Past retrains brought " + say.Percent(trust) + " of what was measured before them, and so much of it is believed"
	}
	f.Sentence += "."
	return f
}

// SinceChange estimates how many of the newest labelled rows came after the
// champion began to lose: the split of the ticks into two stretches of constant
// gain a row that explains the gains best, by least squares, with at least three
// ticks on either side. It returns 0 where the newer stretch gains no more than
// the older one, or there are too few ticks to say.
func SinceChange(ticks []hone.Tick) (rows int) {
	const side = 3
	var total float64
	n := 0
	for _, t := range ticks {
		total += t.Gain
		n += t.N
	}
	best, gain, newer := 0.0, 0.0, 0
	for i := len(ticks) - 1; i >= side; i-- {
		gain += ticks[i].Gain
		newer += ticks[i].N
		if len(ticks)-i < side || newer == 0 || n == newer {
			continue
		}
		older := n - newer
		rise := gain/float64(newer) - (total-gain)/float64(older)
		if explained := rise * rise * float64(newer) * float64(older) / float64(n); rise > 0 && explained > best {
			best, rows = explained, newer
		}
	}
	return rows
}
