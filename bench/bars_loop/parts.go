package main

import (
	"hone/bench/rig"

	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
	"hone/internal/store"
	"hone/internal/web"
)

// dropped is a log that keeps nothing.
type dropped struct{}

func (dropped) Offer(string, []hone.Prediction) bool { return true }
func (dropped) AppendPredictions(_ context.Context, _ string, ps []hone.Prediction) (int, error) {
	return len(ps), nil
}
func (dropped) AppendShadows(context.Context, string, []hone.ShadowScore) error { return nil }

// serveParts serves one model by the web server and the gateway that Hone has,
// without the loop, until it is told to stop. Its predictions go to the store, or
// nowhere. It writes where it listens into the file address of its folder.
func serveParts(args []string) error {
	flags := flag.NewFlagSet("parts", flag.ExitOnError)
	dir := flags.String("dir", "", "an empty folder")
	logged := flags.Bool("logged", false, "store the predictions")
	profile := flags.String("profile", "", "a file for a profile of the processor's time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		out, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	gateway.LeaveRoom()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m, err := artefact(filepath.Join(*dir, "artefact"))
	if err != nil {
		return err
	}
	var log gateway.Log = dropped{}
	if *logged {
		db, err := store.Open(filepath.Join(*dir, "data"), store.Options{})
		if err != nil {
			return err
		}
		defer db.Close()
		log = db
	}
	open := func(ctx context.Context, _ string, _ hone.VersionID) (predictor.Predictor, error) {
		return predictor.Open(ctx, filepath.Join(*dir, "artefact"), predictor.Options{})
	}
	pool := predictor.NewPool(open, clock.System{})
	defer pool.Stop()
	g := gateway.New(gateway.Options{Pool: pool, Log: log, Model: func(string) (hone.Model, bool) { return m, true }})
	defer g.Stop()
	if err := g.Apply(hone.Plan{Model: m.Name, Token: 1, Champion: "v1", Log: hone.Buffered}); err != nil {
		return err
	}
	s := web.New(web.Options{Listen: "127.0.0.1:0", Anonymous: true, Log: slog.New(slog.DiscardHandler), Metrics: http.NotFoundHandler(),
		Predict: g.Handler(func(*http.Request, string) error { return nil })})
	if err := s.Start(ctx); err != nil {
		return err
	}
	defer s.Stop()
	if err := os.WriteFile(filepath.Join(*dir, "address"), []byte(s.Addr()), 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// artefact fits a linear model of the world's features and writes it.
func artefact(dir string) (hone.Model, error) {
	w := rig.NewWorld(features)
	m := hone.Model{Name: "bench", Task: hone.Binary, Log: hone.Buffered}
	for i := range features {
		m.Features = append(m.Features, frame.Field{Name: fmt.Sprintf("f%d", i), Kind: frame.Number})
	}
	f, y := frame.New(m.Features, rig.HistoryRows), make([]float64, rig.HistoryRows)
	for row := range y {
		x, label := w.Row()
		for i := range x {
			f.Cols[i].Num[row] = x[i]
		}
		if label == "1" {
			y[row] = 1
		}
	}
	fit, err := linear.Fit(f, y, nil, linear.Defaults(), nil, nil)
	if err != nil {
		return m, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, err
	}
	return m, predictor.WriteLinear(dir, hone.Signature{Task: hone.Binary, Features: m.Features, Classes: []string{"0", "1"}}, fit)
}
