package linear

import (
	"errors"
	"math"
	"math/rand/v2"

	"hone/internal/frame"
)

// trainer is a fit under way. Weights, gradients and AdaGrad's sums stand slot
// by slot with one for each output, as in Model; the bias is the last slot.
type trainer struct {
	m       *Model
	f       *frame.Frame
	y       []float64
	weights []float64
	scale   float64 // One over the mean weight of a row.
	k       int
	batch   int

	w, g, sum []float64
	mark      []int   // The step in which a slot was last touched.
	touched   []int32 // Slots with a gradient in this step.
	buf       buffer
	kept      *encoded // Nil where the rows are too many to be kept.
	z         []float64
}

// maxKept is how many slots of rows are kept encoded from one epoch to the next, at
// 12 bytes each.
const maxKept = 2_000_000

// encoded are the slots of all rows, one after the other, each with its bias.
type encoded struct {
	from []int
	buffer
}

// keep encodes all rows, if that is not too much.
func (t *trainer) keep() {
	e := &encoded{from: make([]int, 1, t.f.N+1)}
	for row := range t.f.N {
		t.encode(row)
		if row == 0 { // Most rows have as many as the first.
			room := min(maxKept, t.f.N*(len(t.buf.idx)+2))
			e.idx, e.val = make([]int32, 0, room), make([]float64, 0, room)
		}
		e.idx, e.val = append(e.idx, t.buf.idx...), append(e.val, t.buf.val...)
		if e.from = append(e.from, len(e.idx)); len(e.idx) > maxKept {
			return
		}
	}
	t.kept = e
}

// encode leaves the slots of a row in buf.
func (t *trainer) encode(row int) {
	b := &t.buf
	if e := t.kept; e != nil {
		b.idx, b.val = e.idx[e.from[row]:e.from[row+1]], e.val[e.from[row]:e.from[row+1]]
		return
	}
	b.idx, b.val = t.m.encoder.Append(t.f, row, b.idx[:0], b.val[:0])
	b.idx, b.val = append(b.idx, int32(len(t.mark)-1)), append(b.val, 1)
}

func newTrainer(m *Model, f *frame.Frame, y, weights []float64) *trainer {
	slots := m.encoder.Width() + 1
	n := slots * m.outputs
	t := &trainer{
		m: m, f: f, y: y, weights: weights, k: m.outputs,
		w: make([]float64, n), g: make([]float64, n), sum: make([]float64, n),
		mark: make([]int, slots), z: make([]float64, m.outputs),
		// At least some 64 steps an epoch, so that small data is learned too.
		batch: min(max(f.N/64, 1), m.options.Batch),
	}
	total := 0.0
	for i := range f.N {
		total += weight(weights, i)
	}
	t.scale = float64(f.N) / total
	t.keep()
	return t
}

// learn fills the model's weights.
func (t *trainer) learn(from *Model, report func(step int, loss float64) bool) error {
	if t.m.options.Task == LeastSquares {
		t.m.mean, t.m.sd = t.moments()
		if t.m.sd == 0 { // All targets are one value, and nothing is to be learned.
			t.m.WarmStarted, t.m.sd = false, 1
			return t.finish()
		}
	}
	if t.m.WarmStarted {
		t.resume(from)
	} else {
		t.begin()
	}
	if err := t.run(report); err != nil {
		return err
	}
	return t.finish()
}

// begin sets the bias to what fits the classes' shares, so that rare classes
// need not be learned first.
func (t *trainer) begin() {
	bias := t.w[len(t.w)-t.k:]
	switch t.m.options.Task {
	case Logistic:
		n := t.shares(2)
		bias[0] = math.Log(n[1] / n[0])
	case Softmax:
		for c, n := range t.shares(t.k) {
			bias[c] = math.Log(n * float64(t.k))
		}
	}
}

// shares returns the smoothed share of each class.
func (t *trainer) shares(classes int) []float64 {
	n := make([]float64, classes)
	for c := range n {
		n[c] = 1 / float64(t.f.N+classes)
	}
	for i, v := range t.y {
		n[int(v)] += weight(t.weights, i) * t.scale / float64(t.f.N+classes)
	}
	return n
}

// moments of the targets. The spread of a constant is 0.
func (t *trainer) moments() (mean, sd float64) {
	n := float64(t.f.N)
	for i, v := range t.y {
		mean += v * weight(t.weights, i) * t.scale / n
	}
	for i, v := range t.y {
		sd += (v - mean) * (v - mean) * weight(t.weights, i) * t.scale / n
	}
	if sd = math.Sqrt(sd); !(sd > 1e-12*math.Abs(mean)) {
		sd = 0
	}
	return mean, sd
}

// resume takes over the weights of an earlier model, in the unit of the new
// targets, and gives AdaGrad the sums that one epoch at these weights would
// leave: with empty ones the first steps would throw the weights about.
func (t *trainer) resume(from *Model) {
	for i, w := range from.weights {
		t.w[i] = float64(w)
	}
	if t.m.options.Task == LeastSquares {
		for i := range t.w {
			t.w[i] *= from.sd / t.m.sd
		}
		t.w[len(t.w)-1] += (from.mean - t.m.mean) / t.m.sd
	}
	order := t.order()
	r := t.rand(0)
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	look := min(len(order), 128*t.batch)
	for at := 0; at < look; at += t.batch {
		rows := order[at:min(at+t.batch, look)]
		t.gradient(-1-at, rows)
		t.each(len(rows), func(i int, g float64) { t.sum[i] += g * g * float64(len(order)) / float64(look) })
	}
}

// run takes the epochs.
func (t *trainer) run(report func(step int, loss float64) bool) error {
	order := t.order()
	best, stale := math.Inf(1), 0
	for epoch := 1; epoch <= t.m.options.Epochs && stale < patience; epoch++ {
		r := t.rand(uint64(epoch))
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		loss, err := t.epoch(order, report)
		if err != nil {
			return err
		}
		t.m.Loss = loss
		stale++
		if loss < best-progress*math.Max(math.Abs(best), 1e-6) || math.IsInf(best, 1) {
			best, stale = loss, 0
		}
	}
	return nil
}

// finish leaves the weights in the model.
func (t *trainer) finish() error {
	t.m.weights = make([]float32, len(t.w))
	for i, w := range t.w {
		t.m.weights[i] = float32(w)
		if v := float64(t.m.weights[i]); v-v != 0 {
			return errDiverged
		}
	}
	return nil
}

var errDiverged = errors.New("fit linear model: the weights diverged; lower learning_rate")

// epoch takes each row once and returns the mean loss of a row.
func (t *trainer) epoch(order []int, report func(step int, loss float64) bool) (float64, error) {
	total, since, rows := 0.0, 0.0, 0
	for at := 0; at < len(order); at += t.batch {
		batch := order[at:min(at+t.batch, len(order))]
		t.m.Steps++
		loss := t.gradient(t.m.Steps, batch)
		t.step(len(batch))
		total += loss
		since += loss
		rows += len(batch)
		if loss-loss != 0 {
			return 0, errDiverged
		}
		if last := at+t.batch >= len(order); report != nil && (last || rows >= reportEvery) {
			if !report(t.m.Steps, since/float64(rows)) {
				return 0, ErrStopped
			}
			since, rows = 0, 0
		}
	}
	return total / float64(len(order)), nil
}

func (t *trainer) order() []int {
	order := make([]int, t.f.N)
	for i := range order {
		order[i] = i
	}
	return order
}

func (t *trainer) rand(epoch uint64) *rand.Rand {
	return rand.New(rand.NewPCG(t.m.options.Seed, epoch))
}

// gradient adds up the gradients of some rows under the number of a step, and
// returns the sum of their losses.
func (t *trainer) gradient(step int, rows []int) float64 {
	t.touched = t.touched[:0]
	loss := 0.0
	for _, row := range rows {
		t.encode(row)
		for _, at := range t.buf.idx {
			if t.mark[at] != step {
				t.mark[at] = step
				t.touched = append(t.touched, at)
			}
		}
		w := weight(t.weights, row) * t.scale
		if t.k == 1 {
			loss += w * t.single(t.y[row], w)
		} else {
			loss += w * t.several(int(t.y[row]), w)
		}
	}
	return loss
}

// single adds the gradient of a row with one output, and returns its loss.
func (t *trainer) single(y, weight float64) float64 {
	b := &t.buf
	z := 0.0
	for i, at := range b.idx {
		z += b.val[i] * t.w[at]
	}
	var loss, slope float64
	if t.m.options.Task == LeastSquares {
		slope = z - (y-t.m.mean)/t.m.sd
		loss = slope * slope
	} else {
		slope = sigmoid(z) - y
		loss = max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))
	}
	slope *= weight
	for i, at := range b.idx {
		t.g[at] += slope * b.val[i]
	}
	return loss
}

// several adds the gradient of a row of class y, and returns its loss.
func (t *trainer) several(y int, weight float64) float64 {
	b, k := &t.buf, t.k
	clear(t.z)
	for i, at := range b.idx {
		w := t.w[int(at)*k:][:k]
		for c := range w {
			t.z[c] += b.val[i] * w[c]
		}
	}
	softmax(t.z)
	loss := -math.Log(math.Max(t.z[y], 1e-300))
	t.z[y]--
	for i, at := range b.idx {
		g := t.g[int(at)*k:][:k]
		for c := range g {
			g[c] += weight * b.val[i] * t.z[c]
		}
	}
	return loss
}

// step moves the weights that have a gradient from n rows. The bias is not
// pulled towards 0.
func (t *trainer) step(n int) {
	rate, l2 := t.m.options.LearningRate, t.m.options.L2
	bias := len(t.w) - t.k
	t.each(n, func(i int, g float64) {
		if i < bias {
			g += l2 * t.w[i]
		}
		t.sum[i] += g * g
		if t.sum[i] > 0 {
			t.w[i] -= rate * g / math.Sqrt(t.sum[i])
		}
	})
}

// each calls do with the mean gradient of every touched weight, and clears it.
func (t *trainer) each(n int, do func(i int, g float64)) {
	for _, at := range t.touched {
		for i := int(at) * t.k; i < (int(at)+1)*t.k; i++ {
			g := t.g[i] / float64(n)
			t.g[i] = 0
			do(i, g)
		}
	}
}
