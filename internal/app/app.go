// Package app builds Hone from its parts, starts them in the order of the loop
// and stops them in reverse. What each part does is left to the part.
package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/deliver"
	"hone/internal/evaluate"
	"hone/internal/fault"
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/op"
	"hone/internal/predictor"
	"hone/internal/registry"
	"hone/internal/sandbox"
	"hone/internal/spool"
	"hone/internal/store"
	"hone/internal/train/machine"
	"hone/internal/vault"
	"hone/internal/web"
)

// Options say how Hone is built.
type Options struct {
	Config *config.Config
	Text   []byte // The configuration as it was written.
	Listen string // Instead of the configuration's.
	Clock  clock.Clock
	Log    *slog.Logger
	// Inline builds for simulation: the loop moves only when stepped, and nothing
	// listens.
	Inline bool
	// Passive builds for looking: nothing moves and nothing listens.
	Passive bool
	Seams   Seams
	// Program starts this program again, to contain trainers and model servers:
	// its main must be Main. Empty: they are not contained.
	Program string
}

// App is a Hone that can be started.
type App struct {
	o       Options
	config  *config.Config // Of the start: its server and its folder.
	configs *configuration
	db      *store.DB
	pool    *predictor.Pool
	gateway *gateway.Gateway
	engine  *machine.Engine
	loop    *loop.Loop
	service *op.Service
	drain   *spool.Drain
	vault   *vault.Vault
	web     *web.Server
	token   string
	// certificate is nil where the server speaks plain HTTP.
	certificate *web.Certificate
	stop        sync.Once
	sweep       context.CancelFunc
	wait        sync.WaitGroup
}

// New opens the data folder and builds everything. The caller must Stop it.
func New(ctx context.Context, o Options) (a *App, err error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a = &App{o: o, config: o.Config}
	a.configs = &configuration{app: a}
	if a.db, err = store.Open(o.Config.Server.Data, store.Options{Clock: o.Clock, Log: o.Log, Rand: rand.Reader, Reserve: reserveOf(o), Gentle: o.Program != "" && !o.Inline && !o.Passive}); err != nil {
		return nil, err
	}
	if err := a.build(ctx); err != nil {
		a.db.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) build(ctx context.Context) error {
	owner, err := a.owner()
	if err != nil {
		return err
	}
	if err := a.configs.start(ctx, owner); err != nil {
		return err
	}
	reg := registry.New(a.db, a.db.Blobs(), opening(a.configs.Model, a.config.Dir, a.o.Program, predictor.Options{Log: a.o.Log, Clock: a.o.Clock, ONNX: predictor.Runtime(a.config.Server.ONNX)}))
	a.pool = predictor.NewPool(a.o.Seams.opening(reg.Open), a.o.Clock)
	a.gateway = gateway.New(gateway.Options{
		Pool: a.pool, Log: through[gateway.Log](a.o.Seams.Log, a.db), Clock: a.o.Clock, Logger: a.o.Log, PlanFile: filepath.Join(a.config.Server.Data, "plans"),
		Model:   a.configs.Model,
		Ejected: func(model string, v hone.VersionID, why string) { a.loop.Eject(model, v, why) },
		Artefact: func(model string, id hone.VersionID) (string, error) {
			v, err := a.db.Version(context.Background(), model, id)
			return v.Artefact, err
		},
	})
	a.drain = spool.NewDrain(spool.DrainOptions{Data: a.config.Server.Data, Sink: a.db, Ejected: a.ejected, Clock: a.o.Clock, Log: a.o.Log})
	a.loop = loop.New(loop.Options{
		Control: through[loop.Control](a.o.Seams.Control, a.db), Records: through[loop.Records](a.o.Seams.Records, a.db), Events: a.db, Opinions: a.db, Hints: a.db, Inbox: a.db, Ledger: a.db, Requests: a.db, Blobs: a.db.Blobs(), Pool: a.pool, Gateway: a.gateway, Refused: a.refused, Budget: a.config.Budget, Registry: reg,
		Post:    deliver.Post{Dir: a.config.Dir, Data: a.config.Server.Data, Box: sandbox.Spec{Program: a.o.Program}, Clock: a.o.Clock},
		Engines: a.engines(),
		Owner:   evaluate.Owner{Dir: a.config.Dir, Data: a.config.Server.Data, Box: sandbox.Spec{Program: a.o.Program}, Clock: a.o.Clock},
		Clock:   a.o.Clock, Log: a.o.Log, Rand: rand.Reader, Fence: a.db.Fence(), Dir: a.config.Server.Data, Files: a.config.Dir,
		ConfigHash: config.Hash, Configs: a.db.ConfigsSince, ModelAt: a.configs.modelAt, Room: a.db.Room, Inline: a.o.Inline, Passive: a.o.Passive,
	}, a.config.Models)
	a.vault = vault.New(a.db, a.config.Server.Data, a.o.Clock, a.configs.applied, !a.o.Inline && !a.o.Passive)
	a.service = &op.Service{
		Vault: keeping{a.vault}, Loop: a.loop, Control: a.db, Records: a.db, Events: a.db, Plans: a.db, Samples: a.db, Inbox: a.db, People: a.db, Clock: a.o.Clock, Rand: rand.Reader, Fence: a.db.Fence(),
		Artefact: a.db.Blobs().Dir, Doctor: a.doctor, Config: a.configs, Backtest: a.backtest,
	}
	return a.door()
}

// door builds the server.
func (a *App) door() error {
	s, err := a.config.Server.At(a.o.Listen)
	if err != nil {
		return err
	}
	if s.TLS.Cert != "" && !a.o.Passive {
		if a.certificate, err = web.LoadCertificate(s.TLS.Cert, s.TLS.Key, a.o.Clock, a.o.Log); err != nil {
			return err
		}
	}
	a.web = web.New(web.Options{
		Listen: s.Listen, Service: a.service, Principals: a.db, Changes: a.db.Subscribe, Log: a.o.Log, Metrics: a.metrics(),
		Predict:   a.gateway.Handler(web.AllowModel),
		Calls:     a.gateway.GRPC(web.Allow),
		Anonymous: s.Anonymous == "feedback", Hosts: s.Hosts, Certificate: a.certificate, Plain: s.BehindProxy,
	})
	return nil
}

// ejected hears of a version that a gateway of its own has taken off its
// traffic. What happened under an earlier plan is over: the gateway tries the
// version anew with each plan that names it.
func (a *App) ejected(ctx context.Context, e spool.Ejection) error {
	plan, err := a.db.Plan(ctx, e.Model)
	if known, ok := hone.AsError(err); ok && known.Code == hone.NotFound {
		return nil
	}
	if err == nil && plan.Token == e.Token {
		a.loop.Eject(e.Model, e.Version, e.Why)
	}
	return err
}

// refused are the rows of a model that got no answer by no fault of their caller's, of this
// process since its start and of gateways of their own.
func (a *App) refused(model string) map[string]int64 {
	out := a.drain.Refused(model)
	out[""] = a.gateway.Refused(model)
	return out
}

func (a *App) tokenFile() string { return filepath.Join(a.config.Server.Data, "token") }

// owner reads the owner's token. Where there is none, at the first start or
// because it was taken away, it draws one, and returns the owner who has it.
func (a *App) owner() (*hone.Principal, error) {
	b, err := os.ReadFile(a.tokenFile())
	if err == nil {
		a.token = string(b)
		return nil, nil
	}
	if !os.IsNotExist(err) {
		return nil, fmt.Errorf("read the owner's token: %w", err)
	}
	if err := fault.At(fault.TokenSave); err != nil {
		return nil, err
	}
	var sum string
	if a.token, sum, err = op.NewToken(rand.Reader); err != nil {
		return nil, err
	}
	return &hone.Principal{Name: op.Owner, Role: string(op.Admin), Kind: "person", Created: a.o.Clock.Now(), Token: sum}, nil
}

// Start starts the parts in the order of the loop.
func (a *App) Start(ctx context.Context) error {
	if !a.o.Passive {
		if err := a.gateway.Restore(); err != nil {
			a.o.Log.WarnContext(ctx, "plans on disk not read", "error", err)
		}
	}
	if !a.o.Passive {
		if err := a.vault.Resume(ctx); err != nil {
			a.o.Log.ErrorContext(ctx, "erasure not finished", "error", err)
		}
	}
	if err := a.loop.Start(ctx); err != nil {
		return err
	}
	if a.o.Passive || a.o.Inline {
		return nil
	}
	if err := a.drain.Start(ctx); err != nil {
		return err
	}
	if err := a.web.Start(ctx); err != nil {
		return err
	}
	sweep, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.sweep = cancel
	a.wait.Go(func() { a.retain(sweep) })
	a.wait.Go(func() { a.inspect(sweep) })
	if err := fault.At(fault.Address); err != nil {
		return err
	}
	return os.WriteFile(a.addressFile(), []byte(a.URL()), 0o600)
}

// retain drops whole days of the log once every model has kept them long
// enough.
func (a *App) retain(ctx context.Context) {
	for {
		longest := time.Duration(0)
		_, now := a.configs.Current()
		for _, m := range now.Models {
			longest = max(longest, time.Duration(m.Retention))
		}
		if longest > 0 {
			switch got, err := a.db.Retain(ctx, longest); {
			case err != nil:
				a.o.Log.ErrorContext(ctx, "retention failed", "error", err)
			case got.Waiting > 0:
				a.o.Log.WarnContext(ctx, "many days of the log are past their retention at once; one goes an hour: is the clock right?",
					"files", got.Dropped, "waiting", got.Waiting, "clock", a.o.Clock.Now())
			case got.Dropped > 0:
				a.o.Log.InfoContext(ctx, "days of the log dropped", "files", got.Dropped)
			}
		}
		if err := a.db.SaveLastUsed(ctx); err != nil {
			a.o.Log.ErrorContext(ctx, "last use of tokens not written down", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.o.Clock.After(time.Hour):
		}
	}
}

// Stop stops the parts in reverse. It may be called twice.
func (a *App) Stop() {
	a.stop.Do(func() {
		os.Remove(a.addressFile())
		a.web.Stop()
		if a.sweep != nil {
			a.sweep()
		}
		a.wait.Wait()
		a.drain.Stop()
		a.loop.Stop()
		a.engine.Stop()
		a.gateway.Stop()
		a.pool.Stop()
		if err := a.db.SaveLastUsed(context.Background()); err != nil {
			a.o.Log.Error("last use of tokens not written down", "error", err)
		}
		if err := a.db.Close(); err != nil {
			a.o.Log.Error("store not closed", "error", err)
		}
	})
}

func (a *App) addressFile() string { return filepath.Join(a.config.Server.Data, "address") }

// Addr is where the server listens.
func (a *App) Addr() string { return a.web.Addr() }

// URL is how programs on this machine reach the server.
func (a *App) URL() string { return a.web.URL() }

// Token is the owner's.
func (a *App) Token() string { return a.token }

// Loop is the loop, for simulations.
func (a *App) Loop() *loop.Loop { return a.loop }

// Service is what the operations work on.
func (a *App) Service() *op.Service { return a.service }

// Gateway answers predictions.
func (a *App) Gateway() *gateway.Gateway { return a.gateway }

// Flush waits until every prediction served so far is stored.
func (a *App) Flush(ctx context.Context) error { return a.db.Flush(ctx) }
