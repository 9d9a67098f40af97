package monitor

import (
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/stat"
)

// traffic counts what was served.
type traffic struct {
	served, faults int
	answered, owed int // By the champion; and by others, since it failed.
	latency        stat.Latencies
	last           time.Time
	// A stretch for the rate: since when, and how many.
	from  time.Time
	since int
	rate  float64
}

func (t *traffic) add(p hone.Prediction, champion hone.VersionID) {
	t.served++
	t.last = p.Time
	if p.Fault != "" {
		t.faults++
	}
	switch {
	case p.Route == hone.ByChampion || p.Route == hone.ByControl:
		t.answered++
		t.latency.Add(p.Latency)
	case p.Route == hone.ByFallback && owed(p, champion):
		t.owed++
	}
	if t.from.IsZero() {
		t.from = p.Time
	}
	t.since++
	if d := p.Time.Sub(t.from); d >= 10*time.Second || t.since >= 1000 && d > 0 {
		t.rate, t.from, t.since = float64(t.since)/d.Seconds(), p.Time, 0
	}
}

// Signals are the facts as they stand: quality on mature labels, label delay,
// traffic and latency.
func (m *Monitor) Signals(now time.Time) []hone.Signal {
	out := append(m.quality.read(), m.losses.signal(), m.scores.signal())
	out = append(out, m.pulse.signals()...)
	if m.model.Label.Infers() {
		out = append(out, hone.Signal{Name: "labels.inferred", Value: float64(m.labels.lacks), N: m.labels.mature})
	}
	out = append(out,
		hone.Signal{Name: "labels.mature", Value: float64(m.labels.mature), N: m.labels.mature},
		hone.Signal{Name: "traffic.served", Value: float64(m.traffic.served), N: m.traffic.served},
		hone.Signal{Name: "traffic.rate", Value: m.traffic.rate, N: m.traffic.served},
		hone.Signal{Name: "faults", Value: float64(m.traffic.faults), N: m.traffic.served},
		m.labels.delay("label_delay.p50", 0.5),
		m.labels.delay("label_delay.p95", 0.95),
		m.traffic.delay("latency.p50", 0.5),
		m.traffic.delay("latency.p99", 0.99),
		m.flow.signal(now),
	)
	return m.stamp(out, now)
}

// delay reads a quantile of the time between answer and label, in seconds.
func (l *labelCount) delay(name string, q float64) hone.Signal {
	s := hone.Signal{Name: name, N: len(l.delays)}
	if s.N == 0 {
		s.Unknown = "no label of a served prediction yet"
		return s
	}
	sorted := slices.Sorted(slices.Values(l.delays))
	s.Value = sorted[int(q*float64(len(sorted)-1))]
	return s
}

// delay reads a quantile of the champion's latency, in seconds.
func (t *traffic) delay(name string, q float64) hone.Signal {
	s := hone.Signal{Name: name, N: t.latency.N()}
	if s.N == 0 {
		s.Unknown = "nothing served yet"
		return s
	}
	s.Value = t.latency.Quantile(q).Seconds()
	return s
}

// DriftSignals are the facts of the last whole window: the share of features
// that drifted, the largest move, and each feature's own.
func (m *Monitor) DriftSignals(now time.Time) []hone.Signal {
	d := m.drift
	if d.Unknown != "" {
		return m.stamp([]hone.Signal{{Name: "drift.share", N: d.N, Unknown: d.Unknown}}, now)
	}
	worst, missing, outside, unseen := 0.0, 0.0, 0.0, 0.0
	var out []hone.Signal
	for _, f := range d.Features {
		worst = math.Max(worst, f.Size())
		missing = math.Max(missing, f.MissingCur)
		outside = math.Max(outside, f.Outside)
		out = append(out, hone.Signal{Name: "drift", Slice: f.Feature, Value: f.Size(), N: d.N})
		if f.Text != nil {
			unseen = math.Max(unseen, f.Text.Unseen)
		}
	}
	out = append(out,
		hone.Signal{Name: "drift.share", Value: float64(d.Drifted()) / float64(max(1, len(d.Features))), N: d.N},
		hone.Signal{Name: "drift.max", Value: worst, N: d.N},
		hone.Signal{Name: "drift.p", Value: d.P, N: d.N},
		hone.Signal{Name: "missing.share", Value: missing, N: d.N},
		hone.Signal{Name: "out_of_range.share", Value: outside, N: d.N},
		hone.Signal{Name: "drift.score", Value: d.Score.ExcessPSI, N: d.N},
	)
	if m.ref.Texts != nil {
		out = append(out, hone.Signal{Name: "unseen.share", Value: unseen, N: d.N})
	}
	return m.stamp(out, now)
}

// stamp completes the signals. A number that is not finite is none: it could not
// even be written down.
func (m *Monitor) stamp(list []hone.Signal, now time.Time) []hone.Signal {
	for i := range list {
		s := &list[i]
		s.Model, s.At = m.model.Name, now
		if !finite(s.Value, s.Lower, s.Upper) {
			s.Value, s.Lower, s.Upper, s.Unknown = 0, 0, 0, "the labels or scores are too large to compute with"
		}
	}
	return list
}

// finite tells whether no value is an infinity or not a number.
func finite(values ...float64) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}
