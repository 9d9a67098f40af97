// Package gate judges a candidate by its evaluation: verdicts, each with the
// numbers it rests on, and the ruling that follows from them. Measuring is left
// to evaluate, acting on the ruling to loop.
package gate

import (
	"math"

	"hone"
)

const (
	// minRows is the least number of rows that a verdict on losses rests on.
	minRows = 30
	// minSlice is the least number of rows that a slice is judged on.
	minSlice = 200
	// margin is how much worse than the champion is clearly worse, as a share of
	// the most that a row can lose.
	margin = 0.02
	// alpha is the chance, over the life of a model, that strict evidence
	// promotes a worthless candidate.
	alpha = 0.05
	// forced is the guard in a decision's reasons that records that a person
	// wants the candidate without proof that it is better.
	forced = "force"
	// regressionTests is the metric of the owner's gate on anchor cases.
	regressionTests = "regression_tests"
	// Calibration is the gate on how far scores can be taken at their word.
	Calibration = "calibration"
)

// Judge returns the verdicts on a run's candidate, in the order in which they
// are read: safety first, then quality, slices and the owner's gates. It never
// returns an empty list. The number candidates counts those judged since the
// last promotion that survived probation, this one included; strict evidence
// spends its error over them. manifestErr is what was wrong with the artefact's
// manifest or signature, if anything.
func Judge(m hone.Model, run hone.Run, e hone.Evaluation, candidates int, manifestErr error) []hone.Verdict {
	first := run.Champion == "" && e.Champion == ""
	out := []hone.Verdict{signature(manifestErr), faults(e.Replay)}
	if !capped(m, "latency_p99") {
		out = append(out, latency(e.Replay, first))
	}
	if !capped(m, "memory") {
		out = append(out, memory(e.Replay, first))
	}
	if v, ok := anchors(m, e); ok {
		out = append(out, v)
	}
	switch {
	case first:
		out = append(out, sanity(e))
	case e.Champion == "":
		out = append(out, hone.Verdict{Gate: "quality", Result: hone.Inconclusive, Sentence: "The candidate was not compared with the champion " + string(run.Champion) + "."})
	default:
		out = append(out, quality(m, run.Decision, e, candidates))
		out = append(out, onSlices(m, e)...)
		if v, ok := calibration(m, run.Decision, e); ok {
			out = append(out, v)
		}
		out = append(out, onEras(run.Decision, e)...)
	}
	if v, ok := permuted(m, run.Decision, e); ok {
		out = append(out, v)
	}
	return append(out, owners(m, run.Decision, e, first)...)
}

// Rule says what follows from the verdicts. One failure rejects the candidate.
// One that is inconclusive holds it, or rejects it once it has waited past the
// deadline; slices that are too small to judge do not count, nor does what only warns. Nothing is promoted
// unchecked: without a verdict, or without one on anchor cases where the model
// has them, the candidate is held.
func Rule(m hone.Model, verdicts []hone.Verdict, waited bool) hone.Ruling {
	passed, open, anchored := false, false, false
	for _, v := range verdicts {
		switch {
		case v.Warns:
		case v.Result == hone.Fail:
			return hone.Reject
		case v.Result == hone.Pass:
			passed = true
		case v.Result == hone.Inconclusive && v.Slice != "":
		default:
			open = true
		}
		anchored = anchored || v.Gate == "anchors"
	}
	_, wants := maxFailures(m)
	switch {
	case open && waited:
		return hone.Reject
	case open, !passed, wants && !anchored:
		return hone.Hold
	}
	return hone.Promote
}

// wasForced tells whether a person asked for the candidate whatever its worth.
func wasForced(d hone.Decision) bool {
	if d.Trigger != hone.OnManual {
		return false
	}
	for _, r := range d.Reasons {
		if r.Guard == forced {
			return true
		}
	}
	return false
}

// capped tells whether the owner has set a bound on a metric, which then stands
// in place of the default one.
func capped(m hone.Model, metric string) bool {
	for _, g := range m.Gates {
		if g.Metric == metric && g.Max != nil {
			return true
		}
	}
	return false
}

func finite(x ...float64) bool {
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
