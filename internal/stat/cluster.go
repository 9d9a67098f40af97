package stat

import (
	"math"
	"slices"
)

const (
	// BlockRows is how many rows that follow each other count as one piece of
	// evidence: what is alike in them counts once.
	BlockRows = 20
	// within is the share of the clusters that can add up to the cap at most.
	within = 0.75
)

// Blocks numbers the block that each of n rows counts in, -1 for a row that
// brings no evidence, and says how many blocks the first look has. Looks are how
// many rows there were at each earlier look, in rising order; units name the user
// of each row, or are nil. A row counts in the block of time in which its user was
// first seen; one whose user was seen in an earlier look says nothing new, and
// would break the promise that evidence may be looked at as often as one likes.
func Blocks(n int, units []string, looks []int) (blocks []int, first int) {
	type seen struct{ look, block int }
	blocks, users := make([]int, n), map[string]seen{}
	look, from, next := 0, 0, 0
	for i := range n {
		for look < len(looks) && i >= looks[look] {
			if look == 0 {
				first = next
			}
			look, from = look+1, i
		}
		if (i-from)%BlockRows == 0 {
			next++
		}
		blocks[i] = next - 1
		if units == nil || units[i] == "" {
			continue
		}
		switch s, ok := users[units[i]]; {
		case !ok:
			users[units[i]] = seen{look, blocks[i]}
		case s.look == look:
			blocks[i] = s.block
		default:
			blocks[i] = -1
		}
	}
	if look == 0 {
		first = next
	}
	return blocks, first
}

// ClusterBets bets on clusters of rows, in their order: on what the differences
// of all rows of a block add up to. Reach is the most that each difference can be,
// known before its label: where two versions answer alike it is nothing. Blocks
// and first are as Blocks gives them, or those of some of its rows. What lies
// outside reach is clipped.
//
// The cap is read from the first look and holds for all that follow, so that the
// bets stay fair at every look; a cluster that can add up to more counts for that
// much less. "Better" is against "the mean of the clusters so capped is zero or
// more", "worse" against "zero or less".
func ClusterBets(diffs, reach []float64, blocks []int, first int) (better, worse float64, clusters int) {
	sums, reaches, early := gather(diffs, reach, blocks, first)
	limit := capOf(reaches[:early])
	if limit == 0 {
		limit = capOf(reaches)
	}
	for c := range sums {
		if reaches[c] > 0 && limit > 0 {
			sums[c] /= math.Max(limit, reaches[c])
		}
	}
	return wealth(sums, -1), wealth(sums, 1), len(sums)
}

// clusterStakes are the shares of the wealth that the mixture bets on a cluster.
var clusterStakes = [...]float64{0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9}

// wealth is what a mixture of stakes on values from -1 to 1 times sign comes to.
func wealth(values []float64, sign float64) float64 {
	sum := 0.0
	for _, stake := range clusterStakes {
		log := 0.0
		for _, y := range values {
			log += math.Log1p(stake * sign * y)
		}
		sum += math.Exp(math.Min(700, log))
	}
	return sum / float64(len(clusterStakes))
}

// gather adds up the rows of each block, in the order in which blocks appear, and
// says how many are of the first look.
func gather(diffs, reach []float64, blocks []int, first int) (sums, reaches []float64, early int) {
	most := -1
	for _, b := range blocks {
		most = max(most, b)
	}
	at := make([]int, most+1) // Cluster of each block, from 1.
	for i, b := range blocks {
		if b < 0 {
			continue
		}
		if at[b] == 0 {
			sums, reaches = append(sums, 0), append(reaches, 0)
			at[b] = len(sums)
			if b < first {
				early = len(sums)
			}
		}
		c := at[b] - 1
		sums[c] += math.Max(-reach[i], math.Min(reach[i], diffs[i]))
		reaches[c] += reach[i]
	}
	return sums, reaches, early
}

// capOf is the reach that most clusters stay within.
func capOf(reaches []float64) float64 {
	var some []float64
	for _, r := range reaches {
		if r > 0 {
			some = append(some, r)
		}
	}
	if len(some) == 0 {
		return 0
	}
	slices.Sort(some)
	return some[int(math.Ceil(within*float64(len(some))))-1]
}
