package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hone/internal/stat"
)

// Draw names every row that has any reach once, the same from the same seed, whole
// clusters together, and every cluster as likely first.
func TestDraw(t *testing.T) {
	t.Parallel()
	reach := make([]float64, 400)
	units := make([]string, 400)
	for i := range reach {
		if i%4 == 0 {
			reach[i] = 1
		}
	}
	units[0], units[396] = "u", "u" // One user at both ends: one cluster.
	first := map[int]int{}
	for seed := range uint64(4000) {
		order, blocks, limit := stat.Draw(reach, units, seed)
		again, _, _ := stat.Draw(reach, units, seed)
		if !slices.Equal(order, again) {
			t.Fatal("the same seed gives another order")
		}
		if len(order) != 100 || len(blocks) != 100 || limit != 5 {
			t.Fatalf("%d rows, %d blocks, limit %v", len(order), len(blocks), limit)
		}
		if sorted := slices.Sorted(slices.Values(order)); len(slices.Compact(sorted)) != 100 || !slices.IsSortedFunc(blocks, func(a, b int) int { return a - b }) {
			t.Fatalf("order %v, blocks %v", order, blocks)
		}
		if blocks[slices.Index(order, 0)] != blocks[slices.Index(order, 396)] {
			t.Fatal("the rows of one user stand apart")
		}
		first[order[0]/stat.BlockRows]++
	}
	// 20 clusters, each first in one of 20 draws: 200 times, give or take 14.
	for block := range 20 {
		if n := first[block]; n < 130 || n > 270 {
			t.Errorf("cluster %d is first in %d of 4000 draws, want about 200", block, n)
		}
	}
}

// Bets on what was drawn hold their error, whatever the share that differs, at every
// look, of the rows that were there and of those that are to come.
func TestDrawnBetsHoldTheirError(t *testing.T) {
	t.Parallel()
	const histories = 1000
	f := func(name string, differ float64, fixed bool) {
		t.Helper()
		wrong := 0
		for h := range uint64(histories) {
			rng := rand.New(rand.NewPCG(h, 41))
			const n = 4000
			reach, diffs := make([]float64, n), make([]float64, n)
			way := 1.0
			for i := range n {
				if rng.Float64() >= differ {
					continue
				}
				reach[i] = 1
				if way = -way; !fixed { // Fixed: exactly as many either way.
					way = 1 - 2*float64(rng.IntN(2))
				}
				diffs[i] = way
			}
			order, blocks, limit := stat.Draw(reach, nil, rng.Uint64())
			sums, reaches := []float64{}, []float64{}
			for k, i := range order {
				if blocks[k] == len(sums) {
					sums, reaches = append(sums, 0), append(reaches, 0)
				}
				sums[blocks[k]] += diffs[i]
				reaches[blocks[k]]++
			}
			most := 0.0
			for c := 1; c <= len(sums); c++ {
				most = math.Max(most, stat.DrawnBets(sums[:c], reaches[:c], limit, -1))
			}
			if most >= 20 {
				wrong++
			}
		}
		if wrong > histories/20 {
			t.Errorf("%s: 5 %% of evidence in %d of %d histories without any", name, wrong, histories)
		}
		t.Logf("%s: %d of %d", name, wrong, histories)
	}
	f("one in twenty", 0.05, false)
	f("three in ten", 0.3, false)
	f("as many either way in what there is", 0.05, true)
}
