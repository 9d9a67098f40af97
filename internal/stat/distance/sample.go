package distance

import (
	"math"
	"slices"
)

// Sample are finite numbers, rising.
type Sample []float64

// NewSample copies and sorts the finite ones of the values.
func NewSample(values []float64) Sample {
	s := make([]float64, 0, len(values))
	for _, x := range values {
		if x-x == 0 {
			s = append(s, x+0) // -0 becomes 0.
		}
	}
	Sort(s)
	return s
}

// SD is the standard deviation of the sample as a whole: divided by n.
func (s Sample) SD() float64 {
	if len(s) == 0 {
		return 0
	}
	mean, m2 := 0.0, 0.0
	for i, x := range s {
		d := x - mean
		mean += d / float64(i+1)
		m2 += d * (x - mean)
	}
	return math.Sqrt(m2 / float64(len(s)))
}

// Wasserstein is the area between the distribution functions: how far, on average,
// a value must move to make one sample of the other, in the values' unit. It is 0
// where one is empty. Wasserstein over SD has no unit.
func (s Sample) Wasserstein(o Sample) float64 {
	if len(s) == 0 || len(o) == 0 {
		return 0
	}
	n, m := float64(len(s)), float64(len(o))
	sum, at := 0.0, min(s[0], o[0])
	for i, j := 0, 0; i < len(s) || j < len(o); {
		next := math.Inf(1)
		if i < len(s) {
			next = s[i]
		}
		if j < len(o) && o[j] < next {
			next = o[j]
		}
		sum += math.Abs(float64(i)/n-float64(j)/m) * (next - at)
		at = next
		for i < len(s) && s[i] == at {
			i++
		}
		for j < len(o) && o[j] == at {
			j++
		}
	}
	return sum
}

// digit is how many bits Sort takes at a time; six digits make a number.
const digit = 11

// Sort sorts finite numbers, in time linear in how many there are.
func Sort(v []float64) { new(Sorter).Sort(v) }

// Sorter sorts as Sort does, and keeps the memory that this takes for the next
// time. The zero value is ready; it is not safe for use by several goroutines.
type Sorter struct{ a, b []uint64 }

// Sort sorts finite numbers.
func (s *Sorter) Sort(v []float64) {
	if len(v) < 2048 {
		slices.Sort(v)
		return
	}
	if len(s.a) < len(v) {
		s.a, s.b = make([]uint64, len(v)), make([]uint64, len(v))
	}
	var counts [6][1 << digit]int32
	a, b := s.a[:len(v)], s.b[:len(v)]
	for i, x := range v {
		k := math.Float64bits(x)
		k ^= uint64(int64(k)>>63) | 1<<63 // Rising as the numbers do.
		a[i] = k
		for d := range counts {
			counts[d][k>>(digit*d)&(1<<digit-1)]++
		}
	}
	for d := range counts {
		c, shift := &counts[d], digit*d
		if int(c[a[0]>>shift&(1<<digit-1)]) == len(a) {
			continue // All have the same digit.
		}
		at := int32(0)
		for i, n := range c {
			c[i], at = at, at+n
		}
		for _, k := range a {
			i := k >> shift & (1<<digit - 1)
			b[c[i]] = k
			c[i]++
		}
		a, b = b, a
	}
	for i, k := range a {
		v[i] = math.Float64frombits(k ^ (uint64(^int64(k)>>63) | 1<<63))
	}
}
