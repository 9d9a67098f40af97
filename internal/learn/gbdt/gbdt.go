// Package gbdt grows gradient-boosted trees on the columns of a frame, writes and
// reads them as LightGBM's text, and reads XGBoost's JSON. What a class is called,
// and whether a model is any good, is left to others.
package gbdt

import (
	"math"
	"sync"
	"unsafe"

	"hone/internal/frame"
	"hone/internal/learn/odds"
)

// Model is a sum of trees. It does not change, and is safe for concurrent use.
type Model struct {
	// WarmStarted tells whether the fit went on from an earlier model.
	WarmStarted bool
	// Loss is the mean loss of a row after the last tree, on the rows held out for
	// early stopping where there are some, else on the rows that were learned: nats,
	// or for least squares the squared error.
	Loss float64

	options  Options
	link     link
	outputs  int // Scores of a row.
	schema   frame.Schema
	features []feature
	trees    []tree // Those of one iteration stand together, an output each.
	forest   *forest
	average  bool // The mean of the iterations, not their sum, as in a random forest.
	// Of a model of XGBoost: what each score begins from, and that numbers are rounded
	// to single precision before they are asked for.
	start   []float64
	rounded bool
	rows    sync.Pool
}

// feature is one input of a model. A value of a category is known to the trees by
// its place in values; a number without.
type feature struct {
	name   string
	column int // Of the schema; -1 where the trees do not ask for it.
	kind   frame.Kind
	values []string
	codes  map[string]float64
	info   string // The values that it had, as LightGBM's text has them.
}

// Width is the number of scores that a row gets: the classes of a softmax, else 1.
func (m *Model) Width() int { return m.outputs }

// Schema of the rows that the model scores. It is not the caller's to change.
func (m *Model) Schema() frame.Schema { return m.schema }

// Options the model was fitted with; of a model that was read, the task, the
// classes, and what else its text tells.
func (m *Model) Options() Options { return m.options }

// Trees is the number of trees: of a softmax, those of all classes.
func (m *Model) Trees() int { return len(m.trees) }

// Asks tells whether a tree asks for the feature at a place of the schema.
func (m *Model) Asks(column int) bool {
	for i := range m.trees {
		for j := range m.trees[i].nodes {
			if m.features[m.trees[i].nodes[j].feature].column == column {
				return true
			}
		}
	}
	return false
}

// Size is the memory that the trees hold, in bytes.
func (m *Model) Size() int64 {
	n := 0
	for i := range m.trees {
		n += m.trees[i].size()
	}
	return int64(n + len(m.forest.steps)*int(unsafe.Sizeof(step{})))
}

// Predict writes Width scores for each row of f into out, which has room for
// them: the probability of class 1, the probability of each class, or the
// value. The schema of f must equal Schema.
func (m *Model) Predict(f *frame.Frame, out []float64) {
	m.Raw(f, out)
	m.link.apply(out[:f.N*m.outputs], m.outputs)
}

// Raw writes what the trees add up to, before it is made a probability.
func (m *Model) Raw(f *frame.Frame, out []float64) {
	b, _ := m.rows.Get().(*block)
	if b == nil {
		b = &block{values: make([]float64, blockRows*len(m.features))}
	}
	for from := 0; from < f.N; from += blockRows {
		n := min(blockRows, f.N-from)
		b.fill(m.features, m.rounded, f, from, n)
		m.add(b, n, out[from*m.outputs:][:n*m.outputs])
	}
	m.rows.Put(b)
}

// blockRows is how many rows go through the trees together, so that a tree is in
// the processor's cache for all of them.
const blockRows = 64

// block is some rows as the trees read them, row by row.
type block struct{ values []float64 }

func (b *block) fill(features []feature, rounded bool, f *frame.Frame, from, n int) {
	for at := range features {
		x := &features[at]
		switch {
		case x.column < 0:
			for i := range n {
				b.values[i*len(features)+at] = math.NaN()
			}
		case x.kind == frame.Number:
			for i, v := range f.Cols[x.column].Num[from : from+n] {
				if rounded {
					v = float64(float32(v))
				}
				b.values[i*len(features)+at] = v
			}
		default:
			for i, s := range f.Cols[x.column].Str[from : from+n] {
				b.values[i*len(features)+at] = x.code(s)
			}
		}
	}
}

// code is the place of a value among those known, or NaN.
func (x *feature) code(s string) float64 {
	if c, ok := x.codes[s]; ok {
		return c
	}
	return math.NaN()
}

// index gives each known value its code.
func (x *feature) index() {
	x.codes = make(map[string]float64, len(x.values))
	for i, v := range x.values {
		x.codes[v] = float64(i)
	}
}

// add sums the trees' answers to the n rows of a block up in out.
func (m *Model) add(b *block, n int, out []float64) {
	clear(out)
	if m.start != nil {
		spread(out, m.start)
	}
	width, k := len(m.features), m.outputs
	rows := b.values[:n*width]
	if n < lanes {
		for i := range n {
			m.forest.row(m.trees, rows[i*width:][:width], out[i*k:][:k])
		}
	} else {
		for i := range m.trees {
			m.forest.tree(&m.trees[i], m.forest.roots[i], rows, width, out[i%k:], k)
		}
	}
	if m.average && len(m.trees) > 0 {
		for i := range out {
			out[i] /= float64(len(m.trees) / k)
		}
	}
}

// link says what the sum of the trees stands for.
type link struct {
	kind  string  // identity, sigmoid, softmax, exp or square.
	slope float64 // Of the sigmoid.
}

func (l link) apply(out []float64, k int) {
	switch l.kind {
	case "sigmoid":
		for i, z := range out {
			out[i] = odds.Sigmoid(l.slope * z)
		}
	case "softmax":
		for ; len(out) > 0; out = out[k:] {
			odds.Softmax(out[:k])
		}
	case "exp":
		for i, z := range out {
			out[i] = math.Exp(z)
		}
	case "square":
		for i, z := range out {
			out[i] = math.Copysign(z*z, z)
		}
	}
}
