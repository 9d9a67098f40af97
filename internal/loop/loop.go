// Package loop takes each model round the loop, one state at a time: it alone
// knows the order of the stages. What each stage finds is left to the stage;
// every move is one transaction with its audit event.
package loop

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/registry"
	"hone/internal/train"
)

// Control is the state that the loop moves.
type Control interface {
	Commit(ctx context.Context, fence hone.Fence, c hone.Change) (hone.Event, error)
	Aliases(ctx context.Context, model string) (map[hone.Alias]hone.VersionID, error)
	Version(ctx context.Context, model string, id hone.VersionID) (hone.Version, error)
	Dataset(ctx context.Context, id hone.DatasetID) (hone.Dataset, error)
	Watch(ctx context.Context, model string) (*hone.Watch, error)
}

// Records are what is kept of decisions and runs.
type Records interface {
	Runs(ctx context.Context, model string, limit int) ([]hone.Run, error)
	SaveDecision(ctx context.Context, d hone.Decision) error
	SaveSignals(ctx context.Context, s []hone.Signal) error
	Plan(ctx context.Context, model string) (hone.Plan, error)
	Decisions(ctx context.Context, model string, limit int) ([]hone.Decision, error)
}

// Events is the log of predictions and feedback, read in its order.
type Events interface {
	Predictions(ctx context.Context, model string, after int64, limit int) ([]hone.Prediction, error)
	Labels(ctx context.Context, model string, after int64, limit int) ([]hone.Outcome, int64, error)
	Shadows(ctx context.Context, model string, after int64, limit int) ([]hone.ShadowScore, error)
	LastSeq(ctx context.Context, model string) (predictions, feedback, shadows int64, err error)
	Scan(ctx context.Context, model string, predictions, feedback int64, fn func(hone.Outcome) error) error
}

// Opinions is what people sent of answers: scores and thumbs, in the journal's order.
type Opinions interface {
	Opinions(ctx context.Context, model string, after int64, limit int) ([]hone.Opinion, int64, error)
}

// Hints say that there is something new to read, and how to read it.
type Hints interface {
	Changed(model string) <-chan struct{}
	// Horizon parts the log: all that arrived by then can be read now, all else
	// arrives later.
	Horizon() time.Time
	Schemas(ctx context.Context, model string) (map[uint32]frame.Schema, error)
	SaveSchema(ctx context.Context, model string, s frame.Schema) error
}

// Inbox is what was announced from elsewhere, and what went wrong before.
type Inbox interface {
	PendingEvents(ctx context.Context, model string) ([]hone.CloudEvent, error)
	Incidents(ctx context.Context, model string, limit int) ([]hone.Incident, error)
}

// Blobs keeps what is named by its hash.
type Blobs interface {
	Put(b []byte) (digest string, err error)
	Get(digest string) ([]byte, error)
	Drop(digest string) error
}

// Pool lends open versions.
type Pool interface {
	Acquire(ctx context.Context, model string, v hone.VersionID) (predictor.Predictor, func(), error)
	Keep(model string, versions ...hone.VersionID)
}

// Owner runs the programs of a model's own metrics.
type Owner interface {
	Measure(ctx context.Context, m hone.Model, metric, work string, rows evaluate.Rows, s evaluate.Side) ([]float64, error)
}

// Gateway takes plans.
type Gateway interface {
	Apply(p hone.Plan) error
	// Forget ends the serving of a model until its next plan.
	Forget(model string)
}

// Options is what a loop is built from.
type Options struct {
	Control  Control
	Records  Records
	Events   Events
	Opinions Opinions
	Hints    Hints
	Inbox    Inbox
	Ledger   Ledger
	Requests Requests
	Blobs    Blobs
	Pool     Pool
	Gateway  Gateway
	Post     Post // Nil delivers nothing.
	Registry *registry.Registry
	Engines  map[string]train.Engine // By trainer.
	Clock    clock.Clock
	Log      *slog.Logger
	Rand     io.Reader
	Fence    hone.Fence
	// Dir is the folder of runs and datasets; Files is where paths of the
	// configuration begin.
	Dir, Files string
	// Owner measures by the owner's metrics.
	Owner Owner
	// Refused counts the rows of a model that got no answer by no fault of their
	// caller's: in this process since the start, under no name, and by each gateway of
	// its own, ever. Nil where that is not counted.
	Refused func(model string) map[string]int64
	// Budget that the models share; Reconfigure changes it.
	Budget hone.SharedBudget
	// Room fails, and says why, while there is too little room for anything big;
	// nil never does.
	Room func() error
	// ConfigHash names a model's configuration.
	ConfigHash func(hone.Model) string
	// Configs returns the configuration that was in force at a time, and those
	// that were applied after it. Models that want four eyes need it.
	Configs func(ctx context.Context, since time.Time) ([]hone.Applied, error)
	// ModelAt returns a model as it was configured at a time, or an error where
	// that is not known; nil is as it is configured now.
	ModelAt func(ctx context.Context, name string, at time.Time) (hone.Model, error)
	// Inline runs the work of each stage before Step returns, so that a
	// simulation is in full command of time.
	Inline bool
	// Passive reads the log and moves nothing, for looking at a folder that no
	// server has open.
	Passive bool
}

// Loop keeps every model turning.
type Loop struct {
	o       Options
	keepers atomic.Pointer[map[string]*keeper] // Never changed, only replaced.
	fund    *fund
	run     context.Context // Of all that turns; nil before Start.
	cancel  context.CancelFunc
	wait    sync.WaitGroup
	stop    sync.Once
	// changing is held while the models change, and at the start and the end.
	changing sync.Mutex
}

// New returns a loop over the given models.
func New(o Options, models map[string]hone.Model) *Loop {
	l := &Loop{o: o}
	l.fund = newFund(o.Budget, &l.keepers)
	keepers := map[string]*keeper{}
	for name, m := range models {
		m.Name = name
		keepers[name] = newKeeper(o, m, l.fund)
	}
	l.keepers.Store(&keepers)
	return l
}

// Start takes up every model where its last committed state left it, and
// returns once their plans are applied.
func (l *Loop) Start(ctx context.Context) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	for _, name := range l.Models() {
		k := (*l.keepers.Load())[name]
		if err := k.resume(ctx); err != nil {
			if l.o.Passive || l.o.Inline {
				return fmt.Errorf("resume %s: %w", name, err)
			}
			// The others, and the predictions of this one, need not wait for it.
			k.standStill(ctx, err)
		}
		if l.o.Passive {
			if err := k.look(ctx); err != nil {
				return fmt.Errorf("read the log of %s: %w", name, err)
			}
		}
	}
	if l.o.Passive {
		return nil
	}
	l.run, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, k := range *l.keepers.Load() {
		l.keep(k)
	}
	return nil
}

// Stop ends the loop. A training under way is its engine's to end, or to go on with.
func (l *Loop) Stop() {
	l.stop.Do(func() {
		l.changing.Lock()
		defer l.changing.Unlock()
		if l.cancel != nil {
			l.cancel()
		}
		l.wait.Wait()
		for _, k := range *l.keepers.Load() {
			k.close()
		}
	})
}

// Step takes one model as far as it goes at this moment. It is for simulations,
// whose loop is Inline.
func (l *Loop) Step(ctx context.Context, model string) error {
	k, err := l.keeper(model)
	if err != nil {
		return err
	}
	return k.settle(ctx)
}

// Models lists the names of the models, sorted.
func (l *Loop) Models() []string { return slices.Sorted(maps.Keys(*l.keepers.Load())) }

// Model returns a model's configuration.
func (l *Loop) Model(name string) (hone.Model, bool) {
	k, ok := (*l.keepers.Load())[name]
	if !ok {
		return hone.Model{}, false
	}
	return k.view.Load().Model, true
}

// View is what is known of a model at this moment.
func (l *Loop) View(model string) (View, error) {
	k, err := l.keeper(model)
	if err != nil {
		return View{}, err
	}
	return *k.view.Load(), nil
}

// Act does what a person asked for, and returns what came of it.
func (l *Loop) Act(ctx context.Context, model string, a Act) (string, error) {
	k, err := l.keeper(model)
	if err != nil {
		return "", err
	}
	if l.o.Passive && a.Do != Register { // Nothing must turn for a version to be registered.
		return "", &hone.Error{Code: hone.Unavailable, Message: "no server is running", Hint: "start one with `hone serve`, then repeat"}
	}
	if l.o.Inline || l.o.Passive {
		return k.act(ctx, a)
	}
	r := request{act: a, answer: make(chan answer, 1)}
	select {
	case k.requests <- r:
	case <-k.gone:
		return "", errGone(model)
	case <-ctx.Done():
		return "", ctx.Err()
	}
	select {
	case got := <-r.answer:
		return got.sentence, got.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (l *Loop) keeper(model string) (*keeper, error) {
	if k, ok := (*l.keepers.Load())[model]; ok {
		return k, nil
	}
	return nil, errGone(model)
}

func errGone(model string) error {
	return &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("there is no model %q", model), Hint: "`hone status` lists the models"}
}

// Eject tells the loop that a gateway has taken a challenger off the traffic.
func (l *Loop) Eject(model string, v hone.VersionID, why string) {
	if k, ok := (*l.keepers.Load())[model]; ok {
		k.eject(v, why)
	}
}

// Wake tells the loop that something may wait for a model. It may be lost.
func (l *Loop) Wake(model string) {
	if k, ok := (*l.keepers.Load())[model]; ok {
		k.rouse()
	}
}

// idle is the longest that a model sleeps without looking.
const idle = time.Minute
