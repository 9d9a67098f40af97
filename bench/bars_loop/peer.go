package main

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"hone/bench/bar"
)

// peerProgram serves a linear model by FastAPI.
//
//go:embed peer.py
var peerProgram []byte

// peer measures FastAPI under uvicorn, which logs nothing, in turn with hone.
// Without a Python that can install it there is no figure, and a note says so.
func (b *bench) peer(s *server, requests [][]byte) error {
	python, err := peerPython()
	if err != nil {
		b.note("no peer: %v", err)
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	l.Close()
	if err := os.WriteFile(filepath.Join(b.work, "peer.py"), peerProgram, 0o600); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	p, err := bar.Start(b.work, "peer", python, "-m", "uvicorn", "peer:app", "--port", port, "--no-access-log", "--log-level", "warning")
	if err != nil {
		return err
	}
	defer p.Stop()
	other := &server{Process: p, addr: addr}
	if err := p.Until(time.Minute, "the peer answers", func() bool { return other.get("/v2/health/ready") }); err != nil {
		return err
	}
	return b.sideBySide(s, other, requests)
}

func (b *bench) sideBySide(s, other *server, requests [][]byte) error {
	const pairs, total = 5, 4000
	var ours, theirs, ratio []float64
	for i := range pairs + 1 {
		a, err := fire(s.Process, s.addr, requests, callers, total)
		if err != nil {
			return err
		}
		o, err := fire(other.Process, other.addr, requests, callers, total)
		if err != nil {
			return fmt.Errorf("the peer: %w", err)
		}
		if i == 0 {
			continue // Warming up.
		}
		ours, theirs, ratio = append(ours, a.micros()), append(theirs, o.micros()), append(ratio, o.micros()/a.micros())
	}
	b.keep("beside_peer", "µs", ours...)
	b.keep("peer", "µs", theirs...)
	b.keep("peer_ratio", "times", ratio...)
	return nil
}

// peerPython makes, once, an environment with FastAPI in the user's cache.
func peerPython() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "hone-bench", "peer")
	python := filepath.Join(dir, "bin", "python")
	have := func() bool {
		return exec.Command(python, "-c", "import fastapi, uvicorn, uvloop, httptools").Run() == nil
	}
	if have() {
		return python, nil
	}
	if out, err := exec.Command("python3", "-m", "venv", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make a Python environment: %w: %.300s", err, out)
	}
	if out, err := exec.Command(python, "-m", "pip", "install", "--quiet", "fastapi", "uvicorn[standard]").CombinedOutput(); err != nil {
		return "", fmt.Errorf("pip install fastapi uvicorn: %w: %.300s", err, out)
	}
	if !have() {
		return "", fmt.Errorf("pip installed fastapi and uvicorn, but %s cannot import them", python)
	}
	return python, nil
}
