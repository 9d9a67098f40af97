package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
)

// TestLikeness holds the estimate against what is known of streams: rows that stay
// as they were with probability s count as (1+s)/(1-s) fewer.
func TestLikeness(t *testing.T) {
	t.Parallel()
	f := func(stay float64, rows int, least, most float64) {
		t.Helper()
		sum := 0.0
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 77))
			var l stat.Likeness
			x := 0.0
			for range rows {
				if r.Float64() >= stay {
					x = float64(r.IntN(3) - 1)
				}
				l.Add(x)
			}
			sum += l.Rows() / 50
		}
		if sum < least || sum > most {
			t.Errorf("%d rows that stay %v: %.2f rows count as one, want %v to %v", rows, stay, sum, least, most)
		}
	}
	f(0, 3000, 1, 1.15)
	f(0.5, 3000, 3, 3.6)
	f(0.8, 3000, 8.5, 11)
	f(0.8, 300, 7, 12)
	f(0, 20, 2.8, 5) // Little is known of 20 rows.

	var l stat.Likeness
	if l.Rows() != 10 {
		t.Errorf("before the first row %v count as one, want 10", l.Rows())
	}
	for range 195 {
		l.Add(0)
	}
	if got := l.Rows(); math.Abs(got-1.225) > 1e-12 {
		t.Errorf("195 rows that say nothing: %v, want (195+50)/200", got)
	}
	for range 1000 {
		l.Add(1)
		l.Add(-1)
	}
	if got := l.Rows(); got > 1.1 { // Rows that take turns say more, which is not counted.
		t.Errorf("rows that take turns: %v", got)
	}
}
