package predictor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/sandbox"
)

// What a server must keep to. The times of the back-off are the clock's; those
// of requests are the machine's, since sockets know no other.
const (
	answerTime   = 30 * time.Second // For one request whose caller sets no time.
	stopTime     = 2 * time.Second  // From SIGTERM to SIGKILL.
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 10 * time.Second
	checkEvery   = 10 * time.Second // Between two looks at its health.
	checkTime    = 5 * time.Second
	checksFailed = 3 // In a row, until a server that hangs is killed.
)

// process is an artefact served by a program of its own.
type process struct {
	dir      string
	manifest Manifest
	log      *slog.Logger
	clock    clock.Clock
	python   string
	box      sandbox.Spec
	client   *http.Client

	up      atomic.Pointer[server] // Nil while there is none to ask.
	stop    context.CancelFunc
	stopped chan struct{} // Closed once the last server is gone.

	mu   sync.Mutex
	down error // Why there is no server to ask.
}

func openProcess(ctx context.Context, dir string, m Manifest, o Options) (Predictor, error) {
	p := &process{
		dir: dir, manifest: m, clock: o.Clock, python: o.Python, box: o.Box,
		log:     o.Log.With("artefact", dir),
		stopped: make(chan struct{}),
		client: &http.Client{
			Timeout:   answerTime,
			Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true},
			// A server must answer itself, and cannot send us to other machines.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	first, err := p.start(ctx)
	if err != nil {
		p.client.CloseIdleConnections()
		return nil, err
	}
	p.up.Store(first)
	life, stop := context.WithCancel(context.Background())
	p.stop = stop
	go p.keep(life, first)
	return p, nil
}

func (p *process) Signature() hone.Signature { return p.manifest.Signature }

func (p *process) Memory() int64 {
	if s := p.up.Load(); s != nil {
		return s.child.Usage().Memory
	}
	return 0
}

func (p *process) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	if err := checkFrame(p.manifest.Signature, f); err != nil {
		return hone.Scores{}, err
	}
	if f.N == 0 {
		return hone.Scores{Width: p.manifest.Signature.Width()}, nil
	}
	s := p.up.Load()
	if s == nil {
		return hone.Scores{}, p.whyDown()
	}
	body := appendRequest(make([]byte, 0, 256+24*(f.N+2)*len(f.Schema)), f, outputName(p.manifest.Signature))
	answer, err := p.post(ctx, s, body, f.N)
	if err != nil {
		return hone.Scores{}, err
	}
	scores, err := readReply(answer, p.manifest.Signature, f.N)
	if err != nil {
		return hone.Scores{}, unavailable(err.Error(), "mend the server of this version")
	}
	return scores, nil
}

func (p *process) post(ctx context.Context, s *server, body []byte, rows int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v2/models/model/infer", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	// An empty key is not sent. It tells the transport that the request may be
	// repeated where an idle connection was closed under it.
	req.Header["Idempotency-Key"] = []string{}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, p.broken(ctx, err)
	}
	defer resp.Body.Close()
	limit := int64(64<<10 + 64*rows*p.manifest.Signature.Width())
	answer, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, p.broken(ctx, err)
	case resp.StatusCode != http.StatusOK:
		return nil, unavailable(fmt.Sprintf("it answered with status %d: %s", resp.StatusCode, cut(answer)), "mend the server of this version")
	case int64(len(answer)) > limit:
		return nil, unavailable(fmt.Sprintf("the answer is over %d bytes", limit), "mend the server of this version")
	}
	return answer, nil
}

// broken says why no answer came. A caller's own deadline is the caller's error.
func (p *process) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("ask the server of the artefact: %w", context.Cause(ctx))
	}
	if p.up.Load() == nil {
		return p.whyDown()
	}
	return unavailable(err.Error(), "its log says more; a server that died is started again")
}

// Close ends the server, and returns once it is gone.
func (p *process) Close() error {
	p.stop()
	<-p.stopped
	return nil
}

// keep watches over the servers, one after another, until life ends.
func (p *process) keep(life context.Context, s *server) {
	defer close(p.stopped)
	defer p.client.CloseIdleConnections()
	delay := firstBackOff
	for {
		since := p.clock.Now()
		err := p.watch(life, s)
		p.fall(err)
		s.stop()
		p.client.CloseIdleConnections()
		if life.Err() != nil {
			return
		}
		if p.clock.Now().Sub(since) > lastBackOff {
			delay = firstBackOff
		}
		if s, delay = p.restart(life, delay); s == nil {
			return
		}
		p.up.Store(s)
		p.log.InfoContext(life, "model server restarted", "pid", s.child.PID())
	}
}

// watch returns why the server is not to be asked any more.
func (p *process) watch(life context.Context, s *server) error {
	failed := 0
	for {
		select {
		case <-life.Done():
			return errClosed
		case <-s.child.Done():
			p.log.WarnContext(life, "model server died", "pid", s.child.PID(), "cause", s.ending())
			return errors.New(s.ending())
		case <-p.clock.After(checkEvery):
		}
		if limit := p.box.Memory; limit > 0 && !s.child.Contained().Holds(sandbox.CgroupMemory) && s.child.Usage().Memory > limit {
			p.log.WarnContext(life, "model server takes too much memory", "pid", s.child.PID(), "limit_bytes", limit)
			return fmt.Errorf("it used more memory than its limit of %d MiB", limit>>20)
		}
		if err := s.check(life, p.client); err == nil || life.Err() != nil {
			failed = 0
		} else if failed++; failed == checksFailed {
			p.log.WarnContext(life, "model server hangs", "pid", s.child.PID(), "cause", err.Error())
			return fmt.Errorf("it did not answer %d looks at its health: %w", failed, err)
		}
	}
}

// restart starts a server, again and again, and returns it with the delay that
// the next one has to wait; nil once life ends.
func (p *process) restart(life context.Context, delay time.Duration) (*server, time.Duration) {
	for {
		select {
		case <-life.Done():
			return nil, delay
		case <-p.clock.After(delay):
		}
		delay = min(2*delay, lastBackOff)
		s, err := p.start(life)
		if err == nil {
			return s, delay
		}
		if life.Err() == nil {
			p.log.WarnContext(life, "model server not restarted", "cause", err.Error())
			p.fall(err)
		}
	}
}

var errClosed = errors.New("it is closed")

func (p *process) fall(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = err
	p.up.Store(nil)
}

func (p *process) whyDown() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down == nil {
		return unavailable("it is being started", "repeat the request")
	}
	return unavailable(p.down.Error(), "it is started again in the background")
}

func unavailable(message, hint string) error {
	return &hone.Error{Code: hone.Unavailable, Message: "ask the server of the artefact: " + message, Hint: hint}
}

// cut shortens what a server said to what fits into a sentence.
func cut(b []byte) string {
	const most = 300
	if len(b) > most {
		return fmt.Sprintf("%q…", b[:most])
	}
	return fmt.Sprintf("%q", b)
}
