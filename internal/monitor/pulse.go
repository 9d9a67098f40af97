package monitor

import (
	"math"
	"slices"
	"time"

	"hone"
)

// The pulse of a stream of labels is read from so many pauses between moments at
// which labels arrived, takes at least so many, over at least so long: what comes
// every weekend is not known before the first.
const (
	pulsePauses = 2000
	minPulse    = 20
	pulseSpan   = 7 * 24 * time.Hour
	// pulseAlpha is the chance that a steady source pauses for longer than the
	// bound within as many pauses as were looked at.
	pulseAlpha = 0.001
	// pulseTraffic is how many predictions must have come since the last label.
	pulseTraffic = 50
)

// pulse tells when the labels have stopped: once they have paused for longer than m
// times the longest of the last n pauses, at most 2000. The factor m is the least
// for which
//
//	n Γ(n+1) Γ(m+1) / Γ(n+m+1) <= 0.001
//
// That is the number of false alarms in the next n pauses where pauses are
// exponential, as those of labels that come independently of each other are,
// whatever their rate: m is 4.4 for 20 pauses, 3 for 77, and 2 for 2000, so that a
// false alarm comes once in two million labels. A source that speaks in a rhythm,
// such as batches at night and none at weekends, is held to its own longest pause.
// Where nothing is served nothing is due, so a silence is counted up to the newest
// prediction, and from fifty predictions on.
type pulse struct {
	gaps   []float64 // Seconds, the newest pulsePauses, as a ring.
	n      int       // Pauses ever.
	first  time.Time
	last   time.Time // Arrival of the newest label.
	served []time.Time
	turn   int // Where the ring of served goes on.

	// What bound last gave, of so many pauses: it is asked far more often than
	// labels come.
	known       int
	most, usual float64
}

func (p *pulse) label(at time.Time) {
	if p.last.IsZero() || at.Before(p.last) {
		p.first, p.last = at, at
		return
	}
	gap := at.Sub(p.last).Seconds()
	if gap <= 0 {
		return
	}
	p.last = at
	if len(p.gaps) < pulsePauses {
		p.gaps = append(p.gaps, gap)
	} else {
		p.gaps[p.n%pulsePauses] = gap
	}
	p.n++
}

func (p *pulse) prediction(at time.Time) {
	if len(p.served) < pulseTraffic {
		p.served = append(p.served, at)
		return
	}
	p.served[p.turn] = at
	p.turn = (p.turn + 1) % pulseTraffic
}

// silence is how long predictions have gone on without a label.
func (p *pulse) silence() time.Duration {
	if len(p.served) < pulseTraffic || !p.served[p.turn].After(p.last) {
		return 0
	}
	return p.served[(p.turn+pulseTraffic-1)%pulseTraffic].Sub(p.last)
}

// bound is the longest pause that is still usual, and every the pause in which half
// of all time lies, both in seconds. They are 0 while too little is known.
func (p *pulse) bound() (bound, every float64) {
	n := len(p.gaps)
	if p.known == p.n && n > 0 {
		return p.most, p.usual
	}
	p.known, p.most, p.usual = p.n, 0, 0
	if n < minPulse || p.last.Sub(p.first) < pulseSpan {
		return 0, 0
	}
	sorted := slices.Sorted(slices.Values(p.gaps))
	total := 0.0
	for _, g := range sorted {
		total += g
	}
	rest := sorted
	for half := total / 2; half > 0; rest = rest[1:] {
		every = rest[0]
		half -= every
	}
	p.most, p.usual = longer(n)*sorted[n-1], every
	return p.most, p.usual
}

// longer is how many times longer than the longest of n pauses one must be to be
// silence.
func longer(n int) float64 {
	alarms := func(m float64) float64 {
		a, _ := math.Lgamma(float64(n) + 1)
		b, _ := math.Lgamma(m + 1)
		c, _ := math.Lgamma(float64(n) + m + 1)
		return float64(n) * math.Exp(a+b-c)
	}
	low, high := 1.0, 16.0
	for range 30 {
		if mid := (low + high) / 2; alarms(mid) > pulseAlpha {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// signals say how long no label has come, the bound beyond which that is silence,
// and how often labels usually come.
func (p *pulse) signals() []hone.Signal {
	bound, every := p.bound()
	silent := hone.Signal{Name: Silent, Value: p.silence().Seconds(), Upper: bound, N: len(p.gaps)}
	often := hone.Signal{Name: Every, Value: every, N: len(p.gaps)}
	if bound == 0 {
		silent.Value = 0
		silent.Unknown = "too few labels have come, or for less than a week, to say what is usual"
		often.Unknown = silent.Unknown
	}
	return []hone.Signal{silent, often}
}

// The names of the signals that tell when labels have stopped.
const (
	Silent = "labels.silent" // Seconds; Upper is the longest pause that is usual.
	Every  = "labels.every"  // Seconds.
)

// Hear takes labels that came before those that count, only to know how often
// labels come.
func (m *Monitor) Hear(os []hone.Outcome) {
	for _, o := range os {
		if !o.Asked {
			m.pulse.label(arrival(o))
		}
	}
}
