package app

import (
	"context"
	"log/slog"
	"os"

	"hone/internal/cli"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/demo"
)

// runDemo starts a server on a folder of its own and plays a scenario on it.
func runDemo(ctx context.Context, g cli.Globals, o cli.DemoOptions) error {
	scenario, err := demo.Find(o.Scenario)
	if err != nil {
		return err
	}
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "hone-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	text := []byte(scenario.Config(program, dir))
	c, err := config.Parse("demo.yaml", text)
	if err != nil {
		return err
	}
	a, err := New(ctx, Options{Config: c, Text: text, Listen: o.Listen, Program: g.Program, Log: slog.New(slog.NewTextHandler(g.Err, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return err
	}
	defer a.Stop()
	if err := a.Start(ctx); err != nil {
		return err
	}
	return demo.Play(ctx, demo.Options{Scenario: scenario, Base: "http://" + a.Addr(), Seed: o.Seed, Once: o.Once, JSON: g.JSON,
		Terminal: isTerminal(g), Out: g.Out, Clock: clock.System{}})
}

func isTerminal(g cli.Globals) bool {
	f, ok := g.Out.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
