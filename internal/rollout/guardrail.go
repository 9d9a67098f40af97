package rollout

import (
	"math"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// Where the owner has guardrails they share 2 % of healthy candidates, each as much
// as another, and two of the default guards make room for them: faults take 1.5 %
// and labels 1 %, so that all together stay at 5 %.
const (
	sharedAlpha      = 0.02
	faultAlphaBeside = 0.015
	harmLimitBeside  = 100
)

// slowestShare is the share of answers that may be over a limit on the slowest
// hundredth.
const slowestShare = 0.01

// fewWaiting is how many rows that have matured may wait for the owner's metrics
// without holding a step.
const fewWaiting = 20

// budget is what each guard may take of healthy candidates.
type budget struct {
	fault float64
	harm  float64 // The evidence that labels need.
	each  float64 // Of the owner's guardrails.
	// margin of the rate of faults.
	margin float64
}

func budgetOf(gs []hone.Guardrail) budget {
	b := budget{fault: faultAlpha, harm: harmLimit, margin: faultMargin}
	n := 0
	for _, g := range gs {
		if g.MaxIncrease != nil {
			b.margin = *g.MaxIncrease // It is the default guard, at the owner's margin.
			continue
		}
		n++
	}
	if n > 0 {
		b.fault, b.harm, b.each = faultAlphaBeside, harmLimitBeside, sharedAlpha/float64(n)
	}
	return b
}

// guardrails judges by the owner's. How long answers take, and what people send of
// them, says nothing of a shadow.
func guardrails(gs []hone.Guardrail, s hone.Step, h hone.Health, alpha float64) []hone.Verdict {
	var out []hone.Verdict
	for _, g := range gs {
		if g.MaxIncrease != nil || s.Shadow > 0 && (g.Metric == hone.LatencyP99 || g.Feedback != "") {
			continue
		}
		out = append(out, guardrail(g, readingOf(g, h), alpha))
	}
	return out
}

// readingOf finds what was measured for a guardrail.
func readingOf(g hone.Guardrail, h hone.Health) hone.Reading {
	for _, r := range h.Guards {
		if r.Gate == g.Gate() && r.Class == g.Class {
			return r
		}
	}
	return hone.Reading{Gate: g.Gate(), Class: g.Class}
}

// guardrail gives the verdict on one. What is surely past the limit fails; what
// cannot be measured fails nobody, and holds the step.
func guardrail(g hone.Guardrail, r hone.Reading, alpha float64) hone.Verdict {
	var f finding
	if g.Metric == hone.ClassShare || g.Metric == hone.ScoreMean || g.Feedback != "" { // Both sides have the same kind of users.
		r.Canary.Alike = max(r.Canary.Alike, r.Control.Alike)
		r.Control.Alike = r.Canary.Alike
	}
	switch {
	case g.Metric == hone.LatencyP99 || g.Metric == hone.ErrorRate:
		f = above(g, r, alpha)
	case g.Metric == hone.ScoreMean || g.Metric == hone.ClassShare:
		f = changed(g, r, alpha)
	case g.Feedback != "":
		f = sent(g, r, alpha)
	default:
		f = worth(g, r, alpha)
	}
	v := hone.Verdict{Gate: g.Gate(), Slice: g.Class, Value: f.value, Limit: f.limit, N: f.n, Unit: f.unit, Result: hone.Pass, Sentence: f.says + "."}
	known := !math.IsInf(f.lower-f.upper, 0) && !math.IsNaN(f.lower-f.upper)
	if known {
		v.Lower, v.Upper = f.lower, f.upper
	}
	switch {
	case math.IsNaN(f.value-f.value) || math.IsNaN(f.limit-f.limit):
		v.Value, v.Limit = 0, 0
		v.Result, v.Need, v.Sentence = hone.Inconclusive, 1, "its "+named(g)+" came out as no number."
	case known && (f.lower > f.limit || f.either && f.upper < -f.limit):
		v.Result = hone.Fail
		v.Sentence = f.says + ": surely " + f.past() + "."
	case r.Trouble != "":
		v.Result, v.Need = hone.Inconclusive, 1
		v.Sentence = "its " + named(g) + " cannot be told: " + say.Clip(r.Trouble, 200) + "."
	case r.Waiting > max(fewWaiting-1, f.n/2):
		v.Result, v.Need = hone.Inconclusive, r.Waiting
		v.Sentence = "its " + named(g) + " is not measured yet on " + say.Count(r.Waiting, "row", "rows") + " whose labels have come."
	case f.n < g.MinRows:
		v.Result, v.Need = hone.Inconclusive, g.MinRows-f.n
		v.Sentence = "its " + named(g) + " rests on " + say.Whole(f.n) + " of " + say.Count(g.MinRows, "row", "rows") + " that it waits for."
	case f.n == 0:
		v.Result, v.Sentence = hone.Inconclusive, "nothing has come in time to tell its "+named(g)+" by; it is judged without."
	case !known:
		v.Result, v.Sentence = hone.Inconclusive, "its "+named(g)+" rests on "+say.Count(f.n, "row", "rows")+", too few to tell; it is judged without."
	}
	return v
}

// finding is what a guardrail measures: a harm, or a change either way.
type finding struct {
	value, lower, upper, limit float64
	n                          int
	unit, says                 string
	word                       string // How it is past its limit: more, worse, apart; empty for the side's own rate.
	either                     bool
}

// past says by how much a finding is past its limit.
func (f finding) past() string {
	sure := f.lower
	if f.upper < -f.limit {
		sure = -f.upper
	}
	switch {
	case f.word == "":
		return "over " + say.Percent(sure)
	case f.unit == "share":
		return say.Num(100*sure) + " points " + f.word + ", where " + say.Num(100*f.limit) + " are put up with"
	}
	return say.Num(sure) + " " + f.word + ", where " + say.Num(f.limit) + " is put up with"
}

// named is a guardrail's measure in a sentence.
func named(g hone.Guardrail) string {
	switch {
	case g.Feedback == "thumb":
		return "share of thumbs that are down"
	case g.Feedback != "":
		return "score by users"
	case g.Metric == hone.LatencyP99:
		return "slowest hundredth"
	case g.Metric == hone.ErrorRate:
		return "rate of errors"
	case g.Metric == hone.ScoreMean:
		return "mean score"
	case g.Metric == hone.ClassShare:
		return "share of answers " + g.Class
	}
	return g.Metric
}

// above holds the candidate's own rate: of errors, or of answers over a time.
func above(g hone.Guardrail, r hone.Reading, alpha float64) finding {
	f := finding{value: r.Canary.Mean(), n: r.Canary.N, limit: g.Limit(), unit: "share"}
	f.lower, f.upper = stat.RateBounds(rateOf(r.Canary), alpha)
	if g.Metric == hone.ErrorRate {
		f.says = "it fails on " + say.Percent(f.value) + " of requests, and " + say.Percent(f.limit) + " is the most"
		return f
	}
	f.says = say.Percent(f.value) + " of its answers take longer than " + hone.Duration(g.Limit()*1e9).String() + ", and 1 % may"
	f.limit = slowestShare
	return f
}

// changed holds what the candidate answers beside what the champion does: on the
// same requests where both answer them.
func changed(g hone.Guardrail, r hone.Reading, alpha float64) finding {
	f := finding{value: r.Canary.Mean() - r.Control.Mean(), n: r.Canary.N, limit: g.Limit(), either: true, word: "apart"}
	if r.Control.N == 0 {
		f.value, f.n = 0, 0
	}
	switch {
	case r.Paired.N > 0:
		f.lower, f.upper = stat.MeanBounds(sampleOf(r.Paired, g.Metric == hone.ClassShare), alpha/2)
	case g.Metric == hone.ClassShare:
		f.lower = stat.HarmLower(rateOf(r.Canary), rateOf(r.Control), alpha/2)
		f.upper = stat.HarmUpper(rateOf(r.Canary), rateOf(r.Control), alpha/2)
	default:
		f.lower, f.upper = stat.DifferenceBounds(sampleOf(r.Canary, false), sampleOf(r.Control, false), alpha/2)
	}
	if g.Metric == hone.ClassShare {
		f.unit = "share"
		f.says = "it answers " + g.Class + " to " + say.Percent(r.Canary.Mean()) + " of requests, the champion to " + say.Percent(r.Control.Mean())
		return f
	}
	f.unit = "score"
	f.says = "its mean score is " + say.Num(r.Canary.Mean()) + ", the champion's " + say.Num(r.Control.Mean())
	return f
}

// sent holds what people say of the candidate's answers against what they say of
// the champion's.
func sent(g hone.Guardrail, r hone.Reading, alpha float64) finding {
	f := finding{n: r.Canary.N, limit: g.Limit(), word: "worse"}
	if r.Control.N == 0 {
		f.n = 0
	}
	if g.Feedback == string(hone.Thumb) {
		f.unit, f.word, f.value = "share", "more", r.Canary.Mean()-r.Control.Mean()
		f.lower = stat.HarmLower(rateOf(r.Canary), rateOf(r.Control), alpha)
		f.upper = stat.HarmUpper(rateOf(r.Canary), rateOf(r.Control), alpha)
		f.says = say.Percent(r.Canary.Mean()) + " of its " + say.Count(r.Canary.N, "thumb", "thumbs") + " are down, " +
			say.Percent(r.Control.Mean()) + " of the champion's " + say.Whole(r.Control.N)
		return f
	}
	a, b := sampleOf(r.Canary, false), sampleOf(r.Control, false)
	if g.Direction != hone.Lower {
		a, b = b, a
	}
	f.value = a.Mean - b.Mean
	if g.Relative {
		// The limit moves with the champion's mean, whose own error counts too.
		share := g.Limit()
		f.limit = share * math.Abs(r.Control.Mean())
		a, b = stretched(g, a, b, share)
	}
	f.lower, f.upper = stat.DifferenceBounds(a, b, alpha)
	if g.Relative {
		f.lower, f.upper = f.lower+f.limit, f.upper+f.limit
	}
	f.unit = "score"
	f.says = "users score it " + say.Num(r.Canary.Mean()) + ", the champion " + say.Num(r.Control.Mean())
	return f
}

// stretched moves the champion's side by a share of its mean towards what is put
// up with: the difference left is what is beyond.
func stretched(g hone.Guardrail, a, b stat.Sample, share float64) (stat.Sample, stat.Sample) {
	by := func(s stat.Sample, toWorse float64) stat.Sample {
		k := 1 + toWorse*share*math.Copysign(1, s.Mean)
		return stat.Sample{Mean: k * s.Mean, Variance: k * k * s.Variance, N: s.N}
	}
	if g.Direction != hone.Lower {
		return by(a, -1), b // The champion's is the first, and less of it is worse.
	}
	return a, by(b, 1)
}

// worth holds the owner's metric on the same rows.
func worth(g hone.Guardrail, r hone.Reading, alpha float64) finding {
	f := finding{value: r.Paired.Mean() + r.Margin, n: r.Paired.N, limit: r.Margin, word: "worse", unit: "a row"}
	if f.n == 0 && !g.Relative {
		f.limit = g.Limit()
	}
	f.lower, f.upper = stat.MeanBounds(sampleOf(r.Paired, false), alpha)
	f.lower, f.upper = f.lower+r.Margin, f.upper+r.Margin
	f.says = "its " + g.Metric + " is " + say.Num(r.Canary.Mean()) + " a row on " + say.Count(r.Paired.N, "row", "rows") + ", the champion's " + say.Num(r.Control.Mean())
	return f
}

// rateOf counts events among as many that are not alike.
func rateOf(s hone.Spread) stat.Rate { return rate(int(math.Round(s.Sum)), s.N, s.Alike) }

// sampleOf is the mean of a spread; where its values are no more than one away from
// nought, one more that differs stands for those that have not come.
func sampleOf(s hone.Spread, smooth bool) stat.Sample {
	out := stat.Sample{Mean: s.Mean(), N: float64(s.N) / max(1, s.Alike)}
	n := float64(s.N)
	if n > 1 {
		out.Variance = max(0, s.Square-s.Sum*s.Sum/n) / (n - 1)
	}
	if smooth {
		out.Variance = (s.Square + 1) / (n + 2)
	}
	return out
}
