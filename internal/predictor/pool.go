package predictor

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/clock"
)

// failedFor is how long a failed load is remembered: a version that cannot be
// opened is not tried again by each request.
const failedFor = time.Second

// Pool keeps the versions open that are asked. It is safe for concurrent use.
type Pool struct {
	open  func(ctx context.Context, model string, v hone.VersionID) (Predictor, error)
	clock clock.Clock
	ctx   context.Context // Of the loads; ends with Stop.
	end   context.CancelFunc
	slots sync.WaitGroup // One a slot that is not closed yet.

	mu   sync.RWMutex
	held map[key]*slot // Nil once stopped.
}

type key struct {
	model   string
	version hone.VersionID
}

// slot is one version: loading, loaded or failed. The pool holds one reference
// while the slot is in its map, the load one, and each caller one.
type slot struct {
	pool    *Pool
	refs    atomic.Int64
	release func() // Made once, so that Acquire allocates nothing.
	ready   chan struct{}
	// Set before ready is closed.
	predictor Predictor
	err       error
	retry     time.Time
}

// NewPool returns an empty pool that opens versions by open.
func NewPool(open func(ctx context.Context, model string, v hone.VersionID) (Predictor, error), c clock.Clock) *Pool {
	ctx, end := context.WithCancel(context.Background())
	return &Pool{open: open, clock: c, ctx: ctx, end: end, held: map[key]*slot{}}
}

// Acquire returns the predictor of a version, and what the caller must call
// exactly once when done with it. The first call for a version opens it, and
// others wait for that; a context that ends ends the wait, not the opening.
func (p *Pool) Acquire(ctx context.Context, model string, version hone.VersionID) (Predictor, func(), error) {
	s, err := p.find(key{model, version})
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-s.ready:
	default:
		select {
		case <-s.ready:
		case <-ctx.Done():
			s.unref()
			return nil, nil, context.Cause(ctx)
		}
	}
	if s.err != nil {
		s.unref()
		return nil, nil, s.err
	}
	return s.predictor, s.release, nil
}

// find returns the slot with a reference taken for the caller.
func (p *Pool) find(k key) (*slot, error) {
	p.mu.RLock()
	s := p.held[k]
	if s != nil && !s.stale() {
		s.refs.Add(1)
		p.mu.RUnlock()
		return s, nil
	}
	p.mu.RUnlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		return nil, &hone.Error{Code: hone.Unavailable, Message: "no version can be asked: shutting down", Hint: "repeat the request once it runs again"}
	}
	s = p.held[k]
	if s != nil && s.stale() {
		s.unref()
		s = nil
	}
	if s == nil {
		s = &slot{pool: p, ready: make(chan struct{})}
		s.release = s.unref
		s.refs.Store(2)
		p.slots.Add(1)
		p.held[k] = s
		go s.load(k)
	}
	s.refs.Add(1)
	return s, nil
}

// Keep closes the model's versions other than those named, each as soon as
// nobody holds it.
func (p *Pool) Keep(model string, versions ...hone.VersionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, s := range p.held {
		if k.model != model || slices.Contains(versions, k.version) {
			continue
		}
		delete(p.held, k)
		s.unref()
	}
}

// Stop closes every version and returns once all are closed, so after the last
// one was released. It may be called twice.
func (p *Pool) Stop() {
	p.end()
	p.mu.Lock()
	for _, s := range p.held {
		s.unref()
	}
	p.held = nil
	p.mu.Unlock()
	p.slots.Wait()
}

func (s *slot) load(k key) {
	s.predictor, s.err = s.pool.open(s.pool.ctx, k.model, k.version)
	if s.err != nil {
		s.retry = s.pool.clock.Now().Add(failedFor)
	}
	close(s.ready)
	s.unref()
}

// stale tells whether the load failed so long ago that it is worth another try.
func (s *slot) stale() bool {
	select {
	case <-s.ready:
		return s.err != nil && !s.pool.clock.Now().Before(s.retry)
	default:
		return false
	}
}

func (s *slot) unref() {
	if s.refs.Add(-1) != 0 {
		return
	}
	if s.predictor == nil {
		s.pool.slots.Done()
		return
	}
	// To close a process takes as long as the process wants; the request that
	// released it last must not wait for that.
	go func() {
		defer s.pool.slots.Done()
		_ = s.predictor.Close() // There is nobody left to whom it matters.
	}()
}
