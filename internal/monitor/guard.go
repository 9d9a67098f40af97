package monitor

import (
	"math"
	"slices"
	"strconv"
	"time"

	"hone"
	"hone/internal/stat"
)

// guard counts what both sides gave that one of the owner's guardrails looks at.
type guard struct {
	hone.Guardrail
	canary, control, paired values
	// counted are the predictions whose feedback counts already; due those whose
	// feedback counts once they have the age, by their number.
	counted map[int64]bool
	due     map[int64]vote
}

// mostScore bounds the scores that count, so that their squares add up.
const mostScore = 1e15

// values is a spread, and how alike its values are: by user, and by request.
type values struct {
	hone.Spread
	users, requests stat.Clusters
}

// vote is what is said of one answer so far.
type vote struct {
	hone.Opinion
	value float64
}

func (v *values) add(user, request int, x float64) {
	v.N++
	v.Sum += x
	v.Square += x * x
	v.users.Add(user, x)
	v.requests.Add(request, x)
}

func (v *values) read() hone.Spread {
	out := v.Spread
	if out.N > 0 {
		out.Alike = max(v.users.Cautious(), v.requests.Cautious())
	}
	return out
}

// Guard lets the arms count for guardrails too. Those on the owner's metrics are
// measured elsewhere. The signatures are those of the challenger and the champion.
func (a *Arms) Guard(gs []hone.Guardrail, challenger, champion hone.Signature) {
	a.signatures = [2]hone.Signature{challenger, champion}
	for _, g := range gs {
		a.guards = append(a.guards, &guard{Guardrail: g, counted: map[int64]bool{}, due: map[int64]vote{}})
	}
}

// guardServed counts one served answer, which the arm has taken: the challenger's or
// the champion's.
func (a *Arms) guardServed(of *arm, p hone.Prediction, failed bool) {
	if len(a.guards) == 0 {
		return
	}
	user, request := of.units.number(p.Unit), of.sameRequest(p.Time, p.Latency)
	for _, g := range a.guards {
		side, sig := &g.canary, a.signatures[0]
		if of == &a.control {
			side, sig = &g.control, a.signatures[1]
		}
		if x, ok := g.value(sig, p.Scores, p.Latency, failed); ok {
			side.add(user, request, x)
		}
	}
}

// guardShadow counts one shadow answer beside the one that was served.
func (a *Arms) guardShadow(s hone.ShadowScore) {
	request := -1
	if len(a.guards) > 0 {
		request = a.canary.sameRequest(s.Time, s.Latency)
	}
	for _, g := range a.guards {
		x, ok := g.value(a.signatures[0], s.Scores, s.Latency, s.Fault != "")
		if !ok {
			continue
		}
		y, both := g.value(a.signatures[1], s.Served, 0, false)
		g.canary.add(-1, request, x)
		if both {
			g.control.add(-1, request, y)
			g.paired.add(-1, request, x-y)
		}
	}
}

// value is what an answer counts for a guardrail, and whether it does.
func (g *guard) value(sig hone.Signature, scores []float64, took time.Duration, failed bool) (float64, bool) {
	switch {
	case g.Metric == hone.LatencyP99:
		return one(took.Seconds() > g.Limit()), true
	case g.Metric == hone.ErrorRate:
		return one(failed), true
	case failed || len(scores) == 0 || len(scores) != sig.Width():
		return 0, false
	case g.Metric == hone.ScoreMean:
		return scores[0], true
	case g.Metric == hone.ClassShare:
		return one(sig.Answer(scores) == g.Class), true
	}
	return 0, false
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Opinion counts a score or thumb on an answer of the step: at once, or once the
// answer has the guardrail's age. What comes later than that counts on neither side.
func (a *Arms) Opinion(o hone.Opinion) {
	for _, g := range a.guards {
		if g.Feedback != string(o.Kind) {
			continue
		}
		v := vote{Opinion: o, value: one(o.Value == "down")}
		if o.Kind == hone.Score {
			x, err := strconv.ParseFloat(o.Value, 64)
			if err != nil || !(math.Abs(x) < mostScore) {
				continue
			}
			v.value = x
		}
		switch {
		case g.counted[o.Seq]:
		case g.Age == 0:
			g.counted[o.Seq] = true
			a.count(g, v)
		case !o.Received.After(o.Time.Add(time.Duration(g.Age))):
			g.due[o.Seq] = v // The last that was said by then.
		}
	}
}

// Ripen counts the feedback on answers that have their guardrail's age by now.
func (a *Arms) Ripen(now time.Time) {
	for _, g := range a.guards {
		var ripe []int64
		for seq, v := range g.due {
			if !v.Time.Add(time.Duration(g.Age)).After(now) {
				ripe = append(ripe, seq)
			}
		}
		slices.Sort(ripe) // Sums of scores must not hang on the order of a map.
		for _, seq := range ripe {
			g.counted[seq] = true
			a.count(g, g.due[seq])
			delete(g.due, seq)
		}
	}
}

// count takes a vote to the side whose answer it is about.
func (a *Arms) count(g *guard, v vote) {
	switch {
	case v.Route == hone.ByCanary:
		g.canary.add(a.canary.units.number(v.Unit), -1, v.value)
	case v.Route == hone.ByControl || v.Route == hone.ByChampion:
		g.control.add(a.control.units.number(v.Unit), -1, v.value)
	}
}

// readings are what was counted for each guardrail.
func (a *Arms) readings() []hone.Reading {
	var out []hone.Reading
	for _, g := range a.guards {
		out = append(out, hone.Reading{Gate: g.Gate(), Class: g.Class, Canary: g.canary.read(), Control: g.control.read(), Paired: g.paired.read()})
	}
	return out
}
