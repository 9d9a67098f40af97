package gate_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/gate"
	"hone/internal/stat"
	"hone/internal/trigger"
)

func ptr(x float64) *float64 { return &x }

func balanced(gates ...hone.Gate) hone.Model {
	return hone.Model{Name: "fraud", Task: hone.Binary, Evidence: hone.Balanced, Loss: hone.Loss{Kind: hone.ZeroOne}, Gates: gates}
}

func by(kind hone.TriggerKind) hone.Run {
	return hone.Run{Champion: "v3", Decision: hone.Decision{Trigger: kind, By: "hone"}}
}

func good() hone.Replay {
	return hone.Replay{
		Requests: 500, Candidate: 4 * time.Millisecond, Champion: 4 * time.Millisecond,
		CandidateP50: time.Millisecond, ChampionP50: time.Millisecond, CandidateMem: 1 << 20, ChampionMem: 1 << 20,
	}
}

func paired(n int, diff, half float64) hone.Paired {
	return hone.Paired{N: n, Candidate: 0.2 + diff, Champion: 0.2, Diff: diff, Lower: diff - half, Upper: diff + half, Bound: 1, Better: 1, Worse: 1}
}

func evaluation(p hone.Paired) hone.Evaluation {
	return hone.Evaluation{Candidate: "v4", Champion: "v3", Loss: p, Trivial: 0.5, Replay: good()}
}

func find(t *testing.T, all []hone.Verdict, name, slice string) hone.Verdict {
	t.Helper()
	for _, v := range all {
		if v.Gate == name && v.Slice == slice {
			return v
		}
	}
	t.Fatalf("no verdict %s %s in %+v", name, slice, all)
	return hone.Verdict{}
}

func sane(t *testing.T, name string, all []hone.Verdict) {
	t.Helper()
	if _, err := json.Marshal(all); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, v := range all {
		if v.Sentence == "" || v.Result == "" || v.Need < 0 || !strings.HasSuffix(v.Sentence, ".") {
			t.Errorf("%s: verdict %+v", name, v)
		}
	}
}

func TestBalancedQuality(t *testing.T) {
	t.Parallel()
	low := hone.Gate{Metric: "loss", MinChange: ptr(0.05)}
	zero := hone.Gate{Metric: "loss", MinChange: ptr(0)}
	lax := hone.Gate{Metric: "loss", MaxRegression: ptr(0.1)}
	f := func(name string, kind hone.TriggerKind, n int, diff float64, want hone.Ruling, gates ...hone.Gate) {
		t.Helper()
		m := balanced(gates...)
		all := gate.Judge(m, by(kind), evaluation(paired(n, diff, 0.03)), 1, nil)
		sane(t, name, all)
		if got := gate.Rule(m, all, false); got != want {
			t.Errorf("%s: %s; %+v", name, got, find(t, all, "quality", ""))
		}
	}
	f("measured loss, better", hone.OnLoss, 500, -0.05, hone.Promote)
	f("measured loss, a little worse", hone.OnLoss, 500, 0.02, hone.Promote)
	f("measured loss, clearly worse", hone.OnLoss, 500, 0.021, hone.Reject)
	f("schedule, better", hone.OnSchedule, 500, -0.001, hone.Promote)
	for _, kind := range []hone.TriggerKind{hone.OnSchedule, hone.OnVolume, hone.OnDrift, hone.OnPerformance, hone.OnManual, ""} {
		f("no better, by "+string(kind), kind, 500, 0, hone.Reject)
	}
	f("too few rows", hone.OnLoss, 29, -0.05, hone.Hold)
	f("owner wants 5 points", hone.OnLoss, 500, -0.049, hone.Reject, low)
	f("owner gets 5 points", hone.OnSchedule, 500, -0.05, hone.Promote, low)
	f("owner's min_change 0, measured loss, equal", hone.OnLoss, 500, 0, hone.Promote, zero)
	f("owner's min_change 0, measured loss, worse", hone.OnLoss, 500, 0.001, hone.Reject, zero)
	f("owner's min_change 0, schedule, equal", hone.OnSchedule, 500, 0, hone.Reject, zero)
	f("owner allows 10 points", hone.OnSchedule, 500, 0.1, hone.Promote, lax)
	f("owner allows no more", hone.OnLoss, 500, 0.101, hone.Reject, lax)
	f("the strictest counts", hone.OnLoss, 500, 0.05, hone.Reject, lax, zero)

	wide := evaluation(paired(500, 0.9, 0.1))
	wide.Loss.Bound = 50
	m := balanced()
	if v := find(t, gate.Judge(m, by(hone.OnLoss), wide, 1, nil), "quality", ""); v.Result != hone.Pass || v.Limit != 1 {
		t.Errorf("two points of a loss up to 50 are 1: %+v", v)
	}
}

// Bad numbers never pass, whatever started the run.
func TestBadNumbersNeverPass(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	set := func(f func(p *hone.Paired)) hone.Paired {
		p := paired(500, -0.1, 0.01)
		p.Better = 1e9
		f(&p)
		return p
	}
	cases := map[string]hone.Paired{
		"nothing":         {},
		"no rows":         set(func(p *hone.Paired) { p.N = 0 }),
		"negative rows":   set(func(p *hone.Paired) { p.N = -5 }),
		"diff NaN":        set(func(p *hone.Paired) { p.Diff = nan }),
		"diff -Inf":       set(func(p *hone.Paired) { p.Diff = -inf }),
		"candidate NaN":   set(func(p *hone.Paired) { p.Candidate = nan }),
		"bound NaN":       set(func(p *hone.Paired) { p.Bound = nan }),
		"bound infinite":  set(func(p *hone.Paired) { p.Bound = inf }),
		"bound negative":  set(func(p *hone.Paired) { p.Bound = -1 }),
		"e-value NaN":     set(func(p *hone.Paired) { p.Better = nan }),
		"e-value Inf":     set(func(p *hone.Paired) { p.Better = inf }),
		"interval NaN":    set(func(p *hone.Paired) { p.Lower, p.Upper = nan, nan }),
		"interval turned": set(func(p *hone.Paired) { p.Lower, p.Upper = 1, -1 }),
	}
	for name, p := range cases {
		for _, evidence := range []hone.Evidence{hone.Balanced, hone.Strict} {
			for _, first := range []bool{false, true} {
				m := balanced(hone.Gate{Metric: "loss", Max: ptr(1)})
				m.Evidence = evidence
				run, e := forced(), evaluation(p)
				e.Slices = []hone.SlicePair{{Slice: "country=DE", Paired: p}}
				if first {
					run.Champion, e.Champion = "", ""
				}
				all := gate.Judge(m, run, e, 1, nil)
				sane(t, name, all)
				if got := gate.Rule(m, all, false); got == hone.Promote {
					t.Errorf("%s, %s, first %v: promoted: %+v", name, evidence, first, all)
				}
				if v := find(t, all, "loss.max", ""); v.Result == hone.Pass {
					t.Errorf("%s: %+v", name, v)
				}
			}
		}
	}
	m := balanced()
	e := evaluation(paired(500, -0.1, 0.01))
	e.Champion = ""
	if got := gate.Rule(m, gate.Judge(m, by(hone.OnLoss), e, 1, nil), false); got != hone.Hold {
		t.Errorf("a candidate that was not compared with the champion: %s", got)
	}
}

// forced is a run as trigger starts it when a person forces one.
func forced() hone.Run {
	d := trigger.Decide(trigger.Input{
		Model: hone.Model{Name: "fraud"}, HasChampion: true, Manual: &trigger.Manual{By: "ada", Force: true},
	}, time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC))
	return hone.Run{Champion: "v3", Decision: d}
}

func TestForce(t *testing.T) {
	t.Parallel()
	for _, evidence := range []hone.Evidence{hone.Balanced, hone.Strict} {
		m := balanced()
		m.Evidence = evidence
		e := evaluation(paired(500, 0.1, 0.01))
		all := gate.Judge(m, forced(), e, 1, nil)
		if v := find(t, all, "quality", ""); v.Result != hone.Pass || !strings.Contains(v.Sentence, "ada forced this run") {
			t.Errorf("%s: %+v", evidence, v)
		}
		e.Replay.Faults = 1
		if got := gate.Rule(m, gate.Judge(m, forced(), e, 1, nil), false); got != hone.Reject {
			t.Errorf("force does not skip safety: %s", got)
		}
	}
	unforced := forced()
	unforced.Decision.Trigger = hone.OnSchedule
	if v := find(t, gate.Judge(balanced(), unforced, evaluation(paired(500, 0.1, 0.01)), 1, nil), "quality", ""); v.Result != hone.Fail {
		t.Error("only a person can force a run")
	}
}

func TestSafety(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	f := func(name, which string, want hone.Result, change func(m *hone.Model, e *hone.Evaluation), manifest error) {
		t.Helper()
		m, e := balanced(), evaluation(paired(500, -0.1, 0.01))
		change(&m, &e)
		all := gate.Judge(m, by(hone.OnLoss), e, 1, manifest)
		sane(t, name, all)
		v := find(t, all, which, "")
		ruling := map[hone.Result]hone.Ruling{hone.Pass: hone.Promote, hone.Fail: hone.Reject, hone.Inconclusive: hone.Hold}[want]
		if got := gate.Rule(m, all, false); v.Result != want || got != ruling {
			t.Errorf("%s: %s, %+v", name, got, v)
		}
	}
	r := func(change func(r *hone.Replay)) func(*hone.Model, *hone.Evaluation) {
		return func(_ *hone.Model, e *hone.Evaluation) { change(&e.Replay) }
	}
	f("all well", "signature", hone.Pass, r(func(*hone.Replay) {}), nil)
	f("manifest", "signature", hone.Fail, r(func(*hone.Replay) {}), errors.New("model.json is missing"))
	f("fault", "faults", hone.Fail, r(func(r *hone.Replay) { r.Faults = 1 }), nil)
	f("no requests", "faults", hone.Inconclusive, r(func(r *hone.Replay) { r.Requests = 0 }), nil)
	f("p99 at the limit", "latency_p99", hone.Pass, r(func(r *hone.Replay) { r.Candidate = 5 * ms }), nil)
	f("p99 surely over it", "latency_p99", hone.Fail, r(func(r *hone.Replay) { r.Candidate, r.Slow, r.ChampionSlow = 6*ms, 30, 4 }), nil)
	f("p99 over it by chance", "latency_p99", hone.Pass, r(func(r *hone.Replay) { r.Candidate, r.Slow, r.ChampionSlow = 6*ms, 8, 3 }), nil)
	f("median over it", "latency_p99", hone.Fail, r(func(r *hone.Replay) { r.CandidateP50 = 1501 * time.Microsecond }), nil)
	f("ten times as slow, under 1 ms", "latency_p99", hone.Pass,
		r(func(r *hone.Replay) {
			r.Candidate, r.CandidateP50, r.Champion, r.ChampionP50 = ms-1, ms/2, ms/10, ms/20
		}), nil)
	f("latency not measured", "latency_p99", hone.Inconclusive, r(func(r *hone.Replay) { r.Candidate = 0 }), nil)
	f("60 MiB more", "memory", hone.Pass, r(func(r *hone.Replay) { r.CandidateMem = 61 << 20 }), nil)
	f("65 MiB more", "memory", hone.Fail, r(func(r *hone.Replay) { r.CandidateMem = 66 << 20 }), nil)
	f("a fifth more of much", "memory", hone.Pass, r(func(r *hone.Replay) { r.ChampionMem, r.CandidateMem = 10<<30, 12<<30 }), nil)
	f("memory not measured", "memory", hone.Inconclusive, r(func(r *hone.Replay) { r.CandidateMem = 0 }), nil)

	anchored := func(most, failed, asked int) func(*hone.Model, *hone.Evaluation) {
		return func(m *hone.Model, e *hone.Evaluation) {
			m.Dataset.Anchor = "anchors.jsonl"
			if most > 0 {
				m.Gates = []hone.Gate{{Metric: "regression_tests", MaxFailures: most}}
			}
			e.Anchors, e.AnchorCases = make([]hone.AnchorFail, failed), asked
		}
	}
	f("anchors right", "anchors", hone.Pass, anchored(0, 0, 12), nil)
	f("one anchor wrong", "anchors", hone.Fail, anchored(0, 1, 12), nil)
	f("one may be wrong", "anchors", hone.Pass, anchored(1, 1, 12), nil)
	f("two may not", "anchors", hone.Fail, anchored(1, 2, 12), nil)
	f("no anchor asked", "anchors", hone.Inconclusive, anchored(0, 0, 0), nil)

	own := func(metric string, limit float64, change func(r *hone.Replay)) func(*hone.Model, *hone.Evaluation) {
		return func(m *hone.Model, e *hone.Evaluation) {
			m.Gates = []hone.Gate{{Metric: metric, Max: &limit}}
			change(&e.Replay)
		}
	}
	f("owner allows 20 ms", "latency_p99.max", hone.Pass, own("latency_p99", 0.02, func(r *hone.Replay) { r.Candidate = 20 * ms }), nil)
	f("owner allows no more", "latency_p99.max", hone.Fail, own("latency_p99", 0.02, func(r *hone.Replay) { r.Candidate = 21 * ms }), nil)
	f("owner allows 500 MiB", "memory.max", hone.Pass, own("memory", 500<<20, func(r *hone.Replay) { r.CandidateMem = 500 << 20 }), nil)
	f("owner, not measured", "memory.max", hone.Inconclusive, own("memory", 500<<20, func(r *hone.Replay) { r.CandidateMem = 0 }), nil)
}

func TestFirstVersion(t *testing.T) {
	t.Parallel()
	f := func(name string, n int, loss float64, want hone.Ruling, gates ...hone.Gate) {
		t.Helper()
		m := balanced(gates...)
		e := evaluation(hone.Paired{N: n, Candidate: loss, Champion: 0.3, Diff: loss - 0.3, Lower: loss - 0.35, Upper: loss - 0.25, Bound: 1})
		e.Champion, e.Trivial = "", 0.3
		e.Replay.Champion, e.Replay.ChampionP50, e.Replay.ChampionMem = 0, 0, 0
		e.Replay.CandidateMem, e.Replay.Candidate = 1<<30, time.Second
		e.Metrics = []hone.MetricPair{{Metric: "auc", Candidate: 0.8, Champion: 0.5, Higher: true, N: n}}
		all := gate.Judge(m, hone.Run{Decision: hone.Decision{Trigger: hone.OnFirst}}, e, 1, nil)
		sane(t, name, all)
		if got := gate.Rule(m, all, false); got != want {
			t.Errorf("%s: %s: %+v", name, got, all)
		}
	}
	f("better than a constant", 100, 0.25, hone.Promote)
	f("as good as a constant", 100, 0.3, hone.Promote)
	f("worse than a constant", 100, 0.31, hone.Reject)
	f("few rows", 29, 0.1, hone.Hold)
	f("no rows", 0, 0.1, hone.Hold)
	f("owner's floor met", 100, 0.25, hone.Promote, hone.Gate{Metric: "auc", Min: ptr(0.8)})
	f("owner's floor missed", 100, 0.25, hone.Reject, hone.Gate{Metric: "auc", Min: ptr(0.81)})
	f("nothing to be better than", 100, 0.25, hone.Promote, hone.Gate{Metric: "auc", MinChange: ptr(0.9)})
}

func TestOwnersGates(t *testing.T) {
	t.Parallel()
	f := func(name string, g hone.Gate, want hone.Ruling) {
		t.Helper()
		m, e := balanced(g), evaluation(paired(500, -0.1, 0.01))
		e.Metrics = []hone.MetricPair{
			{Metric: "auc", Candidate: 0.8, Champion: 0.75, Higher: true, N: 500},
			{Metric: "log_loss", Candidate: 0.4, Champion: 0.35, N: 500},
			{Metric: "brier", Candidate: 0.4, Champion: 0.35, N: 12},
			{Metric: "auc country=DE", Candidate: 0.7, Champion: 0.75, Higher: true, N: 300},
			{Metric: "auc country=LI", Candidate: 0.1, Champion: 0.75, Higher: true, N: 50},
		}
		e.Slices = []hone.SlicePair{{Slice: "country=DE", Paired: paired(300, -0.1, 0.05)}, {Slice: "country=LI", Paired: paired(50, 0.5, 0.1)}}
		all := gate.Judge(m, by(hone.OnLoss), e, 1, nil)
		sane(t, name, all)
		if got := gate.Rule(m, all, false); got != want {
			t.Errorf("%s: %s: %+v", name, got, all)
		}
	}
	f("auc better by 5 points", hone.Gate{Metric: "auc", MinChange: ptr(0.05)}, hone.Promote)
	f("auc not better by 6", hone.Gate{Metric: "auc", MinChange: ptr(0.06)}, hone.Reject)
	f("log loss may be worse by 5", hone.Gate{Metric: "log_loss", MaxRegression: ptr(0.05)}, hone.Promote)
	f("log loss may be worse by 4", hone.Gate{Metric: "log_loss", MaxRegression: ptr(0.04)}, hone.Reject)
	f("too few rows", hone.Gate{Metric: "brier", Max: ptr(1)}, hone.Hold)
	f("not measured", hone.Gate{Metric: "rmse", Max: ptr(1)}, hone.Hold)
	f("limit NaN", hone.Gate{Metric: "auc", Max: ptr(math.NaN())}, hone.Hold)
	f("a slice is worse by 5", hone.Gate{Metric: "auc", Slices: "all", MaxRegression: ptr(0.05)}, hone.Promote)
	f("a slice is worse by more than 4", hone.Gate{Metric: "auc", Slices: "all", MaxRegression: ptr(0.04)}, hone.Reject)
	f("latency against the champion", hone.Gate{Metric: "latency_p99", MaxRegression: ptr(0)}, hone.Promote)
}

func TestSlices(t *testing.T) {
	t.Parallel()
	f := func(name string, want hone.Ruling, failing string, parts ...hone.SlicePair) {
		t.Helper()
		m, e := balanced(), evaluation(paired(2000, -0.1, 0.01))
		e.Slices = parts
		all := gate.Judge(m, by(hone.OnLoss), e, 1, nil)
		sane(t, name, all)
		if got := gate.Rule(m, all, false); got != want {
			t.Errorf("%s: %s: %+v", name, got, all)
		}
		for _, v := range all {
			if v.Gate == "slice" && (v.Result == hone.Fail) != (v.Slice == failing) {
				t.Errorf("%s: %+v", name, v)
			}
		}
	}
	part := func(name string, n int, diff, half float64) hone.SlicePair {
		return hone.SlicePair{Slice: name, Paired: paired(n, diff, half)}
	}
	f("all better", hone.Promote, "", part("a", 500, -0.1, 0.05), part("b", 500, -0.1, 0.05))
	f("one surely worse", hone.Reject, "b", part("a", 500, -0.1, 0.05), part("b", 500, 0.2, 0.05))
	f("one perhaps worse", hone.Promote, "", part("a", 500, -0.1, 0.05), part("b", 500, 0.05, 0.05))
	f("worse, but small", hone.Promote, "", part("a", 500, -0.1, 0.05), part("b", 199, 0.6, 0.05))
	f("worse for certain", hone.Reject, "b", part("a", 500, -0.1, 0.05), part("b", 500, 0.03, 0))
	f("at the margin for certain", hone.Promote, "", part("a", 500, 0.02, 0), part("b", 500, -0.1, 0))
	one := part("a", 500, 0.067, 0.05)
	f("enough alone", hone.Reject, "a", one)
	many := []hone.SlicePair{one}
	for i := range 20 {
		many = append(many, part("other"+string(rune('a'+i)), 500, -0.1, 0.05))
	}
	f("not enough among twenty", hone.Promote, "", many...)
	m := balanced()
	v := find(t, gate.Judge(m, by(hone.OnLoss), hone.Evaluation{Candidate: "v4", Champion: "v3", Loss: paired(500, -0.1, 0.1), Replay: good(), Slices: many[:1]}, 1, nil), "slice", "a")
	if v.N != 500 || v.Limit != 0.02 || !(v.Lower < v.Value && v.Value < v.Upper) {
		t.Errorf("got %+v", v)
	}
}

func TestRule(t *testing.T) {
	t.Parallel()
	pass, fail, open := hone.Verdict{Result: hone.Pass}, hone.Verdict{Result: hone.Fail}, hone.Verdict{Result: hone.Inconclusive}
	small := hone.Verdict{Gate: "slice", Slice: "country=LI", Result: hone.Inconclusive}
	f := func(want hone.Ruling, waited bool, all ...hone.Verdict) {
		t.Helper()
		if got := gate.Rule(hone.Model{}, all, waited); got != want {
			t.Errorf("%+v, waited %v: got %s, want %s", all, waited, got, want)
		}
	}
	f(hone.Hold, false)
	f(hone.Hold, true)
	f(hone.Promote, false, pass, pass)
	f(hone.Reject, false, pass, fail, open)
	f(hone.Hold, false, pass, open)
	f(hone.Reject, true, pass, open)
	f(hone.Promote, true, pass, small)
	f(hone.Hold, false, small)
	f(hone.Hold, false, pass, hone.Verdict{})
	anchored := hone.Model{Dataset: hone.DatasetSpec{Anchor: "anchors.jsonl"}}
	if got := gate.Rule(anchored, []hone.Verdict{pass}, false); got != hone.Hold {
		t.Errorf("a model with anchor cases was promoted without a verdict on them: %s", got)
	}
}

func TestStrict(t *testing.T) {
	t.Parallel()
	m := balanced()
	m.Evidence = hone.Strict
	f := func(better float64, n, candidates int, want hone.Result) {
		t.Helper()
		p := paired(n, -0.01, 0.02)
		p.Better = better
		all := gate.Judge(m, by(hone.OnLoss), evaluation(p), candidates, nil)
		sane(t, "strict", all)
		v := find(t, all, "quality", "")
		if v.Result != want || (want == hone.Inconclusive) != (v.Need > 0) || v.Need > max(1000-n, 0) {
			t.Errorf("e %v, n %d, k %d: %+v", better, n, candidates, v)
		}
	}
	f(32.8, 300, 1, hone.Inconclusive) // 1/α₁ = 32.899.
	f(32.9, 300, 1, hone.Pass)
	f(32.9, 300, 0, hone.Pass)
	f(32.9, 300, 2, hone.Inconclusive)
	f(131.6, 300, 2, hone.Pass)
	f(0.5, 999, 1, hone.Inconclusive)
	f(5, 1000, 1, hone.Fail)
	f(40, 5000, 1, hone.Pass)
	p := paired(200, -0.05, 0.02)
	p.Better = math.Sqrt(math.Pi * math.Pi / 0.3) // Half the way, on the logarithm.
	if v := find(t, gate.Judge(m, by(hone.OnLoss), evaluation(p), 1, nil), "quality", ""); v.Need < 199 || v.Need > 201 {
		t.Errorf("the forecast is %d rows, want 200", v.Need)
	}
}

// lookOften judges one candidate on up to 1,000 rows, looking every 50: the
// candidate errs on its own with probability cand, the champion with champ. It
// says what became of it.
func lookOften(rng *rand.Rand, m hone.Model, k int, cand, champ float64) hone.Ruling {
	var better stat.Bets
	p := hone.Paired{Bound: 1}
	for {
		x, y := 0.0, 0.0
		switch u := rng.Float64(); {
		case u < cand:
			x = 1
		case u < cand+champ:
			y = 1
		}
		better.Add(y - x)
		p.N++
		p.Candidate += x
		p.Champion += y
		if p.N%50 > 0 {
			continue
		}
		q := p
		q.Candidate, q.Champion = p.Candidate/float64(p.N), p.Champion/float64(p.N)
		q.Diff, q.Better = q.Candidate-q.Champion, better.E()
		q.Lower, q.Upper = q.Diff-0.1, q.Diff+0.1
		if r := gate.Rule(m, gate.Judge(m, by(hone.OnSchedule), evaluation(q), k, nil), p.N >= 1000); r != hone.Hold {
			return r
		}
	}
}

func TestErrorIsSpentOverCandidates(t *testing.T) {
	t.Parallel()
	m := balanced()
	m.Evidence = hone.Strict
	any := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 6))
		for k := 1; k <= 50; k++ {
			if lookOften(rng, m, k, 0.025, 0.025) == hone.Promote {
				any++
				break
			}
		}
	}
	if any > 12 {
		t.Errorf("50 worthless candidates got one promoted in %d of 200, want at most 12", any)
	}
	proven := 0
	for seed := range uint64(200) {
		if lookOften(rand.New(rand.NewPCG(seed, 7)), m, 1, 0.05, 0.15) == hone.Promote {
			proven++
		}
	}
	if proven < 190 {
		t.Errorf("a candidate better by 10 points was proven in %d of 200", proven)
	}
	t.Logf("worthless promoted in %d of 200, better by 10 points in %d of 200", any, proven)
}

// From scores to a ruling, on rows: a copy of the champion, a better and a
// broken candidate.
func TestFromScoresToRuling(t *testing.T) {
	t.Parallel()
	const n = 1000
	rng := rand.New(rand.NewPCG(1, 8))
	sig := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}
	rows := evaluate.Rows{Frame: frame.New(frame.Schema{{Name: "country", Kind: frame.Category}}, n)}
	var old, fine, bad []float64
	for i := range n {
		y := rng.IntN(2)
		rows.Labels = append(rows.Labels, []string{"0", "1"}[y])
		rows.Frame.Cols[0].Str[i] = []string{"DE", "FR"}[rng.IntN(2)]
		answer := func(wrong float64) float64 {
			if rng.Float64() < wrong {
				return float64(1 - y)
			}
			return float64(y)
		}
		old, fine, bad = append(old, answer(0.2)), append(fine, answer(0.1)), append(bad, answer(0.4))
	}
	m := balanced(hone.Gate{Metric: "accuracy", Slices: "all", MaxRegression: ptr(0.02)})
	m.Slices = []string{"country"}
	champ := evaluate.Side{Version: "v3", Signature: sig, Scores: hone.Scores{Width: 1, V: old}}
	f := func(name string, scores []float64, kind hone.TriggerKind, want hone.Ruling) {
		t.Helper()
		e := evaluate.Compare(m, evaluate.Side{Version: "v4", Signature: sig, Scores: hone.Scores{Width: 1, V: scores}}, &champ, rows)
		e.Replay = good()
		all := gate.Judge(m, by(kind), e, 1, nil)
		sane(t, name, all)
		if got := gate.Rule(m, all, false); got != want {
			t.Errorf("%s: %s: %+v", name, got, all)
		}
		find(t, all, "accuracy.max_regression", "country=DE")
	}
	f("better", fine, hone.OnSchedule, hone.Promote)
	f("a copy, by schedule", old, hone.OnSchedule, hone.Reject)
	f("a copy, by measured loss", old, hone.OnLoss, hone.Promote)
	f("worse", bad, hone.OnLoss, hone.Reject)
}
