package stat_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/stat"
)

func TestDelayCurve(t *testing.T) {
	t.Parallel()
	// All rows are old: the curve is the plain share.
	var old []stat.Arrived
	for i := range 100 {
		old = append(old, stat.Arrived{Delay: float64(i + 1), Age: 1000})
	}
	c := stat.NewDelayCurve(old)
	f := func(age, want float64) {
		t.Helper()
		if got := c.At(age); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %v: got %v, want %v", age, got, want)
		}
	}
	f(0.5, 0)
	f(25, 0.25)
	f(25.5, 0.25)
	f(99.9, 0.99)
	f(100, 1)
	f(5000, 1)
	// By hand: of the two labels with a delay of 1 or 2 among rows as old as 2, one
	// took 2, so that half of all come by 1; the young row says nothing of that.
	c = stat.NewDelayCurve([]stat.Arrived{{Delay: 1, Age: 1.5}, {Delay: 1, Age: 3}, {Delay: 2, Age: 3}})
	f(1, 0.5)
	f(2, 1)
}

// late draws the labels that came of rows answered over a month: wrong ones take
// longer.
func late(r *rand.Rand, n int, wrong, days float64) (came []stat.Arrived, plain float64) {
	for range n {
		row := stat.Arrived{Kind: "right", Age: 30 * r.Float64()}
		mean := 2.0
		if r.Float64() < wrong {
			row.Value, row.Kind, mean = 1, "wrong", days
		}
		if row.Delay = mean * r.ExpFloat64(); row.Delay <= row.Age {
			came, plain = append(came, row), plain+row.Value
		}
	}
	return came, plain / float64(len(came))
}

// TestMatureMeanCorrects holds the interval against the truth in worlds where
// wrong answers are found out late, some of them later than can be seen.
func TestMatureMeanCorrects(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a simulation")
	}
	f := func(days, least float64) {
		t.Helper()
		const worlds, truth = 300, 0.2
		held, known, sum, naive := 0.0, 0.0, 0.0, 0.0
		for seed := range uint64(worlds) {
			came, plain := late(rand.New(rand.NewPCG(seed, 3)), 2000, truth, days)
			m := stat.MatureMean(came)
			naive += plain / worlds
			if m.Mean != m.Mean {
				continue
			}
			known++
			sum += m.Mean
			if m.Lower <= truth && truth <= m.Upper {
				held++
			}
		}
		if held/known < least || known < 0.95*worlds {
			t.Errorf("after %v days: the interval holds the truth in %.3f of %.0f worlds, want %v of %d", days, held/known, known, least, worlds)
		}
		if math.Abs(sum/known-truth) > 0.006 || days > 2 && math.Abs(naive-truth) < 0.02 {
			t.Errorf("after %v days: corrected %.4f, as they came %.4f, truth %v", days, sum/known, naive, truth)
		}
	}
	f(2, 0.92) // Three standard errors under 0.95, for 300 worlds.
	f(8, 0.92)
}

// TestMatureMeanIsUnknown lets labels take longer than the answers are old.
func TestMatureMeanIsUnknown(t *testing.T) {
	t.Parallel()
	if m := stat.MatureMean(nil); m.Mean == m.Mean || m.Later != 0 {
		t.Errorf("nothing gives %+v", m)
	}
	came, _ := late(rand.New(rand.NewPCG(1, 4)), 3000, 0.2, 60)
	if m := stat.MatureMean(came); m.Mean == m.Mean || m.Later < 0.3 || m.Horizon < 20 || m.Horizon > 30 {
		t.Errorf("labels that take 60 days, seen for 30: got %+v", m)
	}
	// All labels came long ago: the mean is the plain one, and nothing comes later.
	for i := range came {
		came[i].Age, came[i].Delay = 1000, float64(i%5)
	}
	plain := 0.0
	for _, r := range came {
		plain += r.Value / float64(len(came))
	}
	m := stat.MatureMean(came)
	if math.Abs(m.Mean-plain) > 1e-12 || m.Later != 0 || !(m.Lower < plain && plain < m.Upper) {
		t.Errorf("old labels: got %+v, want %v", m, plain)
	}
}
