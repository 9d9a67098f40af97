package residual

import (
	"math"

	"hone/internal/learn/odds"
)

// answer turns the residuals into what each expert answers, and into the
// mixture's answer.
func (p *Probe) answer(champion []float64) {
	switch p.o.Task {
	case Regression:
		sum := 0.0
		for k := range p.out {
			p.out[k] = clip(p.out[k], maxOutput)
			sum += p.share[k+1] * p.out[k]
		}
		p.mix[0] = champion[0] + p.o.TargetSD*sum
	case Multiclass:
		p.answerClasses(champion)
	default:
		sum := p.share[0] * champion[0]
		for k := range p.out {
			p.out[k] = odds.Sigmoid(clip(p.base+p.out[k], maxOutput))
			sum += p.share[k+1] * p.out[k]
		}
		p.mix[0] = sum
	}
}

func (p *Probe) answerClasses(champion []float64) {
	for c, q := range champion {
		p.mix[c] = p.share[0] * q
		base := -maxLogit
		if q > 0 {
			base = clip(math.Log(q), maxLogit)
		}
		for k := range experts {
			at := c*experts + k
			p.out[at] = math.Exp(clip(base+p.out[at], maxOutput))
		}
	}
	for k := range experts {
		sum := 0.0
		for at := k; at < len(p.out); at += experts {
			sum += p.out[at]
		}
		for at := k; at < len(p.out); at += experts {
			p.out[at] /= sum
			p.mix[at/experts] += p.share[k+1] * p.out[at]
		}
	}
}

// admit adds what the guest says to the mixture, within the bounds of the experts.
func (p *Probe) admit(champion []float64) {
	if p.o.Task == Regression {
		p.told[0] = clip((p.told[0]-champion[0])/p.o.TargetSD, maxOutput)
		if p.told[0] != p.told[0] {
			p.told[0] = 0
		}
		p.mix[0] += p.share[host] * p.o.TargetSD * p.told[0]
		return
	}
	for c, q := range p.told {
		if !(q >= 0 && q <= 1) {
			q = champion[c]
		}
		p.told[c] = min(max(q, leastTold), 1-leastTold)
		p.mix[c] += p.share[host] * p.told[c]
	}
}

// leastTold is the least probability that a guest is taken to give, that of maxOutput.
const leastTold = 3e-7

// learn gathers the gradient of the row at hand and what it says for each
// expert. It returns false where there is nothing to learn from.
func (p *Probe) learn(champion []float64, y float64) bool {
	switch p.o.Task {
	case Regression:
		if y-y != 0 {
			return false
		}
		p.slopeValue(champion[0], y)
	case Multiclass:
		if y < 0 || y >= float64(p.outputs) || y != math.Trunc(y) {
			return false
		}
		p.slopeClasses(champion, int(y))
	default:
		if y != 0 && y != 1 {
			return false
		}
		p.slopeBinary(y)
	}
	for j, x := range p.phi {
		p.length += x * x
		p.total[j] += x
		add(p.dense.g[j*p.stride:][:p.stride], x, p.slope)
	}
	for j, at := range p.idx {
		if !p.marked[at] {
			p.marked[at] = true
			p.touched = append(p.touched, at)
		}
		p.length += p.val[j] * p.val[j]
		add(p.names.g[int(at)*p.stride:][:p.stride], p.val[j], p.slope)
	}
	return true
}

func (p *Probe) slopeBinary(y float64) {
	// σ of the clipped logit, from which the experts begin.
	p.gathered[0] += math.Log(right(odds.Sigmoid(p.base), y))
	for k, q := range p.out {
		p.gathered[k+1] += math.Log(right(q, y))
		p.slope[k] = q - y
	}
	if p.guest != nil {
		p.gathered[host] += math.Log(right(p.told[0], y))
	}
}

// right is the probability given to what came true.
func right(p, y float64) float64 {
	if y == 1 {
		return p
	}
	return 1 - p
}

func (p *Probe) slopeClasses(champion []float64, y int) {
	p.gathered[0] += math.Log(min(max(champion[y], 0.001), 1))
	for k := range experts {
		p.gathered[k+1] += math.Log(math.Max(p.out[y*experts+k], 1e-13))
	}
	copy(p.slope, p.out)
	for k := range experts {
		p.slope[y*experts+k]--
	}
	if p.guest != nil {
		p.gathered[host] += math.Log(p.told[y])
	}
}

// slopeValue takes the likelihood of a Gaussian of the running error variance;
// an outlier counts for no more than 15 nats, nor pulls beyond ten deviations.
func (p *Probe) slopeValue(champion, y float64) {
	z := clip((y-champion)/p.o.TargetSD, maxError)
	reach := 10 * math.Sqrt(p.variance)
	p.gathered[0] -= math.Min(z*z/(2*p.variance), maxOutput)
	for k, q := range p.out {
		e := q - z
		p.gathered[k+1] -= math.Min(e*e/(2*p.variance), maxOutput)
		p.slope[k] = clip(e, reach)
	}
	if p.guest != nil {
		e := p.told[0] - z
		p.gathered[host] -= math.Min(e*e/(2*p.variance), maxOutput)
	}
	e := clip((y-p.mix[0])/p.o.TargetSD, math.Min(reach, maxError))
	p.squares += e * e
}

// move ends a minibatch: the evidence is added up and the experts take a step.
func (p *Probe) move() {
	n := float64(p.trained)
	for k := range p.logs {
		p.logs[k] = forgetting*p.logs[k] + p.gathered[k]
		p.gathered[k] = 0
	}
	p.weigh()
	step := p.steps(n)
	for at := 0; at < len(p.dense.w); at += p.stride {
		p.dense.move(at, p.stride, n, &step)
	}
	for _, at := range p.touched {
		p.marked[at] = false
		p.names.move(int(at)*p.stride, p.stride, n, &step)
	}
	p.touched = p.touched[:0]
	p.recentre(n)
	p.trained, p.length, p.squares = 0, 0, 0
	clear(p.total)
}

// recentre takes the features' running means from them, and gives the constant
// what this takes from each answer, so that no answer changes. A feature that
// has moved far out of its reference would else be one more, very large constant
// that holds up all the others.
func (p *Probe) recentre(n float64) {
	constant := p.dense.w[p.constant*p.stride:][:p.stride]
	for j, sum := range p.total {
		if j != p.constant {
			off := 0.05 * sum / n
			p.middle[j] += off
			add(constant, off, p.dense.w[j*p.stride:])
		}
	}
}

// steps returns the experts' rates for this minibatch of n rows, lowered where
// they would overshoot. A logistic slope changes by at most a quarter along a
// feature, so for classes it is enough to look along the mean of the features:
// it is long when a feature has moved far out of its reference, and all experts
// would swing. A squared error has no bounded slope, and there the step is kept
// to what no direction can overshoot: two over the trace of the features.
func (p *Probe) steps(n float64) [experts]float64 {
	step := rates
	if p.o.Task == Regression {
		for k := range step {
			step[k] /= 1 + step[k]*p.length/n/2
		}
		p.moves++
		p.variance += (p.squares/n - p.variance) * math.Max(0.05, 1/float64(p.moves))
		p.variance = math.Max(p.variance, 1e-8)
		return step
	}
	mean := 0.0
	for _, x := range p.total {
		mean += x / n * x / n
	}
	for k := range step {
		step[k] = math.Min(step[k], 4/mean)
	}
	return step
}

// move takes the steps of one slot from n rows.
func (w *weights) move(at, stride int, n float64, step *[experts]float64) {
	for ; stride > 0; stride -= experts {
		for k, rate := range step {
			w.w[at+k] -= rate * (w.g[at+k]/n + decay*w.w[at+k])
			w.g[at+k] = 0
		}
		at += experts
	}
}

// weigh gives the champion and each expert the share that its evidence earns.
func (p *Probe) weigh() {
	logs := p.logs[:p.members()]
	top := logs[0]
	for _, l := range logs {
		top = math.Max(top, l)
	}
	sum := 0.0
	for k, l := range logs {
		p.share[k] = math.Exp(l - top)
		sum += p.share[k]
	}
	for k := range p.share {
		p.share[k] /= sum
	}
}
