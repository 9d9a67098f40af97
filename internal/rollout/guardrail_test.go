package rollout_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"hone"
	"hone/internal/rollout"
)

func limit(x float64) *float64 { return &x }

// spread is n values of a mean, each a standard deviation of sd away.
func spread(n int, mean, sd float64) hone.Spread {
	return hone.Spread{N: n, Sum: float64(n) * mean, Square: float64(n) * (mean*mean + sd*sd)}
}

// share is n values of which a share is 1.
func share(n int, p float64) hone.Spread { return spread(n, p, math.Sqrt(p*(1-p))) }

// guarded is a step of half the traffic with one guardrail of the owner's, on
// answers without a fault.
func guarded(g hone.Guardrail, insufficient string) (hone.Model, hone.Health) {
	m := canary(200, insufficient)
	m.Metrics = map[string]hone.Metric{}
	if g.Metric == "profit" {
		m.Metrics["profit"] = hone.Metric{Direction: hone.Higher}
	}
	m.Rollout.Guardrails = []hone.Guardrail{g}
	return m, health(arm(300, 0, 15), arm(300, 0, 15))
}

// TestGuardrails holds what each guardrail makes of what was measured.
func TestGuardrails(t *testing.T) {
	t.Parallel()
	f := func(g hone.Guardrail, r hone.Reading, want hone.Result, says string) {
		t.Helper()
		m, h := guarded(g, "hold")
		r.Gate, r.Class = g.Gate(), g.Class
		h.Guards = []hone.Reading{r}
		next, action, sentence := rollout.Advance(m, rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s"), h, start, 0)
		got := next.Verdicts[len(next.Verdicts)-1]
		if got.Gate != g.Gate() || got.Result != want || !strings.Contains(got.Sentence, says) {
			t.Errorf("%+v of %+v: got %s %s, %q; want %s, %q", g, r, got.Gate, got.Result, got.Sentence, want, says)
		}
		if (want == hone.Fail) != (action == rollout.Rollback) || want == hone.Fail && !strings.Contains(sentence, says) {
			t.Errorf("%+v of %+v: it does %s, %q", g, r, action, sentence)
		}
	}
	slowest := hone.Guardrail{Metric: hone.LatencyP99, Max: limit(0.02)}
	f(slowest, hone.Reading{Canary: share(1000, 0.002)}, hone.Pass, "0.2 % of its answers take longer than 20ms, and 1 % may")
	f(slowest, hone.Reading{Canary: share(1000, 0.1)}, hone.Fail, "surely over ")
	errors := hone.Guardrail{Metric: hone.ErrorRate, Max: limit(0.01)}
	f(errors, hone.Reading{Canary: share(1000, 0.01)}, hone.Pass, "it fails on 1 % of requests")
	f(errors, hone.Reading{Canary: share(1000, 0.1)}, hone.Fail, "surely over ")
	score := hone.Guardrail{Metric: hone.ScoreMean, MaxChange: limit(0.02)}
	f(score, hone.Reading{Canary: spread(1000, 0.4, 0.1), Control: spread(1000, 0.41, 0.1)}, hone.Pass, "its mean score is 0.4, the champion's 0.41")
	f(score, hone.Reading{Canary: spread(1000, 0.5, 0.1), Control: spread(1000, 0.4, 0.1)}, hone.Fail, "apart, where 0.02 is put up with")
	f(score, hone.Reading{Canary: spread(1000, 0.3, 0.1), Control: spread(1000, 0.4, 0.1)}, hone.Fail, "apart") // Either way.
	class := hone.Guardrail{Metric: hone.ClassShare, Class: "1", MaxChange: limit(0.05)}
	f(class, hone.Reading{Canary: share(1000, 0.3), Control: share(1000, 0.3)}, hone.Pass, "it answers 1 to 30 % of requests, the champion to 30 %")
	f(class, hone.Reading{Canary: share(1000, 0.1), Control: share(1000, 0.4)}, hone.Fail, "points apart, where 5 are put up with")
	thumbs := hone.Guardrail{Feedback: "thumb", MaxRegression: limit(0.02)}
	f(thumbs, hone.Reading{Canary: share(500, 0.1), Control: share(500, 0.1)}, hone.Pass, "10 % of its 500 thumbs are down")
	f(thumbs, hone.Reading{Canary: share(500, 0.3), Control: share(500, 0.1)}, hone.Fail, "points more, where 2 are put up with")
	f(thumbs, hone.Reading{Canary: hone.Spread{N: 500, Sum: 150, Square: 150, Alike: 50}, Control: share(500, 0.1)}, hone.Pass, "") // Ten users.
	f(thumbs, hone.Reading{Control: share(500, 0.1)}, hone.Inconclusive, "it is judged without")
	stars := hone.Guardrail{Feedback: "score", MaxRegression: limit(0.1)}
	f(stars, hone.Reading{Canary: spread(500, 3, 1), Control: spread(500, 4, 1)}, hone.Fail, "worse, where 0.1 is put up with")
	f(stars, hone.Reading{Canary: spread(500, 4, 1), Control: spread(500, 3, 1)}, hone.Pass, "users score it 4, the champion 3")
	f(stars, hone.Reading{Canary: spread(60, 1, 1), Control: spread(500, 4, 1)}, hone.Inconclusive, "too few to tell")
	stars.Direction = hone.Lower // Complaints, say.
	f(stars, hone.Reading{Canary: spread(500, 4, 1), Control: spread(500, 3, 1)}, hone.Fail, "worse")
	stars.MaxRegression, stars.Relative = limit(0.5), true // Half as many more may come.
	f(stars, hone.Reading{Canary: spread(500, 4, 1), Control: spread(500, 3, 1)}, hone.Pass, "")
	f(stars, hone.Reading{Canary: spread(500, 6, 1), Control: spread(500, 3, 1)}, hone.Fail, "where 1.5 is put up with")
	profit := hone.Guardrail{Metric: "profit", MaxRegression: limit(0.1)}
	f(profit, hone.Reading{Paired: spread(400, 0.4, 1), Margin: 0.1, Canary: spread(400, 0.5, 1), Control: spread(400, 1, 1)}, hone.Fail, "worse, where 0.1 is put up with")
	f(profit, hone.Reading{Paired: spread(400, -0.1, 1), Margin: 0.1, Canary: spread(400, 1, 1), Control: spread(400, 1, 1)}, hone.Pass, "its profit is 1 a row on 400 rows")
	f(profit, hone.Reading{}, hone.Inconclusive, "it is judged without")
}

// TestGuardrailCannotTell holds what becomes of a step whose metric cannot be had:
// it is held as the owner wants, and nobody is taken back for the metric's fault.
func TestGuardrailCannotTell(t *testing.T) {
	t.Parallel()
	g := hone.Guardrail{Metric: "profit", MaxRegression: limit(0.1), MinRows: 300}
	f := func(policy string, r hone.Reading, late bool, want rollout.Action, says string) {
		t.Helper()
		m, h := guarded(g, policy)
		r.Gate = g.Gate()
		h.Guards = []hone.Reading{r}
		now := start
		if late {
			now = start.Add(9 * day)
		}
		next, action, sentence := rollout.Advance(m, rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s"), h, now, 0)
		if action != want || !strings.Contains(sentence, says) {
			t.Errorf("%s, %+v: %s, %q; want %s, %q: %+v", policy, r, action, sentence, want, says, next.Verdicts)
		}
		for _, v := range next.Verdicts {
			if v.Result == hone.Fail || v.Gate == g.Gate() && v.Result != hone.Inconclusive {
				t.Errorf("%s, %+v: %s %s: %s", policy, r, v.Gate, v.Result, v.Sentence)
			}
		}
	}
	good := spread(400, -0.1, 0.2)
	broken := hone.Reading{Trouble: "the metric profit was stopped: it took longer than 1m"}
	for policy, want := range map[string]rollout.Action{"hold": rollout.Hold, "ask": rollout.Ask, "promote": rollout.Promote, "rollback": rollout.Rollback} {
		f(policy, broken, false, rollout.Stay, "cannot be told: the metric profit was stopped")
		f(policy, broken, true, want, "cannot be told: the metric profit was stopped")
		f(policy, hone.Reading{Paired: good, Trouble: "it fails now"}, true, want, "cannot be told: it fails now")
		f(policy, hone.Reading{Paired: good, Margin: 0.1, Waiting: 900}, true, want, "not measured yet on 900 rows")
		f(policy, hone.Reading{Paired: spread(150, -0.1, 0.2), Margin: 0.1}, true, want, "rests on 150 of 300 rows")
		f(policy, hone.Reading{Paired: hone.Spread{N: 400, Sum: math.NaN()}}, true, want, "came out as no number")
	}
}

// TestGuardsShareTheError holds that the default guards make room for the owner's,
// and only then; the owner's margin of errors is theirs, and costs no one anything.
func TestGuardsShareTheError(t *testing.T) {
	t.Parallel()
	f := func(gs []hone.Guardrail, worse float64, faults int, want hone.Result) {
		t.Helper()
		m := canary(200, "hold")
		m.Rollout.Guardrails = gs
		h := health(arm(3000, faults, 150), arm(3000, 30, 150))
		h.Champion.Faults, h.Champion.Requests = 50, 5000
		h.Quality = hone.Paired{N: 100, Worse: worse}
		next, _, _ := rollout.Advance(m, rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s"), h, start, 0)
		got := hone.Pass
		for _, v := range next.Verdicts {
			if v.Result == hone.Fail {
				got = hone.Fail
			}
		}
		if got != want {
			t.Errorf("%+v, evidence %v, %d faults: %s, want %s: %v", gs, worse, faults, got, want, fmt.Sprint(next.Verdicts))
		}
	}
	own := []hone.Guardrail{{Feedback: "thumb", MaxRegression: limit(0.02)}}
	margin := []hone.Guardrail{{Metric: hone.ErrorRate, MaxIncrease: limit(0.05)}}
	f(nil, 60, 30, hone.Fail)
	f(own, 60, 30, hone.Pass)
	f(own, 101, 30, hone.Fail)
	f(margin, 60, 30, hone.Fail)
	f(nil, 1, 120, hone.Fail)
	f(margin, 1, 120, hone.Pass)
	f(margin, 1, 400, hone.Fail)
}

// TestWatchGuards holds what the owner's metrics do on probation.
func TestWatchGuards(t *testing.T) {
	t.Parallel()
	g := hone.Guardrail{Metric: "profit", MaxRegression: limit(0)}
	f := func(r hone.Reading, q hone.Paired, over, back bool, says string) {
		t.Helper()
		r.Gate = g.Gate()
		w := hone.Watch{Model: "m", Version: "v4", Previous: "v3", Labels: 500, Guards: []hone.Reading{r}}
		got, gone := rollout.WatchStep(w, q, g)
		if got.Over != over || gone != back || !strings.Contains(got.Sentence, says) {
			t.Errorf("%+v, %+v: over %v, back %v, %q; want %v, %v, %q", r, q, got.Over, gone, got.Sentence, over, back, says)
		}
	}
	fine := hone.Reading{Paired: spread(400, -0.1, 1)}
	f(fine, hone.Paired{N: 400}, false, false, "400 of 500 labels")
	f(fine, hone.Paired{N: 500}, true, false, "no evidence of harm in 500 labels.")
	f(fine, hone.Paired{N: 400, Worse: 30}, false, false, "") // The other half of the error is the metric's.
	f(fine, hone.Paired{N: 400, Worse: 41}, true, true, "is taken back")
	f(hone.Reading{Paired: spread(400, 0.5, 1)}, hone.Paired{N: 400}, true, true, "its profit is")
	f(hone.Reading{Paired: fine.Paired, Waiting: 300}, hone.Paired{N: 500}, false, false, "") // They are measured first.
	f(hone.Reading{Trouble: "it wrote no values.csv", Waiting: 300}, hone.Paired{N: 500}, true, false, "Its profit cannot be told: it wrote no values.csv.")
}
