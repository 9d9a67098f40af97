package gbdt

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"hone/internal/frame"
)

// ErrStopped is returned by Fit when report asked it to stop.
var ErrStopped = errors.New("boosting stopped before its last tree")

// Set is rows with what is to be learned of them.
type Set struct {
	Rows    *frame.Frame
	Targets []float64 // 0 or 1, the index of a class, or a value.
	Weights []float64 // How much each row counts; nil counts all the same.
}

// Extra is what a fit may have beside its rows.
type Extra struct {
	// From is a model to go on from: its trees stay, and the new ones come after.
	// One of another task, classes, or schema is passed over, and
	// Model.WarmStarted says so.
	From *Model
	// Base is what the trees add to, a score for each row and output before it is made
	// a probability; nil begins from the rows' mean. The model answers by the trees
	// alone. It goes neither with From nor with Held.
	Base []float64
	// Held are rows that early stopping looks at, and no tree is grown on.
	Held *Set
	// Report is called after each iteration with those done and the mean loss of a
	// row, held out where there are some. Once it returns false, Fit returns
	// ErrStopped.
	Report func(iteration int, loss float64) bool
}

// Fit grows trees by gradient boosting (Friedman, Greedy function approximation,
// Annals of Statistics 2001) on histograms, leaf by leaf, as LightGBM does (Ke et
// al., NeurIPS 2017), to lower the mean log loss or squared error. Text is not
// read. Equal arguments give equal models, whatever the number of threads.
func Fit(s Set, o Options, x Extra) (*Model, error) {
	b, err := newBooster(s, o, x)
	if err != nil {
		return nil, fmt.Errorf("fit trees: %w", err)
	}
	if err := b.run(x.Report); err != nil {
		return nil, err
	}
	return b.m, nil
}

// booster is a fit under way.
type booster struct {
	m       *Model
	o       Options
	loss    objective
	scores  []float64 // Row by row, with one for each output.
	d       []*derivatives
	matrix  *matrix
	grower  *grower
	rows    []int32
	drawn   []int32 // Of the iteration; nil for all.
	start   []float64
	held    *held
	started int // Trees of the model gone on from.
}

func newBooster(s Set, o Options, x Extra) (*booster, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	k, err := checkRows(s.Rows, s.Targets, s.Weights, o)
	if err != nil {
		return nil, err
	}
	if o.Task == Softmax {
		o.Classes = k
	}
	m := newModel(s.Rows.Schema, o, k, x.From)
	b := &booster{m: m, o: o, loss: objective{o.Task, k, s.Targets, s.Weights, o.Threads}}
	b.scores = make([]float64, s.Rows.N*k)
	b.matrix = newMatrix(s.Rows, m.features, o)
	b.start = make([]float64, k)
	switch {
	case x.Base != nil:
		if err := x.checkBase(len(b.scores)); err != nil {
			return nil, err
		}
		copy(b.scores, x.Base)
	case m.WarmStarted:
		b.started = len(m.trees)
		m.rawAll(s.Rows, b.scores, o.Threads)
	default:
		b.start = b.loss.start()
		spread(b.scores, b.start)
	}
	for range k {
		b.d = append(b.d, newDerivatives(s.Rows.N))
	}
	b.rows = make([]int32, s.Rows.N)
	b.grower = newGrower(&b.o, b.matrix, b.d[0])
	if x.Held != nil {
		err = b.hold(*x.Held)
	}
	return b, err
}

// checkBase tells what makes a base unfit for so many scores.
func (x *Extra) checkBase(scores int) error {
	switch {
	case x.From != nil || x.Held != nil:
		return errors.New("a base goes neither with a model to go on from nor with rows held out")
	case len(x.Base) != scores:
		return fmt.Errorf("the base has %d scores, and the rows %d", len(x.Base), scores)
	}
	for i, v := range x.Base {
		if !(math.Abs(v) <= maxTarget) {
			return fmt.Errorf("score %d of the base is %v; it is at most %g either way", i, v, maxTarget)
		}
	}
	return nil
}

// newModel takes over the trees of an earlier model where it fits.
func newModel(s frame.Schema, o Options, k int, from *Model) *Model {
	m := &Model{options: o, outputs: k, link: linkOf(o.Task), schema: slices.Clone(s), features: make([]feature, len(s))}
	m.WarmStarted = from != nil && from.outputs == k && from.link == m.link && !from.average && !from.rounded && slices.Equal(from.schema, s) && from.inOrder()
	for i := range m.features {
		m.features[i] = feature{name: s[i].Name, kind: s[i].Kind, column: i, info: "none"}
		if m.WarmStarted {
			m.features[i].values = slices.Clone(from.features[i].values)
		}
		m.features[i].index()
	}
	if m.WarmStarted {
		m.trees, m.forest = slices.Clone(from.trees), from.forest
	}
	return m
}

// inOrder tells that the trees ask for the features in the order of the schema.
func (m *Model) inOrder() bool {
	for i := range m.features {
		if m.features[i].column != i {
			return false
		}
	}
	return len(m.features) == len(m.schema)
}

func linkOf(t Task) link {
	return map[Task]link{Logistic: {"sigmoid", 1}, Softmax: {kind: "softmax"}, LeastSquares: {kind: "identity"}}[t]
}

func spread(scores, start []float64) {
	for i := range scores {
		scores[i] = start[i%len(start)]
	}
}

// rawAll is Raw by several threads.
func (m *Model) rawAll(f *frame.Frame, out []float64, threads int) {
	const some = 16 * blockRows
	each(threads, (f.N+some-1)/some, func(task int) {
		from, to := task*some, min((task+1)*some, f.N)
		m.Raw(f.Slice(from, to), out[from*m.outputs:to*m.outputs])
	})
}

// run grows the trees.
func (b *booster) run(report func(int, float64) bool) error {
	loss := b.loss.derive(b.scores, b.d)
	if b.held != nil {
		loss = b.held.loss.derive(b.held.scores, b.held.d)
		b.held.best, b.held.trees = loss, b.started
	}
	for done := 1; done <= b.o.Iterations; done++ {
		grew := b.iterate(done)
		if b.held != nil {
			loss = b.look()
		} else {
			loss = b.loss.derive(b.scores, b.d)
		}
		if report != nil && !report(done, loss) {
			return ErrStopped
		}
		if !grew || b.stale() {
			b.shed(grew)
			break
		}
		if b.held != nil {
			b.loss.derive(b.scores, b.d)
		}
	}
	b.finish(loss)
	return nil
}

// shed takes trees that do not split away again, but for the first ones.
func (b *booster) shed(grew bool) {
	if n := len(b.m.trees); !grew && n > max(b.m.outputs, b.started) {
		b.m.trees = b.m.trees[:n-b.m.outputs]
	}
}

// iterate grows a tree for each output, and tells whether one of them splits.
func (b *booster) iterate(turn int) bool {
	b.draw(turn)
	split := false
	for c := range b.m.outputs {
		b.grower.d = b.d[c]
		b.d[c].pack(b.o.Threads, b.o.Seed<<20+uint64(turn)*uint64(b.m.outputs)+uint64(c))
		b.grower.columns = b.columns(turn, c)
		rows := b.rows[:copy(b.rows, b.drawn)]
		if b.drawn == nil {
			rows = b.rows
			for i := range rows {
				rows[i] = int32(i)
			}
		}
		t := &grown{leaves: []leaf{{rows: rows, parent: -1}}}
		if len(b.matrix.columns) > 0 {
			t = b.grower.grow(rows)
		}
		split = split || len(t.branches) > 0
		b.take(t, c)
	}
	return split
}

// draw chooses the rows of the iterations to come.
func (b *booster) draw(turn int) {
	if b.o.RowEvery == 0 || b.o.RowFraction == 1 || (turn-1)%b.o.RowEvery != 0 {
		return
	}
	n := b.matrix.rows
	most := max(1, int(float64(n)*b.o.RowFraction))
	r := rand.New(rand.NewPCG(b.o.Seed, 1<<32+uint64(turn)))
	b.drawn = make([]int32, 0, most)
	for i := range n {
		if r.IntN(n-i) < most-len(b.drawn) {
			b.drawn = append(b.drawn, int32(i))
		}
	}
}

// columns are those drawn for a tree; nil for all.
func (b *booster) columns(turn, c int) []int {
	n := len(b.matrix.columns)
	most := max(1, int(float64(n)*b.o.ColumnFraction+0.5))
	if most >= n {
		return nil
	}
	r := rand.New(rand.NewPCG(b.o.Seed, 2<<32+uint64(turn*b.m.outputs+c)))
	drawn := r.Perm(n)[:most]
	slices.Sort(drawn)
	return drawn
}

// take adds a tree to the model and to the scores of all rows. The first tree of an
// output carries the score from which it went on.
func (b *booster) take(t *grown, c int) {
	k, rate := b.m.outputs, b.o.LearningRate
	if len(t.branches) == 0 {
		t.leaves[0].value = 0
	}
	made := t.tree(b.matrix, rate, b.grower.d.secondUnit)
	each(b.o.Threads, len(t.leaves), func(i int) {
		v := made.values[i]
		for _, r := range t.leaves[i].rows {
			b.scores[int(r)*k+c] += v
		}
	})
	if b.drawn != nil {
		b.others(t, made.values, c)
	}
	if b.held != nil {
		t.score(b.held.matrix, made.values, b.held.scores, k, c, b.o.Threads)
	}
	if len(b.m.trees) < k && !b.m.WarmStarted {
		for i := range made.values {
			made.values[i] += b.start[c]
			made.leaves[i].value = made.values[i]
		}
		for i := range made.splits {
			made.splits[i].value += b.start[c]
		}
	}
	b.m.trees = append(b.m.trees, made)
}

// others scores the rows that were not drawn.
func (b *booster) others(t *grown, values []float64, c int) {
	at := 0
	for i := range b.matrix.rows {
		if at < len(b.drawn) && int(b.drawn[at]) == i {
			at++
			continue
		}
		b.scores[i*b.m.outputs+c] += values[t.leaf(b.matrix.row(i))]
	}
}
