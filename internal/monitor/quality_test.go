package monitor_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/stat"
)

// bySignal are the signals by name and slice. It fails on any that could not be
// written down.
func bySignal(t *testing.T, list []hone.Signal) map[string]hone.Signal {
	t.Helper()
	out := map[string]hone.Signal{}
	for _, s := range list {
		if _, err := json.Marshal(s); err != nil || s.Model == "" || s.At.IsZero() {
			t.Errorf("signal %+v: %v", s, err)
		}
		if s.Unknown != "" && s.Value != 0 {
			t.Errorf("%s is unknown, and %v", s.Name, s.Value)
		}
		out[strings.TrimSpace(s.Name+" "+s.Slice)] = s
	}
	return out
}

func near(t *testing.T, what string, s hone.Signal, want float64) {
	t.Helper()
	if s.Unknown != "" || math.Abs(s.Value-want) > 1e-9 || !(s.Lower <= s.Value && s.Value <= s.Upper) || s.Lower == s.Upper {
		t.Errorf("%s is %+v, want %v", what, s, want)
	}
}

// TestRealisedMetrics holds each metric against the same computed from the rows
// themselves, on a stream whose labels come late and out of order.
func TestRealisedMetrics(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 8, 4500)
	const delay = 30 * time.Minute
	w.model.Label.Delay = hone.Duration(delay)
	w.model.Loss = hone.Loss{Kind: hone.Cost, FalseNegative: 5, FalsePositive: 1}
	r := rand.New(rand.NewPCG(8, 8))
	log := w.serve(3000)
	journal(log, func() time.Duration { return time.Duration(r.ExpFloat64() * float64(delay) / 2) })
	m := w.monitor(t)
	m.Outcomes(log)
	for _, now := range []time.Time{noon.Add(40 * time.Minute), noon.Add(time.Hour), noon.Add(9 * time.Hour)} {
		advance(t, m, now)
		got := bySignal(t, m.Signals(now))
		rows := mature(log, delay, now)
		n := len(rows)
		var loss, right, brier, nats, hits, said, is float64
		for _, o := range rows {
			p, y := o.Scores[0], float64(o.Label[0]-'0')
			brier += (p - y) * (p - y)
			q := p
			if y == 0 {
				q = 1 - p
			}
			nats -= math.Log(math.Max(q, 0.001))
			is += y
			if p >= 0.5 {
				said++
				hits += y
			}
			switch {
			case (p >= 0.5) == (y == 1):
				right++
			case y == 1:
				loss += 5
			default:
				loss++
			}
		}
		for name, want := range map[string]float64{"loss": loss, "accuracy": right, "brier": brier, "log_loss": nats, "cost": loss} {
			near(t, name, got[name], want/float64(n))
			if got[name].N != n {
				t.Errorf("%s is of %d rows, want %d", name, got[name].N, n)
			}
		}
		near(t, "auc", got["auc"], auc(rows))
		near(t, "pr_auc", got["pr_auc"], averagePrecision(rows))
		near(t, "f1", got["f1"], 2*hits/(is+said))
		all := float64(n)
		chance := (is*said + (all-is)*(all-said)) / (all * all)
		near(t, "kappa", got["kappa"], (right/all-chance)/(1-chance))
	}
	got := bySignal(t, m.Signals(noon))
	if got["labels.mature"].Value != 3000 || got["accuracy"].N != 1000 {
		t.Errorf("%v labels are mature, the accuracy is of %d", got["labels.mature"].Value, got["accuracy"].N)
	}
}

// mature are the newest 1000 outcomes that count, of whole batches of 20.
func mature(log []hone.Outcome, delay time.Duration, now time.Time) (out []hone.Outcome) {
	at := func(o hone.Outcome) time.Time {
		if late := o.Time.Add(delay); late.After(o.LabelTime) {
			return late
		}
		return o.LabelTime
	}
	for _, o := range log {
		if !at(o).After(now) {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b hone.Outcome) int { return at(a).Compare(at(b)) })
	out = out[:len(out)/20*20]
	return out[max(0, len(out)-1000):]
}

// auc counts all pairs.
func auc(rows []hone.Outcome) float64 {
	won, pairs := 0.0, 0.0
	for _, a := range rows {
		for _, b := range rows {
			if a.Label != "1" || b.Label != "0" {
				continue
			}
			pairs++
			switch x, y := a.Scores[0], b.Scores[0]; {
			case x > y:
				won++
			case x == y:
				won += 0.5
			}
		}
	}
	return won / pairs
}

// averagePrecision asks of each positive row which share of those that score as high
// are positive.
func averagePrecision(rows []hone.Outcome) float64 {
	sum, positives := 0.0, 0.0
	for _, a := range rows {
		if a.Label != "1" {
			continue
		}
		above, hits := 0.0, 0.0
		for _, b := range rows {
			if b.Scores[0] >= a.Scores[0] {
				above++
				hits += float64(b.Label[0] - '0')
			}
		}
		sum, positives = sum+hits/above, positives+1
	}
	return sum / positives
}

// TestUnknownBeforeEnough holds that too few labels give no number.
func TestUnknownBeforeEnough(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 9, 0)
	m := w.monitor(t)
	check := func(known bool) {
		t.Helper()
		got := bySignal(t, m.Signals(noon))
		if s := got["loss"]; (s.Unknown == "") != known {
			t.Errorf("the loss is %+v", s)
		}
		if _, ok := got["accuracy"]; ok != known {
			t.Errorf("the accuracy is told: %v", ok)
		}
	}
	check(false)
	m.Outcomes(w.serve(59)) // Two batches of 20.
	advance(t, m, noon.Add(time.Hour))
	check(false)
	m.Outcomes(w.serve(1))
	advance(t, m, noon.Add(time.Hour))
	check(true)
	got := bySignal(t, m.Signals(noon))
	if got["latency.p50"].Unknown == "" || got["label_delay.p50"].Unknown != "" {
		t.Errorf("latency %+v, label delay %+v", got["latency.p50"], got["label_delay.p50"])
	}
}

// TestUnknownClass holds that a class that the champion does not know counts as
// wrong, and as no more than that.
func TestUnknownClass(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 10, 0)
	log := w.serve(200)
	for i := range log {
		log[i].Label = "2"
	}
	m := w.monitor(t)
	m.Outcomes(log)
	advance(t, m, noon.Add(time.Hour))
	got := bySignal(t, m.Signals(noon))
	if got["loss"].Value != 1 || got["accuracy"].Value != 0 || got["brier"].Value != 1 || math.Abs(got["log_loss"].Value-hone.LogBound) > 1e-9 || got["auc"].Unknown == "" ||
		got["pr_auc"].Unknown == "" || got["f1"].Unknown == "" || got["kappa"].Unknown == "" {
		t.Errorf("loss %v, accuracy %v, brier %v, log loss %v, auc %+v", got["loss"].Value, got["accuracy"].Value, got["brier"].Value, got["log_loss"].Value, got["auc"])
	}
}

func TestSlices(t *testing.T) {
	t.Parallel()
	w := newMixed(t, 11, nil)
	w.model.Slices = []string{"c1", "n0", "nowhere"} // Only categories are sliced by.
	log := w.serve(800)
	m := w.monitor(t)
	m.Outcomes(log)
	advance(t, m, noon.Add(time.Hour))
	got := bySignal(t, m.Signals(noon))
	rows, err := frame.Decoder{Target: w.model.Features}.Frame(func() (b [][]byte) {
		for _, o := range log {
			b = append(b, o.Features)
		}
		return b
	}())
	if err != nil {
		t.Fatal(err)
	}
	n, sum := map[string]float64{}, map[string]float64{}
	for i, o := range log {
		name := "loss c1=" + rows.Cols[8].Str[i]
		n[name]++
		sum[name] += w.model.Loss.Of(w.version.Signature, o.Scores, float64(o.Label[0]-'0'), 0)
	}
	told := 0
	for name, s := range got {
		if !strings.HasPrefix(name, "loss ") {
			continue
		}
		told++
		near(t, name, s, sum[name]/n[name])
		if float64(s.N) != n[name] || s.N < 30 {
			t.Errorf("%s is of %d rows, want %v", name, s.N, n[name])
		}
	}
	want := 0
	for _, rows := range n {
		if rows >= 30 {
			want++
		}
	}
	if told != want || want < 2 || want == len(n) {
		t.Errorf("%d slices are told, want %d of %d", told, want, len(n))
	}
}

func TestTraffic(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 12, 0)
	m := w.monitor(t)
	ps := predictions(w.serve(1000)) // One a second.
	for i := range ps {
		ps[i].Latency = time.Duration(i+1) * 10 * time.Microsecond
		if i%100 == 0 {
			ps[i].Route, ps[i].Fault, ps[i].Latency = hone.ByFallback, "crashed", time.Hour
		}
	}
	if _, err := m.Predictions(ps[:50]); err != nil || m.SlowLatency() != 0 {
		t.Errorf("slow is %v after 50 answers (%v)", m.SlowLatency(), err)
	}
	if _, err := m.Predictions(ps[50:]); err != nil {
		t.Fatal(err)
	}
	got := bySignal(t, m.Signals(noon))
	if got["traffic.served"].Value != 1000 || got["faults"].Value != 10 || math.Abs(got["traffic.rate"].Value-1) > 0.1 {
		t.Errorf("served %v, faults %v, rate %v", got["traffic.served"].Value, got["faults"].Value, got["traffic.rate"].Value)
	}
	if p := got["latency.p50"].Value; math.Abs(p-0.005) > 0.0002 {
		t.Errorf("half of the answers take %v s", p)
	}
	if p := got["latency.p99"].Value; math.Abs(p-0.0099) > 0.0004 {
		t.Errorf("the fallbacks count: 99 of 100 answers take %v s", p)
	}
	if slow := m.SlowLatency(); slow < 11500*time.Microsecond || slow > 12500*time.Microsecond {
		t.Errorf("slow is %v, want a quarter over 9.5ms", slow)
	}
}

func TestLabelDelay(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 13, 0)
	log := w.serve(2500)
	for i := range log {
		log[i].LabelTime = log[i].Time.Add(time.Duration(i%100) * time.Second)
	}
	m := w.monitor(t)
	m.Outcomes(log)
	advance(t, m, noon.Add(24*time.Hour))
	got := bySignal(t, m.Signals(noon))
	if got["label_delay.p50"].Value != 49 || got["label_delay.p95"].Value != 94 || got["label_delay.p50"].N != 1000 {
		t.Errorf("delays %v and %v of %d", got["label_delay.p50"].Value, got["label_delay.p95"].Value, got["label_delay.p50"].N)
	}
}

// regression is a champion that always says 1, trained on labels of some scale,
// and that gets the labels given.
func regression(t *testing.T, loss hone.LossKind, scale float64, labels func(i int) string) *monitor.Monitor {
	t.Helper()
	w := newMixed(t, 14, nil)
	targets := make([]float64, 100)
	for i := range targets {
		targets[i] = scale * float64(i%3)
	}
	sig := hone.Signature{Task: hone.Regression, Features: w.model.Features}
	rows := frame.New(sig.Features, 100)
	w.score = func(f *frame.Frame) hone.Scores {
		s := hone.Scores{Width: 1, V: make([]float64, f.N)}
		for i := range s.V {
			s.V[i] = 1
		}
		return s
	}
	w.ref = monitor.NewReference(sig, rows, w.score(rows), targets, nil)
	w.model.Task, w.model.Loss, w.model.Monitor.Tick, w.version.Signature = hone.Regression, hone.Loss{Kind: loss}, 20, sig
	log := w.serve(600)
	for i := range log {
		log[i].Label = labels(i)
	}
	m := w.monitor(t)
	m.Outcomes(log)
	advance(t, m, noon.Add(time.Hour))
	return m
}

func TestRegressionMetrics(t *testing.T) {
	t.Parallel()
	m := regression(t, hone.Squared, 1, func(i int) string { return []string{"1", "1", "3", "-3"}[i%4] })
	got := bySignal(t, m.Signals(noon))
	near(t, "loss", got["loss"], (4+16)/4.0)
	near(t, "mae", got["mae"], (2+4)/4.0)
	near(t, "rmse", got["rmse"], math.Sqrt(5))
	near(t, "mape", got["mape"], (2.0/3+4.0/3)/4)
	if _, ok := got["auc"]; ok {
		t.Error("a regression has an auc")
	}
	m = regression(t, hone.Squared, 1, func(i int) string { return []string{"1", "0"}[i%2] })
	if s := bySignal(t, m.Signals(noon))["mape"]; s.Unknown == "" {
		t.Errorf("the error as a share of 0 is %+v", s)
	}
}

// TestAbsurdLabels holds that labels that no sum can hold give no number, rather
// than one that cannot be written down, and that reading goes on.
func TestAbsurdLabels(t *testing.T) {
	t.Parallel()
	for _, kind := range []hone.LossKind{hone.Squared, hone.Absolute} {
		for _, absurd := range []string{"1e300", "-1e160", "1.7e308", "1e90", "1e-310", "no number"} {
			m := regression(t, kind, 1, func(i int) string {
				if i%50 == 3 {
					return absurd
				}
				return "1.5"
			})
			got := bySignal(t, m.Signals(noon))
			if _, err := json.Marshal(m.Ticks()); err != nil {
				t.Errorf("%s, %s: %v", kind, absurd, err)
			}
			if m.Labels() != 600 {
				t.Errorf("%s, %s: %d labels", kind, absurd, m.Labels())
			}
			if absurd == "no number" {
				near(t, "mae", hone.Signal{Value: got["mae"].Value, Lower: 0, Upper: 1}, 0.5)
			}
			bySignal(t, m.DriftSignals(noon))
		}
	}
}

// TestHugeScale holds the same where the champion was trained on huge labels: the
// gain of a row is a number then, and its square is none.
func TestHugeScale(t *testing.T) {
	t.Parallel()
	m := regression(t, hone.Squared, 1e80, func(i int) string { return []string{"1e80", "3e80"}[i%2] })
	bySignal(t, m.Signals(noon))
	if _, err := json.Marshal(m.Ticks()); err != nil || m.Labels() != 600 {
		t.Errorf("%d labels, ticks %v: %v", m.Labels(), m.Ticks(), err)
	}
}

// TestIntervalsCover holds that the intervals, which are looked at again and
// again, are those of 99.9 %.
func TestIntervalsCover(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 15, 0)
	m := w.monitor(t)
	log := w.serve(1000)
	m.Outcomes(log)
	advance(t, m, noon.Add(time.Hour))
	wrong := 0.0
	for _, o := range log {
		wrong += w.model.Loss.Of(w.version.Signature, o.Scores, float64(o.Label[0]-'0'), 0)
	}
	p := wrong / 1000
	half := -stat.NormalQuantile(0.0005) * math.Sqrt(p*(1-p)/1000)
	s := bySignal(t, m.Signals(noon))["loss"]
	if math.Abs((s.Upper-s.Lower)/2-half) > 0.02*half {
		t.Errorf("the loss is %v from %v to %v; want ± %v", s.Value, s.Lower, s.Upper, half)
	}
}

// TestQualityByWeight holds that a labelled row counts for as many as it stands for,
// in the losses, their interval and the ticks.
func TestQualityByWeight(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 10, 0)
	log := w.serve(1000)
	for i := range log {
		answer := w.version.Signature.Answer(log[i].Scores)
		if log[i].Label = answer; i%2 == 0 { // Wrong, and one of four.
			log[i].Label, log[i].Propensity = map[string]string{"0": "1", "1": "0"}[answer], 0.25
		}
	}
	m := w.monitor(t)
	m.Outcomes(log)
	advance(t, m, noon.Add(time.Hour))
	for _, s := range m.Signals(noon) {
		if s.Name == "loss" && s.Slice == "" && !(math.Abs(s.Value-0.8) < 1e-9 && s.Lower > 0.7 && s.Lower < 0.78 && s.Upper < 0.9 && s.Upper > 0.82) {
			t.Errorf("got %+v; want a loss of 0.8", s)
		}
		if s.Name == "accuracy" && math.Abs(s.Value-0.2) > 1e-9 {
			t.Errorf("got %+v; want an accuracy of 0.2", s)
		}
	}
	loss, rows := 0.0, 0
	for _, tick := range m.Ticks() {
		loss, rows = loss+tick.Loss, rows+tick.N
	}
	if loss != 2000 || rows != 1000 {
		t.Errorf("the ticks count a loss of %v on %d rows; want 2000, as 500 rows of weight 4 are wrong", loss, rows)
	}
}
