package op

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/config"
	"hone/internal/gate"
	"hone/internal/trigger"
)

// pastDecisions is the most decisions of one model that are judged again: each
// carries its evidence along.
const pastDecisions = 500

// Past is what would have gone otherwise under another configuration, each
// decision by itself.
type Past struct {
	Since time.Time `json:"since"`
	// Judged counts the decisions and verdicts that were judged again; Passed those
	// that cannot be, because what they rested on, or the configuration of their
	// time, cannot be told from the record.
	Judged int         `json:"judged"`
	Passed int         `json:"passed_over"`
	Differ []Otherwise `json:"differ"`
}

// Otherwise is one decision that would have been another.
type Otherwise struct {
	Model string    `json:"model"`
	At    time.Time `json:"at"`
	// Kind is trigger, gate or approval.
	Kind  string     `json:"kind"`
	Run   hone.RunID `json:"run,omitempty"`
	Was   string     `json:"was"`
	Would string     `json:"would"`
}

// past judges again what was decided since a moment on the models that change.
func (s *Service) past(ctx context.Context, a, b *config.Config, d config.Difference, since time.Time) (*Past, error) {
	p := &Past{Since: since, Differ: []Otherwise{}}
	for _, m := range d.Models {
		if m.Kind != "changed" {
			continue
		}
		ds, err := s.Records.Decisions(ctx, m.Model, pastDecisions)
		if err != nil {
			return nil, err
		}
		runs, err := s.Control.Runs(ctx, m.Model, pastDecisions)
		if err != nil {
			return nil, err
		}
		moves, err := s.Control.AliasHistory(ctx, m.Model)
		if err != nil {
			return nil, err
		}
		old, now := a.Models[m.Model], b.Models[m.Model]
		for _, d := range slices.Backward(ds) {
			if d.At.After(since) {
				p.decision(old, now, d, runs, moves)
			}
		}
		for _, r := range slices.Backward(runs) {
			if r.Evaluation != nil && r.Evaluation.At.After(since) && len(r.Verdicts) > 0 {
				p.verdict(old, now, r, runs)
			}
		}
	}
	return p, nil
}

// decision judges one decision again. Where even the configuration in force does
// not give what was decided then, nothing can be said of another one.
func (p *Past) decision(old, now hone.Model, d hone.Decision, runs []hone.Run, moves []hone.AliasMove) {
	in := inputOf(d, runs, moves)
	in.Model = old
	if was := trigger.Decide(in, d.At); was.Start != d.Start || was.Start && was.Trigger != d.Trigger {
		p.Passed++
		return
	}
	p.Judged++
	in.Model = now
	if would := trigger.Decide(in, d.At); would.Start != d.Start {
		p.Differ = append(p.Differ, Otherwise{Model: d.Model, At: d.At, Kind: "trigger", Was: d.Sentence, Would: would.Sentence})
	}
}

// inputOf is what a decision rested on, as far as its record tells.
func inputOf(d hone.Decision, runs []hone.Run, moves []hone.AliasMove) trigger.Input {
	in := trigger.Input{Signals: d.Signals, Ticks: d.Ticks}
	for _, r := range d.Reasons {
		switch {
		case r.Guard == "min_new_labels":
			in.HasChampion, in.NewLabels = true, int(r.Value)
		case r.Trigger == hone.OnFirst:
			in.TrainableRows = int(r.Value)
		}
	}
	if d.Trigger == hone.OnManual {
		in.Manual = &trigger.Manual{By: d.By, Force: isForced(d), Guarded: trigger.Guarded(d)}
	}
	for _, m := range moves {
		if m.Alias == hone.Champion && !m.At.After(d.At) {
			in.ChampionSince = m.At
		}
	}
	counting := true
	for _, r := range runs { // Newest first.
		if r.Decision.ID == d.ID || r.Started.After(d.At) {
			continue
		}
		if r.Ended.IsZero() || r.Ended.After(d.At) {
			r.State, r.Ending, r.Ended = hone.Collecting, "", time.Time{}
		}
		counting = counting && r.Ending != hone.Promoted
		if counting && (r.Ending == hone.Rejected || r.Ending == hone.RolledBack) {
			in.Failures++
		}
		in.Runs = append(in.Runs, r)
	}
	return in
}

func isForced(d hone.Decision) bool {
	return slices.ContainsFunc(d.Reasons, func(r hone.Reason) bool { return r.Guard == trigger.Forced })
}

// verdict judges one candidate again, by what was measured of it.
func (p *Past) verdict(old, now hone.Model, r hone.Run, runs []hone.Run) {
	e := *r.Evaluation
	n := e.Trial
	if n == 0 {
		n = candidates(r, runs)
	}
	was := gate.Judge(old, r, e, n, nil)
	if !sameResults(was, r.Verdicts) || old.Task != now.Task || old.Loss != now.Loss || old.Label.Positive != now.Label.Positive {
		p.Passed++
		return
	}
	p.Judged++
	would := gate.Judge(now, r, e, n, nil)
	a, b := gate.Rule(old, was, e.Loss.N >= gate.Deadline(old, e)), gate.Rule(now, would, e.Loss.N >= gate.Deadline(now, e))
	switch {
	case a != b:
		p.Differ = append(p.Differ, Otherwise{Model: r.Model, At: e.At, Kind: "gate", Run: r.ID, Was: ruled(r, a, was), Would: ruled(r, b, would)})
	case a == hone.Promote && old.Approval != now.Approval:
		say := map[hone.Approval]string{hone.Auto: string(r.ID) + " passed its gates and went on by itself.", hone.Manual: string(r.ID) + " passed its gates and waited for a person."}
		p.Differ = append(p.Differ, Otherwise{Model: r.Model, At: e.At, Kind: "approval", Run: r.ID, Was: say[old.Approval], Would: say[now.Approval]})
	}
}

// candidates counts those judged since the last promotion, the run's included.
func candidates(run hone.Run, runs []hone.Run) int {
	n := 1
	for _, r := range runs {
		if r.Number >= run.Number || r.State != hone.Closed || r.Evaluation == nil {
			continue
		}
		if r.Ending == hone.Promoted {
			break
		}
		n++
	}
	return n
}

// sameResults tells whether the recorded verdicts are those of the gates. Others,
// such as that on the refitted version, may follow them.
func sameResults(gates, recorded []hone.Verdict) bool {
	if len(recorded) < len(gates) {
		return false
	}
	for i, v := range gates {
		if r := recorded[i]; r.Gate != v.Gate || r.Slice != v.Slice || r.Result != v.Result {
			return false
		}
	}
	return true
}

// ruled says what follows from verdicts, with the one that decides.
func ruled(r hone.Run, ruling hone.Ruling, verdicts []hone.Verdict) string {
	by := map[hone.Ruling]hone.Result{hone.Reject: hone.Fail, hone.Hold: hone.Inconclusive}[ruling]
	said := map[hone.Ruling]string{hone.Promote: "passes its gates", hone.Reject: "is rejected", hone.Hold: "waits for more labels"}[ruling]
	for _, v := range verdicts {
		if v.Warns {
			continue
		}
		if v.Result == by && (by == hone.Fail || v.Slice == "") || ruling == hone.Reject && v.Result == hone.Inconclusive && v.Slice == "" {
			return fmt.Sprintf("The candidate of %s %s: %s", r.ID, said, strings.TrimSpace(v.Sentence))
		}
	}
	return fmt.Sprintf("The candidate of %s %s.", r.ID, said)
}
