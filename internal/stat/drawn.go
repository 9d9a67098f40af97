package stat

import (
	"math"
	"math/rand/v2"
)

// Draw puts the rows with any reach into a random order from a seed: cluster by
// cluster, every order of the clusters as likely, the rows of one in their own
// order. A cluster is a block of BlockRows rows that follow each other, with all
// rows of their users. Limit is the most that a cluster is to count for; it rests
// on no label.
func Draw(reach []float64, units []string, seed uint64) (order, blocks []int, limit float64) {
	of, _ := Blocks(len(reach), units, nil)
	rows := map[int][]int{}
	var names []int
	for i, b := range of {
		if !(reach[i] > 0) {
			continue
		}
		if rows[b] == nil {
			names = append(names, b)
		}
		rows[b] = append(rows[b], i)
	}
	reaches := make([]float64, len(names))
	for k, b := range names {
		for _, i := range rows[b] {
			reaches[k] += reach[i]
		}
	}
	rand.New(rand.NewPCG(seed, 0x6c6162656c)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for k, b := range names {
		for _, i := range rows[b] {
			order, blocks = append(order, i), append(blocks, k)
		}
	}
	return order, blocks, capOf(reaches)
}

// DrawnBets bets on clusters in the order in which they were drawn, as ClusterBets
// does on those that came by themselves: on what the differences of each add up to,
// over the limit or, where that is more, what they can add up to.
func DrawnBets(sums, reaches []float64, limit, sign float64) float64 {
	values := make([]float64, len(sums))
	for c, sum := range sums {
		if most := math.Max(limit, reaches[c]); most > 0 {
			values[c] = sum / most
		}
	}
	return wealth(values, sign)
}
