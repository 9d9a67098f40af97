package loop

import (
	"context"
	"fmt"

	"hone"
	"hone/internal/say"
)

// Handout are the rows whose labels would decide the gate of the run under way.
type Handout struct {
	Model     string         `json:"model"`
	Run       hone.RunID     `json:"run"`
	Request   string         `json:"request"`
	Candidate hone.VersionID `json:"candidate"`
	Champion  hone.VersionID `json:"champion"`
	Sentence  string         `json:"sentence"`
	// Plain is how many labels the gate would need of rows as they come.
	Plain int `json:"plain_labels"`
	// Rows without a label that were looked at, and those of them whose label can
	// tell which version is better.
	Rows   int `json:"rows"`
	Differ int `json:"differ"`
	// Uniform is set where every row can tell: choosing saves no label.
	Uniform bool `json:"uniform,omitempty"`
	// Given counts the rows that were handed out for this run, Answered those of
	// them that have their label.
	Given    int `json:"given"`
	Answered int `json:"answered"`
	// Probability with which a row whose label can tell was handed out.
	Probability float64 `json:"probability"`
	Seed        uint64  `json:"seed"`
	// Open are the rows that wait for a label, in the order of the draw.
	Open []hone.Prediction `json:"-"`
}

// handout says what was handed out for a run, and what is open of it.
func (k *keeper) handout(ctx context.Context, run hone.Run, requests []hone.LabelRequest, plain int) (Handout, error) {
	last := requests[len(requests)-1]
	h := Handout{Model: k.model.Name, Run: run.ID, Request: last.ID, Candidate: run.Twin, Champion: run.Champion, Plain: plain, Open: []hone.Prediction{},
		Rows: last.Rows, Differ: len(last.Order), Uniform: last.Uniform, Seed: last.Seed, Probability: float64(next(last)) / float64(len(last.Order))}
	_, feedback, _, err := k.o.Events.LastSeq(ctx, k.model.Name)
	if err != nil {
		return h, err
	}
	for _, r := range requests {
		seqs := handed(r)
		known, err := k.o.Requests.Outcomes(ctx, k.model.Name, seqs, feedback)
		if err != nil {
			return h, err
		}
		for _, seq := range seqs {
			h.Given++
			switch o, kept := known[seq]; {
			case o.Label != "":
				h.Answered++
			case kept:
				h.Open = append(h.Open, o.Prediction)
			}
		}
	}
	h.Sentence = h.say()
	return h, nil
}

// say tells how many labels are needed, and why so few.
func (h Handout) say() string {
	rows := say.Count(len(h.Open), "row", "rows")
	if len(h.Open) == 0 {
		return fmt.Sprintf("All %s of %s that were handed out have their label; it looks at them now.", say.Count(h.Given, "row", "rows"), h.Run)
	}
	if h.Uniform {
		return fmt.Sprintf("Label these %s, drawn from all %s of %s without a label: its loss is no matter of right or wrong, so that every row can tell and choosing saves no label. %s may need about %s.",
			rows, say.Count(h.Rows, "prediction", "predictions"), h.Model, h.Run, say.Count(h.Plain, "row", "rows"))
	}
	share := float64(h.Differ) / float64(h.Rows)
	out := fmt.Sprintf("Label these %s: on them %s and %s answer differently, as on %s of %s of %s without a label. Where they answer alike no label can tell which is better: of rows as they come, the gate would need about %s.",
		rows, h.Candidate, h.Champion, say.Percent(share), say.Count(h.Rows, "prediction", "predictions"), h.Model, say.Count(h.Plain, "label", "labels"))
	if h.Given == h.Differ && float64(h.Plain)*share > float64(h.Given) {
		out += " There are no more such rows yet: these may not be enough."
	}
	return out
}
