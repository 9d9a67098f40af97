package op

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"hone"
	"hone/internal/loop"
)

// RetrainIn asks for a run.
type RetrainIn struct {
	Model  string `json:"-" path:"model" help:"the model's name"`
	Reason string `json:"reason,omitempty" help:"why, for the record"`
	Force  bool   `json:"force,omitempty" help:"skip the guard on new labels and the quality gate; one run at a time, the cost cap, safety gates and probation stay"`
}

// ActIn asks for something to be done with the open run.
type ActIn struct {
	Run    string `json:"-" path:"run" help:"the run, such as fraud-12"`
	Reason string `json:"reason,omitempty" help:"why, for the record"`
}

// ApproveIn releases a candidate.
type ApproveIn struct {
	Run      string `json:"-" path:"run" help:"the run, such as fraud-12"`
	Reason   string `json:"reason,omitempty" help:"why, for the record"`
	Artefact string `json:"artefact,omitempty" help:"SHA-256 of the artefact that was looked at; needed, and refused when the candidate is another one"`
}

// RollbackIn gives the traffic back.
type RollbackIn struct {
	Model  string `json:"-" path:"model" help:"the model's name"`
	Reason string `json:"reason,omitempty" help:"why, for the record"`
}

// RegisterIn brings a version that was made elsewhere.
type RegisterIn struct {
	Model        string    `json:"-" path:"model" help:"the model's name"`
	Path         string    `json:"path" arg:"path" help:"the artefact on the server's machine: a folder with hone.json, LightGBM's text, XGBoost's JSON or an ONNX model"`
	Champion     bool      `json:"champion,omitempty" help:"let it serve from now on, as the model's first champion"`
	TrainedUntil time.Time `json:"trained_until,omitzero" help:"the time, or the day, of the newest row that it learned from; without it no row before now ever judges it"`
	Classes      []string  `json:"classes,omitempty" help:"a class of a model file's scores; repeat it for each, in their order"`
	Reason       string    `json:"reason,omitempty" help:"why, for the record"`
}

// Done says what an act came to.
type Done struct {
	Model    string `json:"model"`
	Sentence string `json:"sentence"`
}

func acts() []Operation {
	return []Operation{
		define(Operation{Name: "run", Method: "POST", Path: "/api/v1/models/{model}/runs", Role: Operator, Also: []Role{Agent},
			Summary: "start a run by hand", Example: `hone run fraud --reason "the price list changed"`},
			func(ctx context.Context, s *Service, who Caller, in RetrainIn) (Done, error) {
				if in.Force && who.Role == Agent {
					return Done{}, &hone.Error{Code: hone.Denied, Message: "an agent may not force a run", Hint: "ask without force, or let an operator do it"}
				}
				return act(ctx, s, in.Model, loop.Act{Do: loop.Retrain, By: who.Name, Reason: in.Reason, Force: in.Force, Guarded: who.Role == Agent})
			}),
		onRun("cancel", loop.Cancel, Operator, "end the run under way", "hone cancel fraud-12"),
		define(Operation{Name: "approve", Method: "POST", Path: "/api/v1/runs/{run}/approve", Role: Approver, Person: true, Scoped: true,
			Summary: "release a candidate that waits for approval",
			Help:    "An approval is for one artefact, by its hash. At the command line it is looked up and shown when it is not given.", Example: "hone approve fraud-12"}, approve),
		onRun("reject", loop.Refuse, Approver, "refuse a candidate that waits for approval", "hone reject fraud-12 --reason \"too many flips\""),
		onRun("promote", loop.Pass, Approver, "give the candidate in rollout all traffic now", "hone promote fraud-12"),
		onRun("pause", loop.Pause, Operator, "stop a rollout at its step", "hone pause fraud-12"),
		onRun("resume", loop.Resume, Operator, "let a paused rollout go on", "hone resume fraud-12"),
		define(Operation{Name: "rollback", Method: "POST", Path: "/api/v1/models/{model}/rollback", Role: Operator, Also: []Role{Approver},
			Summary: "give the traffic back: from a challenger to the champion, or to the champion before", Example: "hone rollback fraud --reason \"complaints\""},
			func(ctx context.Context, s *Service, who Caller, in RollbackIn) (Done, error) {
				return act(ctx, s, in.Model, loop.Act{Do: loop.Rollback, By: who.Name, Reason: in.Reason})
			}),
		define(Operation{Name: "register", Method: "POST", Path: "/api/v1/models/{model}/versions", Role: Admin,
			Summary: "adopt a version that was made elsewhere as the first champion",
			Help: "The artefact is copied into Hone's store and scored on the log, whose predictions become the reference of drift; those after --trained-until " +
				"with a label give its baseline. Import them first. It may be done before the server's first start.",
			Example: "hone register fraud model.txt --champion --trained-until 2026-06-30"}, register),
	}
}

func register(ctx context.Context, s *Service, who Caller, in RegisterIn) (Done, error) {
	if !in.Champion {
		return Done{}, &hone.Error{Code: hone.Invalid, Message: "a version that serves nothing is not kept", Hint: "say --champion to let it serve as the first one"}
	}
	if !filepath.IsAbs(in.Path) {
		return Done{}, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("path %q is not a whole one", in.Path), Hint: "begin it with /"}
	}
	return act(ctx, s, in.Model, loop.Act{Do: loop.Register, By: who.Name, Reason: in.Reason,
		Adopt: &loop.Adoption{Path: filepath.Clean(in.Path), TrainedUntil: in.TrainedUntil, Classes: in.Classes}})
}

func onRun(name string, do loop.Do, role Role, summary, example string) Operation {
	return define(Operation{Name: name, Method: "POST", Path: "/api/v1/runs/{run}/" + name, Role: role, Person: role == Approver, Scoped: true, Summary: summary, Example: example},
		func(ctx context.Context, s *Service, who Caller, in ActIn) (Done, error) {
			return onOpen(ctx, s, who, in.Run, loop.Act{Do: do, Reason: in.Reason})
		})
}

func approve(ctx context.Context, s *Service, who Caller, in ApproveIn) (Done, error) {
	if _, err := s.run(ctx, who, in.Run); err != nil {
		return Done{}, err
	}
	if in.Artefact == "" {
		return Done{}, &hone.Error{Code: hone.Invalid, Message: "an approval names the artefact that it is for", Hint: "send its SHA-256 as artefact; `hone versions` shows that of each version"}
	}
	return onOpen(ctx, s, who, in.Run, loop.Act{Do: loop.Approve, Reason: in.Reason, Artefact: in.Artefact})
}

func onOpen(ctx context.Context, s *Service, who Caller, id string, a loop.Act) (Done, error) {
	run, err := s.run(ctx, who, id)
	if err != nil {
		return Done{}, err
	}
	a.Run, a.By = run.ID, who.Name
	return act(ctx, s, run.Model, a)
}

func act(ctx context.Context, s *Service, model string, a loop.Act) (Done, error) {
	if len(a.Reason) > 1000 {
		return Done{}, &hone.Error{Code: hone.Invalid, Message: "the reason is longer than 1000 bytes", Hint: "say it shorter"}
	}
	sentence, err := s.Loop.Act(ctx, model, a)
	return Done{Model: model, Sentence: sentence}, err
}
