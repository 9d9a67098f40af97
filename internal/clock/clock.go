// Package clock is the only place that reads the time. Everything else is
// handed a Clock, so that a test or a simulation can turn the hands.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and wakes its callers.
type Clock interface {
	Now() time.Time
	// After returns a channel that receives the time once d has passed. What is
	// not read is dropped with the channel.
	After(d time.Duration) <-chan time.Time
}

// System is the clock of the machine, in UTC and whole microseconds: what files
// and databases keep of a time is what the program saw.
type System struct{}

func (System) Now() time.Time                         { return time.Now().UTC().Truncate(time.Microsecond) }
func (System) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Fake is a clock that moves only when told to. It is safe for concurrent use.
type Fake struct {
	mu      sync.Mutex
	now     time.Time
	waiting []waiter
}

type waiter struct {
	at time.Time
	c  chan time.Time
}

// NewFake returns a clock that stands at t.
func NewFake(t time.Time) *Fake { return &Fake{now: t.UTC()} }

func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *Fake) After(d time.Duration) <-chan time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := waiter{at: f.now.Add(d), c: make(chan time.Time, 1)}
	if d <= 0 {
		w.c <- f.now
		return w.c
	}
	f.waiting = append(f.waiting, w)
	return w.c
}

// Advance moves the clock by d and wakes whoever waited for a moment passed.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	left := f.waiting[:0]
	for _, w := range f.waiting {
		if w.at.After(f.now) {
			left = append(left, w)
			continue
		}
		w.c <- f.now
	}
	f.waiting = left
}

// Stopwatch measures how long something takes by the machine's monotonic clock,
// whatever the Clock says: latency is a property of the machine.
type Stopwatch struct{ start time.Time }

// Start begins to measure.
func Start() Stopwatch { return Stopwatch{time.Now()} }

// Elapsed is the time since Start.
func (s Stopwatch) Elapsed() time.Duration { return time.Since(s.start) }
