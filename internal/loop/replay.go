package loop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"hone"
	"hone/internal/gate"
)

// Rejudged is one verdict of a run beside what its evidence gives today.
type Rejudged struct {
	// Of is rollout or probation, empty for the gates.
	Of    string       `json:"of,omitempty"`
	Gate  string       `json:"gate"`
	Slice string       `json:"slice,omitempty"`
	Was   hone.Verdict `json:"was"`
	Now   hone.Verdict `json:"now"`
	Same  bool         `json:"same"`
}

// Replayed is a run judged again by what is kept of it.
type Replayed struct {
	Run      hone.RunID `json:"run"`
	Evidence string     `json:"evidence"`
	Rows     int        `json:"rows"`
	Look     int        `json:"look"`
	// Measured tells whether what was measured on the rows came out the same, to
	// the last bit.
	Measured bool       `json:"measured_same"`
	Verdicts []Rejudged `json:"verdicts"`
	Same     bool       `json:"same"`
	Sentence string     `json:"sentence"`
}

// Replay judges a run again: the comparison is made anew from its evidence, row
// by row; what cannot be had twice (times, memory, anchor answers, the refitted
// version) is taken from the record.
func (l *Loop) Replay(ctx context.Context, run hone.Run) (Replayed, error) {
	out := Replayed{Run: run.ID, Verdicts: []Rejudged{}}
	k := &keeper{o: l.o}
	ev, err := k.evidence(run)
	switch {
	case err != nil:
		return out, err
	case run.Evaluation == nil || len(run.Verdicts) == 0: // It may have ended between the two.
		return out, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has not been judged", run.ID), Hint: "`hone show " + string(run.ID) + "` says where it stands"}
	case ev == nil:
		return out, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s was judged by an older Hone, which kept no evidence", run.ID), Hint: "`hone show " + string(run.ID) + "` has its verdicts"}
	}
	was, now := *run.Evaluation, ev.Compare()
	now.Dataset, now.At, now.Anchors, now.AnchorCases, now.Replay = was.Dataset, was.At, was.Anchors, was.AnchorCases, was.Replay
	now.Evidence, now.Trial, now.Refit = was.Evidence, was.Trial, was.Refit
	out.Evidence, out.Rows, out.Look, out.Measured = was.Evidence, now.Loss.N, now.Look, same(was, now)
	again := gate.Judge(ev.Model, run, now, max(1, now.Trial), nil)
	if ev.Format < 2 {
		again = slices.DeleteFunc(again, func(v hone.Verdict) bool { return v.Gate == gate.Calibration })
	}
	if now.Refit != nil {
		again = append(again, gate.Refit(now))
	}
	out.compare("", run.Verdicts, again)
	for _, seen := range l.guards(ctx, run) {
		s, err := k.sighting(seen.evidence)
		if err != nil {
			return out, fmt.Errorf("read the evidence of the guards of %s: %w", run.ID, err)
		}
		out.compare(seen.of, seen.verdicts, s.verdicts())
	}
	out.conclude()
	return out, nil
}

// guardedVerdicts are those of a rollout's step, or of a probation, and the digest of
// what they rest on.
type guardedVerdicts struct {
	of, evidence string
	verdicts     []hone.Verdict
}

// guards are what the guards found of a run, where their evidence is kept: at the last
// step that was judged, and on probation.
func (l *Loop) guards(ctx context.Context, run hone.Run) (out []guardedVerdicts) {
	if run.Rollout != nil && run.Rollout.Evidence != "" {
		out = append(out, guardedVerdicts{"rollout", run.Rollout.Evidence, run.Rollout.Verdicts})
	}
	if w, err := l.o.Control.Watch(ctx, run.Model); err == nil && w != nil && w.Run == run.ID && w.Evidence != "" {
		out = append(out, guardedVerdicts{"probation", w.Evidence, w.Verdicts})
	}
	return out
}

// compare holds the verdicts on record beside those that the evidence gives.
func (r *Replayed) compare(of string, was, now []hone.Verdict) {
	for i := range max(len(was), len(now)) {
		x := Rejudged{Of: of}
		if i < len(was) {
			x.Was, x.Gate, x.Slice = was[i], was[i].Gate, was[i].Slice
		}
		if i < len(now) {
			x.Now, x.Gate, x.Slice = now[i], now[i].Gate, now[i].Slice
		}
		x.Same = same(wordless(x.Was), wordless(x.Now))
		x.Same = x.Same && i < len(was) && i < len(now)
		r.Verdicts = append(r.Verdicts, x)
	}
}

// conclude says what the comparison came to.
func (r *Replayed) conclude() {
	differ := 0
	for _, x := range r.Verdicts {
		if !x.Same {
			differ++
		}
	}
	r.Same = r.Measured && differ == 0
	switch {
	case r.Same:
		r.Sentence = fmt.Sprintf("The evidence of %s gives the same %d verdicts, to the last bit.", r.Run, len(r.Verdicts))
	case differ == 0:
		r.Sentence = fmt.Sprintf("The evidence of %s gives the same verdicts, but other figures beside them: it was judged by another Hone, or on another kind of processor.", r.Run)
	default:
		r.Sentence = fmt.Sprintf("The evidence of %s gives other figures in %d of %d verdicts: it was judged by another Hone, or on another kind of processor, or its record was changed.", r.Run, differ, len(r.Verdicts))
	}
}

// wordless is a verdict without its sentence, whose words a later Hone may choose
// otherwise.
func wordless(v hone.Verdict) hone.Verdict {
	v.Sentence = ""
	return v
}

// same tells whether two values are written alike, digit by digit.
func same(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
