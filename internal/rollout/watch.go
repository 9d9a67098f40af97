package rollout

import (
	"math"

	"hone"
	"hone/internal/say"
)

// defaultLabels is how many labels a probation lasts; worseLimit the evidence that
// the new champion is worse, at 5 %: no other guard looks beside it.
const (
	defaultLabels = 3000
	worseLimit    = 20
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
// champion is taken back in 5 % of watches at most. A watch that is over stays so.
func WatchStep(w hone.Watch, q hone.Paired) (hone.Watch, bool) {
	if w.Over {
		return w, false
	}
	if math.IsNaN(q.Worse) || math.IsNaN(q.Diff) {
		w.Sentence = w.Model + " " + string(w.Version) + " cannot be judged: its losses came out as no number."
		return w, false
	}
	w.Quality = q
	who := w.Model + " " + string(w.Version)
	labels := w.Labels
	if labels <= 0 {
		labels = defaultLabels
	}
	switch {
	case q.N > 0 && q.Worse >= worseLimit:
		w.Over = true
		w.Sentence = who + " is taken back: over " + say.Count(q.N, "label", "labels") + " it lost " + say.Num(q.Candidate) +
			" a row, " + string(Against(w)) + " would have lost " + say.Num(q.Champion) + "."
		return w, true
	case q.N >= labels:
		w.Over = true
		w.Sentence = who + " is accepted, no evidence of harm in " + say.Count(q.N, "label", "labels") + "."
	default:
		w.Sentence = who + " is on probation: " + say.Whole(q.N) + " of " + say.Whole(labels) + " labels, no evidence of harm so far."
	}
	return w, false
}
