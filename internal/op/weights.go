package op

import (
	"context"
	"fmt"

	"hone"
	"hone/internal/say"
)

// Plans is where the plans in force are.
type Plans interface {
	Plan(ctx context.Context, model string) (hone.Plan, error)
}

// Weights says which version answers which share of a model's traffic: all that a
// server of the owner's needs to go by the plan as Hone's gateway does.
type Weights struct {
	Model   string       `json:"model"`
	Serving hone.Serving `json:"serving"`
	// Plan grows with each change.
	Plan       int64          `json:"plan"`
	Champion   hone.VersionID `json:"champion"`
	Challenger hone.VersionID `json:"challenger,omitempty"`
	// Weight is the challenger's share, that of the units whose bucket by Salt is below it.
	Weight   float64 `json:"weight"`
	Salt     string  `json:"salt,omitempty"`
	StickyBy string  `json:"sticky_by,omitempty"`
	// Artefacts are the digests of the versions, by which their files are named.
	Artefacts map[hone.VersionID]string `json:"artefacts"`
	Sentence  string                    `json:"sentence"`
}

func weights() Operation {
	return define(Operation{Name: "weights", Method: "GET", Path: "/api/v1/models/{model}/weights", Role: Viewer, Also: []Role{Predictor, Feedback},
		Summary: "say which version is to answer which share of the traffic, for a server that goes by the plan itself",
		Help:    "A request belongs to the challenger when the bucket of its user is below the weight:\nthe 64-bit xxHash of salt, a zero byte and the user, over 2^64. docs/guide/external.md\nshows it, and the Python package has it as hone.bucket.",
		Example: "hone weights fraud"}, showWeights)
}

func showWeights(ctx context.Context, s *Service, _ Caller, in ModelIn) (Weights, error) {
	v, err := s.Loop.View(in.Model)
	if err != nil {
		return Weights{}, err
	}
	plan, err := s.Plans.Plan(ctx, in.Model)
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
		return Weights{}, &hone.Error{Code: hone.NotFound, Message: in.Model + " has no champion yet", Hint: "`hone status` says how far its first version is"}
	}
	if err != nil {
		return Weights{}, err
	}
	out := Weights{Model: in.Model, Serving: hone.Gateway, Plan: plan.Token, Champion: plan.Champion, Challenger: plan.Challenger, Weight: plan.Weight,
		Salt: plan.Salt, StickyBy: plan.StickyBy, Artefacts: map[hone.VersionID]string{}}
	if v.Model.Elsewhere() {
		out.Serving = hone.External
	}
	for _, id := range []hone.VersionID{plan.Champion, plan.Challenger} {
		if id == "" {
			continue
		}
		version, err := s.Records.Version(ctx, in.Model, id)
		if err != nil {
			return out, err
		}
		out.Artefacts[id] = version.Artefact
	}
	out.Sentence = fmt.Sprintf("%s is to answer everything of %s.", plan.Champion, in.Model)
	if plan.Challenger != "" {
		out.Sentence = fmt.Sprintf("%s is to answer %s of %s, %s the rest.", plan.Challenger, say.Percent(plan.Weight), in.Model, plan.Champion)
	}
	return out, nil
}
