package evaluate

import (
	"fmt"

	"hone"
)

// Shuffled is a twin of the candidate that was trained on permuted labels: what it
// says of the rows of the evidence, or why there is none.
type Shuffled struct {
	Party
	Fault string `json:"fault,omitempty"`
}

// AddShuffled adds what the twin says of the rows that the last look added.
func (ev *Evidence) AddShuffled(s Side) error {
	if ev.Shuffled == nil {
		ev.Shuffled = &Shuffled{Party: Party{Version: s.Version, Signature: bare(s.Signature)}}
	}
	ev.Shuffled.add(s)
	if n, width := len(ev.Shuffled.Scores), s.Signature.Width(); n != width*len(ev.Keys) {
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the twin of %s gives %d numbers for %d rows", ev.Candidate.Version, n, len(ev.Keys)),
			Hint: "a version gives one score a row, or one for each class"}
	}
	return nil
}

// NoShuffled keeps why there is no twin.
func (ev *Evidence) NoShuffled(why string) { ev.Shuffled = &Shuffled{Fault: why} }

// permuted holds the candidate against the twin, and the twin against the best
// constant answer: in the loss of the model, and in one that counts every step of
// a score, which tells what wrong answers alone cannot.
func (ev *Evidence) permuted(rows Rows) *hone.Permuted {
	s := ev.Shuffled
	if s == nil {
		return nil
	}
	if s.Fault != "" {
		return &hone.Permuted{Fault: s.Fault}
	}
	m := ev.Model
	m.Metrics, m.Gates, m.Slices = nil, nil, nil
	cand, twin := ev.Candidate.side(), s.side()
	out := &hone.Permuted{Loss: Compare(m, cand, &twin, rows).Loss}
	m.Loss = hone.Loss{Kind: hone.Log}
	if m.Task == hone.Regression {
		m.Loss = hone.Loss{Kind: hone.Squared}
	}
	out.Score = Compare(m, cand, &twin, rows).Loss
	out.Chance = Compare(m, twin, nil, rows).Loss
	return out
}
