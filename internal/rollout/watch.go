package rollout

import (
	"math"
	"strings"

	"hone"
	"hone/internal/say"
)

// defaultLabels is how many labels a probation lasts; worseLimit the evidence that
// the new champion is worse, at 5 %: no other guard looks beside it.
const (
	defaultLabels = 3000
	worseLimit    = 20
	// Where the owner's metrics look beside it, each half takes 2.5 %.
	worseBeside = 40
	ownAlpha    = 0.025
)

// Against is whom a new champion is watched against, and what a rollback goes to:
// the last version before it that is proven on labels.
func Against(w hone.Watch) hone.VersionID {
	if w.Proven != "" {
		return w.Proven
	}
	return w.Previous
}

// WatchStep takes what the labels so far say of a new champion against the one
// that a rollback goes to (losses new less previous, over all rows of the watch) and says
// whether to go back. The e-value may be looked at as often as wanted: an equal
// champion is taken back in 5 % of watches at most. What the owner's metrics measured
// stands in the watch's readings; a metric that cannot be told takes nobody back. A
// watch that is over stays so.
func WatchStep(w hone.Watch, q hone.Paired, own ...hone.Guardrail) (hone.Watch, bool) {
	if w.Over {
		return w, false
	}
	if math.IsNaN(q.Worse) || math.IsNaN(q.Diff) {
		w.Sentence = w.Model + " " + string(w.Version) + " cannot be judged: its losses came out as no number."
		return w, false
	}
	w.Quality, w.Verdicts = q, nil
	limit := float64(worseLimit)
	for _, g := range own {
		limit = worseBeside
		g.MinRows = 0 // Its labels are what it waits for.
		w.Verdicts = append(w.Verdicts, guardrail(g, readingOf(g, hone.Health{Guards: w.Guards}), ownAlpha/float64(len(own))))
	}
	who := w.Model + " " + string(w.Version)
	labels := w.Labels
	if labels <= 0 {
		labels = defaultLabels
	}
	switch {
	case Failed(w.Verdicts) != nil:
		w.Over = true
		w.Sentence = who + " is taken back: " + Failed(w.Verdicts).Sentence
		return w, true
	case q.N > 0 && q.Worse >= limit:
		w.Over = true
		w.Sentence = who + " is taken back: over " + say.Count(q.N, "label", "labels") + " it lost " + say.Num(q.Candidate) +
			" a row, " + string(Against(w)) + " would have lost " + say.Num(q.Champion) + "."
		return w, true
	case q.N >= labels && !unmeasured(w):
		w.Over = true
		w.Sentence = who + " is accepted, no evidence of harm in " + say.Count(q.N, "label", "labels") + "." + untold(w.Guards)
	default:
		w.Sentence = who + " is on probation: " + say.Whole(q.N) + " of " + say.Whole(labels) + " labels, no evidence of harm so far." + untold(w.Guards)
	}
	return w, false
}

// Failed is the first verdict that takes a version back, or nil.
func Failed(verdicts []hone.Verdict) *hone.Verdict {
	for i := range verdicts {
		if verdicts[i].Result == hone.Fail {
			return &verdicts[i]
		}
	}
	return nil
}

// unmeasured tells whether rows still wait for a metric of the owner's that works.
func unmeasured(w hone.Watch) bool {
	for _, v := range w.Verdicts {
		r := readingOf(hone.Guardrail{Metric: strings.TrimSuffix(v.Gate, ".max_regression")}, hone.Health{Guards: w.Guards})
		if v.Need > 0 && r.Waiting > 0 && r.Trouble == "" {
			return true
		}
	}
	return false
}

// untold says which of the owner's metrics cannot be told.
func untold(guards []hone.Reading) (out string) {
	for _, r := range guards {
		if r.Trouble != "" {
			out += " Its " + strings.TrimSuffix(r.Gate, ".max_regression") + " cannot be told: " + say.Clip(r.Trouble, 200) + "."
		}
	}
	return out
}
