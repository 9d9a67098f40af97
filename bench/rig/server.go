// Package rig runs a hone as a user would and loads it with rows: what the
// programs that measure bars have in common. What is measured is left to them.
package rig

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hone/bench/bar"
	"hone/internal/clock"
)

// HistoryRows teach a model of 20 features.
const HistoryRows = 2000

// Server is a hone under measurement.
type Server struct {
	*bar.Process
	Addr string
}

// Config writes a configuration of models of the world's features, and returns
// its file.
func Config(dir string, w *World, log string, models ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nserver: {listen: \"127.0.0.1:0\", data: %q}\nmodels:\n", filepath.Join(dir, "data"))
	for _, name := range models {
		fmt.Fprintf(&b, "  %s: {task: binary, features: %s, label: label, log: %s}\n", name, w.Features(), log)
	}
	path := filepath.Join(dir, "hone.yaml")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// Serve starts `hone serve` as a user would, and waits until it answers.
func Serve(program, dir, config string) (*Server, error) {
	address := filepath.Join(dir, "data", "address")
	if err := os.RemoveAll(address); err != nil {
		return nil, err
	}
	p, err := bar.Start(dir, "serve", program, "serve", "--config", config)
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p}
	err = p.Until(time.Minute, "hone serve answers", func() bool {
		text, err := os.ReadFile(address)
		s.Addr = strings.TrimPrefix(string(text), "http://")
		return err == nil && s.Addr != "" && s.OK("/v2/health/ready")
	})
	if err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}

// OK tells whether a path is answered with 200.
func (s *Server) OK(path string) bool {
	res, err := http.Get("http://" + s.Addr + path)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Teach gives a model its history: the rows from up to to of a world.
func (s *Server) Teach(model string, w *World, from, to int) error {
	for ; from < to; from += 1000 {
		n := min(1000, to-from)
		body := bar.Post("/api/v1/models/"+model+"/history", w.History(from, n))
		if _, err := bar.Fire(s.Addr, [][]byte{body}, 1, 1); err != nil {
			return s.Died(fmt.Errorf("load history of %s: %w", model, err))
		}
	}
	return nil
}

// Ready waits until a model has a champion.
func (s *Server) Ready(model string) error {
	return s.Until(2*time.Minute, "model "+model+" has a champion", func() bool { return s.OK("/v2/models/" + model + "/ready") })
}

// settle is how long a server is left alone after traffic, so that what it has
// still to store counts too. It stores within 100 ms.
const settle = 300 * time.Millisecond

// Shot is what so many requests cost a server.
type Shot struct {
	Wall, CPU time.Duration
	N         int
}

// Micros is the processor time of one request, in microseconds.
func (s Shot) Micros() float64 { return s.CPU.Seconds() * 1e6 / float64(s.N) }

// Fire sends total requests and measures what they cost.
func Fire(p *bar.Process, addr string, requests [][]byte, conns, total int) (Shot, error) {
	before, err := p.CPU()
	if err != nil {
		return Shot{}, err
	}
	wall, err := bar.Fire(addr, requests, conns, total)
	if err != nil {
		return Shot{}, p.Died(err)
	}
	<-clock.System{}.After(settle)
	after, err := p.CPU()
	return Shot{Wall: wall, CPU: after - before, N: total}, err
}
