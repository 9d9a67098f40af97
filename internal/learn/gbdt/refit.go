package gbdt

import (
	"errors"
	"fmt"
	"slices"
)

// Refit keeps the questions of m's trees and gives their leaves new answers: decay,
// from 0 to 1, times the old one, and the rest what the rows of s say, tree after
// tree as they were grown (as LightGBM's refit, but that the first trees begin from
// the rows' own mean). A leaf that no row comes to keeps its answer. The model is
// marked as warm started; m stays as it is.
func Refit(m *Model, s Set, decay float64, threads int) (*Model, error) {
	o := m.options
	o.Threads = threads
	k, err := checkRows(s.Rows, s.Targets, s.Weights, o)
	switch {
	case err != nil:
	case !(decay >= 0 && decay <= 1):
		err = fmt.Errorf("decay is %v; it is from 0 to 1", decay)
	case k != m.outputs:
		err = fmt.Errorf("there are %d classes, and %d of the trees", k, m.outputs)
	case m.average || m.rounded || m.link != linkOf(o.Task):
		err = errors.New("only trees that Hone or LightGBM boosted for a binary, softmax or squared loss have leaves that can be refitted")
	case !slices.Equal(s.Rows.Schema, m.schema):
		err = errors.New("the features are other ones")
	}
	if err != nil {
		return nil, fmt.Errorf("refit trees: %w", err)
	}
	out := &Model{WarmStarted: true, options: m.options, link: m.link, outputs: k, schema: m.schema, features: m.features,
		trees: slices.Clone(m.trees)}
	r := &refit{m: out, loss: objective{o.Task, k, s.Targets, s.Weights, threads}, decay: decay, threads: max(1, threads),
		scores: make([]float64, s.Rows.N*k), leaf: make([]int32, s.Rows.N), set: s}
	for range k {
		r.d = append(r.d, &derivatives{first: make([]float32, s.Rows.N), second: make([]float32, s.Rows.N)})
	}
	r.run()
	out.forest = newForest(out.trees)
	return out, nil
}

// refit is one under way.
type refit struct {
	m       *Model
	set     Set
	loss    objective
	d       []*derivatives
	scores  []float64
	leaf    []int32
	decay   float64
	threads int
}

func (r *refit) run() {
	k := r.m.outputs
	start := r.loss.start()
	spread(r.scores, start)
	for i := range r.m.trees {
		c := i % k
		if c == 0 {
			r.loss.derive(r.scores, r.d)
		}
		first := 0.0 // What the first trees carry beside their own answers.
		if i < k {
			first = start[c]
		}
		r.tree(&r.m.trees[i], c, first)
	}
	r.m.Loss = r.loss.derive(r.scores, r.d)
}

// tree gives one tree new answers, and adds them to the scores.
func (r *refit) tree(t *tree, c int, carried float64) {
	r.sort(t)
	d, n := r.d[c], len(t.values)
	first, second, rows := make([]float64, n), make([]float64, n), make([]int, n)
	for i, l := range r.leaf {
		first[l] += float64(d.first[i])
		second[l] += float64(d.second[i])
		rows[l]++
	}
	o := &r.m.options
	l2 := r.m.pulls(t)
	t.values, t.leaves = slices.Clone(t.values), slices.Clone(t.leaves)
	for l := range t.values {
		if rows[l] > 0 && second[l] > 0 {
			fresh := carried + o.LearningRate*output(first[l], second[l], o.L1, l2[l])
			t.values[l] = r.decay*t.values[l] + (1-r.decay)*fresh
		}
		t.leaves[l] = measure{value: t.values[l], weight: second[l], count: rows[l]}
	}
	k := r.m.outputs
	for i, l := range r.leaf {
		r.scores[i*k+c] += t.values[l] - carried
	}
}

// pulls are the L2 of the leaves: those that a set of values parts have more.
func (m *Model) pulls(t *tree) []float64 {
	out := slices.Repeat([]float64{m.options.L2}, len(t.values))
	for _, n := range t.nodes {
		if n.kind != inSet || len(m.features[n.feature].values) <= m.options.CatOneHot {
			continue
		}
		for _, child := range n.children {
			if child < 0 {
				out[^child] += m.options.CatL2
			}
		}
	}
	return out
}

// sort finds the leaf of each row.
func (r *refit) sort(t *tree) {
	width := len(r.m.features)
	n := r.set.Rows.N
	each(r.threads, (n+blockRows-1)/blockRows, func(task int) {
		b := &block{values: make([]float64, blockRows*width)}
		from := task * blockRows
		rows := min(blockRows, n-from)
		b.fill(r.m.features, false, r.set.Rows, from, rows)
		for i := range rows {
			r.leaf[from+i] = int32(t.leaf(b.values[i*width:][:width]))
		}
	})
}
