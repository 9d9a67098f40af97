package bar

import (
	"bufio"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hone/internal/clock"
)

// Pace sends requests at a steady rate, whatever the answers take, over so many
// kept-alive connections, and returns how long each took, sorted. The time is
// counted from when a request was due: what waits for a slow one before it counts
// that too. It fails at the first answer that is not 200.
func Pace(addr string, requests [][]byte, conns, perSecond int, length time.Duration) ([]time.Duration, error) {
	total := int(length.Seconds() * float64(perSecond))
	took := make([]time.Duration, total)
	errs := make([]error, conns)
	var next atomic.Int64
	var wait sync.WaitGroup
	start := clock.Start()
	for i := range conns {
		wait.Go(func() {
			errs[i] = pace(addr, start, func() (int, time.Duration) {
				n := int(next.Add(1)) - 1
				return n, time.Duration(n) * time.Second / time.Duration(perSecond)
			}, requests, took)
		})
	}
	wait.Wait()
	slices.Sort(took)
	return took, errors.Join(errs...)
}

func pace(addr string, start clock.Stopwatch, next func() (int, time.Duration), requests [][]byte, took []time.Duration) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	r := bufio.NewReaderSize(c, 64<<10)
	for n, due := next(); n < len(took); n, due = next() {
		if early := due - start.Elapsed(); early > 0 {
			<-clock.System{}.After(early)
		}
		if err := c.SetDeadline(clock.System{}.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := c.Write(requests[n%len(requests)]); err != nil {
			return err
		}
		if err := answer(r); err != nil {
			return err
		}
		took[n] = start.Elapsed() - due
	}
	return nil
}

// Quantile of sorted times, by the nearest rank.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
