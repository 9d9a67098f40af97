package backtest

import (
	"context"
	"fmt"
	"sync"

	"hone/internal/frame"
	"hone/internal/learn/residual/planted"
)

// Set is what one champion is trained on.
type Set struct {
	Champion         int
	Rows             *frame.Frame
	Targets, Weights []float64
	At               []int // Where in the stream the rows stand.
}

// Score writes a champion's scores for some rows, Width each, into out.
type Score func(rows *frame.Frame, out []float64) error

// Learner trains a champion and hands what scores by it to use, which it returns the
// error of. The champion need not stay for longer.
type Learner func(ctx context.Context, s Set, use func(Score) error) error

// Grid is every champion that a stream could have had: one trained before each batch,
// on the newest window of rows whose labels had come, with its answers from then on.
type Grid struct {
	*Stream
	From int // The first row that is answered. The last batch may be cut off.
	// Wrong has what each champion loses in each batch, from its first one on.
	Wrong [][]float64
	// Off is the same of the headline, and Counted the labelled rows of each batch, by
	// weight.
	Off     [][]float64
	Counted []float64

	champions []champion
	testing   sync.Mutex
	powers    map[int]planted.Power // By champion.
	lacks     map[lack]float64
	learning  bool        // Something goes on learning beside its champions.
	before    [][]float64 // Wrong, added up.

	original *Grid         // That this is a copy of, or itself: its champions are sound.
	faults   map[int]fault // What is wrong with champions of a copy.
}

// champion is one with what it says of the rows behind those it learned from.
type champion struct {
	set    []int     // The rows that it was trained on.
	seen   []float32 // Its scores of these.
	start  int       // The first row that it was asked about.
	scores []float32
	lost   []float32 // By row, with its weight; 0 without a label.
	like   int       // Of a snapshot, the champion whose rows it began from.
}

// NewGrid trains all champions of a stream. What all is given calls a function for
// each number below n, on as many cores as it likes.
func NewGrid(ctx context.Context, s *Stream, learn Learner, all func(n int, do func(i int))) (*Grid, error) {
	s.order()
	from := s.begin()
	n := (s.Rows.N - from) / s.Batch
	if n < 2 {
		return nil, fmt.Errorf("%s: %d rows are too few for a window of %d", s.Name, s.Rows.N, s.Window)
	}
	g := &Grid{Stream: s, From: from, Wrong: make([][]float64, n), Off: make([][]float64, n), Counted: make([]float64, n), champions: make([]champion, n), before: make([][]float64, n)}
	g.original = g
	for i := g.at(0); i < g.at(n); i++ {
		if s.known(i) < never {
			g.Counted[g.batch(i)] += s.weight(i)
		}
	}
	training, cancel := context.WithCancel(ctx)
	defer cancel()
	var once sync.Once
	failed := ctx.Err()
	all(n, func(m int) {
		if training.Err() != nil {
			return
		}
		if err := g.train(training, m, learn); err != nil {
			once.Do(func() {
				failed = fmt.Errorf("%s, champion %d: %w", s.Name, m, err)
				cancel() // The others are for nothing.
			})
		}
	})
	if failed == nil {
		failed = ctx.Err()
	}
	if failed != nil {
		return nil, failed
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
func (g *Grid) Batches() int { return len(g.Wrong) }

// at is the first row of a batch, of those that are answered, and batch the other way
// round.
func (g *Grid) at(batch int) int  { return g.From + batch*g.Batch }
func (g *Grid) batch(row int) int { return (row - g.From) / g.Batch }

func (g *Grid) train(ctx context.Context, m int, learn Learner) error {
	rows := g.newest(g.at(m))
	set := Set{Champion: m, Rows: pick(g.Rows, rows), Targets: values(g.Targets, rows), Weights: values(g.Weights, rows), At: rows}
	return learn(ctx, set, func(score Score) error {
		c := champion{set: rows, start: rows[len(rows)-1] + 1}
		out := make([]float64, max(len(rows), g.at(g.Batches())-c.start)*g.width())
		if err := score(set.Rows, out[:len(rows)*g.width()]); err != nil {
			return err
		}
		c.seen = narrow(out[:len(rows)*g.width()])
		out = out[:(g.at(g.Batches())-c.start)*g.width()]
		if err := score(g.Rows.Slice(c.start, g.at(g.Batches())), out); err != nil {
			return err
		}
		c.scores = narrow(out)
		g.count(m, &c, out)
		g.champions[m] = c
		return nil
	})
}

func narrow(xs []float64) []float32 {
	out := make([]float32, len(xs))
	for i, x := range xs {
		out[i] = float32(x)
	}
	return out
}

// count adds up what a champion loses.
func (g *Grid) count(m int, c *champion, scores []float64) {
	n, w := g.Batches()-m, g.width()
	g.Wrong[m], g.Off[m], g.before[m] = make([]float64, n), make([]float64, n), make([]float64, n+1)
	c.lost = make([]float32, len(scores)/w)
	for k := range c.lost {
		i := c.start + k
		if g.known(i) == never {
			continue
		}
		s := scores[k*w : (k+1)*w]
		x := g.loss(i, s)
		c.lost[k] = float32(x)
		if b := g.batch(i) - m; i >= g.at(m) {
			g.Wrong[m][b] += x
			if g.Headline != nil {
				x = g.weight(i) * g.Headline(i, s)
			}
			g.Off[m][b] += x
		}
	}
	for b, x := range g.Wrong[m] {
		g.before[m][b+1] = g.before[m][b] + x
	}
}

// wrong is what champion m loses from batch from, m or later, to batch to.
func (g *Grid) wrong(m, from, to int) float64 { return g.before[m][to-m] - g.before[m][from-m] }

// lost is what champion m loses on one row.
func (g *Grid) lost(m, row int) float64 {
	c := &g.champions[m]
	return float64(c.lost[row-c.start])
}

// scores are those of champion m on some rows, written into out.
func (g *Grid) scores(m int, rows []int, out []float64) []float64 {
	return g.champions[m].on(rows, g.width(), out)
}

// on are the scores of some rows, so many a row, written into out.
func (c *champion) on(rows []int, w int, out []float64) []float64 {
	for _, i := range rows {
		for _, x := range c.scores[(i-c.start)*w : (i-c.start+1)*w] {
			out = append(out, float64(x))
		}
	}
	return out
}
