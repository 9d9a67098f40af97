// Command stream plays a file of labelled rows to a fresh Hone as if they
// happened now, and reports what the loop made of them beside plain rivals. What
// Hone does in between is left to Hone: the program is a client like any other.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"hone"
	"hone/internal/clock"
)

// options are the flags.
type options struct {
	file, label, config, trainer, dataset string
	keep, json, out, binary               string
	batch, delay, pace, limit             int
	window, tick                          int
	cost                                  float64
	realtime                              bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "stream:", err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string, errOut io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("stream", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.Usage = func() {
		fmt.Fprintln(errOut, "Usage: go run ./examples/stream [flags] FILE.csv[.gz]")
		f.PrintDefaults()
	}
	f.StringVar(&o.label, "label", "label", "the column that is to be predicted")
	f.StringVar(&o.config, "config", "", "a configuration of one model (default: written by `hone init`)")
	f.StringVar(&o.trainer, "trainer", "linear", "train.trainer of the configuration that is written")
	f.StringVar(&o.dataset, "dataset-window", "auto", "dataset.window of it: auto, all or a number of rows")
	f.Float64Var(&o.cost, "retrain-cost", 100, "what a retrain costs, in wrong answers")
	f.IntVar(&o.window, "window", 0, "monitor.window: predictions that drift is judged on (default: Hone's)")
	f.IntVar(&o.tick, "tick", 0, "monitor.tick: labels between two looks at the triggers (default: Hone's)")
	f.IntVar(&o.batch, "batch", 20, "rows in a request")
	f.IntVar(&o.delay, "delay-rows", 500, "rows by which labels come late")
	f.IntVar(&o.pace, "pace", 20, "rows between two looks whether the loop has kept up")
	f.IntVar(&o.limit, "limit", 0, "rows of the file to play (default: all)")
	f.BoolVar(&o.realtime, "realtime", false, "never wait for the loop")
	f.StringVar(&o.keep, "keep", "", "folder for the configuration and all of Hone's data (default: one that is removed)")
	f.StringVar(&o.json, "json", "", "file for the report as JSON")
	f.StringVar(&o.out, "out", "", "file for the report as text, besides the terminal")
	f.StringVar(&o.binary, "hone", "", "a built hone (default: built from ./cmd/hone)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() != 1 {
		return o, errors.New("name one FILE.csv or FILE.csv.gz; -h shows the flags")
	}
	o.file = f.Arg(0)
	if o.batch < 1 || o.pace < 1 || o.delay < 0 || o.limit < 0 || !(o.cost > 0) {
		return o, errors.New("--batch, --pace and --retrain-cost must be over 0, --delay-rows and --limit at least 0")
	}
	return o, nil
}

// run plays the file and writes the report.
func run(ctx context.Context, o options, out io.Writer) error {
	dir, err := folder(o.keep)
	if err != nil {
		return err
	}
	if o.keep == "" {
		defer os.RemoveAll(dir)
	}
	watch, began := clock.Start(), clock.System{}.Now()
	h := &server{dir: dir, binary: o.binary, out: out}
	defer h.stop()
	if err := h.prepare(ctx, o); err != nil {
		return err
	}
	d, err := read(o.file, h.model, o.limit)
	if err != nil {
		return err
	}
	p := newPlayer(o, h, d)
	if err := p.begin(ctx); err != nil {
		return err
	}
	if err := p.play(ctx); err != nil {
		return fmt.Errorf("after %d rows: %w (the server's log is %s)", p.next, err, h.logFile())
	}
	r, err := p.report(ctx)
	if err != nil {
		return err
	}
	r.Began, r.Load, r.CPUs = began, load(), runtime.NumCPU()
	r.Seconds = watch.Elapsed().Round(100 * time.Millisecond).Seconds()
	r.Command = "go run ./examples/stream " + strings.Join(os.Args[1:], " ")
	return r.write(o, out)
}

// folder returns where everything is kept.
func folder(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "hone-stream-")
	}
	dir, err := filepath.Abs(keep)
	if err != nil {
		return "", err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return "", &hone.Error{Code: hone.Conflict, Message: dir + " is not empty", Hint: "a replay needs a fresh Hone; name another folder"}
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// load is the machine's load as Linux tells it, else empty.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	if f := strings.Fields(string(b)); len(f) >= 3 {
		return strings.Join(f[:3], " ")
	}
	return ""
}

// write writes the report to all who asked for it.
func (r *Report) write(o options, out io.Writer) error {
	text := r.Text()
	fmt.Fprint(out, "\n", text)
	var errs []error
	if o.out != "" {
		errs = append(errs, os.WriteFile(o.out, []byte(text), 0o644))
	}
	if o.json != "" {
		b, err := json.MarshalIndent(r, "", "  ")
		errs = append(errs, err, os.WriteFile(o.json, append(b, '\n'), 0o644))
	}
	return errors.Join(errs...)
}
