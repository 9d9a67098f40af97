package retraining

import (
	"fmt"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
	"hone/internal/learn/linear"
	"hone/internal/learn/residual/planted"
)

// Learner trains a champion and returns what scores by it.
type Learner func(rows *frame.Frame, targets []float64) (func(rows *frame.Frame, out []float64), error)

// Linear learns by the built-in logistic regression.
func Linear(rows *frame.Frame, targets []float64) (func(*frame.Frame, []float64), error) {
	m, err := linear.Fit(rows, targets, nil, linear.Defaults(), nil, nil)
	if err != nil {
		return nil, err
	}
	return m.Predict, nil
}

// Trees learns 40 trees of 15 leaves.
func Trees(rows *frame.Frame, targets []float64) (func(*frame.Frame, []float64), error) {
	o := gbdt.Defaults()
	o.Iterations, o.Leaves = 40, 15
	m, err := gbdt.Fit(gbdt.Set{Rows: rows, Targets: targets}, o, gbdt.Extra{})
	if err != nil {
		return nil, err
	}
	return m.Predict, nil
}

// Grid is every champion that a stream could have had: one trained before each batch,
// on the newest window of rows whose labels had come, with its answers from then on.
type Grid struct {
	*Stream
	First int // The first batch that a champion answers.
	// Scores of champion m begin at batch First+m; Wrong has its errors by batch.
	Scores [][]float32
	Wrong  [][]float64
	before [][]float64 // Wrong, added up.
	powers map[int]planted.Power
}

// NewGrid trains all champions of a stream. What all is given calls a function for
// each number below n, on as many cores as it likes.
func NewGrid(s *Stream, learn Learner, all func(n int, do func(i int))) (*Grid, error) {
	first := s.Window + (s.Delay+s.Batch-1)/s.Batch
	n := s.batches() - first
	if n < 2 {
		return nil, fmt.Errorf("%s: %d batches are too few for a window of %d", s.Name, s.batches(), s.Window)
	}
	g := &Grid{Stream: s, First: first, Scores: make([][]float32, n), Wrong: make([][]float64, n), before: make([][]float64, n)}
	errs := make([]error, n)
	all(n, func(m int) { errs[m] = g.train(m, learn) })
	for m, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s, champion %d: %w", s.Name, m, err)
		}
	}
	return g, nil
}

// InTurn does one thing after the other.
func InTurn(n int, do func(i int)) {
	for i := range n {
		do(i)
	}
}

// Batches that are answered.
func (g *Grid) Batches() int { return len(g.Scores) }

func (g *Grid) train(m int, learn Learner) error {
	begin := (g.First + m) * g.Batch
	to := begin - g.Delay
	from := to - g.Window*g.Batch
	score, err := learn(g.Rows.Slice(from, to), g.Targets[from:to])
	if err != nil {
		return err
	}
	n := (g.Batches() - m) * g.Batch
	out := make([]float64, n)
	score(g.Rows.Slice(begin, begin+n), out)
	g.Scores[m], g.Wrong[m], g.before[m] = make([]float32, n), make([]float64, g.Batches()-m), make([]float64, g.Batches()-m+1)
	for i, p := range out {
		g.Scores[m][i] = float32(p)
		if (p > 0.5) != (g.Targets[begin+i] == 1) {
			g.Wrong[m][i/g.Batch]++
		}
	}
	for b, x := range g.Wrong[m] {
		g.before[m][b+1] = g.before[m][b] + x
	}
	return nil
}

// wrong are the errors of champion m from batch from, m or later, to batch to.
func (g *Grid) wrong(m, from, to int) float64 { return g.before[m][to-m] - g.before[m][from-m] }
