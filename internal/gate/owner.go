package gate

import (
	"strings"

	"hone"
	"hone/internal/say"
)

// rounding is what sums of decimal numbers are off by: a limit itself passes.
const rounding = 1e-12

// metricValue is one metric of both versions, in the unit of the owner's gates.
type metricValue struct {
	candidate, champion float64
	higher              bool
	n                   int
	unit                string
}

// owners judges by the owner's gates. What a gate on the loss asks for against
// the champion is the business of the quality gate, unless evidence is strict.
func owners(m hone.Model, d hone.Decision, e hone.Evaluation, first bool) []hone.Verdict {
	var out []hone.Verdict
	for _, g := range m.Gates {
		if g.Metric == regressionTests || g.Metric == "" {
			continue
		}
		relative := !first && (g.Metric != "loss" || (m.Evidence == hone.Strict && !wasForced(d)))
		v, ok := measured(e, g.Metric, "")
		out = append(out, bounds(g, v, ok, relative, "")...)
		if g.Slices != "all" {
			continue
		}
		for _, s := range e.Slices {
			v, ok := measured(e, g.Metric, s.Slice)
			out = append(out, bounds(g, v, ok, !first && g.Metric != "loss", s.Slice)...)
		}
	}
	return out
}

// measured finds a metric in the evaluation, on all rows or on one slice.
func measured(e hone.Evaluation, metric, slice string) (metricValue, bool) {
	r := e.Replay
	switch {
	case metric == "latency_p99":
		return metricValue{r.Candidate.Seconds(), r.Champion.Seconds(), false, r.Requests, "s"}, r.Requests > 0 && r.Candidate > 0
	case metric == "memory":
		return metricValue{float64(r.CandidateMem), float64(r.ChampionMem), false, r.Requests, "bytes"}, r.CandidateMem > 0
	case metric == "loss" && slice == "":
		return metricValue{e.Loss.Candidate, e.Loss.Champion, false, e.Loss.N, "loss a row"}, sound(e.Loss)
	case metric == "loss":
		for _, s := range e.Slices {
			if s.Slice == slice {
				return metricValue{s.Candidate, s.Champion, false, s.N, "loss a row"}, sound(s.Paired)
			}
		}
		return metricValue{}, false
	}
	name := metric
	if slice != "" {
		name += " " + slice
	}
	for _, p := range e.Metrics {
		if p.Metric == name {
			return metricValue{p.Candidate, p.Champion, p.Higher, p.N, ""}, finite(p.Candidate, p.Champion) && p.N > 0
		}
	}
	return metricValue{}, false
}

// bounds gives a verdict for each limit of one gate.
func bounds(g hone.Gate, v metricValue, ok, relative bool, slice string) []hone.Verdict {
	var out []hone.Verdict
	add := func(kind string, value float64, limit *float64, says string) {
		if limit != nil {
			w := bound(g.Metric, slice, v, ok, *limit)
			out = append(out, within(w, g.Metric+"."+kind, value, says+inUnit(g.Metric, *limit)+"."))
		}
	}
	add("max", v.candidate, g.Max, "; the most is ")
	add("min", v.candidate, g.Min, "; the least is ")
	if !relative {
		return out
	}
	ok = ok && (!replayed(g.Metric) || v.champion > 0)
	gain := v.champion - v.candidate
	if v.higher {
		gain = -gain
	}
	champion := ", the champion's " + inUnit(g.Metric, v.champion)
	add("min_change", gain, g.MinChange, champion+"; it must be better by ")
	add("max_regression", -gain, g.MaxRegression, champion+"; it may be worse by ")
	return out
}

// bound begins the verdict on one limit: inconclusive where there is nothing to
// hold against it, else without a result.
func bound(metric, slice string, v metricValue, ok bool, limit float64) hone.Verdict {
	w := hone.Verdict{Slice: slice, N: v.n, Unit: v.unit}
	least, of := minRows, metric
	if slice != "" {
		least, of = minSlice, metric+" on "+slice
	}
	switch {
	case !finite(limit):
		w.Result = hone.Inconclusive
		w.Sentence = "The limit of " + metric + " is no number."
		return w
	case !ok:
		w.Result, w.Need = hone.Inconclusive, least
		w.Sentence = "Its " + of + " could not be measured."
	case !replayed(metric) && v.n < least:
		w.Result, w.Need = hone.Inconclusive, least-v.n
		w.Sentence = "Its " + of + " rests on " + say.Whole(v.n) + " of " + say.Count(least, "row", "rows") + " that it takes."
	default:
		w.Sentence = "Its " + of + " is " + inUnit(metric, v.candidate)
	}
	w.Limit = limit
	return w
}

// within ends a verdict that can be told: at the limit itself it passes.
func within(w hone.Verdict, gate string, value float64, says string) hone.Verdict {
	w.Gate = gate
	if w.Result == hone.Inconclusive {
		return w
	}
	w.Value, w.Result = value, hone.Fail
	over := value - w.Limit
	if strings.HasSuffix(gate, ".min") || strings.HasSuffix(gate, ".min_change") {
		over = -over
	}
	if over <= rounding {
		w.Result = hone.Pass
	}
	w.Sentence += says
	return w
}

func replayed(metric string) bool { return metric == "latency_p99" || metric == "memory" }
