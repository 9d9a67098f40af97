// Package continuous learns a model's labels as they come, beside whatever trains its
// versions. It begins from the rows that a version was trained on and goes on by the
// built-in linear learner, one pass over each row; when it is frozen is left to others.
package continuous

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/linear"
)

// Memory is how many rows the learner's steps are as short as after: it goes on changing
// with the world. Of 300 to 30,000 and no end it was near the best on elec2,
// agrawal_abrupt, noaa and seven made-up worlds, and nowhere far from it.
const Memory = 1000

const (
	fadeEvery = 100 // Rows after which the past counts for less.
	together  = 20  // Rows of a step, as labels are handed on.
)

// Learner goes on learning. It is not safe for concurrent use, the models it freezes are.
type Learner struct {
	sig   hone.Signature
	state *linear.Learner
}

// Rows to begin from: their targets as the signature gives them, NaN or below 0 for
// those that nothing is learned from, and weights, nil where all count 1.
type Rows struct {
	Frame            *frame.Frame
	Targets, Weights []float64
}

// Begin fits a learner on rows, with the params of the linear trainer. It ends early with
// the context's error.
func Begin(ctx context.Context, sig hone.Signature, rows Rows, params map[string]any) (*Learner, error) {
	o, err := linear.OptionsFrom(params)
	if err != nil {
		return nil, err
	}
	switch sig.Task {
	case hone.Binary:
		o.Task = linear.Logistic
	case hone.Multiclass:
		o.Task, o.Classes = linear.Softmax, len(sig.Classes)
	case hone.Regression:
		o.Task = linear.LeastSquares
	default:
		return nil, fmt.Errorf("task %s is not learned as labels come", sig.Task)
	}
	state, err := linear.Learn(rows.Frame, rows.Targets, rows.Weights, o, nil, func(int, float64) bool {
		return ctx.Err() == nil
	})
	if errors.Is(err, linear.ErrStopped) && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if steps := state.Steps(); steps > Memory/together {
		state.Fade(Memory / together / float64(steps))
	}
	return &Learner{sig, state}, nil
}

// Read takes up what Marshal wrote, for the signature that it was begun with.
func Read(b []byte, sig hone.Signature) (*Learner, error) {
	state, err := linear.UnmarshalLearner(b)
	if err != nil {
		return nil, err
	}
	m, err := state.Model()
	if err != nil {
		return nil, err
	}
	if m.Width() != sig.Width() || !slices.Equal(m.Schema(), sig.Features) {
		return nil, errors.New("the learner does not fit the signature")
	}
	return &Learner{sig, state}, nil
}

// Marshal writes the learner, so that it goes on as this one would, bit for bit.
func (l *Learner) Marshal() ([]byte, error) { return l.state.Marshal() }

// Learn takes rows with their labels, each once and in the order given, and returns
// how many it learned: those of unknown classes, and targets out of all proportion, it
// leaves out.
func (l *Learner) Learn(rows *frame.Frame, labels []string, weights []float64) (n int) {
	var known []int
	for i, label := range labels {
		if l.sig.Tells(l.sig.Target(label)) {
			known = append(known, i)
		}
	}
	if l.update(rows, labels, weights, known) == nil {
		return len(known)
	}
	for _, i := range known { // One was refused: each of the others is learned alone.
		if l.update(rows, labels, weights, []int{i}) == nil {
			n++
		}
	}
	return n
}

func (l *Learner) update(rows *frame.Frame, labels []string, weights []float64, of []int) error {
	if len(of) == 0 {
		return nil
	}
	y, w := make([]float64, len(of)), make([]float64, len(of))
	for k, i := range of {
		y[k], w[k] = l.sig.Target(labels[i]), weights[i]
	}
	before := l.state.Seen() / fadeEvery
	_, err := l.state.Update(rows.Pick(of), y, w)
	if now := l.state.Seen() / fadeEvery; now > before {
		l.state.Fade(math.Pow(1-float64(fadeEvery)/Memory, float64(now-before)))
	}
	return err
}

// Freeze returns what was learned so far, which does not change when the learner goes
// on. It fails once the learner has diverged.
func (l *Learner) Freeze() (*linear.Model, error) { return l.state.Model() }
