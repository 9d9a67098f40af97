// Package gateway turns requests into Predictions: it routes each row by its
// model's Plan, falls back to the champion when a challenger fails, shadows,
// and hands what it served to the log. Which version gets which share, and what
// becomes of the predictions, is left to rollout and to the store.
package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/predictor"
)

// Pool is what the gateway needs of the versions that are open.
type Pool interface {
	// Acquire returns the predictor of a version, opened if need be, and what
	// must be called once when done with it.
	Acquire(ctx context.Context, model string, v hone.VersionID) (predictor.Predictor, func(), error)
	// Keep closes the model's other versions, each once nobody holds it. It does
	// not wait for that.
	Keep(model string, versions ...hone.VersionID)
}

// Log is what the gateway needs of a store. The predictions and all that they
// hold are shared with the answers under way, and must not be changed.
type Log interface {
	// Offer takes predictions that will be stored soon. It never waits; false
	// means that they were shed.
	Offer(model string, ps []hone.Prediction) bool
	// AppendPredictions returns once the predictions are stored, with how many of
	// them were new.
	AppendPredictions(ctx context.Context, model string, ps []hone.Prediction) (int, error)
	AppendShadows(ctx context.Context, model string, s []hone.ShadowScore) error
}

// Options are what a gateway is made of. Pool, Log and Model must be set.
type Options struct {
	Pool   Pool
	Log    Log
	Clock  clock.Clock
	Logger *slog.Logger
	// PlanFile is the folder where the plans are kept, one file a model. Empty:
	// they are not kept.
	PlanFile string
	// Artefact returns the digest of a version's artefact, which is kept with the
	// plan for gateways that know nothing else of it. Unset: none is kept.
	Artefact func(model string, v hone.VersionID) (string, error)
	// Model returns a model's configuration, and whether there is one.
	Model func(name string) (hone.Model, bool)
	// Ejected is told, once a plan, of a challenger or shadow that does not load,
	// and of a challenger that failed so often that it gets no more traffic.
	Ejected func(model string, v hone.VersionID, why string)
	// Prefix begins the prediction ids that are made here. Default: hone.OwnPrefix.
	Prefix string
	// Random makes prediction ids. Default: math/rand/v2.
	Random func() uint64
}

// drainTime bounds how long Stop lets shadows go on.
const drainTime = 5 * time.Second

// Gateway answers requests. It is safe for concurrent use.
type Gateway struct {
	pool     Pool
	log      Log
	clock    clock.Clock
	logger   *slog.Logger
	folder   string
	model    func(string) (hone.Model, bool)
	artefact func(string, hone.VersionID) (string, error)
	ejected  func(string, hone.VersionID, string)
	prefix   string
	random   func() uint64
	models   sync.Map // Name to *serving.
	shadows  shadows
	jobs     jobs
	base     context.Context // Of what runs behind the requests.
	endBase  context.CancelFunc
	stopping sync.Once
}

// New returns a gateway that has no plans yet.
func New(o Options) *Gateway {
	g := &Gateway{pool: o.Pool, log: o.Log, clock: o.Clock, logger: o.Logger, folder: o.PlanFile,
		model: o.Model, artefact: o.Artefact, ejected: o.Ejected, prefix: cmp.Or(o.Prefix, hone.OwnPrefix), random: o.Random}
	if g.clock == nil {
		g.clock = clock.System{}
	}
	if g.logger == nil {
		g.logger = slog.New(slog.DiscardHandler)
	}
	if g.ejected == nil {
		g.ejected = func(string, hone.VersionID, string) {}
	}
	if g.random == nil {
		g.random = rand.Uint64
	}
	g.base, g.endBase = context.WithCancel(context.Background())
	g.jobs.quit = make(chan struct{})
	g.jobs.idle = make(chan struct{})
	return g
}

// Stop refuses new requests, lets those under way and the shadows end, also the
// queued ones, and writes what they gave. After a few seconds it drops, and
// counts, what the shadows have not scored by then. It may be called twice.
func (g *Gateway) Stop() {
	g.stopping.Do(func() {
		g.jobs.stop()
		select {
		case <-g.jobs.idle:
		case <-g.clock.After(drainTime):
		}
		g.endBase()
		select {
		case <-g.jobs.idle:
		case <-g.clock.After(drainTime):
			g.logger.Warn("a predictor does not end; left behind")
		}
	})
}

// serving is one model as it is served.
type serving struct {
	name  string
	state atomic.Pointer[state] // Nil before the first plan.
	counters

	applying sync.Mutex // Held while a plan is applied, also while versions load.
	kept     Kept       // As it lies on disk; guarded by applying.

	mu   sync.Mutex
	live []*state // The current one, one that loads, and those with requests under way.

	waiting []shadowJob // Guarded by shadows.mu, as is rows.
	rows    int
}

// of returns the serving of a model that is known to exist.
func (g *Gateway) of(model string) *serving {
	if s, ok := g.models.Load(model); ok {
		return s.(*serving)
	}
	s, _ := g.models.LoadOrStore(model, &serving{name: model})
	return s.(*serving)
}

// find returns a model that is configured, and its serving.
func (g *Gateway) find(model string) (hone.Model, *serving, error) {
	m, ok := g.model(model)
	if !ok {
		return m, nil, &hone.Error{Code: hone.NotFound, Message: "there is no model " + quote(model),
			Hint: "check the name; GET /v2/models/{model} describes a model that there is"}
	}
	if m.Elsewhere() {
		return m, nil, &hone.Error{Code: hone.Conflict, Message: "model " + quote(model) + " is served elsewhere (serving: external): Hone does not answer its predictions",
			Hint: "ask the server that serves it; what it answered is logged with `hone log`"}
	}
	return m, g.of(model), nil
}

// jobs counts the requests under way and the goroutines that they have started.
type jobs struct {
	mu      sync.Mutex
	n       int
	stopped bool
	quit    chan struct{} // Closed by stop.
	idle    chan struct{} // Closed once stopped and none is left.
}

// enter counts a request until done, unless the gateway has stopped.
func (j *jobs) enter() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped {
		return false
	}
	j.n++
	return true
}

// start runs f beside. It cannot only when the gateway has stopped and nothing
// is under way any more, so a job can always start another.
func (j *jobs) start(f func()) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped && j.n == 0 {
		return false
	}
	j.n++
	go func() {
		defer j.done()
		f()
	}()
	return true
}

func (j *jobs) done() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n--
	if j.n == 0 && j.stopped {
		close(j.idle)
	}
}

func (j *jobs) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stopped = true
	close(j.quit)
	if j.n == 0 {
		close(j.idle)
	}
}

func (j *jobs) over() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stopped
}
