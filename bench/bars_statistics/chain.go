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
	table turns
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
		c.table.fill(i, p[i])
	}
	return c
}

// turns has, for a cell and each of so many equally frequent draws, the cell to go
// to: chances are rounded to whole draws, which moves no cell's share by one part in
// a hundred.
type turns [cells * draws]uint8

const draws = 1 << 10

func (t *turns) fill(from int, p [cells]float64) {
	sum, at := 0.0, 0
	for to, chance := range p {
		sum += chance
		for ; at < int(math.Round(sum*draws)) && at < draws; at++ {
			t[from*draws+at] = uint8(to)
		}
	}
	for ; at < draws; at++ {
		t[from*draws+at] = cells - 1
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

func (l *lane) clear() { l.counts = [4][cells]uint32{} }

// count moves the lane on by so many rows and counts their cells with those before.
func (c *chain) count(l *lane, rows int, r *random) {
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
	t := &c.table
	a, b, d, e := l.at[0], l.at[1], l.at[2], l.at[3]
	for range rows {
		z := r.next()
		a, b = t.move(a, z), t.move(b, z>>16)
		d, e = t.move(d, z>>32), t.move(e, z>>48)
		l.counts[0][a%cells]++
		l.counts[1][b%cells]++
		l.counts[2][d%cells]++
		l.counts[3][e%cells]++
	}
	l.at = [4]uint32{a, b, d, e}
}

func (t *turns) move(from uint32, draw uint64) uint32 {
	return uint32(t[(uint64(from)*draws+draw%draws)%uint64(len(t))])
}
