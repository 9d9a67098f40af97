package gbdt_test

import (
	"math"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

func TestRefit(t *testing.T) {
	t.Parallel()
	for _, task := range []gbdt.Task{gbdt.Logistic, gbdt.Softmax, gbdt.LeastSquares} {
		s := world(5000, 30, task)
		m := fit(t, s, options(task, 30), gbdt.Extra{})
		refit := func(s gbdt.Set, decay float64) *gbdt.Model {
			t.Helper()
			out, err := gbdt.Refit(m, s, decay, 2)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		// The rows that it was grown on say what they said then.
		same, old, now := refit(s, 0), predict(m, s), []float64(nil)
		now = predict(same, s)
		for i := range old {
			if math.Abs(old[i]-now[i]) > 1e-4*max(1, math.Abs(old[i])) {
				t.Fatalf("%s: score %d is %v after %v", task, i, now[i], old[i])
			}
		}
		// The world turns round: the trees' questions stay good ones.
		turned, fresh := world(3000, 31, task), world(3000, 32, task)
		for _, x := range []*gbdt.Set{&turned, &fresh} {
			for i, y := range x.Targets {
				switch task {
				case gbdt.Logistic:
					x.Targets[i] = 1 - y
				case gbdt.Softmax:
					x.Targets[i] = 2 - y
				default:
					x.Targets[i] = 100 - y
				}
			}
		}
		before := loss(m, fresh)
		none, half, all := loss(refit(turned, 1), fresh), loss(refit(turned, 0.5), fresh), loss(refit(turned, 0), fresh)
		if none != before || !(half < none) || !(all < 0.9*half) {
			t.Errorf("%s: loss %v before; %v, %v and %v with decay 1, 0.5 and 0", task, before, none, half, all)
		}
	}
}

func TestRefitRefuses(t *testing.T) {
	t.Parallel()
	s := world(300, 33, gbdt.Logistic)
	m := fit(t, s, options(gbdt.Logistic, 3), gbdt.Extra{})
	f := func(want string, decay float64, change func(*gbdt.Set)) {
		t.Helper()
		s := world(300, 33, gbdt.Logistic)
		change(&s)
		if _, err := gbdt.Refit(m, s, decay, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f("decay is 2", 2, func(*gbdt.Set) {})
	f("no rows", 0, func(s *gbdt.Set) { s.Rows, s.Targets = frame.New(s.Rows.Schema, 0), nil })
	f("features are other ones", 0, func(s *gbdt.Set) {
		s.Rows = frame.New(s.Rows.Schema[:2], 300)
	})
	f("it is 0 or 1", 0, func(s *gbdt.Set) { s.Targets[0] = 3 })
}
