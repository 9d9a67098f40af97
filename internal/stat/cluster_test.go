package stat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"hone/internal/stat"
)

func TestBlocks(t *testing.T) {
	t.Parallel()
	got, first := stat.Blocks(45, nil, nil)
	if got[0] != 0 || got[19] != 0 || got[20] != 1 || got[44] != 2 || first != 3 {
		t.Errorf("45 rows: %v, %d in the first look", got, first)
	}
	units := make([]string, 50)
	units[3], units[30], units[45] = "ada", "ada", "ada" // The last in a later look.
	got, first = stat.Blocks(50, units, []int{41})
	if got[3] != 0 || got[30] != 0 || got[45] != -1 || got[40] != 2 || got[41] != 3 || first != 3 {
		t.Errorf("rows of a user: %v, %d in the first look", got, first)
	}
	// What a look has seen stays as it was.
	before, _ := stat.Blocks(41, units[:41], nil)
	if !slices.Equal(before, got[:41]) {
		t.Error("a later look changed the blocks of an earlier one")
	}
}

func TestClusterBets(t *testing.T) {
	t.Parallel()
	ones := func(n int, x float64) []float64 { return slices.Repeat([]float64{x}, n) }
	blocks, first := stat.Blocks(400, nil, nil)
	better, worse, n := stat.ClusterBets(ones(400, -1), ones(400, 1), blocks, first)
	if n != 20 || better < 1e4 || worse > 0.2 {
		t.Errorf("better on every row: %v, %v over %d clusters", better, worse, n)
	}
	if e, _, _ := stat.ClusterBets(ones(400, -1), ones(400, 0), blocks, first); e != 1 {
		t.Errorf("rows on which the answers are alike say %v", e)
	}
	far, _, _ := stat.ClusterBets(ones(400, -1000), ones(400, 1), blocks, first)
	if far != better {
		t.Error("what lies outside reach was not clipped")
	}
	all := slices.Repeat([]int{0}, 400)
	if e, _, n := stat.ClusterBets(ones(400, -1), ones(400, 1), all, 1); n != 1 || e > 2 {
		t.Errorf("400 rows of one cluster say %v", e)
	}
}

// Rows that are alike must not speak for a candidate that is no better, at
// whatever moment it is looked at, and a better one must be found.
func TestClusterBetsHoldTheirError(t *testing.T) {
	t.Parallel()
	const trials, rows, limit = 600, 1000, 20
	play := func(seed, stream uint64, alike, better float64, users bool) bool {
		rng := rand.New(rand.NewPCG(seed, stream))
		diffs, reach, units := make([]float64, rows), make([]float64, rows), []string(nil)
		leaning, way := map[string]float64{}, 1.0
		side := func() float64 {
			if rng.Float64() < better {
				return -1
			}
			return 1
		}
		for i := range rows {
			if rng.Float64() >= alike {
				way = side()
			}
			who := fmt.Sprint(rng.IntN(rows / 5))
			if _, ok := leaning[who]; !ok {
				leaning[who] = side()
			}
			if users {
				units = append(units, who)
			}
			if rng.Float64() < 0.1 {
				reach[i], diffs[i] = 1, way
				if users {
					diffs[i] = leaning[who]
				}
			}
		}
		looks := []int{200, 400, 600, 800}
		if users {
			looks = nil // A user counts with the first look at their rows.
		}
		blocks, first := stat.Blocks(rows, units, looks)
		for _, n := range append(looks, rows) {
			if e, _, _ := stat.ClusterBets(diffs[:n], reach[:n], blocks[:n], first); e >= limit {
				return true
			}
		}
		return false
	}
	f := func(name string, stream uint64, alike, better float64, users bool, least, most int) {
		t.Helper()
		spoke := 0
		for seed := range uint64(trials) {
			if play(seed, stream, alike, better, users) {
				spoke++
			}
		}
		if spoke < least || spoke > most {
			t.Errorf("%s: spoke in %d of %d, want %d to %d", name, spoke, trials, least, most)
		}
	}
	f("independent, equal", 1, 0, 0.5, false, 0, 36)
	f("alike in time, equal", 2, 0.8, 0.5, false, 0, 40)
	f("alike by user, equal", 3, 0, 0.5, true, 0, 36)
	f("independent, 7 of 10 for the new", 4, 0, 0.7, false, 500, trials)
	f("alike by user, 8 of 10 for the new", 5, 0, 0.8, true, 450, trials)
}
