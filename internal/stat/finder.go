package stat

import "math"

// finder finds the fine bin of a number without a branch that could be guessed
// wrong: which bin comes next is what nobody can guess.
type finder struct {
	edges    [64]float64 // Inner edges, or keys; then +Inf.
	min, max float64
	over     int // The bin over the range.
	keys     bool
}

func newFinder(p *Profile) *finder {
	f := &finder{min: p.Min, max: p.Max, over: len(p.Fine) + 2, keys: p.Kind == kindValues}
	for i := range f.edges {
		f.edges[i] = math.Inf(1)
	}
	if f.keys {
		copy(f.edges[:], p.Keys)
	} else {
		copy(f.edges[:], p.Fine)
	}
	return f
}

// bin returns the fine bin of a finite number.
func (f *finder) bin(x float64) int {
	e := &f.edges
	i := atMost(e[31], x) << 5
	i += atMost(e[(i+15)&63], x) << 4
	i += atMost(e[(i+7)&63], x) << 3
	i += atMost(e[(i+3)&63], x) << 2
	i += atMost(e[(i+1)&63], x) << 1
	i += atMost(e[i&63], x)
	switch {
	case f.keys && i > 0 && e[(i-1)&63] == x:
		return 2*i - 1
	case f.keys:
		return 2 * i
	case x < f.min:
		return 0
	case x > f.max:
		return f.over
	}
	return i + 1
}

// atMost is 1 where a <= x; the compiler makes it without a branch.
func atMost(a, x float64) (n int) {
	if a <= x {
		n = 1
	}
	return n
}
