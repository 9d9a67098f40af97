package linear

import "math"

// ahead is how many places a step fetches at once: few enough to stay near.
const ahead = 64

// step moves the weights that have a gradient from n rows.
func (s *solver) step(n int) {
	k, share := s.k, 1/float32(n)
	for i, p := range s.touched {
		if i%ahead == 0 {
			s.fetch(s.touched[i:min(i+ahead, len(s.touched))])
		}
		g := s.g[i*k:][:k]
		switch cell := s.cell(p); {
		case p == 0: // Nothing pulls at the bias.
			descend(cell, g, s.rate, 0, share)
		case s.l1 > 0:
			lead(cell, g, s.rate, s.l2, share)
		default:
			descend(cell, g, s.rate, s.l2, share)
		}
	}
	s.forget()
	s.steps++
}

// descend moves the weights of a cell by their gradients, times share. All take the
// same step: it is by the sum over the steps of the mean square of their gradients.
func descend(cell, g []float32, rate, l2, share float32) {
	k := len(g)
	h := cell[k] + squares(cell, g, l2, share)
	cell[k] = h
	if h > 0 {
		add(cell[:k], -rate/float32(math.Sqrt(float64(h))), g)
	}
}

// squares turns gradients into those of a step, the pull of L2 among them, and
// returns the mean of their squares.
func squares(w, g []float32, l2, share float32) float32 {
	q := float32(0)
	w = w[:len(g)]
	for c := range g {
		d := g[c]*share + l2*w[c]
		g[c] = d
		q += d * d
	}
	return q / float32(len(g))
}

// lead is descend for the cells of FTRL-proximal: z holds the gradients so far, and
// how far the steps have been away from 0. The weights are made of it by settle.
func lead(cell, g []float32, rate, l2, share float32) {
	k := len(g)
	n := cell[k]
	cell[k] = n + squares(cell, g, l2, share)
	sigma := float32((math.Sqrt(float64(cell[k])) - math.Sqrt(float64(n))) / float64(rate))
	z := cell[k+1:]
	for c, d := range g {
		z[c] += d - sigma*cell[c]
	}
}

// settle puts the weights of a place into w, which holds those of its cell, as L1
// leaves them: 0 where the gradients since the place was met do not come to more
// than l1 a step. Before the first step they stay as an earlier model left them.
func (s *solver) settle(p int32, w []float32) {
	cell := s.cell(p)
	if p == 0 || cell[s.k] == 0 || s.steps == 0 {
		return
	}
	most := float32(s.l1 * float64(s.steps-s.born[p]))
	a := s.rate / float32(math.Sqrt(float64(cell[s.k])))
	for c, z := range cell[s.k+1:] {
		switch {
		case z > most:
			w[c] = -a * (z - most)
		case z < -most:
			w[c] = -a * (z + most)
		default:
			w[c] = 0
		}
	}
}

// gather adds the gradients of n rows to AdaGrad's sums, as often as said, and moves
// nothing.
func (s *solver) gather(n int, times float64) {
	for i, p := range s.touched {
		g := s.g[i*s.k:][:s.k]
		s.cell(p)[s.k] += float32(times) * squares(g, g, 0, 1/float32(n))
	}
	s.forget()
}

// forget drops the gradients.
func (s *solver) forget() {
	for _, p := range s.touched {
		s.order[p] = 0
	}
	s.touched, s.g = s.touched[:0], s.g[:0]
}

// restore makes FTRL's z of the weights, where a sum says how large a step is.
func (s *solver) restore() {
	if s.l1 == 0 {
		return
	}
	for p := range s.slot {
		cell := s.cell(int32(p))
		for c := range s.k {
			cell[s.k+1+c] = -cell[c] * float32(math.Sqrt(float64(cell[s.k]))) / s.rate
		}
	}
}
