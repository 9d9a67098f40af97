package hone_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hone"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	f := func(s string, want time.Duration) {
		t.Helper()
		if got, err := hone.ParseDuration(s); err != nil || time.Duration(got) != want {
			t.Errorf("%q: got %v, %v; want %v", s, time.Duration(got), err, want)
		}
	}
	const day = 24 * time.Hour
	f("90s", 90*time.Second)
	f("30m", 30*time.Minute)
	f("36h", 36*time.Hour)
	f("1h30m", 90*time.Minute)
	f("0s", 0)
	f("0", 0)
	f("0d", 0)
	f("7d", 7*day)
	f("1.5d", 36*time.Hour)
	f("0.7d", 16*time.Hour+48*time.Minute)
	f("0.1d", 2*time.Hour+24*time.Minute)
	f("106751d", 106751*day)
	f("250ms", 250*time.Millisecond)
	f("1ns", 1)
}

func TestParseDurationRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "7", "d", "-7d", "-1h", "NaNd", "Infd", "1e300d", "106752d", "9999999h", "7 d", "7days", "soon", "1d12h"} {
		if got, err := hone.ParseDuration(s); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", s)) || !strings.Contains(err.Error(), "7d") {
			t.Errorf("%q: got %v, %v; want an error that names it and says what to write", s, got, err)
		}
	}
}

func TestDurationString(t *testing.T) {
	t.Parallel()
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := hone.Duration(d).String(); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
	f(0, "0s")
	f(90*time.Second, "1m30s")
	f(10*time.Minute, "10m")
	f(time.Hour, "1h")
	f(10*time.Hour, "10h")
	f(90*time.Minute, "1h30m")
	f(time.Hour+5*time.Second, "1h0m5s")
	f(36*time.Hour, "36h")
	f(168*time.Hour, "7d")
	f(250*time.Millisecond, "250ms")
}

func TestDurationRoundTrip(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	units := []time.Duration{1, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}
	for i := range 5000 {
		u := units[i%len(units)]
		want := hone.Duration(time.Duration(r.Int64N(int64(math.MaxInt64/u))) * u)
		b, err := json.Marshal(struct{ D hone.Duration }{want})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ D hone.Duration }
		if err := json.Unmarshal(b, &got); err != nil || got.D != want {
			t.Fatalf("%d is written as %s, and that reads as %d (%v)", want, b, got.D, err)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"7d", "0.7d", "90s", "-1d", "1e5d", "0x1p4d", "NaNd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := hone.ParseDuration(s)
		if err != nil {
			return
		}
		if again, err := hone.ParseDuration(d.String()); d < 0 || err != nil || again != d {
			t.Errorf("%q reads as %d, written %q, which reads as %d (%v)", s, d, d, again, err)
		}
	})
}

func TestError(t *testing.T) {
	t.Parallel()
	e := &hone.Error{Code: hone.Conflict, Message: "it is taken", Hint: "wait"}
	if got := e.Error(); got != "it is taken: wait" {
		t.Errorf("got %q", got)
	}
	if got := (&hone.Error{Message: "it is taken"}).Error(); got != "it is taken" {
		t.Errorf("without a hint: got %q", got)
	}
	wrapped := fmt.Errorf("open: %w", errors.Join(errors.New("other"), e))
	if got, ok := hone.AsError(wrapped); !ok || got != e {
		t.Errorf("wrapped: got %v, %v", got, ok)
	}
	for _, err := range []error{nil, errors.New("plain")} {
		if got, ok := hone.AsError(err); ok || got != nil {
			t.Errorf("%v: got %v, %v", err, got, ok)
		}
	}
}

func TestLatencyLimit(t *testing.T) {
	t.Parallel()
	limit := func(x float64) *float64 { return &x }
	f := func(m hone.Model, want time.Duration) {
		t.Helper()
		if got := m.LatencyLimit(); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	f(hone.Model{}, 0)
	f(hone.Model{Gates: []hone.Gate{{Metric: "latency_p99", Max: limit(0.02)}, {Metric: "memory", Max: limit(1e9)}, {Metric: "latency_p99", MaxRegression: limit(1)}}}, 20*time.Millisecond)
	f(hone.Model{Rollout: hone.RolloutSpec{Guardrails: []hone.Guardrail{{Metric: hone.LatencyP99, Max: limit(0.05)}}}, Gates: []hone.Gate{{Metric: "latency_p99", Max: limit(0.02)}}}, 50*time.Millisecond)
}
