package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"

	"hone"
	"hone/internal/cli"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/demo"
	"hone/internal/fault"
	"hone/internal/gateway"
	"hone/internal/sandbox"
)

// Main runs a command line and returns the exit status.
func Main(args []string) int {
	if len(args) > 0 && args[0] == sandbox.Command {
		return sandbox.Main()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := fault.FromEnv(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "hone:", err)
		return 1
	}
	if len(args) > 0 && args[0] == learnCommand {
		return learn(ctx)
	}
	commands := Commands()
	commands.Program = self
	return cli.Run(ctx, commands, args, os.Stdout, os.Stderr)
}

// Commands is what the application lends to the command line.
func Commands() cli.Runner {
	return cli.Runner{Serve: serve, Gateway: runGateway, Rollback: rollBack, Demo: runDemo, DemoPart: demo.Part, Init: initialise, Check: check, Source: source, Unpack: unpack, Docs: config.Docs, Restore: restore, Reach: reach, Workbench: workbench, Clock: clock.System{}, Version: version()}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

// makeRoom lets so many threads run Go at once that work on a retrain does not
// take the place of a request inside this program, where the kernel cannot share
// the processors out; unless the environment says how many.
func makeRoom() {
	const fewest = 4
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < fewest {
		runtime.GOMAXPROCS(fewest)
	}
}

// serve runs a server until ctx ends.
func serve(ctx context.Context, g cli.Globals, listen string, ready func(string)) error {
	makeRoom()
	gateway.LeaveRoom()
	c, text, err := load(g.Config)
	if err != nil {
		return err
	}
	a, err := New(ctx, Options{Config: c, Text: text, Listen: listen, Log: logger(g), Program: g.Program})
	if err != nil {
		return err
	}
	defer a.Stop()
	if err := a.Start(ctx); err != nil {
		return err
	}
	ready(a.URL())
	select {
	case <-ctx.Done():
		return nil
	case <-a.db.Lost():
		return &hone.Error{Code: hone.Conflict, Message: "another process has taken over the data folder " + c.Server.Data + "; this one has stepped down",
			Hint: "one server a folder: stop one of the two for good"}
	}
}

func logger(g cli.Globals) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if g.JSON {
		return slog.New(slog.NewJSONHandler(g.Err, o))
	}
	return slog.New(slog.NewTextHandler(g.Err, o))
}

// check reads the configuration.
func check(g cli.Globals) (string, error) {
	c, _, err := load(g.Config)
	if err != nil {
		return "", err
	}
	if len(c.Models) == 1 {
		return g.Config + " is good: 1 model.", nil
	}
	return fmt.Sprintf("%s is good: %d models.", g.Config, len(c.Models)), nil
}

// source reads the files of the configuration as one text.
func source(g cli.Globals) (string, error) {
	_, text, err := load(g.Config)
	return string(text), err
}

// unpack writes a configuration into a folder, over nothing that is there.
func unpack(text, dir string) ([]string, error) {
	if _, err := config.Parse("hone.yaml", []byte(text)); err != nil {
		return nil, misconfigured("the configuration", err)
	}
	var out []string
	for _, f := range config.Split(text) {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return out, &hone.Error{Code: hone.Invalid, Message: "cannot write the configuration: " + err.Error(), Hint: "name another folder with --out"}
		}
		to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return out, &hone.Error{Code: hone.Conflict, Message: path + " is there already", Hint: "name an empty folder with --out"}
		}
		if err == nil {
			_, err = to.WriteString(f.Text)
			err = errors.Join(err, to.Close())
		}
		if err != nil {
			return out, &hone.Error{Code: hone.Invalid, Message: "cannot write the configuration: " + err.Error(), Hint: "name another folder with --out"}
		}
		out = append(out, path)
	}
	return out, nil
}
