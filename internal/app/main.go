package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"hone"
	"hone/internal/cli"
	"hone/internal/clock"
	"hone/internal/config"
	"hone/internal/demo"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/sandbox"
	"hone/internal/table"
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
	return cli.Runner{Serve: serve, Gateway: runGateway, Rollback: rollBack, Demo: runDemo, DemoPart: demo.Part, Init: initialise, Check: check, Source: source, Unpack: unpack, Docs: config.Docs, Restore: restore, Reach: reach, Clock: clock.System{}, Version: version()}
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
	var text bytes.Buffer
	if err := config.Write(&text, name, config.InitOptions{Source: o.From, Rows: rows, Columns: columns, Label: o.Label}); err != nil {
		return err
	}
	if err := os.WriteFile(g.Config, text.Bytes(), 0o644); err != nil {
		return &hone.Error{Code: hone.Invalid, Message: "cannot write the configuration: " + err.Error(), Hint: "name another file with --config"}
	}
	c, _, err := load(g.Config)
	if err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	m, next := c.Models[name], nextSteps(g, o, columns)
	if g.JSON {
		return json.NewEncoder(g.Out).Encode(map[string]any{"config": g.Config, "model": name, "task": m.Task, "features": len(m.Features), "rows": rows, "next": next})
	}
	features := "1 feature"
	if len(m.Features) > 1 {
		features = fmt.Sprintf("%d features", len(m.Features))
	}
	_, err = fmt.Fprintf(g.Out, "%s: model %s, %s, %s, from %d rows.\nNext: `%s`, then `%s`.\n", g.Config, name, m.Task, features, rows, next[0], next[1])
	return err
}

// nextSteps are the commands that follow on init, to be copied.
func nextSteps(g cli.Globals, o cli.InitOptions, columns []config.Column) []string {
	load, serve := "hone import "+quoted(o.From), "hone serve"
	for _, c := range columns {
		if c.Time {
			load += " --time " + quoted(c.Name)
			break
		}
	}
	if g.Config != "hone.yaml" {
		load, serve = load+" --config "+quoted(g.Config), serve+" --config "+quoted(g.Config)
	}
	return []string{load, serve}
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,@%+=][-A-Za-z0-9_./:,@%+=]*$`)

// quoted writes a word as a shell takes it.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
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
