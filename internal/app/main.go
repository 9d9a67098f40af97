package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	"hone"
	"hone/internal/cli"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/demo"
	"hone/internal/frame"
	"hone/internal/table"
)

// Main runs a command line and returns the exit status.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, Commands(), args, os.Stdout, os.Stderr)
}

// Commands is what the application lends to the command line.
func Commands() cli.Runner {
	return cli.Runner{Serve: serve, Demo: runDemo, DemoPart: demo.Part, Init: initialise, Check: check, Docs: config.Docs, Reach: reach, Clock: clock.System{}, Version: version()}
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

// serve runs a server until ctx ends.
func serve(ctx context.Context, g cli.Globals, listen string, ready func(string)) error {
	c, text, err := load(g.Config)
	if err != nil {
		return err
	}
	a, err := New(ctx, Options{Config: c, Text: text, Listen: listen, Log: logger(g)})
	if err != nil {
		return err
	}
	defer a.Stop()
	if err := a.Start(ctx); err != nil {
		return err
	}
	ready(a.Addr())
	<-ctx.Done()
	return nil
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
	return fmt.Sprintf("%s is good: %d models.", g.Config, len(c.Models)), nil
}

var notInName = regexp.MustCompile(`[^a-z0-9_-]+`)

// modelName makes a model's name from a file's.
func modelName(path string) string {
	name := strings.ToLower(filepath.Base(path))
	name, _, _ = strings.Cut(name, ".")
	name = strings.Trim(notInName.ReplaceAllString(name, "-"), "-_")
	if name == "" {
		return "model"
	}
	return name[:min(len(name), 63)]
}

// initialise writes a configuration from a file of data.
func initialise(g cli.Globals, o cli.InitOptions) error {
	if _, err := os.Stat(g.Config); err == nil && !o.Force {
		return &hone.Error{Code: hone.Conflict, Message: g.Config + " is there already", Hint: "write over it with --force, or name another with --config"}
	}
	columns, rows, err := infer(o)
	if err != nil {
		return err
	}
	name := o.Model
	if name == "" {
		name = modelName(o.From)
	}
	f, err := os.Create(g.Config)
	if err != nil {
		return err
	}
	err = config.Write(f, name, config.InitOptions{Source: o.From, Rows: rows, Columns: columns, Label: o.Label})
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(g.Config)
		return err
	}
	c, _, err := load(g.Config)
	if err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	m := c.Models[name]
	if g.JSON {
		_, err = fmt.Fprintf(g.Out, "{\"config\":%q,\"model\":%q,\"task\":%q,\"features\":%d,\"rows\":%d}\n", g.Config, name, m.Task, len(m.Features), rows)
		return err
	}
	fmt.Fprintf(g.Out, "%s: model %s, %s, %d features, from %d rows.\nNext: `hone import %s`, then `hone serve`.\n", g.Config, name, m.Task, len(m.Features), rows, o.From)
	return nil
}

// inferRows is how many rows init looks at.
const inferRows = 10000

// infer looks at a file's columns.
func infer(o cli.InitOptions) ([]config.Column, int, error) {
	r, err := table.Open(o.From)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	got, err := table.Infer(r, inferRows)
	if err != nil {
		return nil, 0, err
	}
	values, err := labelValues(o)
	if err != nil {
		return nil, 0, err
	}
	var out []config.Column
	timed := false
	for _, c := range got.Columns {
		isTime := c.Time
		if o.Time != "" {
			isTime = c.Name == o.Time
		}
		timed = timed || isTime
		col := config.Column{Name: c.Name, Kind: c.Kind, Time: isTime, Identifier: c.Identifier, Constant: c.Constant,
			Distinct: c.Distinct, Missing: c.Missing, Example: c.Example}
		if c.Name == o.Label {
			col.Values, col.Time, col.Identifier, col.Constant = values, false, false, false
		}
		out = append(out, col)
	}
	if o.Time != "" && !timed {
		return nil, 0, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q for --time", o.From, o.Time), Hint: fmt.Sprintf("its columns are %q", r.Columns())}
	}
	return out, got.Rows, nil
}

// labelValues counts the different values of the label, the most frequent first.
func labelValues(o cli.InitOptions) ([]string, error) {
	r, err := table.Open(o.From)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	at := -1
	for i, c := range r.Columns() {
		if c == o.Label {
			at = i
		}
	}
	if at < 0 {
		return nil, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s has no column %q for --label", o.From, o.Label), Hint: fmt.Sprintf("its columns are %q", r.Columns())}
	}
	return frequent(r, at)
}

func frequent(r *table.Reader, at int) ([]string, error) {
	count := map[string]int{}
	for seen := 0; seen < 10*inferRows; seen++ {
		rec, err := r.Next()
		if _, bad := errors.AsType[*table.BadRow](err); bad {
			continue
		}
		if err != nil {
			break
		}
		if s := fmt.Sprint(rec.Values[at]); rec.Values[at] != nil && !frame.Missing(s) {
			if x, ok := frame.ParseNumber(s); ok {
				s = frame.FormatNumber(x)
			}
			count[s]++
		}
		if len(count) > config.MaxClasses+1 {
			break
		}
	}
	return byCount(count), nil
}
