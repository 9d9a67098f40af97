package gate

import (
	"fmt"

	"hone"
)

// Refit judges the version that was trained on all rows by what its twin was
// proven to do: it must not be clearly worse on rows that it has now seen, and
// keep the anchors.
func Refit(e hone.Evaluation) hone.Verdict {
	r := *e.Refit
	v := hone.Verdict{Gate: "refit", Result: hone.Pass, Value: r.Loss, Limit: e.Loss.Candidate + margin*e.Loss.Bound, N: r.N, Unit: "loss a row",
		Sentence: fmt.Sprintf("%s, trained on all rows, loses %.4g a row where its twin lost %.4g.", r.Version, r.Loss, e.Loss.Candidate)}
	switch {
	case !(v.Value <= v.Limit):
		v.Result = hone.Fail
	case r.Failed > len(e.Anchors):
		v.Result, v.Value, v.Limit, v.Unit = hone.Fail, float64(r.Failed), float64(len(e.Anchors)), "cases"
		v.Sentence = fmt.Sprintf("%s, trained on all rows, fails %d anchor cases where its twin failed %d.", r.Version, r.Failed, len(e.Anchors))
	}
	return v
}
