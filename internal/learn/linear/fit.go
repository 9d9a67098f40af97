package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"hone/internal/frame"
	"hone/internal/learn/encode"
)

// ErrStopped is returned by Fit when report asked it to stop.
var ErrStopped = errors.New("linear fit stopped before it had converged")

const (
	maxWeights  = 1 << 27 // Of one model: 512 MiB as they are served.
	maxTarget   = 1e100
	maxClasses  = 1 << 16
	reportEvery = 50_000 // Rows between two reports, at most.
	patience    = 2      // Epochs without progress that end a fit.
	progress    = 1e-3   // Share of the loss that an epoch must take off.
)

// Fit learns a model of y from the rows of f. The weights say how much each row
// counts; nil counts all the same. It minimises the mean log loss, or half the
// squared error over the variance, with the penalties of L1 and L2, for at most
// Options.Epochs passes, and ends once the loss no longer falls. It does so by
// minibatch AdaGrad (Duchi, Hazan and Singer, JMLR 2011), where the weights of a slot
// share one step size, and with L1 by its form FTRL-proximal (McMahan et al., KDD
// 2013), with a penalty that grows with the steps as in regularised dual averaging
// (Xiao, JMLR 2010): weights that it does not need are exactly 0.
//
// With from, a model of the same task, classes, schema and encoding, the fit
// begins from its encoder and weights; where these differ it starts cold, and
// Model.WarmStarted says so. The report, where not nil, is called with the steps
// done and the mean loss since the last report; once it returns false, Fit
// returns ErrStopped. Equal arguments give equal models.
func Fit(f *frame.Frame, y, weights []float64, o Options, from *Model, report func(step int, loss float64) bool) (*Model, error) {
	l, err := Learn(f, y, weights, o, from, report)
	if err != nil {
		return nil, err
	}
	return l.Model()
}

// Learn is Fit, and returns a learner that can go on from what it fitted. Where no
// epoch ends early, it has seen each row Options.Epochs times.
func Learn(f *frame.Frame, y, weights []float64, o Options, from *Model, report func(step int, loss float64) bool) (*Learner, error) {
	l, err := start(f, y, weights, o, from)
	if err != nil {
		return nil, fmt.Errorf("fit linear model: %w", err)
	}
	r := &rows{encoder: l.encoder, places: &l.places, f: f, y: y, weights: weights}
	l.seen, l.total = f.N, r.weigh()
	if err := l.fit(r, from, report); errors.Is(err, ErrStopped) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("fit linear model: %w", err)
	}
	return l, nil
}

// start returns a learner that has learned nothing, and says whether from will give
// it weights.
func start(f *frame.Frame, y, weights []float64, o Options, from *Model) (*Learner, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	outputs, err := checkRows(f, y, weights, o)
	if err != nil {
		return nil, err
	}
	if o.Task == Softmax {
		o.Classes = outputs
	}
	l := &Learner{options: o, warmStarted: from != nil && from.fits(f.Schema, o, outputs)}
	if l.warmStarted {
		l.encoder = from.encoder
	} else {
		l.encoder = encode.Fit(f, o.encoding())
	}
	if n := float64(l.encoder.Width()+1) * float64(outputs); n > maxWeights {
		return nil, fmt.Errorf("%.0f weights are too many (at most %d); lower hash_bits", n, maxWeights)
	}
	l.solver = newSolver(o, l.encoder.Width()+1, outputs)
	return l, nil
}

func (o Options) encoding() encode.Options {
	return encode.Options{
		HashBits: o.HashBits, Bigrams: o.Bigrams, CharsMin: o.CharsMin, CharsMax: o.CharsMax,
		Squares: o.Squares, Interactions: o.Interactions,
	}
}

// fits tells whether a fit of these options on these columns can begin from m.
func (m *Model) fits(s frame.Schema, o Options, outputs int) bool {
	return m.options.Task == o.Task && m.outputs == outputs && slices.Equal(m.Schema(), s) &&
		m.options.encoding() == o.encoding()
}

// checkRows refuses what cannot be learned from, and returns the number of
// outputs.
func checkRows(f *frame.Frame, y, weights []float64, o Options) (int, error) {
	switch {
	case f == nil || f.N == 0:
		return 0, errors.New("there are no rows; gather labelled rows first")
	case len(f.Schema) == 0:
		return 0, errors.New("the rows have no features")
	}
	top, total, err := checkEach(f, y, weights, o)
	if err != nil {
		return 0, err
	}
	if total == 0 {
		return 0, errors.New("every row has weight 0")
	}
	if o.Task == LeastSquares {
		return 1, nil
	}
	if only, one := oneClass(y, weights); one {
		return 0, fmt.Errorf("all %d rows are of class %v; at least two classes are needed", len(y), only)
	}
	if o.Task == Logistic {
		return 1, nil
	}
	return max(o.Classes, int(top)+1), nil
}

// checkEach refuses targets and weights that cannot be, and returns the largest
// target and the sum of the weights.
func checkEach(f *frame.Frame, y, weights []float64, o Options) (top, total float64, err error) {
	switch {
	case len(y) != f.N:
		return 0, 0, fmt.Errorf("%d targets for %d rows", len(y), f.N)
	case weights != nil && len(weights) != f.N:
		return 0, 0, fmt.Errorf("%d weights for %d rows", len(weights), f.N)
	}
	for i, v := range y {
		if err := checkTarget(v, o); err != nil {
			return 0, 0, fmt.Errorf("row %d: %w", i, err)
		}
		w := weight(weights, i)
		if !(w >= 0 && w <= 1e12) {
			return 0, 0, fmt.Errorf("row %d: weight %v; weights are finite and not negative", i, w)
		}
		total += w
		top = math.Max(top, v)
	}
	return top, total, nil
}

func checkTarget(v float64, o Options) error {
	switch {
	case o.Task == LeastSquares:
		if !(math.Abs(v) <= maxTarget) {
			return fmt.Errorf("target %v; targets are finite, at most %g", v, maxTarget)
		}
	case o.Task == Logistic:
		if v != 0 && v != 1 {
			return fmt.Errorf("target %v; targets are 0 or 1", v)
		}
	case v < 0:
		return fmt.Errorf("target %v is no class; leave out rows whose class is not known", v)
	case v != math.Trunc(v) || v >= maxClasses:
		return fmt.Errorf("target %v; targets are the indexes of at most %d classes", v, maxClasses)
	case o.Classes > 0 && v >= float64(o.Classes):
		return fmt.Errorf("target %v; there are %d classes", v, o.Classes)
	}
	return nil
}

// oneClass tells whether all rows that count are of one class, and which.
func oneClass(y, weights []float64) (float64, bool) {
	first := math.NaN()
	for i, v := range y {
		switch {
		case weight(weights, i) == 0 || v == first:
		case first != first:
			first = v
		default:
			return 0, false
		}
	}
	return first, true
}

func weight(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}
