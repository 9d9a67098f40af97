package change

import "math"

const pageMin = 30 // Values before the first verdict.

// Page are the settings of PageHinkley.
type Page struct {
	Allowed   float64 // What a value may deviate from the mean so far for nothing.
	Threshold float64 // How far a sum must come for a change.
	// Keep is what is kept of a sum at each value. Below 1 the sum stops falling,
	// after 1/(1-Keep) values or so, and false alarms set in.
	Keep  float64
	Sides Sides
}

// PageHinkley sums how far values lie from their mean so far, and finds a change
// once the sum has come far from its lowest, or highest, point. The threshold is in
// the values' own unit: scale them. Source: E. S. Page, Biometrika 41 (1954).
type PageHinkley struct {
	Page
	pageHinkley
}

type pageHinkley struct {
	all           run
	up, down      float64
	lowest        float64
	highest       float64
	atLow, atHigh run // All, when the sums were there.
}

// NewPageHinkley finds changes by these settings. In standard deviations, the
// chance of a false alarm falls with e to the minus twice what is allowed times the
// threshold.
func NewPageHinkley(p Page) *PageHinkley { return &PageHinkley{Page: p, pageHinkley: freshPage()} }

func freshPage() pageHinkley { return pageHinkley{lowest: math.Inf(1), highest: -1} }

// Add implements Detector.
func (p *PageHinkley) Add(x float64) (Found, bool) {
	if !isNumber(x) {
		return Found{}, false
	}
	p.all.add(x)
	d := x - p.all.mean
	p.up = p.Keep*p.up + d - p.Allowed
	p.down = p.Keep*p.down + d + p.Allowed
	if p.up < p.lowest {
		p.lowest, p.atLow = p.up, p.all
	}
	if p.down > p.highest {
		p.highest, p.atHigh = p.down, p.all
	}
	if p.all.n < pageMin {
		return Found{}, false
	}
	start := p.atLow
	switch {
	case p.up-p.lowest > p.Threshold:
	case p.Sides == Both && p.highest-p.down > p.Threshold:
		start = p.atHigh
	default:
		return Found{}, false
	}
	all := p.all
	p.pageHinkley = freshPage()
	return found(start, all.since(start))
}
