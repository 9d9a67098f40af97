// Package trees is the stronger expert of a probe: small trees grown from the
// champion's score on the newest labelled rows, for what no linear residual sees. When
// it is needed is left to others.
package trees

import (
	"fmt"
	"math"
	"slices"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
	"hone/internal/learn/odds"
	"hone/internal/learn/residual"
)

const (
	window   = 2000 // Newest labelled rows that the trees are grown on.
	least    = 200  // Rows without which there are none.
	part     = 5    // They are grown anew once a fifth of the rows is new;
	wide     = 16   // more rarely where a row has more values than this, for each output.
	maxWidth = 32   // Scores a row beyond which none are grown.
	maxError = 30   // An error in units of TargetSD counts for no more.
	certain  = 1e-3 // A champion's probability is no nearer to 0 or 1.
)

// Trees answer with the champion's score and what boosted trees add to it, which are
// grown from that score on as many as 2,000 of the newest rows that were learned. They
// begin as the champion, and are grown anew at fixed numbers of rows: how long a row
// takes does not depend on how many there were. Trees are a guest of a probe, see
// residual.Probe.Join; they are not safe for concurrent use.
type Trees struct {
	o       residual.Options
	schema  frame.Schema // Of the rows with the champion's scores.
	options gbdt.Options
	rows    *frame.Frame
	base    []float64 // Of rows: what the trees add to.
	targets []float64
	since   int // Rows since they were grown.
	model   *gbdt.Model
	one     []float64 // Base of the row at hand.
}

var _ residual.Guest = (*Trees)(nil)

// New returns trees for a champion that has just been promoted, of the options that the
// probe has.
func New(o residual.Options) *Trees {
	if o.Task != residual.Multiclass {
		o.Width = 1
	}
	if !(o.TargetSD > 0 && o.TargetSD < math.Inf(1)) {
		o.TargetSD = 1
	}
	t := &Trees{o: o, schema: slices.Clone(o.Schema), options: optionsOf(o), one: make([]float64, o.Width)}
	for c := range o.Width {
		t.schema = append(t.schema, frame.Field{Name: fmt.Sprint("score ", c), Kind: frame.Number})
	}
	t.rows = frame.New(t.schema, 0)
	return t
}

func optionsOf(o residual.Options) gbdt.Options {
	g := gbdt.Defaults()
	g.Iterations, g.Leaves, g.L2, g.Bins = 30, 15, 10, 63
	switch o.Task {
	case residual.Multiclass:
		g.Task, g.Classes = gbdt.Softmax, o.Width
	case residual.Regression:
		g.Task = gbdt.LeastSquares
	}
	return g
}

// Answer implements residual.Guest.
func (t *Trees) Answer(f *frame.Frame, row int, champion, out []float64) {
	if t.model == nil {
		copy(out, champion)
		return
	}
	t.model.Raw(t.row(f, row, champion), out)
	if t.o.Task == residual.Regression {
		out[0] = champion[0] + t.o.TargetSD*out[0]
		return
	}
	for c := range out {
		out[c] += t.one[c]
	}
	if t.o.Task == residual.Multiclass {
		odds.Softmax(out)
		return
	}
	out[0] = odds.Sigmoid(out[0])
}

// row is one row with the champion's score, which it leaves in one too.
func (t *Trees) row(f *frame.Frame, row int, champion []float64) *frame.Frame {
	t.score(champion)
	r := f.Slice(row, row+1)
	cols := append(make([]frame.Column, 0, len(t.schema)), r.Cols...)
	for c := range t.one {
		cols = append(cols, frame.Column{Num: t.one[c : c+1]})
	}
	return &frame.Frame{Schema: t.schema, N: 1, Cols: cols}
}

// score writes what the trees add to into one; for a value, it is only what they see.
func (t *Trees) score(champion []float64) {
	for c, q := range champion {
		p := min(max(q, certain), 1-certain)
		switch t.o.Task {
		case residual.Regression:
			t.one[c] = q / t.o.TargetSD
		case residual.Multiclass:
			t.one[c] = math.Log(p)
		default:
			t.one[c] = math.Log(p / (1 - p))
		}
	}
}

// Learn implements residual.Guest.
func (t *Trees) Learn(f *frame.Frame, row int, champion []float64, y float64) {
	if t.o.Width > maxWidth {
		return
	}
	t.rows.Append(t.row(f, row, champion))
	if t.o.Task == residual.Regression {
		t.base = append(t.base, 0)
		y = min(max((y-champion[0])/t.o.TargetSD, -maxError), maxError)
	} else {
		t.base = append(t.base, t.one...)
	}
	t.targets = append(t.targets, y)
	t.since++
	n := min(len(t.targets), window)
	if n >= least && t.since >= n*max(wide, len(t.schema)*t.o.Width)/wide/part {
		t.grow()
	}
}

// grow forgets the oldest rows, and grows the trees on the others.
func (t *Trees) grow() {
	t.since = 0
	if old := len(t.targets) - window; old > 0 {
		kept := make([]int, window)
		for i := range kept {
			kept[i] = old + i
		}
		t.rows = t.rows.Pick(kept)
		t.base = slices.Clone(t.base[old*t.o.Width:])
		t.targets = slices.Clone(t.targets[old:])
	}
	m, err := gbdt.Fit(gbdt.Set{Rows: t.rows, Targets: t.targets}, t.options, gbdt.Extra{Base: t.base})
	if err == nil { // Else the rows are absurd, and the trees stay.
		t.model = m
	}
}
