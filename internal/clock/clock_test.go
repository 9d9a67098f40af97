package clock_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hone/internal/clock"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func woken(c <-chan time.Time) (time.Time, bool) {
	select {
	case at := <-c:
		return at, true
	default:
		return time.Time{}, false
	}
}

func TestFake(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon.In(time.FixedZone("east", 3600)))
	if got := c.Now(); got != noon {
		t.Errorf("the clock stands at %v, want %v in UTC", got, noon)
	}
	soon, later, now := c.After(time.Second), c.After(time.Minute), c.After(0)
	if at, ok := woken(now); !ok || at != noon {
		t.Errorf("waiting for nothing: got %v, %v", at, ok)
	}
	c.Advance(time.Second - 1)
	if _, ok := woken(soon); ok {
		t.Error("woken a nanosecond early")
	}
	c.Advance(1)
	if at, ok := woken(soon); !ok || at != noon.Add(time.Second) {
		t.Errorf("got %v, %v after a second", at, ok)
	}
	if _, ok := woken(later); ok {
		t.Error("the other was woken too")
	}
	c.Advance(time.Hour)
	if at, ok := woken(later); !ok || at != noon.Add(time.Hour+time.Second) {
		t.Errorf("got %v, %v after an hour", at, ok)
	}
	c.Advance(time.Hour)
	if _, ok := woken(soon); ok {
		t.Error("woken twice")
	}
}

func TestFakeIsSafe(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				wait := c.After(time.Millisecond)
				c.Advance(time.Millisecond)
				<-wait
			}
		})
	}
	wg.Wait()
	if got := c.Now().Sub(noon); got != 800*time.Millisecond {
		t.Errorf("the clock moved by %v, want 800ms", got)
	}
}

func TestSystem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock.Clock = clock.System{}
		before, watch := c.Now(), clock.Start()
		if before.Location() != time.UTC || before != before.Truncate(time.Microsecond) {
			t.Errorf("%v is not in UTC and whole microseconds", before)
		}
		<-c.After(90 * time.Millisecond)
		if c.Now().Sub(before) != 90*time.Millisecond || watch.Elapsed() != 90*time.Millisecond {
			t.Errorf("the clock moved by %v, the stopwatch by %v; want 90ms", c.Now().Sub(before), watch.Elapsed())
		}
	})
}
