package op

import (
	"context"
	"fmt"

	"hone"
	"hone/internal/loop"
	"hone/internal/validate"
)

// RunIn names a run.
type RunIn struct {
	Run string `json:"-" path:"run" help:"the run, such as fraud-12"`
}

// ListIn asks for the newest of a model's records.
type ListIn struct {
	Model string `json:"-" path:"model" help:"the model's name"`
	Limit int    `json:"-" query:"limit" help:"how many at most (default 20)"`
}

// RunList is a model's runs, newest first.
type RunList struct {
	Runs []hone.Run `json:"runs"`
}

// DecisionList is what was decided on a model, newest first.
type DecisionList struct {
	Decisions []hone.Decision `json:"decisions"`
}

// DatasetIn names a dataset.
type DatasetIn struct {
	Dataset string `json:"-" path:"dataset" help:"the dataset's hash"`
}

// Replayed is a run judged again by its evidence.
type Replayed = loop.Replayed

func runs() []Operation {
	return []Operation{
		define(Operation{Name: "runs", Method: "GET", Path: "/api/v1/models/{model}/runs", Role: Viewer,
			Summary: "list a model's runs, newest first", Example: "hone runs fraud"},
			func(ctx context.Context, s *Service, _ Caller, in ListIn) (RunList, error) {
				if _, err := s.Loop.View(in.Model); err != nil {
					return RunList{}, err
				}
				got, err := s.Control.Runs(ctx, in.Model, bounded(in.Limit, 20, 1000))
				return RunList{Runs: got}, err
			}),
		define(Operation{Name: "show", Method: "GET", Path: "/api/v1/runs/{run}", Role: Viewer, Also: []Role{Trainer}, Scoped: true,
			Summary: "show one run: why it started, where it stands, its gates", Example: "hone show fraud-12"},
			func(ctx context.Context, s *Service, who Caller, in RunIn) (hone.Run, error) {
				run, err := s.run(ctx, who, in.Run)
				if err != nil {
					return run, err
				}
				// The guards of a step look all the time; what they find is stored when it moves.
				if v, err := s.Loop.View(run.Model); err == nil && v.Run != nil && v.Run.ID == run.ID && v.Run.State == run.State && v.Run.Rollout != nil {
					run.Rollout = v.Run.Rollout
				}
				return run, nil
			}),
		define(Operation{Name: "replay", Method: "GET", Path: "/api/v1/runs/{run}/replay", Role: Viewer, Scoped: true,
			Summary: "judge a run again by the evidence that was kept of it, and compare",
			Help:    "The comparison is made anew, row by row, and the gates judge it again: on the same\nprocessor architecture every figure is equal to the last bit. The exit status is 1 where\none is not.",
			Example: "hone replay fraud-12"},
			func(ctx context.Context, s *Service, who Caller, in RunIn) (Replayed, error) {
				run, err := s.run(ctx, who, in.Run)
				if err != nil {
					return Replayed{}, err
				}
				return s.Loop.Replay(ctx, run)
			}),
		define(Operation{Name: "decisions", Method: "GET", Path: "/api/v1/models/{model}/decisions", Role: Viewer,
			Summary: "list what was decided, also to wait, with the evidence", Example: "hone decisions fraud"},
			func(ctx context.Context, s *Service, _ Caller, in ListIn) (DecisionList, error) {
				if _, err := s.Loop.View(in.Model); err != nil {
					return DecisionList{}, err
				}
				got, err := s.Records.Decisions(ctx, in.Model, bounded(in.Limit, 20, 1000))
				return DecisionList{Decisions: got}, err
			}),
		define(Operation{Name: "dataset", Method: "GET", Path: "/api/v1/datasets/{dataset}", Role: Viewer, Scoped: true,
			Summary: "show a dataset's manifest: recipe, rows, checks", Example: "hone dataset 3f2a…"},
			func(ctx context.Context, s *Service, who Caller, in DatasetIn) (hone.Dataset, error) {
				return s.dataset(ctx, who, in.Dataset)
			}),
		define(Operation{Name: "schema", Method: "GET", Path: "/api/v1/models/{model}/schema", Role: Viewer,
			Summary: "show what the champion's rows were like: kinds, ranges, categories, shares missing, and the constraints on them", Example: "hone schema fraud"},
			func(ctx context.Context, s *Service, _ Caller, in ModelIn) (validate.Schema, error) {
				got, err := s.Loop.Schema(ctx, in.Model)
				if err != nil {
					return validate.Schema{}, err
				}
				return *got, nil
			}),
		define(Operation{Name: "dataset rebuild", Method: "GET", Path: "/api/v1/datasets/{dataset}/rebuild", Role: Operator, Scoped: true,
			Summary: "assemble a dataset again from the log and compare its hash", Example: "hone dataset rebuild 3f2a…"}, rebuild),
	}
}

// run finds a run that the caller may see.
func (s *Service) run(ctx context.Context, who Caller, id string) (hone.Run, error) {
	run, err := s.Control.Run(ctx, hone.RunID(id))
	if err == nil && !who.Sees(run.Model) {
		return hone.Run{}, absent("run", id)
	}
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
		err = absent("run", id)
	}
	return run, err
}

// dataset finds a dataset that the caller may see.
func (s *Service) dataset(ctx context.Context, who Caller, id string) (hone.Dataset, error) {
	ds, err := s.Control.Dataset(ctx, hone.DatasetID(id))
	if err == nil && !who.Sees(ds.Model) {
		return hone.Dataset{}, absent("dataset", id)
	}
	if e, ok := hone.AsError(err); ok && e.Code == hone.NotFound {
		err = absent("dataset", id)
	}
	return ds, err
}

// absent says that there is no such thing, in the same words to who may not see
// it.
func absent(what, id string) error {
	hint := map[string]string{"run": "hone runs lists them", "dataset": "hone show RUN names a run's dataset"}[what]
	return &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("there is no %s %q", what, id), Hint: hint}
}

// Rebuilt compares a dataset with what its manifest gives today.
type Rebuilt struct {
	Dataset  hone.DatasetID `json:"dataset"`
	Rebuilt  hone.DatasetID `json:"rebuilt"`
	Same     bool           `json:"same"`
	Sentence string         `json:"sentence"`
}

func rebuild(ctx context.Context, s *Service, who Caller, in DatasetIn) (Rebuilt, error) {
	ds, err := s.dataset(ctx, who, in.Dataset)
	if err != nil {
		return Rebuilt{}, err
	}
	id, err := s.Loop.Rebuild(ctx, ds)
	if err != nil {
		return Rebuilt{}, err
	}
	out := Rebuilt{Dataset: ds.ID, Rebuilt: id, Same: id == ds.ID, Sentence: "The log gives the same rows: the hash is equal."}
	if !out.Same && ds.Erased > 0 {
		out.Sentence = fmt.Sprintf("The log gives other rows now: %d rows were erased since.", ds.Erased)
		return out, nil
	}
	if !out.Same {
		out.Sentence = fmt.Sprintf("The log gives other rows now: %.12s instead of %.12s. Rows may have passed their retention.", id, ds.ID)
	}
	return out, nil
}
