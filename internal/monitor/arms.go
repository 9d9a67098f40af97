package monitor

import (
	"time"

	"hone"
	"hone/internal/stat"
)

// Arms counts the answers of a rollout's step on both sides.
type Arms struct {
	canary, control arm
	agree           int
	slow            time.Duration
}

type arm struct {
	hone.Arm
	lat   stat.Latencies
	units map[string]struct{}
}

// NewArms begins to count a step; slower is the champion's 95th percentile of
// latency, 0 where it is not known yet.
func NewArms(slower time.Duration) *Arms { return &Arms{slow: slower} }

// Prediction counts one served answer.
func (a *Arms) Prediction(p hone.Prediction) {
	switch p.Route {
	case hone.ByCanary:
		a.canary.add(p.Unit, p.Latency, a.slow)
	case hone.ByFallback:
		a.canary.add(p.Unit, p.Latency, a.slow)
		a.canary.fault(p.Fault)
	case hone.ByControl:
		a.control.add(p.Unit, p.Latency, a.slow)
	}
}

// Shadow counts one shadow answer. The control is what was served.
func (a *Arms) Shadow(s hone.ShadowScore, sig hone.Signature, served string) {
	a.canary.add("", s.Latency, a.slow)
	if s.Fault != "" {
		a.canary.fault(s.Fault)
		return
	}
	if len(s.Scores) == sig.Width() && sig.Answer(s.Scores) == served {
		a.agree++
	}
}

// Health is what was counted so far.
func (a *Arms) Health() hone.Health {
	return hone.Health{Canary: a.canary.read(), Control: a.control.read(), Agree: a.agree, SlowerThan: a.slow}
}

func (a *arm) add(unit string, lat, slow time.Duration) {
	a.Requests++
	a.lat.Add(lat)
	if slow > 0 && lat > slow {
		a.Slow++
	}
	if unit == "" {
		return
	}
	if a.units == nil {
		a.units = map[string]struct{}{}
	}
	if len(a.units) < 1e6 {
		a.units[unit] = struct{}{}
	}
}

func (a *arm) fault(why string) {
	a.Faults++
	a.Fault = why
}

func (a *arm) read() hone.Arm {
	out := a.Arm
	out.Units, out.P50, out.P99 = len(a.units), a.lat.Quantile(0.5), a.lat.Quantile(0.99)
	return out
}
