package change

import "math"

const ddmMin = 30 // Values before the first verdict.

// DDM finds when a stream of errors, each 0 or 1, has more of them: once their rate
// and its standard deviation together are three deviations above the least that
// they ever were. Source: J. Gama and others, SBIA (2004).
type DDM struct{ ddm }

type ddm struct {
	all   run
	least float64 // Of rate and deviation together.
	best  run     // All, when they were least.
	slack float64 // The deviation then.
}

// NewDDM returns a detector with the usual bounds.
func NewDDM() *DDM { return &DDM{ddm{least: math.Inf(1)}} }

// Add implements Detector. Values outside 0 to 1 count as the nearer of them.
func (d *DDM) Add(x float64) (Found, bool) {
	if !isNumber(x) {
		return Found{}, false
	}
	d.all.add(min(1, max(0, x)))
	if d.all.n <= ddmMin {
		return Found{}, false
	}
	p := d.all.mean
	s := math.Sqrt(p * (1 - p) / d.all.n)
	if p+s <= d.least {
		d.best, d.slack, d.least = d.all, s, p+s
	}
	if !(p+s > d.best.mean+3*d.slack) {
		return Found{}, false
	}
	all, best := d.all, d.best
	d.ddm = ddm{least: math.Inf(1)}
	return found(best, all.since(best))
}
