package linear

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"hone/internal/frame"
	"hone/internal/learn/encode"
)

// maxAway is how many standard deviations a target may lie from the mean of those
// that a learner began with.
const maxAway = 1e4

// Learner is a fit that can go on as labels come. Its encoder is the one that it
// began with: numbers are standardised by the first rows' moments, a category that
// these did not have shares its slots with other rare ones, and a word that they did
// not have gets weights when it is met. Its steps become shorter with all that was
// learned, so it expects that the world stays as it is; where it changes, fit anew,
// or from the model. A learner is not safe for concurrent use, its models are.
type Learner struct {
	options     Options
	encoder     *encode.Encoder
	warmStarted bool
	loss        float64
	seen        int     // Rows so far, each once,
	total       float64 // and their weights.
	*solver
}

// Model is what was learned so far. It does not change when the learner goes on.
func (l *Learner) Model() (*Model, error) {
	m := newModel(l.options, l.encoder, l.k)
	m.WarmStarted, m.Steps, m.Loss, m.mean, m.sd = l.warmStarted, l.steps, l.loss, l.mean, l.sd
	m.weights = make([]float32, len(l.of)*l.k)
	for p, slot := range l.slot {
		w := m.weights[int(slot)*l.k:][:l.k]
		copy(w, l.cell(int32(p)))
		if l.l1 > 0 {
			l.settle(int32(p), w)
		}
		for _, v := range w {
			if v-v != 0 {
				return nil, errDiverged
			}
		}
	}
	return m, nil
}

// Update learns rows of the learner's schema, each once and in the order given, and
// returns their mean loss before they were learned: 0 where none counts. The weights
// say how much each row counts, nil that all count 1; what matters is how they
// compare with those of all rows so far. Where it refuses rows the learner is as it
// was; once it has diverged it is of no more use.
func (l *Learner) Update(f *frame.Frame, y, weights []float64) (float64, error) {
	if f == nil || !slices.Equal(f.Schema, l.encoder.Schema()) {
		return 0, fmt.Errorf("update linear model: the rows have other features than those it began with")
	}
	if _, _, err := checkEach(f, y, weights, l.options); err != nil {
		return 0, fmt.Errorf("update linear model: %w", err)
	}
	r := &rows{encoder: l.encoder, places: &l.places, f: f, y: y, weights: weights}
	if err := l.begun(r); err != nil {
		return 0, fmt.Errorf("update linear model: %w", err)
	}
	order := ascending(f.N)
	loss, before := 0.0, l.total
	for at := 0; at < f.N; at += l.options.Batch {
		part := order[at:min(at+l.options.Batch, f.N)]
		if l.count(r, part); l.total == 0 {
			continue
		}
		loss += l.gradient(r, part) / r.scale
		if l.step(len(part)); loss-loss != 0 {
			return 0, fmt.Errorf("update linear model: %w", errDiverged)
		}
	}
	if l.total == before {
		return 0, nil
	}
	l.loss = loss / (l.total - before)
	return l.loss, nil
}

// Seen is how many rows were learned, those of the first fit once each.
func (l *Learner) Seen() int { return l.seen }

// Steps is how many minibatches were learned, those of every epoch.
func (l *Learner) Steps() int { return l.steps }

// Fade lets what was learned so far count for less: the sums that shorten the steps
// shrink to a share of what they are, from 0 to 1, and the weights stay. A share of 1/S
// less at every step gives a learner that goes on changing as if it had made S steps.
func (l *Learner) Fade(share float64) {
	share = min(max(share, 0), 1)
	for p := range l.slot {
		cell := l.cell(int32(p))
		if l.l1 > 0 && p > 0 {
			l.settle(int32(p), cell[:l.k])
			l.born[p] = l.steps
		}
		cell[l.k] *= float32(share)
	}
	l.restore()
}

// begun refuses targets that are out of all proportion to the first ones, and takes
// the moments of these rows where those were all one value.
func (l *Learner) begun(r *rows) error {
	if l.task != LeastSquares || r.f.N == 0 {
		return nil
	}
	if l.steps == 0 {
		one := *r
		if one.weigh(); !(one.scale > 0) || math.IsInf(one.scale, 0) {
			return nil
		}
		if mean, sd := one.moments(); sd > 0 {
			l.mean, l.sd = mean, sd
		}
	}
	for i, v := range r.y {
		if !(math.Abs(v-l.mean) <= maxAway*l.sd) {
			return fmt.Errorf("row %d: target %v is more than %g standard deviations from the mean of the first, %v", i, v, maxAway, l.mean)
		}
	}
	return nil
}

// count takes note of rows, so that the mean weight of all so far counts for 1.
func (l *Learner) count(r *rows, part []int) {
	l.seen += len(part)
	for _, row := range part {
		l.total += weight(r.weights, row)
	}
	r.scale = float64(l.seen) / l.total
}

// begin sets the bias to what fits the classes' shares, so that rare classes
// need not be learned first.
func (l *Learner) begin(r *rows) {
	bias := l.bias()
	switch l.task {
	case Logistic:
		n := r.shares(2)
		bias[0] = float32(math.Log(n[1] / n[0]))
	case Softmax:
		for c, n := range r.shares(l.k) {
			bias[c] = float32(math.Log(n * float64(l.k)))
		}
	}
}

// resume takes over the weights of an earlier model, in the unit of the new
// targets, and gives AdaGrad the sums that one epoch at these weights would
// leave: with empty ones the first steps would throw the weights about.
func (l *Learner) resume(r *rows, from *Model, batch int) {
	unit := float32(1)
	if l.task == LeastSquares {
		unit = float32(from.sd / l.sd)
	}
	for slot := range l.of {
		w := from.weights[slot*l.k:][:l.k]
		if !slices.ContainsFunc(w, func(v float32) bool { return v != 0 }) {
			continue
		}
		p := l.place(int32(slot))
		l.grow()
		add(l.cell(p)[:l.k], unit, w)
	}
	if l.task == LeastSquares {
		l.bias()[0] += float32((from.mean - l.mean) / l.sd)
	}
	order := ascending(r.f.N)
	l.shuffle(order, 0)
	look := min(len(order), 128*batch)
	for at := 0; at < look; at += batch {
		part := order[at:min(at+batch, look)]
		l.gradient(r, part)
		l.gather(len(part), float64(len(order))/float64(look))
	}
	l.restore()
}

func ascending(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

func (l *Learner) shuffle(order []int, epoch uint64) {
	r := rand.New(rand.NewPCG(l.options.Seed, epoch))
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
}
