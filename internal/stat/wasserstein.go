package stat

import "math"

// beyondParts and mostBeyond: how far values lie outside the reference's range is
// summed in 1024ths of its step, as a whole number that stops at the most, so that
// counts add exactly in any order.
const (
	beyondParts = 1024
	mostBeyond  = 1 << 52
)

// step is the length by which the profile measures: the reference's spread, else
// its size, else 1.
func (p *Profile) step() float64 {
	switch {
	case p.SD > 0:
		return p.SD
	case p.Mean != 0:
		return math.Abs(p.Mean)
	}
	return 1
}

// addBeyond takes a value outside the reference's range.
func (c *Counts) addBeyond(x float64) {
	p := c.profile
	far := max(p.Min/c.step-x/c.step, x/c.step-p.Max/c.step) * beyondParts
	if !(far < mostBeyond) {
		far = mostBeyond
	}
	c.Beyond = min(mostBeyond, c.Beyond+int64(math.Round(far)))
}

// wasserstein is the area between the distribution functions, in the feature's
// unit. Between edges values count as spread evenly; outside the reference's range
// as where they are. Widths are halved on the way, so that none overflows.
func (p *Profile) wasserstein(c *Counts) float64 {
	n, m := float64(total(p.Ref)), float64(total(c.Bins))
	a, b, bin := 0, 0, 0
	next := func() float64 {
		a, b, bin = a+p.Ref[bin], b+c.Bins[bin], bin+1
		return float64(b)/m - float64(a)/n
	}
	area, from, left := 0.0, p.Min, next()
	to := func(x, right float64) {
		area += between(left, right) * (x/2 - from/2)
		from = x
	}
	if p.Kind == kindQuantiles {
		for _, edge := range p.Fine {
			right := next()
			to(edge, right)
			left = right
		}
		to(p.Max, next())
	} else {
		for i, key := range p.Keys {
			to(key, left)
			left = next()
			if i+1 < len(p.Keys) { // Values between two keys lie in the middle.
				to(key/2+p.Keys[i+1]/2, left)
				left = next()
			}
		}
		to(p.Max, left)
	}
	return 2*area + p.step()*(float64(c.Beyond)/beyondParts)/m
}

// between is the mean size of what runs straight from a to b.
func between(a, b float64) float64 {
	if a*b >= 0 {
		return math.Abs(a+b) / 2
	}
	return (a*a + b*b) / (2 * math.Abs(a-b))
}
