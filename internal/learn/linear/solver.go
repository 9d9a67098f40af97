package linear

import (
	"math"
	"slices"

	"hone/internal/learn/odds"
)

// solver holds the weights of a fit and moves them by the gradients of
// minibatches. It counts in single precision: a step waits for memory, and this
// halves what it waits for.
type solver struct {
	task     Task
	k        int // Outputs.
	rate     float32
	l1       float64
	l2       float32
	mean, sd float64 // Of the targets of least squares.
	steps    int

	// The bias has the first place.
	places
	// cells hold stride numbers for each place: a weight for each output, AdaGrad's
	// sum of squared gradients, and with L1 the z of FTRL for each output, of which
	// settle makes the weights whenever a minibatch meets the place.
	cells  []float32
	stride int
	born   []int // The step in which a place was met.

	// Of the minibatch under way.
	touched []int32   // Places with a gradient.
	order   []int32   // By place: one more than where it stands in touched, or 0.
	g       []float32 // The gradients of those touched, in their order.
	local   []int32   // Where in touched the places of a row stand.
	slope   []float32 // Of a row's loss, by output.
	p       []float64 // Scores of a row.
	near    float32   // What fetch read.
}

func newSolver(o Options, slots, outputs int) *solver {
	s := &solver{
		task: o.Task, k: outputs, rate: float32(o.LearningRate), l1: o.L1, l2: float32(o.L2), sd: 1,
		places: places{of: make([]int32, slots)}, stride: outputs + 1,
		slope: make([]float32, outputs), p: make([]float64, outputs),
	}
	if o.L1 > 0 {
		s.stride += outputs
	}
	s.place(int32(slots - 1))
	s.grow()
	return s
}

// grow gives cells to places that have none.
func (s *solver) grow() {
	for len(s.born) < len(s.slot) {
		s.born, s.order = append(s.born, s.steps), append(s.order, 0)
	}
	s.cells = append(s.cells, make([]float32, len(s.slot)*s.stride-len(s.cells))...)
}

// cell returns the numbers of a place.
func (s *solver) cell(p int32) []float32 { return s.cells[int(p)*s.stride:][:s.stride] }

// weights returns those of a place.
func (s *solver) weights(p int32) []float32 { return s.cells[int(p)*s.stride:][:s.k] }

// bias returns the weights of the slot that every row has.
func (s *solver) bias() []float32 { return s.cells[:s.k] }

// gradient adds up the gradients of some rows, and returns the sum of their
// losses. Each counts for its weight.
func (s *solver) gradient(r *rows, batch []int) float64 {
	loss := 0.0
	for _, row := range batch {
		w := r.weight(row)
		if w == 0 {
			continue
		}
		at, val := r.row(row)
		s.touch(at)
		if s.k == 1 {
			loss += w * s.single(at, val, r.y[row], w)
		} else {
			loss += w * s.several(at, val, int(r.y[row]), w)
		}
	}
	return loss
}

// touch makes room for the gradients of a row, and brings its weights near.
func (s *solver) touch(at []int32) {
	if len(s.born) < len(s.slot) {
		s.grow()
	}
	s.fetch(at)
	from := len(s.touched)
	s.local = s.local[:0]
	for _, p := range at {
		if s.order[p] == 0 {
			s.touched = append(s.touched, p)
			s.order[p] = int32(len(s.touched))
		}
		s.local = append(s.local, s.order[p]-1)
	}
	if s.l1 > 0 {
		for _, p := range s.touched[from:] {
			s.settle(p, s.weights(p))
		}
	}
	n := len(s.touched) * s.k
	s.g = slices.Grow(s.g, n-len(s.g))[:n]
	clear(s.g[from*s.k:])
}

// fetch brings the weights and sums of places near: loads in a loop without a decision
// do not wait for each other.
func (s *solver) fetch(at []int32) {
	sum, cells, stride, k := float32(0), s.cells, s.stride, s.k
	for _, p := range at {
		sum += cells[int(p)*stride] + cells[int(p)*stride+k]
	}
	s.near = sum // Loads for nothing would be left out.
}

// single adds the gradient of a row with one output, and returns its loss.
func (s *solver) single(at []int32, val []float32, y, weight float64) float64 {
	z := 0.0
	for i, p := range at {
		z += float64(val[i]) * float64(s.cells[int(p)*s.stride])
	}
	var loss, slope float64
	if s.task == LeastSquares {
		slope = z - (y-s.mean)/s.sd
		loss = slope * slope
	} else {
		slope = odds.Sigmoid(z) - y
		loss = max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))
	}
	step := float32(slope * weight)
	for i, j := range s.local {
		s.g[j] += step * val[i]
	}
	return loss
}

// several adds the gradient of a row of class y, and returns its loss.
func (s *solver) several(at []int32, val []float32, y int, weight float64) float64 {
	k := s.k
	s.scores(at, val, s.slope)
	for c, z := range s.slope {
		s.p[c] = float64(z)
	}
	odds.Softmax(s.p)
	loss := -math.Log(math.Max(s.p[y], 1e-300))
	s.p[y]--
	for c, p := range s.p {
		s.slope[c] = float32(weight * p)
	}
	for i, j := range s.local {
		add(s.g[int(j)*k:][:k], val[i], s.slope)
	}
	return loss
}

// scores adds up the weights of a row, four places at a time: the sums are then read
// and written a quarter as often.
func (s *solver) scores(at []int32, val, z []float32) {
	clear(z)
	i := 0
	for ; i < len(at)-3; i += 4 {
		v := (*[4]float32)(val[i:])
		w0, w1, w2, w3 := s.weights(at[i]), s.weights(at[i+1]), s.weights(at[i+2]), s.weights(at[i+3])
		w0, w1, w2, w3 = w0[:len(z)], w1[:len(z)], w2[:len(z)], w3[:len(z)]
		for c := range z {
			z[c] = z[c] + v[0]*w0[c] + v[1]*w1[c] + v[2]*w2[c] + v[3]*w3[c]
		}
	}
	for ; i < len(at); i++ {
		add(z, val[i], s.weights(at[i]))
	}
}

// add adds a times x to y.
func add(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	c := 0
	for ; c < len(x)-3; c += 4 { // Without a look at the bounds in between.
		y[c] += a * x[c]
		y[c+1] += a * x[c+1]
		y[c+2] += a * x[c+2]
		y[c+3] += a * x[c+3]
	}
	for ; c < len(x); c++ {
		y[c] += a * x[c]
	}
}
