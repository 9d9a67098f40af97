package hone_test

import (
	"math"
	"testing"

	"hone"
)

func TestLossOf(t *testing.T) {
	t.Parallel()
	f := func(l hone.Loss, s hone.Signature, target, price, want float64, scores ...float64) {
		t.Helper()
		if got := l.Of(s, scores, target, price); !same(got, want) && !(math.Abs(got-want) < 1e-12) {
			t.Errorf("%s, %s %v, target %v, price %v: got %v, want %v", l.Kind, s.Task, scores, target, price, got, want)
		}
	}
	nan := math.NaN()
	zero, log := hone.Loss{Kind: hone.ZeroOne}, hone.Loss{Kind: hone.Log}
	// The threshold of the version, 0.3, decides; not that of the loss.
	f(hone.Loss{Kind: hone.ZeroOne, Threshold: 0.9}, binary, 1, 0, 0, 0.3)
	f(zero, binary, 0, 0, 1, 0.3)
	f(zero, binary, 0, 0, 0, 0.29)
	f(zero, binary, 1, 0, 1, 0.29)
	f(zero, binary, -1, 0, 1, 0.9) // An unknown class is a wrong answer.
	f(zero, binary, -1, 0, 1, 0.1)
	f(zero, multi, 1, 0, 0, 0.2, 0.5, 0.3)
	f(zero, multi, 2, 0, 1, 0.2, 0.5, 0.3)
	f(zero, multi, -1, 0, 1, 0.2, 0.5, 0.3)

	cost := hone.Loss{Kind: hone.Cost, FalseNegative: 50, FalsePositive: 2}
	f(cost, binary, 1, 0, 0, 0.8)
	f(cost, binary, 0, 0, 2, 0.8)
	f(cost, binary, 1, 0, 50, 0.1)
	f(cost, binary, 0, 0, 0, 0.1)
	f(cost, binary, -1, 0, 2, 0.8)
	f(cost, binary, -1, 0, 50, 0.1)

	f(log, binary, 1, 0, -math.Log(0.8), 0.8)
	f(log, binary, 0, 0, -math.Log(0.2), 0.8)
	f(log, binary, 1, 0, hone.LogBound, 0)
	f(log, binary, 0, 0, hone.LogBound, 1)
	f(log, binary, 1, 0, 0, 1)
	f(log, binary, 1, 0, 0, 1.5) // No score may earn a negative loss.
	f(log, binary, -1, 0, hone.LogBound, 0.8)
	f(log, multi, 2, 0, -math.Log(0.3), 0.2, 0.5, 0.3)
	f(log, multi, -1, 0, hone.LogBound, 0.2, 0.5, 0.3)
	f(log, multi, 0, 0, hone.LogBound, 0, 0.5, 0.5)
	f(log, binary, 1, 0, nan, nan)

	f(hone.Loss{Kind: hone.Squared}, value, 3, 0, 6.25, 0.5)
	f(hone.Loss{Kind: hone.Absolute}, value, 3, 0, 2.5, 0.5)
	f(hone.Loss{Kind: hone.Absolute}, value, -3, 0, 3.5, 0.5)
	f(hone.Loss{Kind: hone.Squared}, value, nan, 0, nan, 0.5)
	f(hone.Loss{Kind: hone.Absolute}, value, nan, 0, nan, 0.5)
	f(hone.Loss{Kind: hone.Squared}, binary, 1, 0, 0.04, 0.8)

	column := hone.Loss{Kind: hone.ByColumn, Column: "amount"}
	f(column, binary, 1, 120, 120, 0.1)
	f(column, binary, 0, 120, 120, 0.8)
	f(column, binary, 1, 120, 0, 0.8)
	f(column, multi, 0, 7, 7, 0.2, 0.5, 0.3)
	f(column, multi, -1, 7, 7, 0.2, 0.5, 0.3)
	f(column, binary, 1, -5, 0, 0.1)    // A negative price would reward errors.
	f(column, binary, 1, nan, nan, 0.1) // A missing price is not known to be 0.
	f(column, binary, 1, nan, 0, 0.8)
}

func TestLossBound(t *testing.T) {
	t.Parallel()
	f := func(l hone.Loss, want float64) {
		t.Helper()
		if got := l.Bound(); got != want {
			t.Errorf("%+v: got %v, want %v", l, got, want)
		}
	}
	f(hone.Loss{Kind: hone.ZeroOne}, 1)
	f(hone.Loss{Kind: hone.Cost, FalseNegative: 50, FalsePositive: 2}, 50)
	f(hone.Loss{Kind: hone.Cost, FalseNegative: 1, FalsePositive: 2}, 2)
	f(hone.Loss{Kind: hone.Log}, hone.LogBound)
	f(hone.Loss{Kind: hone.Squared}, 0)
	f(hone.Loss{Kind: hone.Absolute}, 0)
	f(hone.Loss{Kind: hone.ByColumn}, 0)
	if got := -math.Log(0.001); math.Abs(got-hone.LogBound) > 1e-15 {
		t.Errorf("LogBound is %v, want %v", hone.LogBound, got)
	}
}

// TestLossStaysInBound holds the bound over a grid of scores and targets.
func TestLossStaysInBound(t *testing.T) {
	t.Parallel()
	for _, l := range []hone.Loss{{Kind: hone.ZeroOne}, {Kind: hone.Log}, {Kind: hone.Cost, FalseNegative: 3, FalsePositive: 0.5}} {
		most := 0.0
		for p := -0.1; p <= 1.1; p += 0.01 {
			for _, target := range []float64{-1, 0, 1} {
				got := l.Of(binary, []float64{p}, target, 0)
				if most = math.Max(most, got); got < 0 {
					t.Errorf("%s: a loss of %v", l.Kind, got)
				}
			}
		}
		if math.Abs(most-l.Bound()) > 1e-12 {
			t.Errorf("%s: the most a row lost is %v, the bound %v", l.Kind, most, l.Bound())
		}
	}
}

func TestDefaultThreshold(t *testing.T) {
	t.Parallel()
	f := func(l hone.Loss, want float64) {
		t.Helper()
		if got := l.DefaultThreshold(); math.Abs(got-want) > 1e-15 {
			t.Errorf("%+v: got %v, want %v", l, got, want)
		}
	}
	f(hone.Loss{}, 0.5)
	f(hone.Loss{Kind: hone.ZeroOne}, 0.5)
	f(hone.Loss{Kind: hone.Log, Threshold: 0.7}, 0.7)
	f(hone.Loss{Kind: hone.Log, FalseNegative: 9, FalsePositive: 1}, 0.1)
	f(hone.Loss{Kind: hone.Cost}, 0.5)
	f(hone.Loss{Kind: hone.Cost, FalseNegative: 50, FalsePositive: 1}, 1.0/51)
	f(hone.Loss{Kind: hone.Cost, FalseNegative: 50, FalsePositive: 1, Threshold: 0.2}, 0.2)
	f(hone.Loss{Kind: hone.Cost, FalseNegative: 1}, 0)                        // False alarms are free.
	f(hone.Loss{Kind: hone.Cost, FalsePositive: 1}, 1)                        // Misses are free.
	f(hone.Loss{Kind: hone.ZeroOne, FalseNegative: 9, FalsePositive: 1}, 0.5) // The prices are not asked for.
}

// TestDefaultThresholdIsCheapest holds that at the threshold both answers are
// expected to cost the same.
func TestDefaultThresholdIsCheapest(t *testing.T) {
	t.Parallel()
	l := hone.Loss{Kind: hone.Cost, FalseNegative: 7, FalsePositive: 3}
	p := l.DefaultThreshold()
	if alarm, silence := (1-p)*l.FalsePositive, p*l.FalseNegative; math.Abs(alarm-silence) > 1e-12 {
		t.Errorf("at %v an alarm costs %v, silence %v", p, alarm, silence)
	}
}
