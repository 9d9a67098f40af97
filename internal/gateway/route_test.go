package gateway_test

import (
	"math"
	"testing"
	"time"

	"hone"
	"hone/internal/gateway"
)

// TestRoute walks one plan from its first weight to its last.
func TestRoute(t *testing.T) {
	t.Parallel()
	const users = 20000
	weights := []float64{0.01, 0.05, 0.25, 0.5, 0.9, 1}
	inCanary := map[int]bool{}
	for _, w := range weights {
		p := hone.Plan{Challenger: "v4", Weight: w, Salt: "run-1"}
		seen := map[hone.Route]int{}
		for u := range users {
			route := gateway.Route(p, "user-"+string(rune('a'+u%26))+time.Duration(u).String())
			seen[route]++
			if inCanary[u] && route != hone.ByCanary {
				t.Fatalf("weight %v took user %d from the canary", w, u)
			}
			inCanary[u] = route == hone.ByCanary
		}
		near := func(route hone.Route, share float64) {
			t.Helper()
			if sd := math.Sqrt(share * (1 - share) * users); math.Abs(float64(seen[route])-share*users) > 4*sd+1e-9 {
				t.Errorf("weight %v: %s has %d of %d, want a share of %v", w, route, seen[route], users, share)
			}
		}
		near(hone.ByCanary, w)
		near(hone.ByControl, min(w, 1-w))
	}
	for _, p := range []hone.Plan{{}, {Weight: 1}, {Challenger: "v4"}, {Challenger: "v4", Weight: math.NaN()}, {Challenger: "v4", Weight: -1}} {
		if got := gateway.Route(p, "ada"); got != hone.ByChampion {
			t.Errorf("%+v: got %s", p, got)
		}
	}
	if a, b := gateway.Bucket("run-1", "ada"), gateway.Bucket("run-2", "ada"); a == b || a < 0 || a >= 1 {
		t.Errorf("buckets %v and %v", a, b)
	}
}
