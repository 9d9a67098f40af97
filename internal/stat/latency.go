package stat

import (
	"math"
	"time"
)

const (
	fastest     = time.Microsecond
	slowest     = 100 * time.Second
	growth      = 1.039 // Width of a bin; its middle is within 2 % of either end.
	latencyBins = 484   // One under, 482 from fastest to slowest, one over.
)

var logGrowth = math.Log(growth)

// Latencies is a histogram of durations on a logarithmic scale, in a fixed 4 KB.
// What it tells is within 2 % of the truth from 1 µs to 100 s; what lies outside
// counts as just that. Parts merge exactly. The zero value is ready. It is not
// safe for use by several goroutines.
type Latencies struct {
	Bins [latencyBins]int `json:"bins"`
}

// Add counts one duration. It does not allocate.
func (l *Latencies) Add(d time.Duration) { l.Bins[latencyBin(d)]++ }

// Merge adds what o counted.
func (l *Latencies) Merge(o *Latencies) {
	for i, n := range o.Bins {
		l.Bins[i] += n
	}
}

// N is how many durations were counted.
func (l *Latencies) N() int { return total(l.Bins[:]) }

// Quantile is the smallest duration that a share q of all do not exceed; 0
// where there are none.
func (l *Latencies) Quantile(q float64) time.Duration {
	n := l.N()
	if n == 0 {
		return 0
	}
	rank := max(1, min(n, int(math.Ceil(q*float64(n)))))
	seen := 0
	for i, c := range l.Bins {
		if seen += c; seen >= rank {
			return middle(i)
		}
	}
	return slowest
}

// CountAbove is how many durations are longer than d, the boundary taken
// within 2 % of d. Those of 100 s and more are above any d.
func (l *Latencies) CountAbove(d time.Duration) int {
	from := latencyBin(d)
	if from < latencyBins-1 && middle(from) <= d {
		from++
	}
	return total(l.Bins[from:])
}

func latencyBin(d time.Duration) int {
	switch {
	case d < fastest:
		return 0
	case d >= slowest:
		return latencyBins - 1
	}
	i := 1 + int(math.Log(float64(d)/float64(fastest))/logGrowth)
	return min(i, latencyBins-2)
}

func middle(bin int) time.Duration {
	switch bin {
	case 0:
		return fastest
	case latencyBins - 1:
		return slowest
	}
	return time.Duration(math.Round(float64(fastest) * math.Exp((float64(bin)-0.5)*logGrowth)))
}
