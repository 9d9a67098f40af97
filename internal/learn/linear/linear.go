// Package linear fits linear models on encoded columns: logistic, softmax and
// least squares, at once or as labels come. What a class is called, and whether a model is any good, is
// left to others.
package linear

import (
	"sync"

	"hone/internal/frame"
	"hone/internal/learn/encode"
	"hone/internal/learn/odds"
)

// Model is a fitted model. It does not change, and is safe for concurrent use.
type Model struct {
	// WarmStarted tells whether the fit began from an earlier model's weights.
	WarmStarted bool
	// Steps is the number of minibatches that the fit took.
	Steps int
	// Loss is the mean loss of a row in the last epoch or update, while it was
	// learned: nats, or for least squares the squared error over the variance.
	Loss float64

	options Options
	encoder *encode.Encoder
	// weights stand slot by slot with one for each output; the bias comes last.
	weights []float32
	outputs int
	// mean and sd of the targets, for least squares.
	mean, sd float64
	buffers  sync.Pool
}

// buffer is what the scoring of a row needs.
type buffer struct {
	idx []int32
	val []float64
}

func newModel(o Options, e *encode.Encoder, outputs int) *Model {
	m := &Model{options: o, encoder: e, outputs: outputs, sd: 1}
	m.buffers.New = func() any { return new(buffer) }
	return m
}

// Width is the number of scores that a row gets: the classes of a softmax, else 1.
func (m *Model) Width() int { return m.outputs }

// Schema of the rows that the model scores. It is not the caller's to change.
func (m *Model) Schema() frame.Schema { return m.encoder.Schema() }

// Options the model was fitted with.
func (m *Model) Options() Options { return m.options }

// Size is the memory that the weights hold, in bytes.
func (m *Model) Size() int64 { return int64(4 * len(m.weights)) }

// Nonzero is the number of weights that are not 0, the constants among them.
func (m *Model) Nonzero() int {
	n := 0
	for _, w := range m.weights {
		if w != 0 {
			n++
		}
	}
	return n
}

// Predict writes Width scores for each row of f into out, which has room for
// them: the probability of class 1, the probability of each class, or the
// value. The schema of f must equal Schema.
func (m *Model) Predict(f *frame.Frame, out []float64) {
	b := m.buffers.Get().(*buffer)
	for i := range f.N {
		b.idx, b.val = m.encoder.Append(f, i, b.idx[:0], b.val[:0])
		m.score(b, out[i*m.outputs:(i+1)*m.outputs])
	}
	m.buffers.Put(b)
}

func (m *Model) score(b *buffer, out []float64) {
	k := m.outputs
	bias := m.weights[len(m.weights)-k:]
	if k == 1 {
		s := float64(bias[0])
		for i, at := range b.idx {
			s += b.val[i] * float64(m.weights[at])
		}
		out[0] = s
	} else {
		for c := range out {
			out[c] = float64(bias[c])
		}
		for i, at := range b.idx {
			w := m.weights[int(at)*k:][:k]
			for c := range w {
				out[c] += b.val[i] * float64(w[c])
			}
		}
	}
	switch m.options.Task {
	case Logistic:
		out[0] = odds.Sigmoid(out[0])
	case Softmax:
		odds.Softmax(out)
	default:
		out[0] = m.mean + m.sd*out[0]
	}
}
