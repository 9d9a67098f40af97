package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Halving gives many trials little and few much: each round keeps one in Keep of the
// trials, the best, and gives these so many times as much (successive halving,
// Jamieson and Talwalkar, AISTATS 2016).
type Halving struct {
	Least int // What the first round gives, such as trees or rows.
	Most  int // What the last one gives.
	Keep  int // 2 or more; 3 is usual.
}

// Check tells what makes the rounds unfit.
func (h Halving) Check() error {
	if h.Least < 1 || h.Most < h.Least || h.Keep < 2 {
		return fmt.Errorf("halving from %d to %d by %d: the first is 1 or more and not above the second, the last 2 or more", h.Least, h.Most, h.Keep)
	}
	return nil
}

// Rounds are what each round gives, the first first.
func (h Halving) Rounds() []int {
	rounds := []int{h.Most}
	for x := h.Most / h.Keep; x >= h.Least; x /= h.Keep {
		rounds = append(rounds, x)
	}
	slices.Reverse(rounds)
	return rounds
}

// Kept are the places of the trials that go on into the next round, the best first:
// one in Keep, at least one. A loss that is not finite goes on only where there are
// no others.
func (h Halving) Kept(losses []float64) []int {
	places := make([]int, len(losses))
	for i := range places {
		places[i] = i
	}
	loss := func(i int) float64 {
		if x := losses[i]; x-x == 0 {
			return x
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(loss(a), loss(b)) })
	return places[:min(len(places), max(1, len(places)/h.Keep))]
}
