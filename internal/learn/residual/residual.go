// Package residual measures how much of a champion's loss a retrain could win
// back: small learners on top of the champion's score are tested, then trained,
// on labels as they arrive. Whether the gain is worth a retrain is left to others.
package residual

import (
	"math"
	"slices"

	"hone/internal/frame"
	"hone/internal/learn/encode"
)

// The tasks of Options.
const (
	Binary     = "binary"
	Multiclass = "multiclass"
	Regression = "regression"
)

// Minibatch is the number of trained rows after which the experts move.
const Minibatch = 20

const (
	experts    = 4
	forgetting = 0.995 // Of the evidence for each expert, a minibatch.
	decay      = 1e-3  // L2 of the experts' weights.
	maxLogit   = 6.9   // The champion's own score counts for no more.
	maxOutput  = 15    // Nor do the experts' outputs.
	maxError   = 30    // Nor does an error in units of TargetSD.
	nameBits   = 12    // Slots of all categories and words together, as a power of 2.
	maxSlots   = 1 << 16
	maxLinks   = 64 // Classes up to which an expert sees every class's probability.
)

// rates of the experts: which one is right depends on the stream, so all run.
var rates = [experts]float64{0.02, 0.06, 0.2, 0.6}

// Options of a probe.
type Options struct {
	Schema frame.Schema `json:"schema"`
	// Mean and SD of each field in the champion's reference; those of names are
	// ignored.
	Mean []float64 `json:"mean"`
	SD   []float64 `json:"sd"`
	// Width is the number of scores a row: the classes, or 1.
	Width int `json:"width"`
	// Task is binary, multiclass or regression.
	Task string `json:"task"`
	// TargetSD is the spread of a regression's targets.
	TargetSD float64 `json:"target_sd"`
}

// Sums are what the rows of one call came to.
type Sums struct {
	// N is the number of rows tested.
	N int `json:"n"`
	// Gain is the sum of the champion's loss less the probe's, Var that of the
	// squares of these differences.
	Gain float64 `json:"gain"`
	Var  float64 `json:"var"`
	// Champion and Probe are the sums of the losses themselves.
	Champion float64 `json:"champion"`
	Probe    float64 `json:"probe"`
}

// Probe is a mixture of the champion and four experts, each of which adds a
// linear residual to the champion's score: on the logit, on the log probability
// of each class, or on the value in units of TargetSD. The features are each
// number standardised by the reference and clipped at 5, its square less 1, a
// constant, the champion's own score, and the hashed names; all but the constant
// and the names are taken from their running means. The experts differ in their
// rate; each counts by its likelihood so far, the older the less. It is not safe
// for concurrent use.
type Probe struct {
	o        Options
	outputs  int
	stride   int // Weights of a slot: one for each output and expert.
	constant int // Place of the constant among the features.
	bits     int // Of the hashed names; 0 where there are none.

	dense, names weights
	guest        Guest
	told         []float64            // What the guest says of the row at hand.
	logs         [experts + 2]float64 // Evidence for the champion, the experts and the guest.
	gathered     [experts + 2]float64 // The same of the minibatch under way.
	share        [experts + 2]float64 // Weights in the mixture: softmax of logs.
	trained      int                  // Rows of the minibatch under way.
	total        []float64            // Sum of its features, without the names.
	middle       []float64            // Running mean of each feature but the constant.
	length       float64              // Sum of the squared lengths of its features.
	squares      float64              // Sum of the mixture's squared errors in it.
	variance     float64              // Running error variance, in squared TargetSD.
	moves        int                  // Minibatches in it.
	centre       float64              // Running mean of the champion's values.
	seen         int

	touched []int32 // Slots of names with a gradient.
	marked  []bool

	// What is known of the row at hand.
	base  float64 // The champion's logit.
	phi   []float64
	idx   []int32
	val   []float64
	out   []float64 // Residuals, then what each expert makes of them.
	slope []float64
	mix   []float64
}

// Guest is one more expert, of another kind: it counts in the mixture as the linear
// ones do, by its likelihood so far. The same calls must give the same answers.
type Guest interface {
	// Answer writes its scores for a row, as many as the champion's, into out: a
	// probability of each class or of class 1, or the value.
	Answer(f *frame.Frame, row int, champion, out []float64)
	// Learn takes in what came true of a row, after Answer: the index of its class, or
	// its value.
	Learn(f *frame.Frame, row int, champion []float64, y float64)
}

// Join lets a guest answer from now on. There is one at most, and a probe that has one
// cannot be stored.
func (p *Probe) Join(g Guest) {
	p.guest, p.told = g, make([]float64, p.outputs)
	p.weigh()
}

// host is the guest's place in the mixture.
const host = experts + 1

// members of the mixture.
func (p *Probe) members() int {
	if p.guest == nil {
		return host
	}
	return host + 1
}

// weights of the experts and their gradients, slot by slot.
type weights struct{ w, g []float64 }

func newWeights(n int) weights { return weights{make([]float64, n), make([]float64, n)} }

// New returns a probe of a champion that has just been promoted. A mean that is
// missing or not finite counts as 0, a spread as 1; a task that is not known
// counts as binary.
func New(o Options) *Probe {
	o.Schema = slices.Clone(o.Schema)
	o.Mean, o.SD = moments(o.Schema, o.Mean, o.SD)
	if o.Task != Multiclass {
		o.Width = 1
	}
	o.Width = max(o.Width, 1)
	if !(o.TargetSD > 0 && o.TargetSD < math.Inf(1)) {
		o.TargetSD = 1
	}
	p := &Probe{o: o, outputs: o.Width, stride: experts * o.Width, variance: 1}
	dense := 1
	for _, f := range o.Schema {
		if f.Kind == frame.Number {
			dense += 2
		} else if p.bits == 0 {
			p.bits = nameBits
			for p.bits > 6 && o.Width<<p.bits > maxSlots {
				p.bits--
			}
		}
	}
	if o.Width <= maxLinks {
		dense += o.Width
	}
	p.dense = newWeights(dense * p.stride)
	if p.bits > 0 {
		p.names = newWeights(p.stride << p.bits)
		p.marked = make([]bool, 1<<p.bits)
	}
	p.phi = make([]float64, 0, dense)
	p.total = make([]float64, dense)
	p.middle = make([]float64, dense)
	p.out = make([]float64, p.stride)
	p.slope = make([]float64, p.stride)
	p.mix = make([]float64, p.outputs)
	p.weigh()
	return p
}

// moments returns means and spreads that can be used, one for each field. The
// spread of a constant is made tiny, so that any other value stands out.
func moments(s frame.Schema, mean, sd []float64) ([]float64, []float64) {
	m, d := make([]float64, len(s)), make([]float64, len(s))
	for i := range s {
		d[i] = 1
		if s[i].Kind != frame.Number {
			continue
		}
		if i < len(mean) && mean[i]-mean[i] == 0 {
			m[i] = mean[i]
		}
		if i < len(sd) && sd[i]-sd[i] == 0 && sd[i] >= 0 {
			d[i] = math.Max(sd[i], 1e-9*math.Max(math.Abs(m[i]), 1e-9))
		}
	}
	return m, d
}

// Batch tests the mixture on the rows of f, and trains the experts on them. The
// scores are the champion's, Width a row; y is the target: the index of the
// class, -1 for a class that the champion does not know (the row is tested and
// not trained on), or the value; NaN skips the row, as do scores that are not
// finite. The loss of a row under some scores is the caller's; it may not keep
// the slice. A row whose losses are not finite is not counted.
//
// Rows are taken one by one, in label-arrival order: each is tested before
// anything is learned from it, and the experts move after every Minibatch
// trained rows, however these are spread over calls. Equal calls give equal bits
// on machines of one architecture.
func (p *Probe) Batch(f *frame.Frame, scores []float64, y []float64, loss func(row int, scores []float64) float64) Sums {
	var s Sums
	for i := range f.N {
		champion := scores[i*p.o.Width : (i+1)*p.o.Width]
		if math.IsNaN(y[i]) || !finite(champion) {
			continue
		}
		p.features(f, i, champion)
		p.residuals()
		p.answer(champion)
		if p.guest != nil {
			p.guest.Answer(f, i, champion, p.told)
			p.admit(champion)
		}
		a, b := loss(i, champion), loss(i, p.mix)
		if d := a - b; d-d == 0 {
			s.N++
			s.Gain += d
			s.Var += d * d
			s.Champion += a
			s.Probe += b
		}
		if p.learn(champion, y[i]) {
			if p.guest != nil {
				p.guest.Learn(f, i, champion, y[i])
			}
			if p.trained++; p.trained == Minibatch {
				p.move()
			}
		}
	}
	return s
}

func finite(xs []float64) bool {
	for _, x := range xs {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// features gathers what the experts see of a row.
func (p *Probe) features(f *frame.Frame, row int, champion []float64) {
	phi := p.phi[:0]
	for i := range p.o.Schema {
		if p.o.Schema[i].Kind != frame.Number {
			continue
		}
		x := f.Cols[i].Num[row]
		if x-x != 0 { // Missing.
			phi = append(phi, 0, 0)
			continue
		}
		x = clip((x-p.o.Mean[i])/p.o.SD[i], encode.Limit)
		phi = append(phi, x, x*x-1)
	}
	p.constant = len(phi)
	phi = append(phi, 1)
	phi = p.appendScore(phi, champion)
	for j := range phi {
		phi[j] -= p.middle[j]
	}
	p.phi = phi
	p.idx, p.val = p.idx[:0], p.val[:0]
	if p.bits > 0 {
		p.idx, p.val = encode.AppendNames(f, row, p.bits, p.idx, p.val)
	}
}

// appendScore adds the champion's own score.
func (p *Probe) appendScore(phi, champion []float64) []float64 {
	switch {
	case p.o.Task == Multiclass && p.o.Width <= maxLinks:
		for _, q := range champion {
			phi = append(phi, min(max(q, 0), 1))
		}
	case p.o.Task == Regression:
		if p.seen < 1000 { // Then it stays, so that the feature keeps its meaning.
			p.seen++
			off := champion[0] - p.centre
			if p.seen > 1 { // One absurd value must not move it for good.
				off = clip(off, encode.Limit*p.o.TargetSD)
			}
			p.centre += off / float64(p.seen)
		}
		phi = append(phi, clip((champion[0]-p.centre)/p.o.TargetSD, encode.Limit))
	case p.o.Task != Multiclass:
		p.base = logit(champion[0])
		phi = append(phi, p.base)
	}
	return phi
}

// residuals adds up each expert's residuals for the row at hand.
func (p *Probe) residuals() {
	clear(p.out)
	for j, x := range p.phi {
		add(p.out, x, p.dense.w[j*p.stride:])
	}
	for j, at := range p.idx {
		add(p.out, p.val[j], p.names.w[int(at)*p.stride:])
	}
}

// add adds x times the first weights of w to out.
func add(out []float64, x float64, w []float64) {
	if len(out) == experts {
		w = w[:experts]
		out[0] += x * w[0]
		out[1] += x * w[1]
		out[2] += x * w[2]
		out[3] += x * w[3]
		return
	}
	for m, v := range w[:len(out)] {
		out[m] += x * v
	}
}

// logit of a probability, within bounds.
func logit(p float64) float64 {
	if p <= 0 {
		return -maxLogit
	}
	if p >= 1 {
		return maxLogit
	}
	return clip(math.Log(p/(1-p)), maxLogit)
}

func clip(x, limit float64) float64 {
	if x > limit {
		return limit
	}
	if x < -limit {
		return -limit
	}
	return x
}
