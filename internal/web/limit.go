package web

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

const (
	// maxBusy is how many requests of one caller may be under way at a time.
	maxBusy = 512
	// maxBuckets bounds what is remembered of who asked how often.
	maxBuckets = 4096
	// maxConns bounds the connections, also where more files may be open.
	maxConns = 10_000
)

// buckets holds each key to a rate. Its memory is bounded: where too many keys
// are new at once, those share one bucket.
type buckets struct {
	every time.Duration
	burst int

	mu    sync.Mutex
	m     map[string]*rate.Limiter
	rest  *rate.Limiter
	swept time.Time
}

func newBuckets(every time.Duration, burst int) *buckets {
	return &buckets{every: every, burst: burst, m: map[string]*rate.Limiter{}, rest: rate.NewLimiter(rate.Every(every), burst)}
}

// allow takes one from the key's bucket, and tells whether there was one.
func (b *buckets) allow(key string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.m[key]
	if l == nil && len(b.m) >= maxBuckets {
		b.sweepLocked(now)
	}
	switch {
	case l != nil:
	case len(b.m) >= maxBuckets:
		l = b.rest
	default:
		l = rate.NewLimiter(rate.Every(b.every), b.burst)
		b.m[key] = l
	}
	return l.AllowN(now, 1)
}

// sweepLocked forgets the buckets that are full again, at most once a second.
func (b *buckets) sweepLocked(now time.Time) {
	if now.Sub(b.swept) < time.Second {
		return
	}
	b.swept = now
	for key, l := range b.m {
		if l.TokensAt(now) >= float64(b.burst) {
			delete(b.m, key)
		}
	}
}

// counts are numbers by the names of callers, of whom there are as many as
// principals.
type counts struct{ m sync.Map }

func (c *counts) of(name string) *atomic.Int64 {
	if n, ok := c.m.Load(name); ok {
		return n.(*atomic.Int64)
	}
	n, _ := c.m.LoadOrStore(name, new(atomic.Int64))
	return n.(*atomic.Int64)
}

// conns closes connections beyond the most that may be open: half of the files
// that the process may open, so that the store always finds some.
func conns() func(net.Conn, http.ConnState) {
	most := int64(maxConns)
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil {
		most = min(most, int64(min(files.Cur, 2*maxConns)/2))
	}
	var open atomic.Int64
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > most {
				c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}
