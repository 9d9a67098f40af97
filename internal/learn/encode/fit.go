package encode

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"hone/internal/frame"
)

// fitNumber learns the moments of a number's column; missing values stay out.
func (c *column) fitNumber(xs []float64, squares bool) {
	c.Mean, c.SD, c.Missing = Moments(xs)
	if !squares || c.SD == 0 || !manyValued(xs) {
		return
	}
	sq := make([]float64, 0, len(xs))
	for _, x := range xs {
		if z, ok := c.standard(x); ok {
			sq = append(sq, z*z)
		}
	}
	c.SquareMean, c.SquareSD, _ = Moments(sq)
	c.Square = c.SquareSD > 1e-9
}

// Moments returns the mean and the standard deviation of the values that are
// finite, and whether some are not. A spread that is mere rounding counts as 0.
func Moments(xs []float64) (mean, sd float64, missing bool) {
	n, top := 0, 0.0
	for _, x := range xs {
		if x-x != 0 {
			missing = true
			continue
		}
		n++
		top = math.Max(top, math.Abs(x))
	}
	if n == 0 || top == 0 {
		return 0, 0, missing
	}
	// In units of the largest value, so that no square overflows.
	for _, x := range xs {
		if x-x == 0 {
			mean += x / top / float64(n)
		}
	}
	for _, x := range xs {
		if x-x == 0 {
			d := x/top - mean
			sd += d * d / float64(n)
		}
	}
	sd = math.Sqrt(sd)
	if sd < 1e-12 {
		sd = 0
	}
	return mean * top, sd * top, missing
}

// manyValued tells whether a column has more than two values: the square of one
// that has two says nothing new.
func manyValued(xs []float64) bool {
	first, second := math.NaN(), math.NaN()
	for _, x := range xs {
		switch {
		case x-x != 0 || x == first || x == second:
		case first != first:
			first = x
		case second != second:
			second = x
		default:
			return true
		}
	}
	return false
}

// fitCategory puts the most frequent values into the dictionary, which is then
// kept in alphabetical order.
func (c *column) fitCategory(xs []string) {
	counts := map[string]int{}
	for _, x := range xs {
		counts[x]++
	}
	c.Missing = counts[""] > 0
	delete(counts, "")
	for v, n := range counts {
		// What is no UTF-8 would not survive being stored, so it is hashed.
		if n >= minFrequency && utf8.ValidString(v) {
			c.Values = append(c.Values, v)
		}
	}
	slices.SortFunc(c.Values, func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	c.Values = slices.Clone(c.Values[:min(len(c.Values), dictionary)])
	slices.Sort(c.Values)
}

// fitPairs learns the moments of the products of all pairs of numbers.
func (e *Encoder) fitPairs(f *frame.Frame) {
	var numbers []int
	for i, field := range f.Schema {
		if field.Kind == frame.Number && e.columns[i].SD > 0 {
			numbers = append(numbers, i)
		}
	}
	if len(numbers) > pairNumbers {
		return
	}
	product := make([]float64, f.N)
	for n, a := range numbers {
		for _, b := range numbers[n+1:] {
			for i := range product {
				x, okX := e.columns[a].standard(f.Cols[a].Num[i])
				y, okY := e.columns[b].standard(f.Cols[b].Num[i])
				product[i] = math.NaN()
				if okX && okY {
					product[i] = x * y
				}
			}
			if mean, sd, _ := Moments(product); sd > 1e-9 {
				e.pairs = append(e.pairs, pair{A: a, B: b, Mean: mean, SD: sd})
			}
		}
	}
}
