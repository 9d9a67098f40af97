package gateway

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// ModelStats counts what a model has served since the start.
type ModelStats struct {
	Model         string
	Requests      int64 // All, also those in error.
	Rows          int64 // Answered.
	Errors        int64 // Requests that got no answer.
	Fallbacks     int64 // Rows answered for a version that failed.
	Shadowed      int64 // Rows that a shadow was asked for.
	ShadowDropped int64 // Rows that a shadow should have been asked for, and was not, or whose scores were lost.
	Shed          int64 // Rows answered, but not logged.
	Refused       int64 // Rows that got no answer by no fault of their caller's.
	Latency       Latency
}

// Latency is how long the answered requests took, as a histogram.
type Latency struct {
	Count int64
	Sum   time.Duration
	// Counts[i] requests took at most Bounds[i], and more than the bound before;
	// the last one, which has no bound, counts those that took longer than any.
	Bounds []time.Duration
	Counts []int64
}

// Quantile returns the time in which the share q of the requests was answered,
// to within a quarter; 0 where there was none.
func (l Latency) Quantile(q float64) time.Duration {
	need := q * float64(l.Count)
	seen := int64(0)
	for i, n := range l.Counts {
		if seen += n; n > 0 && float64(seen) >= need {
			return l.Bounds[min(i, len(l.Bounds)-1)]
		}
	}
	return 0
}

// latencySteps bounds the histogram: from 10 µs on, each bound 1.25 times the
// one before, until 40 s.
const latencySteps = 69

var latencyBounds = func() (b [latencySteps]time.Duration) {
	d := float64(10 * time.Microsecond)
	for i := range b {
		b[i] = time.Duration(d)
		d *= 1.25
	}
	return b
}()

type counters struct {
	requests, rowsServed, errors, fallbacks atomic.Int64
	refused                                 atomic.Int64 // Rows that got no answer by no fault of their caller's.
	shadowed, shadowDropped, shed           atomic.Int64
	took                                    atomic.Int64
	latency                                 [latencySteps + 1]atomic.Int64
}

func (c *counters) observe(d time.Duration) {
	i, _ := slices.BinarySearch(latencyBounds[:], d)
	c.latency[i].Add(1)
	c.took.Add(int64(d))
}

// Refused counts the rows of a model since the start that got no answer by no fault of
// their caller's.
func (g *Gateway) Refused(model string) int64 {
	if v, ok := g.models.Load(model); ok {
		return v.(*serving).refused.Load()
	}
	return 0
}

// Stats returns the counts of every model that has a plan or was asked, by name.
func (g *Gateway) Stats() []ModelStats {
	out := []ModelStats{}
	g.models.Range(func(_, v any) bool {
		s := v.(*serving)
		m := ModelStats{Model: s.name, Requests: s.requests.Load(), Rows: s.rowsServed.Load(), Errors: s.errors.Load(),
			Fallbacks: s.fallbacks.Load(), Shadowed: s.shadowed.Load(), ShadowDropped: s.shadowDropped.Load(), Shed: s.shed.Load(), Refused: s.refused.Load()}
		m.Latency = Latency{Sum: time.Duration(s.took.Load()), Bounds: slices.Clone(latencyBounds[:]), Counts: make([]int64, latencySteps+1)}
		for i := range s.latency {
			m.Latency.Counts[i] = s.latency[i].Load()
			m.Latency.Count += m.Latency.Counts[i]
		}
		out = append(out, m)
		return true
	})
	slices.SortFunc(out, func(a, b ModelStats) int { return strings.Compare(a.Model, b.Model) })
	return out
}
