package main

import (
	"math"
)

// cells is the number of values that a feature of the simulated tables can have,
// all equally frequent. It is a power of two: six bits of a random number pick one.
const cells = 64

// chain moves a feature from row to row so that its values follow each other like
// an autoregressive Gaussian series, whose values are known to within a cell.
type chain struct {
	rho   float64
	table [cells * cells]uint32 // For a cell and a pick: how often to go there, and where else.
}

func newChain(rho float64) *chain {
	c := &chain{rho: rho}
	const fine = 32
	sd := math.Sqrt(1 - rho*rho)
	var p [cells][cells]float64
	for i := range p {
		for k := range fine {
			x := gauss((float64(i) + (float64(k)+0.5)/fine) / cells)
			below := 0.0
			for j := range cells {
				up := 1.0
				if j < cells-1 {
					up = 0.5 * math.Erfc(-(gauss(float64(j+1)/cells)-rho*x)/sd/math.Sqrt2)
				}
				p[i][j] += (up - below) / fine
				below = up
			}
		}
	}
	for range 50 { // All cells stay equally frequent.
		for j := range cells {
			sum := 0.0
			for i := range cells {
				sum += p[i][j]
			}
			for i := range cells {
				p[i][j] /= sum
			}
		}
		for i := range cells {
			sum := 0.0
			for _, x := range p[i] {
				sum += x
			}
			for j := range cells {
				p[i][j] /= sum
			}
		}
	}
	for i := range cells {
		alias(c.table[i*cells:(i+1)*cells], p[i])
	}
	return c
}

// alias fills a row of the table after Walker: a pick is kept with the chance in
// the upper 26 bits, else it becomes what the lower six say.
func alias(row []uint32, p [cells]float64) {
	var small, large []int
	for j := range p {
		p[j] *= cells
		if p[j] < 1 {
			small = append(small, j)
		} else {
			large = append(large, j)
		}
	}
	const whole = 1<<26 - 1
	for j := range row {
		row[j] = whole<<6 | uint32(j)
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		row[s] = uint32(p[s]*whole)<<6 | uint32(l)
		if p[l] -= 1 - p[s]; p[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
}

// gauss is the quantile function of the normal distribution.
func gauss(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// random is a fast source of random numbers: splitmix64.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// lane is four features that are moved side by side, which is faster than one
// after the other.
type lane struct {
	at     [4]uint32
	counts [4][cells]uint32
}

func (l *lane) begin(r *random) {
	for i := range l.at {
		l.at[i] = uint32(r.next()) % cells
	}
}

// count moves the lane on by so many rows and counts the cells.
func (c *chain) count(l *lane, rows int, r *random) {
	l.counts = [4][cells]uint32{}
	if c.rho == 0 {
		for range rows {
			z := r.next()
			l.counts[0][z%cells]++
			l.counts[1][z>>6%cells]++
			l.counts[2][z>>12%cells]++
			l.counts[3][z>>18%cells]++
		}
		return
	}
	a, b, d, e := l.at[0], l.at[1], l.at[2], l.at[3]
	for range rows {
		y, z := r.next(), r.next()
		a, b = c.move(a, uint32(y)), c.move(b, uint32(y>>32))
		d, e = c.move(d, uint32(z)), c.move(e, uint32(z>>32))
		l.counts[0][a]++
		l.counts[1][b]++
		l.counts[2][d]++
		l.counts[3][e]++
	}
	l.at = [4]uint32{a, b, d, e}
}

func (c *chain) move(from, draw uint32) uint32 {
	pick := draw % cells
	entry := c.table[(from*cells+pick)%(cells*cells)]
	to := entry % cells
	if draw>>6 < entry>>6 {
		to = pick
	}
	return to
}
