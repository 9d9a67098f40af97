package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"hone"
	"hone/internal/clock"
)

// server is a fresh Hone of one model.
type server struct {
	dir, binary string
	out         io.Writer
	name        string // Of the model.
	model       hone.Model
	base        string // http://address.
	cmd         *exec.Cmd
	log         *os.File
}

func (h *server) configFile() string { return filepath.Join(h.dir, "hone.yaml") }
func (h *server) logFile() string    { return filepath.Join(h.dir, "serve.log") }
func (h *server) dataDir() string    { return filepath.Join(h.dir, "data") }

// prepare builds hone, writes the configuration and starts the server.
func (h *server) prepare(ctx context.Context, o options) error {
	if h.binary == "" {
		h.binary = filepath.Join(h.dir, "hone")
		if b, err := exec.CommandContext(ctx, "go", "build", "-o", h.binary, "hone/cmd/hone").CombinedOutput(); err != nil {
			return fmt.Errorf("build hone: %w\n%s", err, b)
		}
	}
	if err := h.configure(ctx, o); err != nil {
		return err
	}
	if err := h.start(); err != nil {
		return err
	}
	var status struct {
		Models []struct {
			Model string `json:"model"`
		} `json:"models"`
	}
	if err := h.call(ctx, "GET", "/api/v1/status", nil, &status); err != nil {
		return err
	}
	if len(status.Models) != 1 {
		return fmt.Errorf("the configuration has %d models; a stream is played to one", len(status.Models))
	}
	h.name = status.Models[0].Model
	s, err := h.state(ctx)
	if err != nil {
		return err
	}
	h.model = s.Config
	if h.model.Task == hone.Regression {
		return &hone.Error{Code: hone.Invalid, Message: "the label is a number, and this example counts right answers", Hint: "name a label of classes with --label"}
	}
	return nil
}

// configure has hone write a configuration from the file, and changes what a
// replay needs. A configuration of the user's stands as it is, but for the
// folder of its data.
func (h *server) configure(ctx context.Context, o options) error {
	text, err := os.ReadFile(o.config)
	if o.config == "" {
		if _, err = h.hone(ctx, "init", "--from", o.file, "--label", o.label); err != nil {
			return err
		}
		if text, err = os.ReadFile(h.configFile()); err != nil {
			return err
		}
		text, err = amend(string(text), o)
	}
	if err != nil {
		return err
	}
	if !bytes.Contains(text, []byte("\nserver:")) {
		text = fmt.Appendf(text, "\nserver: {data: %q}\n", h.dataDir())
	}
	if err := os.WriteFile(h.configFile(), text, 0o600); err != nil {
		return err
	}
	_, err = h.hone(ctx, "config", "check")
	return err
}

// amend sets the price, the trainer, and the guards: a cooldown and a daily
// budget are by the clock, and a year of rows goes by in a minute.
func amend(text string, o options) ([]byte, error) {
	for old, now := range map[string]string{
		"retrain_cost: 100":   fmt.Sprintf("retrain_cost: %g", o.cost),
		"trainer: linear   #": fmt.Sprintf("trainer: %s   #", o.trainer),
	} {
		if strings.Count(text, old) != 1 {
			return nil, fmt.Errorf("`hone init` wrote no %q; give a configuration with --config", old)
		}
		text = strings.Replace(text, old, now, 1)
	}
	monitor := []string{}
	if o.window > 0 {
		monitor = append(monitor, fmt.Sprintf("window: %d", o.window))
	}
	if o.tick > 0 {
		monitor = append(monitor, fmt.Sprintf("tick: %d", o.tick))
	}
	text = strings.TrimRight(text, "\n") + "\n\n    # For a replay: rows go by faster than the clock.\n    guards: {cooldown: 0s, max_per_day: 1000}\n    log: durable\n"
	text += fmt.Sprintf("    dataset: {window: %s}\n", o.dataset)
	if len(monitor) > 0 {
		text += "    monitor: {" + strings.Join(monitor, ", ") + "}\n"
	}
	return []byte(text), nil
}

// hone runs one command of the program.
func (h *server) hone(ctx context.Context, args ...string) ([]byte, error) {
	args = append([]string{"--config", h.configFile()}, args...)
	b, err := exec.CommandContext(ctx, h.binary, args...).CombinedOutput()
	if err != nil {
		return b, fmt.Errorf("hone %s: %w\n%s", strings.Join(args, " "), err, b)
	}
	return b, nil
}

// start starts `hone serve` and waits until it listens.
func (h *server) start() (err error) {
	if h.log, err = os.Create(h.logFile()); err != nil {
		return err
	}
	h.cmd = exec.Command(h.binary, "--config", h.configFile(), "--json", "serve", "--listen", "127.0.0.1:0")
	h.cmd.Stderr = h.log
	said, err := h.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(said).ReadBytes('\n')
	var ready struct {
		Listening string `json:"listening"`
	}
	if err != nil || json.Unmarshal(line, &ready) != nil || ready.Listening == "" {
		text, _ := os.ReadFile(h.logFile())
		return fmt.Errorf("hone serve does not listen: %s", bytes.TrimSpace(text))
	}
	h.base = "http://" + ready.Listening
	return nil
}

// stop ends the server and waits for it. It may be called twice.
func (h *server) stop() {
	if h.cmd != nil && h.cmd.Process != nil {
		h.cmd.Process.Signal(os.Interrupt)
		h.cmd.Wait()
		h.cmd = nil
	}
	if h.log != nil {
		h.log.Close()
	}
}

// call makes one request and reads its answer.
func (h *server) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, h.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d: %s", method, path, res.StatusCode, bytes.TrimSpace(b))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// state is what the stream looks at of the model.
type state struct {
	Config  hone.Model    `json:"config"`
	Labels  int           `json:"new_labels"`
	Version *hone.Version `json:"version"`
	Open    *hone.Run     `json:"open_run"`
	Last    *hone.Run     `json:"last_run"`
	Health  *hone.Health  `json:"health"`
}

func (h *server) state(ctx context.Context) (state, error) {
	var s state
	err := h.call(ctx, "GET", "/api/v1/models/"+h.name, nil, &s)
	return s, err
}

// works tells whether the loop is at work on a run, and not waiting for rows.
func (s state) works() bool {
	if s.Open == nil {
		return false
	}
	switch s.Open.State {
	case hone.Collecting, hone.Validating, hone.Training, hone.Evaluating:
		return true
	case hone.Deciding:
		return len(s.Open.Verdicts) == 0
	}
	return false
}

// wait calls done until it says yes.
func wait(ctx context.Context, limit time.Duration, done func() (bool, error)) (in bool, err error) {
	over := clock.System{}.After(limit)
	for {
		ok, err := done()
		if err != nil || ok {
			return ok, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-over:
			return false, nil
		case <-clock.System{}.After(3 * time.Millisecond):
		}
	}
}
