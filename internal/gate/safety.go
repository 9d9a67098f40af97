package gate

import (
	"time"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// The default bounds on what a candidate may cost to run, against the champion.
const (
	maxP99, maxP50 = 1.25, 1.5
	// quick is a 99th percentile under which no ratio matters.
	quick     = time.Millisecond
	maxMemory = 1.2
	// smallChange is how many bytes more never matter.
	smallChange = 64 << 20
)

func signature(err error) hone.Verdict {
	v := hone.Verdict{Gate: "signature", Result: hone.Pass, Sentence: "The artefact is whole, and takes and gives what the model says."}
	if err != nil {
		v.Result, v.Value = hone.Fail, 1
		v.Sentence = say.Period("The artefact does not fit the model: " + err.Error())
	}
	return v
}

func faults(r hone.Replay) hone.Verdict {
	v := hone.Verdict{Gate: "faults", Result: hone.Pass, Value: float64(r.Faults), N: r.Requests, Unit: "faults"}
	v.Sentence = "It answered " + say.Count(r.Requests, "replayed request", "replayed requests") + " without a fault."
	switch {
	case r.Faults != 0:
		v.Result = hone.Fail
		v.Sentence = say.Period("It failed on " + say.Whole(r.Faults) + " of " + say.Count(r.Requests, "replayed request", "replayed requests") + because(r.Fault))
	case r.Requests <= 0:
		v.Result, v.Need = hone.Inconclusive, 1
		v.Sentence = "No request could be replayed."
	}
	return v
}

func latency(r hone.Replay, first bool) hone.Verdict {
	v := hone.Verdict{Gate: "latency_p99", Limit: maxP99, N: r.Requests, Unit: "× the champion's"}
	switch {
	case r.Requests <= 0 || r.Candidate <= 0 || r.CandidateP50 < 0:
		v.Result, v.Need = hone.Inconclusive, 1
		v.Sentence = "Its latency was not measured."
	case first:
		v.Result = hone.Pass
		v.Sentence = "Its slowest hundredth take " + round(r.Candidate) + "; there is no champion to compare with."
	case r.Champion <= 0 || r.ChampionP50 <= 0:
		v.Result = hone.Inconclusive
		v.Sentence = "The champion's latency was not measured."
		if r.Candidate < quick {
			v.Result = hone.Pass
			v.Sentence = "Its slowest hundredth take " + round(r.Candidate) + ", under a millisecond."
		}
	default:
		p50 := float64(r.CandidateP50) / float64(r.ChampionP50)
		v.Value = float64(r.Candidate) / float64(r.Champion)
		v.Result = hone.Pass
		if r.Candidate >= quick && (p50 > maxP50 || v.Value > maxP99 && surelySlower(r)) {
			v.Result = hone.Fail
		}
		v.Sentence = "Its slowest hundredth take " + round(r.Candidate) + " against " + round(r.Champion) +
			", its median " + round(r.CandidateP50) + " against " + round(r.ChampionP50) + "."
		if v.Result == hone.Fail {
			v.Sentence += " Where that is quick enough, a gate of yours, such as {metric: latency_p99, max: 20ms}, takes the place of this one."
		}
	}
	return v
}

// surelySlower tells whether more of the candidate's answers than of the
// champion's are slow, by a sign test at 0.001: the slowest hundredth of a few
// hundred answers is three of them, and varies by more than the limit.
func surelySlower(r hone.Replay) bool {
	return r.Slow > r.ChampionSlow && stat.McNemar(r.Slow, r.ChampionSlow) < 0.002
}

func memory(r hone.Replay, first bool) hone.Verdict {
	v := hone.Verdict{Gate: "memory", Value: float64(max(r.CandidateMem, 0)), Unit: "bytes"}
	champion := max(r.ChampionMem, 0)
	v.Limit = max(maxMemory*float64(champion), float64(champion+smallChange))
	switch {
	case r.CandidateMem <= 0:
		v.Result, v.Need = hone.Inconclusive, 1
		v.Sentence = "Its memory was not measured."
	case first:
		v.Result, v.Limit = hone.Pass, 0
		v.Sentence = "It holds " + size(r.CandidateMem) + "; there is no champion to compare with."
	case v.Value <= v.Limit:
		v.Result = hone.Pass
		v.Sentence = "It holds " + size(r.CandidateMem) + " against " + size(champion) + "."
	case champion == 0:
		v.Result = hone.Inconclusive
		v.Sentence = "It holds " + size(r.CandidateMem) + ", and the champion's memory was not measured."
	default:
		v.Result = hone.Fail
		v.Sentence = "It holds " + size(r.CandidateMem) + " against " + size(champion) + "; " + size(int64(v.Limit)) + " are allowed."
	}
	return v
}

// maxFailures is how many anchor cases may fail, and whether there are any.
func maxFailures(m hone.Model) (int, bool) {
	for _, g := range m.Gates {
		if g.Metric == regressionTests {
			return max(g.MaxFailures, 0), true
		}
	}
	return 0, m.Dataset.Anchor != ""
}

func anchors(m hone.Model, e hone.Evaluation) (hone.Verdict, bool) {
	most, wanted := maxFailures(m)
	if !wanted {
		return hone.Verdict{}, false
	}
	failed := len(e.Anchors)
	v := hone.Verdict{Gate: "anchors", Result: hone.Pass, Value: float64(failed), Limit: float64(most), N: e.AnchorCases, Unit: "cases"}
	v.Sentence = "It gets " + say.Whole(failed) + " of " + say.Count(e.AnchorCases, "anchor case", "anchor cases") + " wrong"
	if failed > 0 {
		v.Sentence += ", such as \"" + say.Clip(e.Anchors[0].Case, 80) + "\""
	}
	v.Sentence += "; " + say.Whole(most) + " may fail."
	switch {
	case failed > most:
		v.Result = hone.Fail
	case e.AnchorCases <= 0:
		v.Result, v.Need = hone.Inconclusive, 1
		v.Sentence = "No anchor case was asked."
	}
	return v, true
}

// sanity asks a first version for nothing but to lose no more than the best
// constant answer.
func sanity(e hone.Evaluation) hone.Verdict {
	p := e.Loss
	v := hone.Verdict{Gate: "sanity", N: max(p.N, 0), Unit: "loss a row"}
	if !sound(p) || !finite(e.Trivial) {
		return unsound(v)
	}
	v.Value, v.Limit, v.Lower, v.Upper = p.Candidate, e.Trivial, e.Trivial+p.Lower, e.Trivial+p.Upper
	v.Sentence = "It loses " + say.Num(p.Candidate) + " a row, the best constant answer " + say.Num(e.Trivial) + ", on " + say.Count(p.N, "row", "rows") + "."
	switch {
	case p.Candidate > e.Trivial:
		v.Result = hone.Fail
	case p.N < minRows:
		v.Result, v.Need = hone.Inconclusive, minRows-p.N
		v.Sentence += " " + say.Whole(v.Need) + " more are needed to tell."
	default:
		v.Result = hone.Pass
	}
	return v
}
