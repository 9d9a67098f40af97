package gate

import (
	"math"
	"slices"
	"strings"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// rounding is what sums of decimal numbers are off by: a limit itself passes.
const rounding = 1e-12

// apart are the owner's gates that are judged where the default ones are.
var apart = []string{regressionTests, Calibration, permutedTwin}

// metricValue is one metric of both versions, in the unit of the owner's gates.
type metricValue struct {
	candidate, champion float64
	higher              bool
	n                   int
	unit                string
	// lower and upper are the 95 % interval of the candidate's less the champion's
	// on the same rows; equal where it is not known.
	lower, upper float64
	// why it has no value, where that is known.
	why string
}

// owners judges by the owner's gates. What a gate on the loss asks for against
// the champion is the business of the quality gate, unless evidence is strict.
func owners(m hone.Model, d hone.Decision, e hone.Evaluation, first bool) []hone.Verdict {
	var out []hone.Verdict
	for _, g := range m.Gates {
		if g.Metric == "" || slices.Contains(apart, g.Metric) {
			continue
		}
		relative := !first && (g.Metric != "loss" || (m.Evidence == hone.Strict && !wasForced(d)))
		t := test{strict: m.Evidence == hone.Strict && !wasForced(d), alpha: alpha}
		if t.strict {
			t.alpha = spent(alpha, e.Look)
		}
		v, ok := measured(e, g.Metric, "")
		out = append(out, t.bounds(g, v, ok, relative, "")...)
		if g.Slices != "all" {
			continue
		}
		t.alpha /= float64(max(1, len(e.Slices)))
		for _, s := range e.Slices {
			v, ok := measured(e, g.Metric, s.Slice)
			out = append(out, t.bounds(g, v, ok, !first && g.Metric != "loss", s.Slice)...)
		}
	}
	return out
}

// test is how limits against the champion are told from chance.
type test struct {
	strict bool
	alpha  float64 // Of each side.
}

// measured finds a metric in the evaluation, on all rows or on one slice.
func measured(e hone.Evaluation, metric, slice string) (metricValue, bool) {
	r := e.Replay
	switch {
	case metric == "latency_p99":
		return metricValue{candidate: r.Candidate.Seconds(), champion: r.Champion.Seconds(), n: r.Requests, unit: "s"}, r.Requests > 0 && r.Candidate > 0
	case metric == "memory":
		return metricValue{candidate: float64(r.CandidateMem), champion: float64(r.ChampionMem), n: r.Requests, unit: "bytes"}, r.CandidateMem > 0
	case metric == "loss" && slice == "":
		return lossValue(whole(e)), sound(e.Loss)
	case metric == "loss":
		for _, s := range e.Slices {
			if s.Slice == slice {
				return lossValue(s.Paired), sound(s.Paired)
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
			return metricValue{candidate: p.Candidate, champion: p.Champion, higher: p.Higher, n: p.N, lower: p.Lower, upper: p.Upper},
				finite(p.Candidate, p.Champion, p.Lower, p.Upper) && p.N > 0
		}
	}
	return metricValue{why: e.Lacking[name]}, false
}

func lossValue(p hone.Paired) metricValue {
	return metricValue{candidate: p.Candidate, champion: p.Champion, n: p.N, unit: "loss a row", lower: p.Lower, upper: p.Upper}
}

// bounds gives a verdict for each limit of one gate.
func (t test) bounds(g hone.Gate, v metricValue, ok, relative bool, slice string) []hone.Verdict {
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
	champion := ", the champion's " + inUnit(g.Metric, v.champion)
	if g.MinChange != nil {
		w := bound(g.Metric, slice, v, ok, *g.MinChange)
		out = append(out, t.against(w, v, g.Metric+".min_change", 1, champion+"; it must be better by "+inUnit(g.Metric, *g.MinChange)))
	}
	if g.MaxRegression != nil {
		w := bound(g.Metric, slice, v, ok, *g.MaxRegression)
		out = append(out, t.against(w, v, g.Metric+".max_regression", -1, champion+"; it may be worse by "+inUnit(g.Metric, *g.MaxRegression)))
	}
	return out
}

// against ends a verdict on a limit against the champion, by a paired test. The
// sign is 1 where the value is a gain that must reach the limit, -1 where it is a
// harm that must not pass it. What is surely past the limit fails, what is within
// it passes; under strict evidence only what is surely within it does. Between
// the two it cannot be told yet.
func (t test) against(w hone.Verdict, v metricValue, gate string, sign float64, says string) hone.Verdict {
	w.Gate = gate
	if w.Result == hone.Inconclusive {
		return w
	}
	if !v.higher {
		sign = -sign // Less is a gain.
	}
	w.Value = sign * (v.candidate - v.champion)
	w.Sentence += says + "."
	over := w.Value - w.Limit
	if strings.HasSuffix(gate, ".min_change") {
		over = -over
	}
	se := (v.upper - v.lower) / (2 * stat.NormalQuantile(0.975))
	if !(se > 0) {
		w.Result = hone.Pass
		if over > rounding {
			w.Result = hone.Fail
		}
		return w
	}
	half := stat.NormalQuantile(1-t.alpha) * se
	w.Lower, w.Upper = w.Value-half, w.Value+half
	switch {
	case over > half:
		w.Result = hone.Fail
	case over <= rounding && !t.strict, over < -half:
		w.Result = hone.Pass
	default:
		// The interval narrows with the root of the rows.
		w.Result, w.Need = hone.Inconclusive, undecided(w.N, half/math.Max(math.Abs(over), 1e-300))
		w.Sentence += " That may be chance: it is between " + say.Num(w.Lower) + " and " + say.Num(w.Upper) + "."
	}
	return w
}

// undecided is how many more rows an interval takes that is too wide by a factor.
func undecided(n int, factor float64) int {
	return int(math.Ceil(math.Min(mostRows, math.Max(1, float64(n)*(factor*factor-1)))))
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
	case !ok && v.why != "":
		w.Result, w.Need = hone.Inconclusive, least
		w.Sentence = "Its " + of + " has no value: " + v.why + "."
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
	if strings.HasSuffix(gate, ".min") {
		over = -over
	}
	if over <= rounding {
		w.Result = hone.Pass
	}
	w.Sentence += says
	return w
}

func replayed(metric string) bool { return metric == "latency_p99" || metric == "memory" }
