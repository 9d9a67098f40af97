package gbdt

import (
	"errors"
	"fmt"
	"slices"
)

// held are the rows of early stopping.
type held struct {
	matrix *matrix
	loss   objective
	scores []float64
	d      []*derivatives
	best   float64
	trees  int // With which it was best.
}

func (b *booster) hold(s Set) error {
	o := b.o
	k, err := checkRows(s.Rows, s.Targets, s.Weights, o)
	if err == nil && k != b.m.outputs {
		err = fmt.Errorf("there are %d classes, and %d among the rows to learn", k, b.m.outputs)
	}
	if err == nil && !slices.Equal(s.Rows.Schema, b.m.schema) {
		err = errors.New("their features are other ones")
	}
	if err != nil {
		return fmt.Errorf("rows held out: %w", err)
	}
	h := &held{matrix: b.matrix.like(s.Rows, o.Threads), loss: objective{o.Task, k, s.Targets, s.Weights, o.Threads}}
	h.scores = make([]float64, s.Rows.N*k)
	if b.m.WarmStarted {
		b.m.rawAll(s.Rows, h.scores, o.Threads)
	} else {
		spread(h.scores, b.start)
	}
	for range k {
		h.d = append(h.d, newDerivatives(s.Rows.N))
	}
	b.held = h
	return nil
}

// look is the loss on the rows held out.
func (b *booster) look() float64 {
	h := b.held
	loss := h.loss.derive(h.scores, h.d)
	if loss < h.best {
		h.best, h.trees = loss, len(b.m.trees)
	}
	return loss
}

func (b *booster) stale() bool {
	return b.held != nil && b.o.EarlyStopping > 0 && len(b.m.trees)-b.held.trees >= b.o.EarlyStopping*b.m.outputs
}

// score adds a tree's answers to the scores of rows.
func (t *grown) score(m *matrix, values, scores []float64, k, c, threads int) {
	blocked(threads, m.rows, func(from, to int) (float64, float64) {
		for i := from; i < to; i++ {
			scores[i*k+c] += values[t.leaf(m.row(i))]
		}
		return 0, 0
	})
}

// finish takes away the trees after the best one.
func (b *booster) finish(loss float64) {
	b.m.Loss = loss
	if h := b.held; h != nil && b.o.EarlyStopping > 0 {
		keep := max(h.trees, min(b.m.outputs, len(b.m.trees)))
		if keep == h.trees {
			b.m.Loss = h.best
		}
		b.m.trees = b.m.trees[:keep:keep]
	}
	b.m.forest = newForest(b.m.trees)
}
