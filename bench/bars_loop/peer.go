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
	"hone/bench/rig"
)

// peerProgram serves a linear model by FastAPI.
//
//go:embed peer.py
var peerProgram []byte

// peer measures FastAPI under uvicorn, which logs nothing, in turn with hone.
// Without a Python that can install it there is no figure, and a note says so.
func peer(b *bar.Bench, s *rig.Server, requests [][]byte) error {
	python, err := peerPython()
	if err != nil {
		b.Note("no peer: %v", err)
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	l.Close()
	if err := os.WriteFile(filepath.Join(b.Work, "peer.py"), peerProgram, 0o600); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	p, err := bar.Start(b.Work, "peer", python, "-m", "uvicorn", "peer:app", "--port", port, "--no-access-log", "--log-level", "warning")
	if err != nil {
		return err
	}
	defer p.Stop()
	other := &rig.Server{Process: p, Addr: addr}
	if err := p.Until(time.Minute, "the peer answers", func() bool { return other.OK("/v2/health/ready") }); err != nil {
		return err
	}
	return sideBySide(b, s, other, requests)
}

func sideBySide(b *bar.Bench, s, other *rig.Server, requests [][]byte) error {
	const pairs, total = 5, 4000
	var ours, theirs, ratio []float64
	for i := range pairs + 1 {
		a, err := rig.Fire(s.Process, s.Addr, requests, callers, total)
		if err != nil {
			return err
		}
		o, err := rig.Fire(other.Process, other.Addr, requests, callers, total)
		if err != nil {
			return fmt.Errorf("the peer: %w", err)
		}
		if i == 0 {
			continue // Warming up.
		}
		ours, theirs, ratio = append(ours, a.Micros()), append(theirs, o.Micros()), append(ratio, o.Micros()/a.Micros())
	}
	b.Keep("beside_peer", "µs", ours...)
	b.Keep("peer", "µs", theirs...)
	b.Keep("peer_ratio", "times", ratio...)
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
