package backtest

import (
	"math"
	"slices"

	"hone/internal/trigger"
)

// ReuseShare is what going back to a former champion costs, of a retrain's price.
const ReuseShare = trigger.ReuseShare

// Move gives the traffic to a champion from batch At on. One that was trained right
// before At is a retrain; an earlier one had been trained before and comes back. Why is
// empty where nobody said.
type Move struct {
	At, Champion int
	Why          string
}

// Retrains are the moves of retraining before the given batches.
func Retrains(at ...int) (out []Move) {
	for _, m := range at {
		out = append(out, Move{At: m, Champion: m})
	}
	return out
}

// Trained counts the retrains among moves.
func Trained(moves []Move) (n int) {
	for _, m := range moves {
		if m.At == m.Champion {
			n++
		}
	}
	return n
}

// Cost of moves, in units of the loss: what was lost, and the price of each move. The
// first champion costs nothing. Champion 0, or one that was retrained, may come back.
func (g *Grid) Cost(moves []Move, price float64) float64 {
	cost, live, from := 0.0, 0, 0
	for _, m := range moves {
		cost += g.wrong(live, from, m.At) + price*share(m)
		live, from = m.Champion, m.At
	}
	return cost + g.wrong(live, from, g.Batches())
}

func share(m Move) float64 {
	if m.At == m.Champion {
		return 1
	}
	return ReuseShare
}

// Optimum is the least cost that retraining could have had, and how, by somebody who
// knows the stream to its end; without going back to a former champion.
func (g *Grid) Optimum(price float64) (cost float64, moves []Move) {
	n := g.Batches()
	best, next := make([]float64, n), make([]int, n)
	for m := n - 1; m >= 0; m-- {
		best[m], next[m] = g.wrong(m, m, n), n
		for to := m + 1; to < n; to++ {
			if c := g.wrong(m, m, to) + price + best[to]; c < best[m] {
				best[m], next[m] = c, to
			}
		}
	}
	for m := next[0]; m < n; m = next[m] {
		moves = append(moves, Move{At: m, Champion: m})
	}
	return best[0], moves
}

// OptimumWithReuse is the least cost that was found where former champions may come
// back, all of them being kept: the best moves for a set of retrains, and of sets the
// best that adding, leaving out and shifting single retrains comes to, from the
// optimum without reuse on. The true least cost lies between bound and cost: bound is
// what it would be if every champion had been trained already, but one.
func (g *Grid) OptimumWithReuse(price float64) (cost float64, moves []Move, bound float64) {
	_, start := g.Optimum(price)
	var set []int
	for _, m := range start {
		set = append(set, m.At)
	}
	cost, moves = g.path(set, price)
	for better := true; better; {
		better = false
		for _, other := range neighbours(set, g.Batches()) {
			if c, m := g.path(other, price); c < cost-1e-9 {
				cost, moves, set, better = c, m, other, true
				break
			}
		}
	}
	return cost, moves, min(cost, g.bound(price))
}

// neighbours are the sets that differ from one by one retrain.
func neighbours(set []int, batches int) (out [][]int) {
	for i := range set {
		out = append(out, slices.Delete(slices.Clone(set), i, i+1))
	}
	for m := 1; m < batches; m++ {
		at, there := slices.BinarySearch(set, m)
		if there {
			continue
		}
		out = append(out, slices.Insert(slices.Clone(set), at, m))
		for _, i := range []int{at - 1, at} { // The next one on either side goes there.
			if i >= 0 && i < len(set) {
				moved := slices.Delete(slices.Clone(set), i, i+1)
				to, _ := slices.BinarySearch(moved, m)
				out = append(out, slices.Insert(moved, to, m))
			}
		}
	}
	return out
}

// path is the best that can be done with a retrain before each batch of a sorted set:
// by batch and live champion, from the end.
func (g *Grid) path(set []int, price float64) (float64, []Move) {
	champions := append([]int{0}, set...)
	n, k := g.Batches(), len(champions)
	after := make([]float64, k) // Of each live champion, from the batch on.
	choice := make([][]int, n)
	for b := n - 1; b >= 0; b-- {
		here, cheapest := make([]float64, k), 0 // Of who answers batch b.
		for i, m := range champions {
			here[i] = math.Inf(1)
			if m <= b {
				here[i] = g.Wrong[m][b-m] + after[i]
			}
			if here[i] < here[cheapest] {
				cheapest = i
			}
		}
		fresh, retrain := slices.BinarySearch(set, b)
		after, choice[b] = make([]float64, k), make([]int, k)
		for i := range champions {
			after[i], choice[b][i] = here[i], i
			switch {
			case retrain:
				after[i], choice[b][i] = here[fresh+1]+price, fresh+1
			case here[cheapest]+ReuseShare*price < here[i] && b > 0:
				after[i], choice[b][i] = here[cheapest]+ReuseShare*price, cheapest
			}
		}
	}
	var moves []Move
	live := 0
	for b := range n {
		if next := choice[b][live]; next != live {
			live = next
			moves = append(moves, Move{At: b, Champion: champions[live]})
		}
	}
	return after[0], moves
}

// bound is a cost that no moves can be below: any champion trained so far may come,
// each time for the price of reuse, and one retrain is paid if any but the first comes.
func (g *Grid) bound(price float64) float64 {
	n := g.Batches()
	after := make([]float64, n)
	for b := n - 1; b >= 0; b-- {
		before := make([]float64, n)
		cheapest := math.Inf(1)
		for m := 0; m <= b; m++ {
			before[m] = g.Wrong[m][b-m] + after[m]
			cheapest = min(cheapest, before[m])
		}
		if b > 0 {
			for m := range before[:b] {
				before[m] = min(before[m], cheapest+ReuseShare*price)
			}
		}
		after = before
	}
	return min(g.wrong(0, 0, n), after[0]+(1-ReuseShare)*price)
}
