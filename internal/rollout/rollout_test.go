package rollout_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/rollout"
	"hone/internal/stat"
)

var start = time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func model(strategy string, steps ...hone.Step) hone.Model {
	return hone.Model{Name: "fraud", Rollout: hone.RolloutSpec{Strategy: strategy, Steps: steps, StickyBy: "user_id"}}
}

func canary(min int, onInsufficient string) hone.Model {
	return model("canary", hone.Step{Weight: 0.5, MinRequests: min, OnInsufficient: onInsufficient})
}

func arm(n, faults, slow int) hone.Arm {
	return hone.Arm{Requests: n, Faults: faults, Slow: slow, P99: 20 * time.Millisecond}
}

func health(c, k hone.Arm) hone.Health {
	return hone.Health{Canary: c, Control: k, SlowerThan: 10 * time.Millisecond, Champion: hone.Tally{Requests: 5000}}
}

func TestBegin(t *testing.T) {
	t.Parallel()
	f := func(strategy, want string, steps ...hone.Step) {
		t.Helper()
		r := rollout.Begin(model(strategy, steps...), "v4", hone.Decision{}, start, 7, "salt")
		var got []string
		for _, s := range r.Steps {
			switch {
			case s.Shadow > 0:
				got = append(got, "shadow")
			case s.Weight == 1:
				got = append(got, "all")
			default:
				got = append(got, "share")
			}
			if s.MaxWait <= 0 || s.OnInsufficient == "" || (s.Shadow == 0 && s.MinRequests <= 0) {
				t.Errorf("%s: a step without its defaults: %+v", strategy, s)
			}
		}
		if strings.Join(got, " ") != want || r.From != 7 || r.Salt != "salt" || !r.Since.Equal(start) {
			t.Errorf("%s: got %v, want %s", strategy, got, want)
		}
	}
	f("canary", "shadow share all")
	f("blue_green", "shadow all")
	f("immediate", "all")
	f("immediate", "all", hone.Step{Shadow: 10})
	f("canary", "share share all", hone.Step{Weight: 0.1}, hone.Step{Weight: 0.5}, hone.Step{Weight: 1})
	f("canary", "share all", hone.Step{Weight: math.NaN()}, hone.Step{Weight: 0.5})
	f("blue_green", "shadow all", hone.Step{Shadow: 10}, hone.Step{Weight: 0.5})
}

// together makes the faults of so many rows one.
func together(a hone.Arm, rows float64) hone.Arm {
	a.AlikeFaults = rows
	return a
}

func TestShadow(t *testing.T) {
	t.Parallel()
	m := model("canary", hone.Step{Shadow: 500}, hone.Step{Weight: 0.5})
	cases := []struct {
		name   string
		canary hone.Arm
		want   rollout.Action
	}{
		{"nothing yet", arm(0, 0, 0), rollout.Stay},
		{"one short", arm(499, 0, 25), rollout.Stay},
		{"enough", arm(500, 0, 25), rollout.StepOn},
		{"one fault asks for as many again", arm(999, 1, 50), rollout.Stay},
		{"one fault, twice as many", arm(1000, 1, 50), rollout.StepOn},
		{"four of 60 wait", arm(60, 4, 3), rollout.Stay},
		{"five of 60", arm(60, 5, 3), rollout.Rollback},
		{"three of 200", arm(200, 3, 10), rollout.Rollback},
		{"half are slow, which a shadow may be", arm(500, 0, 250), rollout.StepOn},
		{"one request of 20 rows fails", together(arm(500, 20, 25), 20), rollout.Stay},
		{"one request of 20 rows failed", together(arm(1000, 20, 25), 20), rollout.StepOn},
		{"five requests of 20 rows fail", together(arm(500, 100, 25), 20), rollout.Rollback},
		{"broken counts", arm(500, -1, 0), rollout.Rollback},
	}
	for _, c := range cases {
		r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s")
		got, action, sentence := rollout.Advance(m, r, health(c.canary, arm(c.canary.Requests, 0, c.canary.Requests/20)), start.Add(time.Hour), 900)
		if action != c.want || sentence == "" {
			t.Errorf("%s: got %s: %s", c.name, action, sentence)
		}
		if action == rollout.StepOn && (got.Step != 1 || got.From != 900 || !got.Since.Equal(start.Add(time.Hour)) || len(got.Verdicts) == 0) {
			t.Errorf("%s: next step is %+v", c.name, got)
		}
	}
	r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s")
	h := health(arm(500, 0, 25), arm(500, 0, 25))
	h.Quality = hone.Paired{N: 300, Candidate: 0.4, Champion: 0.2, Diff: 0.2, Worse: 50}
	if _, action, s := rollout.Advance(m, r, h, start, 0); action != rollout.Rollback {
		t.Errorf("worse on labels: %s: %s", action, s)
	}
}

func TestCanaryStep(t *testing.T) {
	t.Parallel()
	bad := hone.Paired{N: 200, Candidate: 0.5, Champion: 0.2, Diff: 0.3, Worse: 55}
	nan := hone.Paired{N: 200, Diff: math.NaN(), Worse: math.NaN()}
	units := func(a hone.Arm, n int) hone.Arm { a.Units = n; return a }
	fleet := func(a hone.Arm) hone.Arm { a.P99 = 900 * time.Microsecond; return a }
	cases := []struct {
		name            string
		canary, control hone.Arm
		quality         hone.Paired
		want            rollout.Action
	}{
		{"no traffic", hone.Arm{}, hone.Arm{}, hone.Paired{}, rollout.Stay},
		{"one short", arm(199, 0, 0), arm(201, 0, 0), hone.Paired{}, rollout.Stay},
		{"enough", arm(200, 0, 10), arm(200, 0, 10), hone.Paired{}, rollout.Promote},
		{"nothing to compare with", arm(200, 0, 10), hone.Arm{}, hone.Paired{}, rollout.Rollback}, // The split is broken.
		{"five faults", arm(50, 5, 0), arm(50, 0, 0), hone.Paired{}, rollout.Rollback},
		{"five faults of one user", together(arm(50, 5, 0), 5), arm(50, 0, 0), hone.Paired{}, rollout.Stay},
		{"five faults in 600", arm(600, 5, 0), arm(600, 0, 0), hone.Paired{}, rollout.Promote},
		{"five faults, and the champion fails too", arm(50, 5, 0), arm(50, 1, 0), hone.Paired{}, rollout.Stay},
		{"all that fails are its own", arm(60, 12, 0), arm(60, 0, 0), hone.Paired{}, rollout.Rollback},
		{"half the users fail", together(arm(4000, 2000, 0), 1000), arm(4000, 0, 0), hone.Paired{}, rollout.Promote},
		{"both arms fail alike", arm(1000, 50, 50), arm(1000, 50, 50), hone.Paired{}, rollout.Promote},
		{"fails more than a failing champion", arm(2000, 300, 0), arm(2000, 100, 0), hone.Paired{}, rollout.Rollback},
		{"slow", arm(600, 0, 120), arm(600, 0, 30), hone.Paired{}, rollout.Rollback},
		{"two points slower are put up with", arm(600, 0, 42), arm(600, 0, 30), hone.Paired{}, rollout.Promote},
		{"slower within a millisecond", fleet(arm(600, 0, 120)), arm(600, 0, 30), hone.Paired{}, rollout.Promote},
		{"split broken", arm(900, 0, 0), arm(500, 0, 0), hone.Paired{}, rollout.Rollback},
		{"few users with many requests", units(arm(900, 0, 0), 60), units(arm(500, 0, 0), 58), hone.Paired{}, rollout.Promote},
		{"worse on labels", arm(60, 0, 0), arm(60, 0, 0), bad, rollout.Rollback},
		{"labels are no numbers", arm(500, 0, 0), arm(500, 0, 0), nan, rollout.Stay},
	}
	for _, c := range cases {
		m := canary(200, "hold")
		r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s")
		h := health(c.canary, c.control)
		h.Quality = c.quality
		got, action, sentence := rollout.Advance(m, r, h, start.Add(time.Hour), 0)
		if action != c.want || !strings.HasPrefix(sentence, "fraud v4 ") {
			t.Errorf("%s: got %s: %s", c.name, action, sentence)
		}
		for _, v := range got.Verdicts {
			if v.Sentence == "" || math.IsNaN(v.Value+v.Lower+v.Upper) {
				t.Errorf("%s: verdict %+v", c.name, v)
			}
		}
	}
}

func TestTooLittleTraffic(t *testing.T) {
	t.Parallel()
	f := func(on string, want rollout.Action, asks bool) {
		t.Helper()
		m := canary(200, on)
		r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s")
		for d := range 2 {
			if _, action, s := rollout.Advance(m, r, health(arm(10*d, 0, 0), arm(10*d, 0, 0)), start.Add(time.Duration(d)*day), 0); action != rollout.Stay {
				t.Fatalf("%s, day %d: %s: %s", on, d, action, s)
			}
		}
		got, action, s := rollout.Advance(m, r, health(arm(20, 0, 0), arm(20, 0, 0)), start.Add(2*day), 0)
		if action != want || (got.Ask != "") != asks || !strings.Contains(s, "180 more") {
			t.Errorf("%s: got %s, ask %q: %s", on, action, got.Ask, s)
		}
		if asks {
			if _, again, _ := rollout.Advance(m, got, health(arm(400, 0, 0), arm(400, 0, 0)), start.Add(3*day), 0); again != rollout.Stay {
				t.Errorf("a question was asked; got %s", again)
			}
			if _, again, _ := rollout.Advance(m, got, health(arm(400, 9, 0), arm(400, 0, 0)), start.Add(3*day), 0); again != rollout.Rollback {
				t.Errorf("a question does not stop the guards; got %s", again)
			}
		}
	}
	f("hold", rollout.Hold, false)
	f("", rollout.Hold, false)
	f("ask", rollout.Ask, true)
	f("promote", rollout.Promote, false)
	f("rollback", rollout.Rollback, false)

	m := canary(200, "promote")
	h := health(arm(500, 0, 0), arm(500, 0, 0))
	h.Quality = hone.Paired{N: 100, Worse: math.NaN()}
	if _, action, _ := rollout.Advance(m, rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s"), h, start.Add(9*day), 0); action != rollout.Hold {
		t.Errorf("losses that are no numbers were promoted: %s", action)
	}
	h.Canary, h.Control = arm(20, 0, 0), arm(20, 0, 0) // Nor with too little traffic besides.
	if _, action, s := rollout.Advance(m, rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s"), h, start.Add(9*day), 0); action != rollout.Hold {
		t.Errorf("losses that are no numbers were promoted for want of traffic: %s: %s", action, s)
	}
}

func TestPaused(t *testing.T) {
	t.Parallel()
	m := canary(200, "promote")
	r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s")
	r.Paused = true
	f := func(r hone.Rollout, h hone.Health, want rollout.Action) {
		t.Helper()
		if _, action, s := rollout.Advance(m, r, h, start.Add(9*day), 0); action != want {
			t.Errorf("got %s: %s", action, s)
		}
	}
	f(r, health(arm(400, 0, 0), arm(400, 0, 0)), rollout.Stay)
	f(r, health(arm(4, 0, 0), arm(4, 0, 0)), rollout.Stay)
	f(r, health(arm(400, 40, 0), arm(400, 0, 0)), rollout.Rollback)
	all := rollout.Begin(model("immediate"), "v4", hone.Decision{}, start, 0, "s")
	f(all, hone.Health{}, rollout.Promote)
	all.Paused = true
	f(all, hone.Health{}, rollout.Stay)
	all.Step = 5
	f(all, hone.Health{}, rollout.Hold)
	f(hone.Rollout{}, hone.Health{}, rollout.Hold)
}

// traffic walks one canary step request by request, looking every 20, and says
// how it ended and after how many requests of the canary.
func traffic(seed uint64, faults, controlFaults, slow, controlSlow, toCanary float64) (rollout.Action, int) {
	rng := rand.New(rand.NewPCG(seed, 2))
	m := canary(2000, "hold")
	r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s")
	h := health(arm(0, 0, 0), arm(0, 0, 0))
	h.Champion.Faults = int(controlFaults * float64(h.Champion.Requests))
	for i := 1; ; i++ {
		a, f, s := &h.Control, controlFaults, controlSlow
		if rng.Float64() < toCanary {
			a, f, s = &h.Canary, faults, slow
		}
		a.Requests++
		if rng.Float64() < f {
			a.Faults++
		}
		if rng.Float64() < s {
			a.Slow++
		}
		if i%20 > 0 {
			continue
		}
		if _, action, _ := rollout.Advance(m, r, h, start, 0); action != rollout.Stay {
			return action, h.Canary.Requests
		}
	}
}

func TestSimulatedCanaries(t *testing.T) {
	t.Parallel()
	f := func(name string, faults, controlFaults, slow, controlSlow, toCanary float64, least, most int) {
		t.Helper()
		back := 0
		for seed := range uint64(600) {
			if action, _ := traffic(seed, faults, controlFaults, slow, controlSlow, toCanary); action == rollout.Rollback {
				back++
			}
		}
		t.Logf("%s: %d of 600 rolled back", name, back)
		if back < least || back > most {
			t.Errorf("%s: %d of 600 were rolled back, want %d to %d", name, back, least, most)
		}
	}
	f("twins without faults", 0, 0, 0.05, 0.05, 0.5, 0, 30)
	f("twins that fail a little", 0.01, 0.01, 0.05, 0.05, 0.5, 0, 30)
	f("twins that fail a lot", 0.05, 0.05, 0.05, 0.05, 0.5, 0, 30)
	f("5 % faults against none", 0.05, 0, 0.05, 0.05, 0.5, 600, 600)
	f("2 % faults against none", 0.02, 0, 0.05, 0.05, 0.5, 570, 600)
	f("25 % slow against 5 %", 0, 0, 0.25, 0.05, 0.5, 570, 600)
	f("60 % of the traffic in place of 50 %", 0, 0, 0.05, 0.05, 0.6, 570, 600)
}

func TestPlanFor(t *testing.T) {
	t.Parallel()
	m := model("canary", hone.Step{Shadow: 5}, hone.Step{Weight: 0.25})
	r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "salt")
	watch := &hone.Watch{Version: "v3", Previous: "v2"}
	p := rollout.PlanFor(m, "v3", "v1", nil, nil)
	if p.Champion != "v3" || p.Previous != "v1" || p.Shadow != "" || p.Challenger != "" || p.StickyBy != "user_id" || p.Timeout != time.Second || p.Model != "fraud" {
		t.Errorf("at rest: %+v", p)
	}
	if p = rollout.PlanFor(m, "v3", "v1", nil, watch); p.Shadow != "v2" || p.Previous != "v2" {
		t.Errorf("under watch: %+v", p)
	}
	if p = rollout.PlanFor(m, "v3", "v2", &r, watch); p.Shadow != "v4" || p.Challenger != "" || p.Weight != 0 {
		t.Errorf("shadow: %+v", p)
	}
	r.Step = 1
	if p = rollout.PlanFor(m, "v3", "v2", &r, watch); p.Shadow != "v2" || p.Challenger != "v4" || p.Weight != 0.25 || p.Salt != "salt" {
		t.Errorf("canary: %+v", p)
	}
	if p = rollout.PlanFor(m, "v4", "v3", &r, watch); p.Challenger != "" || p.Shadow != "" {
		t.Errorf("after the promotion: %+v", p)
	}
}

// probation plays a watch over labels: the new champion errs with probability
// new, the previous with old, independently. It says whether and when it was
// taken back.
func probation(seed uint64, old, new float64, labels int) (bool, int) {
	rng := rand.New(rand.NewPCG(seed, 3))
	w := hone.Watch{Model: "fraud", Version: "v4", Previous: "v3", Labels: labels}
	var worse stat.Bets
	var q hone.Paired
	back := false
	for !w.Over {
		a, b := 0.0, 0.0
		if rng.Float64() < new {
			a = 1
		}
		if rng.Float64() < old {
			b = 1
		}
		worse.Add(a - b)
		q.N++
		q.Candidate += a
		q.Champion += b
		q.Worse = worse.E()
		w, back = rollout.WatchStep(w, q)
	}
	return back, q.N
}

func TestProbation(t *testing.T) {
	t.Parallel()
	backs := 0
	for seed := range uint64(300) {
		if back, _ := probation(seed, 0.1, 0.1, 3000); back {
			backs++
		}
	}
	if backs > 9 {
		t.Errorf("%d of 300 equal models were taken back, want at most 9", backs)
	}
	found := 0
	for seed := range uint64(300) {
		if back, n := probation(seed, 0.05, 0.15, 3000); back && n <= 400 {
			found++
		}
	}
	if found < 285 {
		t.Errorf("+10 points found within 400 labels in %d of 300, want at least 285", found)
	}
	t.Logf("equal taken back %d, +10 points found %d of 300", backs, found)
}

func TestWatchStep(t *testing.T) {
	t.Parallel()
	w := hone.Watch{Model: "fraud", Version: "v4", Previous: "v3", Labels: 100}
	got, back := rollout.WatchStep(w, hone.Paired{N: 99, Worse: 19})
	if back || got.Over || got.Quality.N != 99 {
		t.Errorf("99 labels: %+v", got)
	}
	got, back = rollout.WatchStep(w, hone.Paired{N: 100, Worse: 19})
	if back || !got.Over || got.Sentence != "fraud v4 is accepted, no evidence of harm in 100 labels." {
		t.Errorf("100 labels: %+v", got)
	}
	if again, back := rollout.WatchStep(got, hone.Paired{N: 200, Worse: 1e9}); back || !reflect.DeepEqual(again, got) {
		t.Error("a watch that is over stays so")
	}
	if got, back = rollout.WatchStep(w, hone.Paired{N: 50, Worse: 20}); !back || !got.Over {
		t.Errorf("worse: %+v", got)
	}
	if got, back = rollout.WatchStep(w, hone.Paired{N: 500, Worse: math.NaN()}); back || got.Over || strings.Contains(got.Sentence, "accepted") {
		t.Errorf("NaN must neither accept nor take back: %+v", got)
	}
	w.Labels = 0
	if got, _ = rollout.WatchStep(w, hone.Paired{N: 2999}); got.Over {
		t.Error("a probation lasts 3,000 labels by default")
	}
}
