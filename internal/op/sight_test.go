package op_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/loop"
	"hone/internal/op"
)

// drawSight makes a sample of a hundred days of predictions, some of which get labels.
func drawSight(r *rand.Rand, n int, share float64, delay func() time.Duration) ([]hone.Outcome, time.Time) {
	end := now.Add(100 * 24 * time.Hour)
	out := make([]hone.Outcome, n)
	for i := range out {
		at := now.Add(time.Duration(i) * 100 * 24 * time.Hour / time.Duration(n))
		out[i].Prediction = hone.Prediction{Seq: int64(i*10 + 1), Time: at, Received: at, Route: hone.ByChampion}
		if came := at.Add(delay()); r.Float64() < share && came.Before(end) {
			out[i].Effect, out[i].LabelReceived, out[i].Label = hone.Joined, came, "1"
		}
	}
	return out, end
}

// TestSight holds what is said of a simulated model against what it was made of.
func TestSight(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 31))
	sample, end := drawSight(r, 2000, 0.6, func() time.Duration { return time.Duration(r.ExpFloat64() * float64(2*24*time.Hour)) })
	v := loop.View{Model: hone.Model{Name: "fraud", Loss: hone.Loss{Kind: hone.ZeroOne}, Rollout: hone.RolloutSpec{Probation: hone.Probation{Labels: 3000}}},
		Watch: &hone.Watch{Version: "v3", Quality: hone.Paired{N: 1000, Diff: 0.01, Lower: 0.01 - 1.96*math.Sqrt(0.08/1000), Upper: 0.01 + 1.96*math.Sqrt(0.08/1000)}}}
	s := op.Look(v, sample, end)
	within := func(what string, got, least, most float64) {
		t.Helper()
		if !(got >= least && got <= most) {
			t.Errorf("%s: got %v, want %v to %v", what, got, least, most)
		}
	}
	within("half the labels, in days", time.Duration(s.DelayP50).Hours()/24, 1.2, 1.6) // 2 ln 2.
	within("nearly all, in days", time.Duration(s.DelayP95).Hours()/24, 5, 7)          // 2 ln 20.
	within("coverage of the old", s.Coverage[1].Share, 0.56, 0.63)
	within("coverage of those of middling age", s.Coverage[0].Share, 0.54, 0.63)
	within("labels a day", s.LabelsPerDay, 112, 128) // 0.6 of 200.
	within("smallest regression", s.Smallest, 0.0125, 0.0135)
	within("days", s.Days, 6+3000/120-2, 6+3000/120+3)
	if s.Labels != 3000 || !strings.Contains(s.Spread, "v3") || s.Inferred != 0 {
		t.Errorf("got %+v", s)
	}
	const want = "fraud sees the labels of 58 % of its predictions, half of them within 31 hours and nearly all within 5 days; a version that loses 0.013 more a row would be found out after about 31 days."
	if s.Sentence != want {
		t.Errorf("got  %s\nwant %s", s.Sentence, want)
	}

	v.Model.Label = hone.LabelSpec{AbsentMeans: "0", After: hone.Duration(20 * 24 * time.Hour)}
	v.Heard, v.Bias = end, "labels come only for approved cases: quality is known for those alone."
	s = op.Look(v, sample, end)
	within("inferred", s.Inferred, 0.37, 0.45)
	within("what counts a day", s.LabelsPerDay, 199, 201)
	if !strings.Contains(s.Sentence, "count as 0; ") || !strings.HasSuffix(s.Sentence, "But "+v.Bias) {
		t.Errorf("got %s", s.Sentence)
	}
	for _, few := range [][]hone.Outcome{nil, sample[:20], sample[1990:]} {
		if s := op.Look(v, few, end); s.Unknown == "" || s.Smallest != 0 || s.Coverage == nil {
			t.Errorf("of %d predictions: %+v", len(few), s)
		}
	}
}

// TestDetectable simulates the paired test at the difference that is said to be
// found: it finds it in four of five cases.
func TestDetectable(t *testing.T) {
	t.Parallel()
	f := func(disagree float64, n int) {
		t.Helper()
		delta := op.Detectable(disagree, n)
		r := rand.New(rand.NewPCG(uint64(n), 32))
		found := 0
		const draws = 1000
		for range draws {
			sum, square := 0.0, 0.0
			for range n {
				switch u := r.Float64(); { // Worse in some rows, better in others.
				case u < (disagree+delta)/2:
					sum, square = sum+1, square+1
				case u < disagree:
					sum, square = sum-1, square+1
				}
			}
			if sum/math.Sqrt(square) > 1.645 {
				found++
			}
		}
		if share := float64(found) / draws; share < 0.76 || share > 0.84 {
			t.Errorf("%v of %d rows: a difference of %.4f is found in %.3f; want 0.8", disagree, n, delta, share)
		}
	}
	f(0.1, 3000)
	f(0.05, 1000)
	f(0.3, 400)
}
