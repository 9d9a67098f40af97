package monitor

import (
	"math"
	"strings"
	"time"

	"hone"
	"hone/internal/stat"
)

// mostUnits bounds how many users a step tells apart. Rows of later ones stand for
// themselves.
const mostUnits = 500_000

// Arms counts the answers of a rollout's step on both sides: those that the
// challenger gave or owed, and all that the champion gave or owed meanwhile.
type Arms struct {
	champion        hone.VersionID
	canary, control arm
	agree           int
	slow            time.Duration
	guards          []*guard
	signatures      [2]hone.Signature // Of the challenger and the champion.
}

type arm struct {
	hone.Arm
	lat          stat.Latencies
	units        units
	faults, slow stat.Clusters // By user.
	// Rows of one request have their time and latency in common, and fail together.
	request                struct{ at, took, n int64 }
	faultsAtOnce, slowOnce stat.Clusters
}

// NewArms begins to count a step against a champion; slower is the time from which
// an answer is slow, 0 where it is not known yet.
func NewArms(slower time.Duration, champion hone.VersionID) *Arms {
	return &Arms{slow: slower, champion: champion}
}

// Prediction counts one served answer. What the champion owed and the version
// before it gave is the champion's fault.
func (a *Arms) Prediction(p hone.Prediction) {
	of, fault := &a.control, ""
	switch {
	case p.Route == hone.ByCanary:
		of = &a.canary
	case p.Route == hone.ByFallback && !owed(p, a.champion):
		of, fault = &a.canary, p.Fault
	case p.Route == hone.ByFallback:
		fault = p.Fault
	case p.Route != hone.ByControl && p.Route != hone.ByChampion:
		return
	}
	of.add(p.Unit, p.Time, p.Latency, a.slow, fault)
	a.guardServed(of, p, p.Route == hone.ByFallback)
}

// owed tells whether a version was to give an answer that another gave.
func owed(p hone.Prediction, v hone.VersionID) bool {
	return strings.HasPrefix(p.Fault, string(v)+": ")
}

// Shadow counts one shadow answer. The control is what was served.
func (a *Arms) Shadow(s hone.ShadowScore, sig hone.Signature, served string) {
	a.canary.add("", s.Time, s.Latency, a.slow, s.Fault)
	if s.Fault == "" && len(s.Scores) == sig.Width() && sig.Answer(s.Scores) == served {
		a.agree++
	}
	a.guardShadow(s)
}

// Health is what was counted so far.
func (a *Arms) Health() hone.Health {
	return hone.Health{Canary: a.canary.read(), Control: a.control.read(), Agree: a.agree, SlowerThan: a.slow, Guards: a.readings()}
}

func (a *arm) add(unit string, at time.Time, lat, slow time.Duration, fault string) {
	a.Requests++
	a.lat.Add(lat)
	failed, late := 0.0, 0.0
	if slow > 0 && lat > slow {
		a.Slow++
		late = 1
	}
	if fault != "" {
		a.Faults++
		a.Fault = fault
		failed = 1
	}
	i := a.units.number(unit)
	a.faults.Add(i, failed)
	a.slow.Add(i, late)
	i = a.sameRequest(at, lat)
	a.faultsAtOnce.Add(i, failed)
	a.slowOnce.Add(i, late)
}

// sameRequest numbers the requests that rows come in, -1 from too many on.
func (a *arm) sameRequest(at time.Time, took time.Duration) int {
	r := &a.request
	if now := at.UnixNano(); r.n == 0 || r.at != now || r.took != int64(took) {
		r.at, r.took, r.n = now, int64(took), r.n+1
	}
	if r.n > mostUnits {
		return -1
	}
	return int(r.n - 1)
}

// units numbers users in the order in which they come.
type units map[string]int

// number is that of a user, -1 where nobody is named, or too many are.
func (u *units) number(name string) int {
	if name == "" {
		return -1
	}
	i, known := (*u)[name]
	switch {
	case known:
		return i
	case len(*u) >= mostUnits:
		return -1
	case *u == nil:
		*u = units{}
	}
	i = len(*u)
	(*u)[name] = i
	return i
}

func (a *arm) read() hone.Arm {
	out := a.Arm
	out.Units, out.P50, out.P99 = len(a.units), a.lat.Quantile(0.5), a.lat.Quantile(0.99)
	if out.Requests > 0 {
		out.AlikeFaults = max(a.faults.Rows(), a.faultsAtOnce.Rows())
		out.AlikeSlow = max(a.slow.Rows(), a.slowOnce.Rows())
	}
	return out
}

// Pace is how many predictions come in a second, how many labels for each, and how
// long half of them take; 0 where that is not known.
func (m *Monitor) Pace() (perSecond, labels float64, delay time.Duration) {
	if m.traffic.served > 0 {
		labels = math.Min(1, float64(m.labels.mature)/float64(m.traffic.served))
	}
	half := m.labels.delay("label_delay.p50", 0.5).Value
	return m.traffic.rate, labels, time.Duration(math.Max(half, time.Duration(m.model.Label.Delay).Seconds()) * float64(time.Second))
}

// Served is how many answers the champion has given or owed since it was watched,
// and how many of them it only owed.
func (m *Monitor) Served() (requests, faults int) {
	return m.traffic.answered + m.traffic.owed, m.traffic.owed
}
