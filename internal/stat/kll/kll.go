// Package kll summarises a stream of numbers in a few kilobytes so that any quantile
// of it can be told within about one part in a hundred of its ranks. What the
// numbers are, and what follows from them, is left to others.
package kll

import (
	"cmp"
	"math"
	"slices"
)

const (
	// accuracy is the size of the highest compactor: the rank error falls as one over it.
	accuracy = 200
	// least is the size below which no compactor shrinks.
	least = 8
)

// Sketch is the sketch of Z. Karnin, K. Lang and E. Liberty, "Optimal Quantile
// Approximation in Streams", FOCS (2016), with compactors that shrink by 2/3. Any
// rank is right to 1.65 % of the values with a chance of 99 %. The same values in the
// same order give the same sketch, bit for bit; merged in another order, another one
// that is as good. The zero value is ready. It survives JSON exactly. It is not safe
// for use by several goroutines.
type Sketch struct {
	N   int     `json:"n"` // Values seen.
	Min float64 `json:"min"`
	Max float64 `json:"max"`
	// Levels hold values; one of level h stands for 2^h of those seen.
	Levels [][]float64 `json:"levels,omitempty"`
	// Coin is the state of the coins that choose which half of a full level is kept.
	Coin uint64 `json:"coin,omitempty"`
}

// Add takes a value; one that is not finite is left out.
func (s *Sketch) Add(x float64) {
	if x-x != 0 {
		return
	}
	s.see(x, x, 1)
	if s.Levels == nil {
		s.Levels = [][]float64{nil}
	}
	s.Levels[0] = append(s.Levels[0], x+0) // -0 becomes 0.
	if len(s.Levels[0])%least == 0 {
		s.fit()
	}
}

// see notes that n more values came, between low and high.
func (s *Sketch) see(low, high float64, n int) {
	if s.N == 0 {
		s.Min, s.Max = low+0, high+0
	}
	s.Min, s.Max, s.N = min(s.Min, low+0), max(s.Max, high+0), s.N+n
}

// Merge takes what another sketch has seen, which stays as it is.
func (s *Sketch) Merge(o *Sketch) {
	if o.N == 0 {
		return
	}
	s.see(o.Min, o.Max, o.N)
	for h, level := range o.Levels {
		if h == len(s.Levels) {
			s.Levels = append(s.Levels, nil)
		}
		s.Levels[h] = append(s.Levels[h], level...)
	}
	s.fit()
}

// fit halves levels until all of them together are no larger than they may be.
func (s *Sketch) fit() {
	for s.size() > s.room() {
		for h := range s.Levels {
			if len(s.Levels[h]) >= capacity(len(s.Levels), h) {
				s.compact(h)
				break
			}
		}
	}
}

func (s *Sketch) size() (n int) {
	for _, level := range s.Levels {
		n += len(level)
	}
	return n
}

func (s *Sketch) room() (n int) {
	for h := range s.Levels {
		n += capacity(len(s.Levels), h)
	}
	return n
}

// capacity of a level: the highest has the most, each one below two thirds of it.
func capacity(levels, h int) int {
	return max(least, int(math.Ceil(accuracy*math.Pow(2.0/3, float64(levels-1-h)))))
}

// compact lets every other value of a level stand for two, one level higher. Of an
// odd number the first to come stays.
func (s *Sketch) compact(h int) {
	if h+1 == len(s.Levels) {
		s.Levels = append(s.Levels, nil)
	}
	level := s.Levels[h]
	keep := len(level) % 2
	rest := level[keep:]
	slices.Sort(rest)
	for i := int(s.flip()); i < len(rest); i += 2 {
		s.Levels[h+1] = append(s.Levels[h+1], rest[i])
	}
	s.Levels[h] = level[:keep]
}

// flip is a fair coin: a bit of splitmix64.
func (s *Sketch) flip() uint64 {
	s.Coin += 0x9e3779b97f4a7c15
	z := s.Coin
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) >> 63
}

// Value is a value that stands for so many of those seen.
type Value struct {
	X float64
	N int
}

// Values are those that are kept, rising. What they stand for adds up to all that
// was seen.
func (s *Sketch) Values() []Value {
	out := make([]Value, 0, s.size())
	for h, level := range s.Levels {
		for _, x := range level {
			out = append(out, Value{X: x, N: 1 << h})
		}
	}
	slices.SortFunc(out, func(a, b Value) int { return cmp.Compare(a.X, b.X) })
	return out
}

// Quantile is a value that has about the share q of those seen below it; the least
// for 0, the largest for 1, and not a number where none was seen.
func (s *Sketch) Quantile(q float64) float64 {
	switch {
	case s.N == 0:
		return math.NaN()
	case q <= 0:
		return s.Min
	case q >= 1:
		return s.Max
	}
	below, upTo := 0, q*float64(s.N)
	for _, v := range s.Values() {
		if below += v.N; float64(below) >= upTo {
			return v.X
		}
	}
	return s.Max
}

// Rank is about the share of the values seen that are x or less.
func (s *Sketch) Rank(x float64) float64 {
	if s.N == 0 {
		return math.NaN()
	}
	n := 0
	for h, level := range s.Levels {
		for _, v := range level {
			if v <= x {
				n += 1 << h
			}
		}
	}
	return float64(n) / float64(s.N)
}
