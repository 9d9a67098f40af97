package stat_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hone/internal/stat"
)

// firstAt plays rows of paired errors, the new model's less the old one's, until
// E reaches 20 and returns how many that took; 0 where it never does.
func firstAt(r *rand.Rand, rows int, worse, better float64) int {
	var b stat.Bets
	for i := 1; i <= rows; i++ {
		switch u := r.Float64(); {
		case u < worse:
			b.Add(1)
		case u < worse+better:
			b.Add(-1)
		default:
			b.Add(0)
		}
		if b.E() >= 20 {
			return i
		}
	}
	return 0
}

func TestBetsUnderPeeking(t *testing.T) {
	t.Parallel()
	const runs = 300
	r := rand.New(rand.NewPCG(5, 5))
	alarms := 0
	for range runs {
		if firstAt(r, 3000, 0.05, 0.05) > 0 { // Models that disagree, equally good.
			alarms++
		}
	}
	if alarms > runs*5/100 {
		t.Errorf("%d of %d equal models were found worse; want at most 5 %%", alarms, runs)
	}
	var delays []int
	missed := 0
	for range runs {
		d := firstAt(r, 3000, 0.15, 0.05) // Ten points worse.
		if d == 0 {
			missed++
			d = math.MaxInt
		}
		delays = append(delays, d)
	}
	slices.Sort(delays)
	if median := delays[runs/2]; median > 250 || missed > 3 {
		t.Errorf("ten points of harm: median after %d rows, missed in %d of %d; want under 250 and at most 3", median, missed, runs)
	}
	better := 0
	for range 100 {
		if firstAt(r, 3000, 0.05, 0.08) > 0 {
			better++
		}
	}
	if better > 1 {
		t.Errorf("%d of 100 better models were found worse", better)
	}
}

func TestBetsValue(t *testing.T) {
	t.Parallel()
	var b stat.Bets
	if b.E() != 1 {
		t.Errorf("before any row: %v", b.E())
	}
	b.Add(0.5)
	b.Add(-0.25)
	want := 0.0
	for _, s := range []float64{.01, .02, .05, .1, .2, .4, .8} {
		want += (1 + s*0.5) * (1 - s*0.25) / 7
	}
	near(t, "two rows", b.E(), want, 1e-12)

	var clipped, plain stat.Bets
	clipped.Add(7)
	clipped.Add(math.Inf(-1))
	clipped.Add(math.NaN())
	plain.Add(1)
	plain.Add(-1)
	plain.Add(0)
	if clipped != plain || clipped.N != 3 {
		t.Errorf("clipped %+v, plain %+v", clipped, plain)
	}

	var long stat.Bets
	for range 10000 {
		long.Add(1)
	}
	e := long.E()
	if math.IsInf(e, 0) || e < 1e300 {
		t.Errorf("after 10,000 rows of full evidence: %v", e)
	}
	text, err := json.Marshal(long)
	var again stat.Bets
	if err != nil || json.Unmarshal(text, &again) != nil || again != long {
		t.Errorf("JSON %s: %v, %+v", text, err, again)
	}
}
