package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"hone"
	"hone/internal/cli"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/predictor"
	"hone/internal/spool"
	"hone/internal/store"
	"hone/internal/web"
)

// GatewayOptions say how a gateway of its own is built.
type GatewayOptions struct {
	Config *config.Config
	Listen string
	Name   string
	Clock  clock.Clock
	Log    *slog.Logger
	// Program contains model servers, as that of Options does.
	Program string
}

// Gateway answers predictions and does nothing else: it needs the plans and
// artefacts in the data folder, and a spool of its own.
type Gateway struct {
	spool    *spool.Spool
	follower *gateway.Follower
	pool     *predictor.Pool
	gateway  *gateway.Gateway
	web      *web.Server
	log      *slog.Logger
	stop     sync.Once
}

// NewGateway builds a gateway. The caller must Stop it.
func NewGateway(o GatewayOptions) (*Gateway, error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Config.Server.Anonymous == "none" {
		return nil, &hone.Error{Code: hone.Invalid, Message: "a gateway of its own knows no tokens, and nobody may come without one", Hint: "let `hone serve` answer, or write server: {anonymous: feedback} and listen on 127.0.0.1"}
	}
	data := o.Config.Server.Data
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		return nil, &hone.Error{Code: hone.NotFound, Message: "there is no data folder at " + data, Hint: "start `hone serve` once; it makes the folder, and the plans that a gateway follows"}
	}
	g := &Gateway{log: o.Log}
	var err error
	if g.spool, err = spool.Open(data, o.Name, spool.Options{Clock: o.Clock, Log: o.Log, Limit: int64(o.Config.Server.Spool)}); err != nil {
		return nil, err
	}
	configured := func(name string) (hone.Model, bool) { m, ok := o.Config.Models[name]; return m, ok }
	g.follower = gateway.NewFollower(filepath.Join(data, "plans"), configured, o.Clock, o.Log)
	blobs, options := store.ReadBlobs(data), opening(configured, o.Config.Dir, o.Program, predictor.Options{Log: o.Log, Clock: o.Clock, ONNX: predictor.Runtime(o.Config.Server.ONNX)})
	g.pool = predictor.NewPool(func(ctx context.Context, model string, v hone.VersionID) (predictor.Predictor, error) {
		digest, err := g.follower.Artefact(model, v)
		if err != nil {
			return nil, err
		}
		dir, err := blobs.Verified(digest)
		if err != nil {
			return nil, err
		}
		return predictor.Open(ctx, dir, options(model))
	}, o.Clock)
	g.gateway = gateway.New(gateway.Options{Pool: g.pool, Log: g.spool, Clock: o.Clock, Logger: o.Log,
		Model: g.follower.Model, Ejected: g.ejected, Prefix: o.Name + "-"})
	g.spool.CountRefused(g.refused)
	g.web = web.New(web.Options{Listen: o.Listen, Anonymous: true, Log: o.Log, Metrics: gatewayMetrics(g),
		Predict: g.gateway.Handler(func(*http.Request, string) error { return nil }), Calls: g.gateway.GRPC(nil)})
	return g, nil
}

// ejected leaves word for the process that drains the spool.
func (g *Gateway) ejected(model string, v hone.VersionID, why string) {
	if err := g.spool.Eject(spool.Ejection{Model: model, Version: v, Token: g.follower.Token(model), Why: why}); err != nil {
		g.log.Error("ejection not told; it is tried again", "model", model, "version_id", v, "error", err)
	}
}

// refused are the rows of each model that got no answer by no fault of their caller's.
func (g *Gateway) refused() map[string]int64 {
	out := map[string]int64{}
	for _, s := range g.gateway.Stats() {
		out[s.Model] = s.Refused
	}
	return out
}

// Start puts the plans that are there in force, and answers.
func (g *Gateway) Start(ctx context.Context) error {
	g.follower.Start(ctx, g.gateway)
	return g.web.Start(ctx)
}

// Addr is where the gateway listens.
func (g *Gateway) Addr() string { return g.web.Addr() }

// Stop lets requests under way end, and keeps what they were answered. It may be
// called twice.
func (g *Gateway) Stop() {
	g.stop.Do(func() {
		g.web.Stop()
		g.gateway.Stop()
		g.follower.Stop()
		g.pool.Stop()
		if err := g.spool.Close(); err != nil {
			g.log.Error("last trouble of the spool", "error", err)
		}
	})
}

// runGateway runs a gateway until ctx ends.
func runGateway(ctx context.Context, g cli.Globals, o cli.GatewayOptions, ready func(string)) error {
	gateway.LeaveRoom()
	c, _, err := load(g.Config)
	if err != nil {
		return err
	}
	gw, err := NewGateway(GatewayOptions{Config: c, Listen: o.Listen, Name: o.Name, Log: logger(g), Program: g.Program})
	if err != nil {
		return err
	}
	defer gw.Stop()
	if err := gw.Start(ctx); err != nil {
		return err
	}
	ready(gw.Addr())
	<-ctx.Done()
	return nil
}

// rollBack rolls a model back in a folder that no server has.
func rollBack(ctx context.Context, g cli.Globals, model, reason string) (string, error) {
	c, text, err := load(g.Config)
	if err != nil {
		return "", err
	}
	a, err := New(ctx, Options{Config: c, Text: text, Inline: true, Program: g.Program})
	if e, ok := hone.AsError(err); ok && e.Code == hone.Conflict {
		return "", &hone.Error{Code: hone.Conflict, Message: e.Message, Hint: "ask it: `hone rollback " + model + "`; if it hangs, end that process first"}
	}
	if err != nil {
		return "", err
	}
	defer a.Stop()
	if err := a.Start(ctx); err != nil {
		return "", err
	}
	return a.loop.Act(ctx, model, loop.Act{Do: loop.Rollback, By: "owner", Reason: reason})
}
