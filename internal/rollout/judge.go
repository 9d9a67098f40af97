package rollout

import (
	"math"
	"time"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// The guards share the 5 % of healthy candidates that may be rolled back while
// all of them look at every request: what each may take adds up to it. Beside each
// is the harm that is put up with.
const (
	faultAlpha, faultMargin = 0.025, 0.001
	suddenLimit             = 500 // Evidence that a few faults are no chance, at 0.2 %.
	slowAlpha, slowMargin   = 0.002, 0.02
	ratioLimit              = 1000 // Evidence that the split is broken, at 0.1 %.
	harmLimit               = 50   // Evidence that the answers are worse, at 2 %.
	// tripwire is how many faults are too many for a candidate whose champion has
	// none to speak of: one in a thousand of at least so many answers.
	tripwire, proven = 5, 1000
	// fast is a 99th percentile under which nobody minds how much slower the
	// candidate is.
	fast = time.Millisecond
)

// judge returns the verdicts of a step. A failed one takes the candidate back;
// one that is inconclusive with a Need holds the step.
func judge(gs []hone.Guardrail, s hone.Step, h hone.Health) []hone.Verdict {
	b := budgetOf(gs)
	var out []hone.Verdict
	if s.Shadow > 0 { // It answers after the served answer, so that its latency says nothing yet.
		out = []hone.Verdict{shadowFaults(s, h, b), agreement(h), quality(h.Quality, b.harm)}
	} else {
		out = []hone.Verdict{faults(h, b.margin), faultRate(h, b), slow(h), sampleRatio(s, h), quality(h.Quality, b.harm), exposure(s, h)}
	}
	if h.Elsewhere {
		unseen(s, h, out)
	}
	return append(out, guardrails(gs, s, h, b.each)...)
}

// unseen says of a version that was to get traffic and that no log names, that this is
// what the step waits for.
func unseen(s hone.Step, h hone.Health, all []hone.Verdict) {
	if s.Shadow > 0 || h.Canary.Requests > 0 {
		return
	}
	for i := range all {
		if all[i].Need > 0 && all[i].Gate != "quality" {
			all[i].Sentence = "it was never seen in the logs."
		}
	}
}

// blocking returns the verdict that keeps the step from being passed. Broken
// numbers come first: too little traffic may be put up with, they may not.
func blocking(all []hone.Verdict) (first *hone.Verdict) {
	for i, v := range all {
		if v.Result == hone.Inconclusive && v.Need > 0 && (first == nil || v.Gate == "quality") {
			first = &all[i]
		}
	}
	return first
}

// shadowFaults asks for the step's number of answers without a fault, and for as
// many again for each fault: a single hiccup costs time, a habit the candidate. Where
// the champion has that habit too, the rates are compared.
func shadowFaults(s hone.Step, h hone.Health, b budget) hone.Verdict {
	n, k := h.Canary.Requests, h.Canary.Faults
	v := hone.Verdict{Gate: "faults", Value: float64(k), Limit: tripwire, N: n, Unit: "faults", Result: hone.Pass}
	v.Sentence = "it failed on " + say.Whole(k) + " of " + say.Count(n, "shadow request", "shadow requests") + example(h.Canary.Fault) + "."
	alike := max(1, h.Canary.AlikeFaults)
	apart := int(math.Ceil(float64(k)/alike - 1e-9)) // Faults of one request are one.
	want, worse := s.Shadow*(apart+1), apart >= tripwire || k < 0 || (n >= 200 && apart*100 > n)
	if failing(h.Champion) {
		want = s.Shadow
		worse = k < 0 || stat.HarmLower(rate(k, n, alike), rate(h.Champion.Faults, h.Champion.Requests, alike), b.fault) > b.margin
	}
	if worse {
		v.Result = hone.Fail
		return v
	}
	if n < want {
		v.Result, v.Need = hone.Inconclusive, want-n
		v.Sentence = say.Count(n, "shadow answer", "shadow answers") + " so far, " + say.Whole(v.Need) + " more are needed."
	}
	return v
}

// failing tells whether the champion itself fails on more than one request in a
// thousand.
func failing(t hone.Tally) bool { return t.Faults*1000 > t.Requests }

// faults is the tripwire: nobody waits for statistics while requests fail that
// do not fail elsewhere. A champion that is proven sound makes five faults enough,
// in more than one request of a hundred; against any other they must be more than
// its share explains. Faults of one user, or of one request, count as one.
func faults(h hone.Health, margin float64) hone.Verdict {
	n, k := h.Canary.Requests, h.Canary.Faults
	v := hone.Verdict{Gate: "faults", Result: hone.Pass, Value: float64(k), Limit: tripwire, N: n, Unit: "faults"}
	v.Sentence = "it failed on " + say.Whole(k) + " of " + say.Count(n, "request", "requests") + example(h.Canary.Fault) + "."
	alike := max(1, h.Canary.AlikeFaults, h.Control.AlikeFaults)
	canary, control := rate(k, n, alike), rate(h.Control.Faults, h.Control.Requests, alike)
	sound := h.Champion.Requests >= proven && !failing(h.Champion) && !failing(hone.Tally{Requests: h.Control.Requests, Faults: h.Control.Faults})
	known := canary.Events >= tripwire && canary.Share() > 0.01 && sound
	more := canary.Events >= tripwire && stat.MoreThanShareE(canary, control) >= suddenLimit
	if margin > faultMargin { // The owner puts up with so many more.
		more = more && canary.Share()-control.Share() > margin
		known = known && canary.Share() > margin
	}
	if k < 0 || known || more {
		v.Result = hone.Fail
	}
	return v
}

func faultRate(h hone.Health, b budget) hone.Verdict {
	alike := max(h.Canary.AlikeFaults, h.Control.AlikeFaults)
	v := rates("fault_rate", h.Canary.Faults, h.Canary.Requests, h.Control.Faults, h.Control.Requests, alike, b.fault, b.margin)
	v.Sentence = "it fails on " + say.Percent(share(h.Canary.Faults, h.Canary.Requests)) + " of requests, the champion on " +
		say.Percent(share(h.Control.Faults, h.Control.Requests)) + bounds(v) + "."
	if v.Result == hone.Inconclusive {
		v.Need = 1
		v.Sentence = "there are no answers of both versions to compare."
	}
	return v
}

// slow compares how often answers take longer than the champion's 95th
// percentile. Without one it cannot be told, and does not hold the step.
func slow(h hone.Health) hone.Verdict {
	alike := max(h.Canary.AlikeSlow, h.Control.AlikeSlow)
	v := rates("slow_rate", h.Canary.Slow, h.Canary.Requests, h.Control.Slow, h.Control.Requests, alike, slowAlpha, slowMargin)
	if h.SlowerThan <= 0 {
		v.Result = hone.Inconclusive
	}
	switch {
	case v.Result == hone.Inconclusive:
		v.Sentence = "latency cannot be compared yet."
		return v
	case h.Canary.P99 > 0 && h.Canary.P99 < fast:
		v.Result = hone.Pass
	}
	v.Sentence = say.Percent(share(h.Canary.Slow, h.Canary.Requests)) + " of its answers take longer than " + h.SlowerThan.String() +
		", against " + say.Percent(share(h.Control.Slow, h.Control.Requests)) + " of the champion's" + bounds(v) + "."
	return v
}

// rates holds the canary's rate of harm against the control's, where so many
// requests of the same users count as one.
func rates(gate string, k1, n1, k0, n0 int, alike, alpha, margin float64) hone.Verdict {
	v := hone.Verdict{Gate: gate, Limit: margin, N: max(n1, 0), Unit: "share"}
	if n1 <= 0 || n0 <= 0 || k1 < 0 || k0 < 0 || k1 > n1 || k0 > n0 {
		v.Result = hone.Inconclusive
		return v
	}
	canary, control := rate(k1, n1, alike), rate(k0, n0, alike)
	v.Value = canary.Share() - control.Share()
	v.Lower = stat.HarmLower(canary, control, alpha)
	v.Upper = stat.HarmUpper(canary, control, alpha)
	v.Result = hone.Pass
	if v.Lower > margin {
		v.Result = hone.Fail
	}
	return v
}

// rate counts as many requests as are not alike.
func rate(k, n int, alike float64) stat.Rate {
	alike = max(1, alike)
	return stat.Rate{Events: float64(k) / alike, Requests: float64(n) / alike}
}

// bounds says what a harm is surely within.
func bounds(v hone.Verdict) string {
	switch points := func(x float64) string { return say.Num(100 * x) }; {
	case v.Result == hone.Fail:
		return ": surely " + points(v.Lower) + " points more, where " + points(v.Limit) + " are put up with"
	case v.Upper >= 1:
		return ""
	default:
		return ": at most " + points(max(0, v.Upper)) + " points more"
	}
}

// sampleRatio checks that the traffic was split as planned, by users where they
// are known. A broken split says nothing of the candidate, but makes every other
// comparison worthless.
func sampleRatio(s hone.Step, h hone.Health) hone.Verdict {
	canary, control, what := h.Canary.Requests, h.Control.Requests, "requests"
	if h.Canary.Units > 0 || h.Control.Units > 0 {
		canary, control, what = h.Canary.Units, h.Control.Units, "users"
	}
	want := s.Weight
	v := hone.Verdict{Gate: "sample_ratio", Result: hone.Pass, Limit: ratioLimit, N: canary + control, Unit: "e-value"}
	v.Value = stat.SampleRatioE(canary, control, want)
	v.Sentence = "it has " + say.Whole(canary) + " of " + say.Whole(canary+control) + " " + what + ", and " + say.Percent(want) + " were due."
	if v.Value >= ratioLimit && h.Elsewhere {
		// The owner's servers take a plan up one after the other, or split as they like.
		v.Result = hone.Inconclusive
		v.Sentence = "the traffic was not split as planned, so that what was not paired compares different users: " + v.Sentence
		return v
	}
	if v.Value >= ratioLimit {
		v.Result = hone.Fail
		v.Sentence = "the split of the traffic is broken, whatever the candidate is worth: " + v.Sentence
	}
	return v
}

// quality looks at the labels that have come. None come in time for many models;
// then the step is judged without them, and says so.
func quality(q hone.Paired, limit float64) hone.Verdict {
	v := hone.Verdict{Gate: "quality", Limit: limit, N: max(q.N, 0), Unit: "e-value"}
	switch {
	case q.N <= 0:
		v.Result = hone.Inconclusive
		v.Sentence = "no labels have come in time; it is judged without them."
		return v
	case math.IsNaN(q.Worse-q.Worse) || math.IsNaN(q.Diff-q.Diff) || q.Worse < 0: // Nor infinite.
		v.Result, v.Need = hone.Inconclusive, 1
		v.Sentence = "its losses came out as no number."
		return v
	}
	v.Value = q.Worse
	switch {
	case q.Worse >= limit:
		v.Result = hone.Fail
		v.Sentence = "it loses " + say.Num(q.Candidate) + " a row on " + say.Count(q.N, "label", "labels") + ", the champion " + say.Num(q.Champion) + ": surely worse."
	default:
		v.Result = hone.Pass
		v.Sentence = "it loses " + say.Num(q.Candidate) + " a row on " + say.Count(q.N, "label", "labels") + ", the champion " + say.Num(q.Champion) + "."
	}
	return v
}

// agreement is only reported: a better candidate may well answer differently.
func agreement(h hone.Health) hone.Verdict {
	n := h.Canary.Requests
	v := hone.Verdict{Gate: "agreement", Result: hone.Pass, Value: share(h.Agree, n), N: n, Unit: "share"}
	v.Sentence = "it gives the served answer to " + say.Percent(v.Value) + " of " + say.Count(n, "request", "requests") + "."
	if n <= 0 {
		v.Result, v.Sentence = hone.Inconclusive, "there are no shadow answers yet."
	}
	return v
}

func exposure(s hone.Step, h hone.Health) hone.Verdict {
	n := h.Canary.Requests
	v := hone.Verdict{Gate: "exposure", Result: hone.Pass, Value: float64(n), Limit: float64(s.MinRequests), N: n, Unit: "requests"}
	v.Sentence = "it has answered " + say.Count(n, "request", "requests") + "."
	if least := max(s.MinRequests, 1); n < least {
		v.Result, v.Need = hone.Inconclusive, least-n
		v.Sentence = "it has answered " + say.Count(n, "request", "requests") + ", " + say.Whole(v.Need) + " more are needed."
	}
	return v
}

func share(k, n int) float64 {
	if n <= 0 {
		return 0
	}
	return float64(k) / float64(n)
}
