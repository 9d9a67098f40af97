package predictor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/predictor/child"
	"hone/internal/sandbox"
)

const (
	readyTime  = 60 * time.Second // From the start until the server is ready.
	readyEvery = 50 * time.Millisecond
	portTries  = 3
	// A server that talks must not fill the disk: so many lines are logged from
	// each, and its last ones are in the error should it die.
	maxLines = 1000
)

// server is one life of the program that serves an artefact.
type server struct {
	child   *child.Process
	url     string
	scratch string // Its home, which goes with it.
}

// start starts the program and waits until it is ready.
func (p *process) start(ctx context.Context) (*server, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime, errSlow)
	defer cancel()
	for try := 1; ; try++ {
		s, err := p.launch()
		if err != nil {
			return nil, err
		}
		err = s.await(ctx, p.client)
		if err == nil {
			return s, nil
		}
		s.stop()
		// Somebody else may have taken the port between the choice and its use.
		taken := strings.Contains(strings.ToLower(s.child.Tail()), "address already in use")
		if !taken || try == portTries {
			return nil, err
		}
	}
}

var errSlow = &hone.Error{Code: hone.Unavailable,
	Message: fmt.Sprintf("start the server of the artefact: not ready after %s", readyTime),
	Hint:    "it must answer GET /v2/health/ready with 200 on $HONE_ADDR"}

func (p *process) launch() (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	scratch, err := os.MkdirTemp("", "hone-server-")
	if err != nil {
		return nil, fmt.Errorf("make a home for the server: %w", err)
	}
	line := bounded(p.log)
	c, err := child.Start(child.Spec{
		Command: p.manifest.Command, Python: p.python, Dir: p.dir,
		Env:    append(child.Environment(scratch, 1), "HONE_ADDR="+addr.String(), "HONE_MODEL=model"),
		Stdout: line, Stderr: line, Box: p.contained(addr.Port, scratch),
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(scratch))
	}
	return &server{child: c, url: "http://" + addr.String(), scratch: scratch}, nil
}

// What a server may write and start, whatever its model's limits are.
const (
	maxServerFile  = 64 << 20
	maxServerTasks = 2048
)

func (p *process) contained(port int, scratch string) sandbox.Spec {
	s := p.box
	s.Read = append(slices.Clone(s.Read), p.dir)
	s.Scratch, s.Listen, s.File, s.Tasks = scratch, port, maxServerFile, maxServerTasks
	return s
}

// stop ends the server, and removes what it left.
func (s *server) stop() {
	s.child.Stop(time.After(stopTime))
	_ = os.RemoveAll(s.scratch) // What stays is a folder of temporary files.
}

// await returns once the server is ready, has died, or ctx ends.
func (s *server) await(ctx context.Context, client *http.Client) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		err := s.check(ctx, client)
		select {
		case <-s.child.Done():
			return &hone.Error{Code: hone.Unavailable, Message: "start the server of the artefact: " + s.ending(),
				Hint: "run its command by hand in the artefact's folder"}
		case <-ctx.Done():
			return s.late(ctx)
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-s.child.Done():
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// late says why the wait is over, with what the server said in the meantime.
func (s *server) late(ctx context.Context) error {
	said := ""
	if tail := s.child.Tail(); tail != "" {
		said = "; it said:\n" + tail
	}
	if cause := context.Cause(ctx); cause != error(errSlow) {
		return fmt.Errorf("start the server of the artefact: not ready yet: %w%s", cause, said)
	}
	return &hone.Error{Code: errSlow.Code, Message: errSlow.Message + said, Hint: errSlow.Hint}
}

func (s *server) check(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/v2/health/ready", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096)) // So that the connection is used again.
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health answered with status %d", resp.StatusCode)
	}
	return nil
}

// ending says how the program ended, with its last lines.
func (s *server) ending() string {
	how := "the program ended"
	if err := s.child.Err(); err != nil {
		how = "the program died: " + err.Error()
		if s.child.OutOfMemory() {
			how += ", out of memory"
		}
	}
	if tail := s.child.Tail(); tail != "" {
		how += "; it said:\n" + tail
	}
	return how
}

func freeAddr() (*net.TCPAddr, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return l.Addr().(*net.TCPAddr), l.Close()
}

// bounded logs the first lines. It is called for one line at a time.
func bounded(log *slog.Logger) func(string) {
	lines := 0
	return func(line string) {
		switch lines++; {
		case lines <= maxLines:
			log.Info("model server says", "line", line)
		case lines == maxLines+1:
			log.Warn("model server says too much; the rest is dropped")
		}
	}
}
