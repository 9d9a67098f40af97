package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hone"
)

// long tells whether tests run in full size, as in CI.
func long() bool { return os.Getenv("HONE_TEST_LONG") != "" }

// size chooses what a test does by default, or in full size.
func size[T any](usual, full T) T {
	if long() {
		return full
	}
	return usual
}

// gate is a gateway of its own on a server's folder.
type gate struct {
	*server
	listen  string
	name    string
	process *exec.Cmd
	said    *syncBuffer
}

// syncBuffer is written by a process and read by the test meanwhile.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newGate(s *server, name string) *gate {
	g := &gate{server: s, listen: "127.0.0.1:0", name: name}
	s.t.Cleanup(func() { g.end(syscall.SIGTERM) })
	return g
}

// start starts the gateway, and tells how long it took until it answered. Its
// address stays the same from then on.
func (g *gate) start() time.Duration {
	g.t.Helper()
	begun := time.Now()
	g.said = &syncBuffer{}
	g.process = exec.Command(binary, "gateway", "--json", "--config", g.at("hone.yaml"), "--listen", g.listen, "--name", g.name)
	g.process.Stderr = g.said
	out, err := g.process.StdoutPipe()
	if err == nil {
		err = g.process.Start()
	}
	if err != nil {
		g.t.Fatal(err)
	}
	var ready struct{ Listening string }
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		g.t.Fatalf("the gateway does not start: %v\n%s", err, g.said)
	}
	g.listen = ready.Listening
	return time.Since(begun)
}

func (g *gate) end(with os.Signal) {
	g.t.Helper()
	if g.process == nil {
		return
	}
	if err := g.process.Process.Signal(with); err != nil {
		g.t.Error(err)
	}
	if err := g.process.Wait(); with == syscall.SIGTERM && err != nil {
		g.t.Errorf("stop: %v\n%s", err, g.said)
	}
	g.process = nil
}

// metric reads one number of the gateway.
func (g *gate) metric(name string) float64 {
	g.t.Helper()
	res, err := http.Get("http://" + g.listen + "/metrics")
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			var x float64
			fmt.Sscan(rest, &x)
			return x
		}
	}
	g.t.Fatalf("no metric %s", name)
	return 0
}

// answer is what came of one request.
type answer struct {
	ID       hone.PredictionID `json:"prediction_id"`
	Version  hone.VersionID    `json:"version"`
	Route    hone.Route        `json:"route"`
	sent     time.Time         // The first time that it was tried.
	received time.Time
	retried  bool
	took     time.Duration // Of the last try.
	err      error
}

// load asks at a steady rate, whatever becomes of what was asked before.
type load struct {
	url    string
	prefix string // Of the ids; empty to have them made.
	client *http.Client
	wait   sync.WaitGroup
	quit   chan struct{}
	once   sync.Once

	last atomic.Pointer[answer]

	mu      sync.Mutex
	answers []answer
}

// ask begins to ask, so many times a second.
func ask(t *testing.T, listen, prefix string, rate int) *load {
	l := &load{url: "http://" + listen + "/api/v1/models/m/predict", prefix: prefix, quit: make(chan struct{}),
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	l.wait.Go(func() {
		begun, tick := time.Now(), time.NewTicker(time.Second/time.Duration(rate))
		defer tick.Stop()
		for n := 0; ; {
			select {
			case <-l.quit:
				return
			case <-tick.C:
			}
			// Ticks that came too late for the machine are made up for.
			for due := int(time.Since(begun).Seconds() * float64(rate)); n < due; n++ {
				number := n
				l.wait.Go(func() { l.one(number) })
			}
		}
	})
	t.Cleanup(func() { l.stop() })
	return l
}

// stop ends the asking and returns what came of it, in the order of the sending.
func (l *load) stop() []answer {
	l.once.Do(func() { close(l.quit) })
	l.wait.Wait()
	l.client.CloseIdleConnections()
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.answers, func(a, b answer) int { return a.sent.Compare(b.sent) })
	return l.answers
}

// one asks once, and again where nobody answered.
func (l *load) one(n int) {
	body := map[string]any{"features": map[string]any{"f0": float64(n % 10), "f1": float64(n % 7), "f2": 5}}
	if l.prefix != "" {
		body["prediction_id"] = fmt.Sprintf("%s-%d", l.prefix, n)
	}
	raw, _ := json.Marshal(body)
	a := answer{sent: time.Now()}
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for {
		begun := time.Now()
		a.err = l.try(raw, &a)
		a.received = time.Now()
		a.took = a.received.Sub(begun)
		if !down(a.err) || a.received.Sub(a.sent) > patience {
			break
		}
		a.retried = true
		select {
		case <-pause.C:
		case <-l.quit:
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, a)
	if before := l.last.Load(); before == nil || before.sent.Before(a.sent) {
		l.last.Store(&a)
	}
}

func (l *load) try(body []byte, a *answer) error {
	res, err := l.client.Post(l.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%d: %s", res.StatusCode, b)
	}
	return json.Unmarshal(b, a)
}

// down tells a process that is away from one that answers wrongly.
func down(err error) bool {
	broken, ok := errors.AsType[*url.Error](err)
	_, network := errors.AsType[*net.OpError](err) // While the answer is read.
	return ok && !broken.Timeout() || network || errors.Is(err, io.ErrUnexpectedEOF)
}

// good holds that every request was answered, and returns the ids.
func good(t *testing.T, answers []answer) map[hone.PredictionID]bool {
	t.Helper()
	ids, failed := map[hone.PredictionID]bool{}, 0
	for _, a := range answers {
		if a.err != nil || a.ID == "" || a.Version == "" {
			if failed++; failed < 5 {
				t.Errorf("request of %s: %v, %+v", a.sent.Format(time.TimeOnly), a.err, a)
			}
			continue
		}
		if ids[a.ID] {
			t.Errorf("id %s was given twice", a.ID)
		}
		ids[a.ID] = true
	}
	if failed > 0 || len(answers) < 50 {
		t.Errorf("%d of %d requests failed", failed, len(answers))
	}
	return ids
}

// quantile of how long requests took.
func quantile(answers []answer, q float64) time.Duration {
	var took []time.Duration
	for _, a := range answers {
		took = append(took, a.received.Sub(a.sent))
	}
	slices.Sort(took)
	return took[min(int(q*float64(len(took))), len(took)-1)]
}
