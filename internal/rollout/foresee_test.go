package rollout_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/rollout"
)

func sight(t *testing.T, o hone.Outlook, gate string) hone.Sight {
	t.Helper()
	for _, s := range o.Sights {
		if s.Gate == gate {
			return s
		}
	}
	t.Fatalf("%+v says nothing of %s", o, gate)
	return hone.Sight{}
}

// TestForesee plays the harm that a step is said to see, and counts how often it is
// seen by the step's end: four times in five was promised, and looking at all times
// finds a little more.
func TestForesee(t *testing.T) {
	t.Parallel()
	const runs = 300
	f := func(base, weight float64, requests int) {
		t.Helper()
		o := rollout.Foresee(hone.Step{Weight: weight, MinRequests: requests}, rollout.Traffic{Faults: base})
		harm := sight(t, o, "fault_rate").Harm
		m := model("canary", hone.Step{Weight: weight, MinRequests: requests})
		found := 0
		for seed := range uint64(runs) {
			rng := rand.New(rand.NewPCG(seed, 31))
			r := rollout.Begin(m, "v4", hone.Decision{}, start, 0, "s")
			h := health(arm(0, 0, 0), arm(0, 0, 0))
			h.Champion = hone.Tally{Requests: 5000, Faults: int(5000 * base)}
			for i := 1; h.Canary.Requests < requests; i++ {
				a, p := &h.Control, base
				if rng.Float64() < weight {
					a, p = &h.Canary, base+harm
				}
				a.Requests++
				if rng.Float64() < p {
					a.Faults++
				}
				if i%20 > 0 {
					continue
				}
				if _, action, _ := rollout.Advance(m, r, h, start, 0); action == rollout.Rollback {
					found++
					break
				}
			}
		}
		t.Logf("base %v, weight %v, %d requests: %.1f points more are found in %d of %d", base, weight, requests, 100*harm, found, runs)
		if found < runs*74/100 || found > runs*97/100 {
			t.Errorf("base %v, weight %v, %d requests: %.1f points more were found in %d of %d", base, weight, requests, 100*harm, found, runs)
		}
	}
	f(0.05, 0.5, 200)
	f(0.05, 0.5, 2000)
	f(0.05, 0.1, 500)
	f(0.2, 0.5, 1000)
	f(0.01, 0.25, 1000)
}

func TestForeseeSays(t *testing.T) {
	t.Parallel()
	day := hone.Duration(24 * time.Hour)
	f := func(s hone.Step, tr rollout.Traffic, after time.Duration, want ...string) {
		t.Helper()
		o := rollout.Foresee(s, tr)
		if time.Duration(o.After) != after {
			t.Errorf("%+v takes %v, want %v", tr, o.After, after)
		}
		for _, w := range want {
			if !strings.Contains(o.Sentence, w) {
				t.Errorf("%q lacks %q", o.Sentence, w)
			}
		}
		for _, s := range o.Sights {
			if !(s.Harm > 0 && s.Harm <= 1) {
				t.Errorf("%+v", s)
			}
		}
	}
	half := hone.Step{Weight: 0.5, MinRequests: 200, MaxWait: 2 * day}
	f(half, rollout.Traffic{}, 0, "By its 200 answers ", " points more faults, or ", " points more slow answers are seen four times in five", "labels come too late for it.")
	f(half, rollout.Traffic{PerSecond: 0.1, Labels: 1, Differ: 0.1}, 4000*time.Second, "after about 67 minutes,", " faults, or ", " slow answers, or ", " wrong ones are seen four times in five.")
	f(half, rollout.Traffic{PerSecond: 0.1, Labels: 1, Differ: 0.1, Delay: 2 * time.Hour}, 4000*time.Second, "labels come too late for it.")
	f(half, rollout.Traffic{PerSecond: 0.001}, 400000*time.Second, "after about 5 days,", "; it waits for at most 2d.")
	f(hone.Step{Shadow: 500, MaxWait: day}, rollout.Traffic{PerSecond: 10}, 50*time.Second)
	f(hone.Step{Shadow: 500, MaxWait: day}, rollout.Traffic{PerSecond: 10, Labels: 1, Differ: 0.1}, 50*time.Second, "By its 500 answers, after about 50 seconds, ", " points more wrong ones are seen four times in five.")
	if o := rollout.Foresee(hone.Step{Weight: 1}, rollout.Traffic{}); o.Sentence != "" || o.Sights != nil {
		t.Errorf("all of the traffic: %+v", o)
	}
	few := sight(t, rollout.Foresee(hone.Step{Weight: 0.5, MinRequests: 20}, rollout.Traffic{Faults: 0.01}), "fault_rate").Harm
	many := sight(t, rollout.Foresee(hone.Step{Weight: 0.5, MinRequests: 20000}, rollout.Traffic{Faults: 0.01}), "fault_rate").Harm
	if !(many < 0.01 && few > 0.2) || math.IsNaN(few+many) {
		t.Errorf("20 answers show %v, 20,000 show %v", few, many)
	}
}
