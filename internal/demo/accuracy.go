package demo

import (
	"strings"
	"sync"
	"time"
)

// bucket is the stretch of time that one value of the plot stands for.
const bucket = 500 * time.Millisecond

// accuracy counts right answers by time. It is safe for concurrent use.
type accuracy struct {
	mu      sync.Mutex
	buckets []hits
}

type hits struct {
	from     time.Time
	right, n int
}

func (a *accuracy) add(at time.Time, right bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := len(a.buckets); k == 0 || at.Sub(a.buckets[k-1].from) >= bucket {
		a.buckets = append(a.buckets, hits{from: at})
	}
	b := &a.buckets[len(a.buckets)-1]
	b.n++
	if right {
		b.right++
	}
}

// last is the accuracy of the newest whole bucket.
func (a *accuracy) last() (float64, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.buckets) < 2 {
		return 0, 0
	}
	b := a.buckets[len(a.buckets)-2]
	return float64(b.right) / float64(b.n), b.n
}

// spark draws the newest buckets, from 0.5 at the bottom to 1 at the top.
func (a *accuracy) spark(width int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	const bars = "▁▂▃▄▅▆▇█"
	levels := []rune(bars)
	var out strings.Builder
	for _, b := range a.buckets[max(0, len(a.buckets)-width):] {
		level := int((float64(b.right)/float64(b.n) - 0.5) * 2 * float64(len(levels)))
		out.WriteRune(levels[min(max(level, 0), len(levels)-1)])
	}
	return out.String()
}

// around is the accuracy before the drift, between drift and promotion, and,
// after a promotion, since a moment; zero where there was nothing.
func (a *accuracy) around(drift, promoted, since time.Time) (before, during, after float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var parts [3]hits
	for _, b := range a.buckets {
		at := 0
		if !drift.IsZero() && b.from.After(drift) {
			at = 1
		}
		if !promoted.IsZero() && b.from.After(promoted) {
			if b.from.Before(since) {
				continue
			}
			at = 2
		}
		parts[at].right += b.right
		parts[at].n += b.n
	}
	share := func(h hits) float64 {
		if h.n == 0 {
			return 0
		}
		return float64(h.right) / float64(h.n)
	}
	return share(parts[0]), share(parts[1]), share(parts[2])
}
