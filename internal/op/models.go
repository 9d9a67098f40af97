package op

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/loop"
	"hone/internal/monitor"
)

// ModelIn names a model.
type ModelIn struct {
	Model string `json:"-" path:"model" help:"the model's name"`
}

// Nothing is the input of an operation that needs none.
type Nothing struct{}

// Status is how all models are.
type Status struct {
	At     time.Time     `json:"at"`
	Models []ModelStatus `json:"models"`
}

// ModelStatus is how one model is.
type ModelStatus struct {
	Model    string         `json:"model"`
	Owner    string         `json:"owner,omitempty"`
	Task     hone.Task      `json:"task"`
	Mood     Mood           `json:"mood"`
	Sentence string         `json:"sentence"`
	Lead     string         `json:"lead"`
	Champion hone.VersionID `json:"champion,omitempty"`
	Since    time.Time      `json:"champion_since,omitzero"`
	Run      hone.RunID     `json:"run,omitempty"`
	State    hone.State     `json:"state,omitempty"`
	// Quality is the model's first metric, Loss its declared loss.
	Quality     *hone.Signal `json:"quality,omitempty"`
	Loss        *hone.Signal `json:"loss,omitempty"`
	Recoverable *hone.Signal `json:"recoverable_loss,omitempty"`
	// Estimated is the first metric of the newest predictions as it is expected while
	// their labels lack. It rests on no label of theirs.
	Estimated *hone.Signal `json:"estimated_quality,omitempty"`
	// Price of a retrain, in units of the loss as Recoverable is.
	Price    float64 `json:"retrain_cost,omitempty"`
	Drifted  int     `json:"drifted_features"`
	Features int     `json:"features"`
	Rate     float64 `json:"predictions_per_second"`
	Labels   int     `json:"new_labels"`
	// Incident is the one that is open.
	Incident *hone.Incident `json:"incident,omitempty"`
	// Unseen is the version that waits to be named by the predictions that are logged,
	// where the model is served elsewhere, and Strangers those that they name and that
	// the model does not have.
	Unseen    hone.VersionID  `json:"unseen,omitempty"`
	Strangers []loop.Stranger `json:"strangers,omitempty"`
	// Bias says which cases alone the model's quality is known for.
	Bias string `json:"bias,omitempty"`
}

// ModelDetail is one model in full.
type ModelDetail struct {
	ModelStatus
	Config   hone.Model                    `json:"config"`
	Aliases  map[hone.Alias]hone.VersionID `json:"aliases"`
	Version  *hone.Version                 `json:"version,omitempty"`
	Open     *hone.Run                     `json:"open_run,omitempty"`
	Last     *hone.Run                     `json:"last_run,omitempty"`
	Health   *hone.Health                  `json:"health,omitempty"`
	Training *loop.Training                `json:"training,omitempty"`
	Watch    *hone.Watch                   `json:"probation,omitempty"`
	Signals  []hone.Signal                 `json:"signals"`
	Drift    monitor.Drift                 `json:"drift"`
	Window   int                           `json:"window_predictions"`
	Ticks    []hone.Tick                   `json:"ticks"`
	Decision hone.Decision                 `json:"decision"`
	Events   []hone.CloudEvent             `json:"pending_events,omitempty"`
	Next     time.Time                     `json:"next_schedule,omitzero"`
	Sight    *Sight                        `json:"sight,omitempty"`
}

func models() []Operation {
	return []Operation{
		define(Operation{Name: "status", Method: "GET", Path: "/api/v1/status", Role: Viewer, Scoped: true,
			Summary: "say how every model is", Example: "hone status"},
			func(_ context.Context, s *Service, who Caller, _ Nothing) (Status, error) { return s.Status(who) }),
		define(Operation{Name: "model", Method: "GET", Path: "/api/v1/models/{model}", Role: Viewer,
			Summary: "show one model: champion, signals, drift, the run under way", Example: "hone model fraud"},
			func(ctx context.Context, s *Service, _ Caller, in ModelIn) (ModelDetail, error) {
				return s.detail(ctx, in.Model)
			}),
		define(Operation{Name: "sight", Method: "GET", Path: "/api/v1/models/{model}/sight", Role: Viewer,
			Summary: "say what is seen of a model's quality and what is not: labels, their delay, the smallest harm found", Example: "hone sight fraud"}, sight),
		define(Operation{Name: "performance", Method: "GET", Path: "/api/v1/models/{model}/performance", Role: Viewer,
			Summary: "say how good a model is: as its labels showed, as is to be expected without them, and where it is worst", Example: "hone performance fraud"}, performance),
		define(Operation{Name: "plan", Method: "GET", Path: "/api/v1/models/{model}/plan", Role: Viewer,
			Summary: "say what would start a run now, and why; do nothing", Example: "hone plan fraud"},
			func(_ context.Context, s *Service, _ Caller, in ModelIn) (hone.Decision, error) {
				return s.Loop.Plan(in.Model)
			}),
		define(Operation{Name: "drift", Method: "GET", Path: "/api/v1/models/{model}/drift", Role: Viewer,
			Summary: "show how each feature moved against the champion's reference", Example: "hone drift fraud --joint"},
			showDrift),
		define(Operation{Name: "signals", Method: "GET", Path: "/api/v1/models/{model}/signals", Role: Viewer,
			Summary: "list what a signal was over time, oldest first", Example: "hone signals fraud --name loss"}, signals),
		define(Operation{Name: "versions", Method: "GET", Path: "/api/v1/models/{model}/versions", Role: Viewer,
			Summary: "list a model's versions and who pointed which alias at them", Example: "hone versions fraud"}, versions),
	}
}

// drift is the verdict on a model's predictions, which it takes a champion for;
// without one, what they look like.
func drift(v loop.View) monitor.Drift {
	if v.Champion.ID == "" {
		return monitor.Unchampioned(v.Summaries)
	}
	return v.Drift
}

// Status says how every model is that the caller may see.
func (s *Service) Status(who Caller) (Status, error) {
	out := Status{At: s.Clock.Now(), Models: []ModelStatus{}}
	for _, name := range s.seen(who) {
		v, err := s.Loop.View(name)
		if err != nil {
			return out, err
		}
		out.Models = append(out.Models, s.status(v))
	}
	return out, nil
}

// seen lists the models that a caller may see.
func (s *Service) seen(who Caller) []string {
	return slices.DeleteFunc(s.Loop.Models(), func(m string) bool { return !who.Sees(m) })
}

func (s *Service) status(v loop.View) ModelStatus {
	m := ModelStatus{Model: v.Model.Name, Owner: v.Model.Owner, Task: v.Model.Task, Champion: v.Champion.ID, Lead: Lead(v, s.Clock.Now()),
		Features: len(v.Model.Features), Drifted: v.Drift.Drifted(), Incident: v.Incident, Bias: v.Bias}
	m.Mood, m.Sentence = Sentence(v)
	if v.Elsewhere != nil {
		m.Unseen, m.Strangers = v.Elsewhere.Unseen, v.Elsewhere.Strangers
	}
	if v.Watch != nil && v.Champion.ID != "" {
		m.Since = v.Watch.Since
	}
	if v.Run != nil {
		m.Run, m.State = v.Run.ID, v.Run.State
	}
	m.Price = v.RetrainCost()
	quality := "accuracy"
	if v.Model.Task == hone.Regression {
		quality = "mae"
	}
	for i, sig := range v.Signals {
		if sig.Slice != "" {
			continue
		}
		switch sig.Name {
		case quality:
			m.Quality = &v.Signals[i]
		case "loss":
			m.Loss = &v.Signals[i]
		case "estimated." + quality:
			m.Estimated = &v.Signals[i]
		case "recoverable_loss":
			m.Recoverable = &v.Signals[i]
		case "traffic.rate":
			m.Rate = sig.Value
		case "labels.mature":
			m.Labels = int(sig.Value)
		}
	}
	return m
}

func (s *Service) detail(ctx context.Context, name string) (ModelDetail, error) {
	v, err := s.Loop.View(name)
	if err != nil {
		return ModelDetail{}, err
	}
	d := ModelDetail{
		ModelStatus: s.status(v), Config: v.Model, Aliases: v.Aliases, Open: v.Run, Last: v.Last, Health: v.Health,
		Watch: v.Watch, Signals: v.Signals, Drift: drift(v), Window: v.Window, Ticks: v.Ticks, Decision: v.Decision, Events: v.Events, Next: v.Next,
	}
	if v.Champion.ID != "" {
		d.Version = &v.Champion
	}
	if v.Training != nil {
		t, err := s.Loop.Training(name)
		if err != nil {
			return d, err
		}
		d.Training = &t
	}
	d.Sight, err = s.lastSight(ctx, v)
	return d, err
}

// SignalsIn asks for one signal over time.
type SignalsIn struct {
	Model string `json:"-" path:"model" help:"the model's name"`
	Name  string `json:"-" query:"name" help:"the signal, such as loss, accuracy or recoverable_loss"`
	Limit int    `json:"-" query:"limit" help:"how many values at most (default 500)"`
}

// SignalList is one signal over time.
type SignalList struct {
	Signals []hone.Signal `json:"signals"`
}

func signals(ctx context.Context, s *Service, _ Caller, in SignalsIn) (SignalList, error) {
	v, err := s.Loop.View(in.Model)
	if err != nil {
		return SignalList{}, err
	}
	if in.Name == "" {
		in.Name = "loss"
	}
	got, err := s.Records.Signals(ctx, in.Model, in.Name, time.Time{}, bounded(in.Limit, 500, 10000))
	if err == nil && len(got) == 0 {
		err = unknownSignal(v, in.Name)
	}
	return SignalList{Signals: got}, err
}

// unknownSignal tells a name that no signal has from one without values so far.
func unknownSignal(v loop.View, name string) error {
	var names []string
	for _, s := range v.Signals {
		if s.Name == name {
			return nil
		}
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("%s has no signal %q", v.Model.Name, name),
		Hint: "it has " + strings.Join(slices.Compact(names), ", ")}
}

// bounded reads a limit that a caller may leave out.
func bounded(n, usual, most int) int {
	if n <= 0 {
		return usual
	}
	return min(n, most)
}

// VersionList is a model's versions with the history of its aliases.
type VersionList struct {
	Versions []hone.Version   `json:"versions"`
	History  []hone.AliasMove `json:"alias_history"`
}

func versions(ctx context.Context, s *Service, _ Caller, in ModelIn) (VersionList, error) {
	if _, err := s.Loop.View(in.Model); err != nil {
		return VersionList{}, err
	}
	vs, err := s.Control.Versions(ctx, in.Model)
	if err != nil {
		return VersionList{}, err
	}
	moves, err := s.Control.AliasHistory(ctx, in.Model)
	return VersionList{Versions: vs, History: moves}, err
}
