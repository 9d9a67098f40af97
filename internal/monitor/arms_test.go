package monitor_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"hone"
	"hone/internal/monitor"
)

func TestArms(t *testing.T) {
	t.Parallel()
	a := monitor.NewArms(10*time.Millisecond, "v3")
	serve := func(n int, route hone.Route, users int, latency time.Duration, fault string) {
		for i := range n {
			unit := ""
			if users > 0 {
				unit = fmt.Sprint("user ", i%users)
			}
			a.Prediction(hone.Prediction{Route: route, Unit: unit, Latency: latency, Fault: fault})
		}
	}
	serve(90, hone.ByCanary, 30, 5*time.Millisecond, "")
	serve(10, hone.ByFallback, 40, 20*time.Millisecond, "it crashed")
	serve(80, hone.ByControl, 0, 5*time.Millisecond, "")
	serve(1, hone.ByControl, 1, 10*time.Millisecond, "") // Exactly as slow as allowed.
	serve(7, hone.ByControl, 1, 11*time.Millisecond, "")
	serve(2, hone.ByChampion, 1, 5*time.Millisecond, "")               // The champion's other traffic.
	serve(3, hone.ByFallback, 2, 5*time.Millisecond, "v3: it crashed") // What the champion owed.
	for _, other := range []hone.Route{hone.ByName, hone.Imported, hone.Logged} {
		serve(50, other, 50, time.Second, "")
	}
	h := a.Health()
	// A fallback is an answer that the canary owed: its fault, and slow.
	if c := h.Canary; c.Requests != 100 || c.Faults != 10 || c.Fault != "it crashed" || c.Units != 30 || c.Slow != 10 {
		t.Errorf("the canary is %+v", c)
	}
	if c := h.Control; c.Requests != 93 || c.Faults != 3 || c.Fault != "v3: it crashed" || c.Units != 2 || c.Slow != 7 {
		t.Errorf("the control is %+v", c)
	}
	near := func(what string, got, want time.Duration) {
		t.Helper()
		if math.Abs(float64(got-want)) > 0.03*float64(want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("p50 of the canary", h.Canary.P50, 5*time.Millisecond)
	near("p99 of the canary", h.Canary.P99, 20*time.Millisecond)
	near("p50 of the control", h.Control.P50, 5*time.Millisecond)
	near("p99 of the control", h.Control.P99, 11*time.Millisecond)
	if h.SlowerThan != 10*time.Millisecond || h.Agree != 0 {
		t.Errorf("got %+v", h)
	}
}

// TestArmsOfUsers holds that faults of one user count as few: what is alike is said
// beside the numbers.
func TestArmsOfUsers(t *testing.T) {
	t.Parallel()
	f := func(faulty func(user, request int) bool, least, most float64) {
		t.Helper()
		a := monitor.NewArms(time.Second, "v3")
		for request := range 20 {
			for user := range 100 {
				p := hone.Prediction{Route: hone.ByCanary, Unit: fmt.Sprint(user), Latency: time.Millisecond, Time: time.Unix(int64(100*request+user), 0)}
				if faulty(user, request) {
					p.Route, p.Fault, p.Latency = hone.ByFallback, "v4: it crashed", time.Minute
				}
				a.Prediction(p)
			}
		}
		h := a.Health().Canary
		if h.AlikeFaults < least || h.AlikeFaults > most || h.AlikeSlow != h.AlikeFaults || h.Units != 100 {
			t.Errorf("%+v; want %v to %v requests to count as one", h, least, most)
		}
	}
	f(func(user, _ int) bool { return user < 3 }, 19.9, 20.5)
	f(func(user, request int) bool { return (user*7+request*13)%20 == 0 }, 1, 1.2)
	f(func(int, int) bool { return false }, 1, 1)
}

// TestArmsOfRequests holds that the rows of one slow request are not as many slow
// answers.
func TestArmsOfRequests(t *testing.T) {
	t.Parallel()
	a := monitor.NewArms(10*time.Millisecond, "v3")
	for i := range 30 {
		for range 20 {
			s := hone.ShadowScore{Time: time.Unix(int64(i), 0), Latency: 5 * time.Millisecond, Scores: []float64{0.1}}
			if i == 7 {
				s.Latency, s.Fault = time.Second, "no answer within 1s"
			}
			a.Shadow(s, binary, "0")
		}
	}
	h := a.Health()
	if c := h.Canary; c.Slow != 20 || c.Faults != 20 || c.AlikeSlow < 19 || c.AlikeSlow > 21 || c.AlikeFaults != c.AlikeSlow {
		t.Errorf("got %+v", c)
	}
}

func TestArmsShadow(t *testing.T) {
	t.Parallel()
	a := monitor.NewArms(0, "v3") // Not known yet: nothing is slow.
	sig := hone.Signature{Task: hone.Multiclass, Classes: []string{"a", "b"}}
	shadow := func(served, fault string, scores ...float64) {
		a.Shadow(hone.ShadowScore{Scores: scores, Latency: time.Hour, Fault: fault}, sig, served)
	}
	shadow("a", "", 0.9, 0.1)
	shadow("b", "", 0.9, 0.1)
	shadow("b", "", 0.2, 0.8)
	shadow("a", "", 0.9) // Too few scores agree with nothing.
	shadow("a", "", nil...)
	shadow("a", "timed out", 0.9, 0.1)
	h := a.Health()
	if h.Canary.Requests != 6 || h.Agree != 2 || h.Canary.Faults != 1 || h.Canary.Fault != "timed out" || h.Canary.Slow != 0 || h.Canary.Units != 0 || h.Control.Requests != 0 {
		t.Errorf("got %+v", h)
	}
	if empty := monitor.NewArms(time.Second, "v3").Health(); empty.Canary != (hone.Arm{}) || empty.Control != (hone.Arm{}) {
		t.Errorf("before any answer: %+v", empty)
	}
}
