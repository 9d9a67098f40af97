package main

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

// historyRows teach a model of 20 features.
const historyRows = 2000

// server is a hone under measurement.
type server struct {
	*bar.Process
	addr string
}

// config writes a configuration of models of the world's features, and returns
// its file.
func config(dir string, w *world, log string, models ...string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nserver: {listen: \"127.0.0.1:0\", data: %q}\nmodels:\n", filepath.Join(dir, "data"))
	for _, name := range models {
		fmt.Fprintf(&b, "  %s: {task: binary, features: %s, label: label, log: %s}\n", name, w.features(), log)
	}
	path := filepath.Join(dir, "hone.yaml")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// serve starts `hone serve` as a user would, and waits until it answers.
func serve(b *bench, dir, config string) (*server, error) {
	address := filepath.Join(dir, "data", "address")
	if err := os.RemoveAll(address); err != nil {
		return nil, err
	}
	p, err := bar.Start(dir, "serve", b.hone, "serve", "--config", config)
	if err != nil {
		return nil, err
	}
	s := &server{Process: p}
	err = p.Until(time.Minute, "hone serve answers", func() bool {
		text, err := os.ReadFile(address)
		s.addr = strings.TrimPrefix(string(text), "http://")
		return err == nil && s.addr != "" && s.get("/v2/health/ready")
	})
	if err != nil {
		p.Stop()
		return nil, err
	}
	return s, nil
}

func (s *server) get(path string) bool {
	res, err := http.Get("http://" + s.addr + path)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// teach gives a model its history.
func (s *server) teach(model string, w *world, rows int) error {
	for from := 0; from < rows; from += 1000 {
		n := min(1000, rows-from)
		body := bar.Post("/api/v1/models/"+model+"/history", w.history(from, n))
		if _, err := bar.Fire(s.addr, [][]byte{body}, 1, 1); err != nil {
			return s.Died(fmt.Errorf("load history of %s: %w", model, err))
		}
	}
	return nil
}

// ready waits until a model has a champion.
func (s *server) ready(model string) error {
	return s.Until(2*time.Minute, "model "+model+" has a champion", func() bool { return s.get("/v2/models/" + model + "/ready") })
}

// settle is how long a server is left alone after traffic, so that what it has
// still to store counts too. It stores within 100 ms.
const settle = 300 * time.Millisecond

// shot is what so many requests cost a server.
type shot struct {
	wall, cpu time.Duration
	n         int
}

func (s shot) micros() float64 { return s.cpu.Seconds() * 1e6 / float64(s.n) }

// fire sends total requests and measures what they cost.
func fire(p *bar.Process, addr string, requests [][]byte, conns, total int) (shot, error) {
	before, err := p.CPU()
	if err != nil {
		return shot{}, err
	}
	wall, err := bar.Fire(addr, requests, conns, total)
	if err != nil {
		return shot{}, p.Died(err)
	}
	<-clock.System{}.After(settle)
	after, err := p.CPU()
	return shot{wall: wall, cpu: after - before, n: total}, err
}
