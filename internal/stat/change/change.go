// Package change finds when a stream of numbers began to run at another level, one
// number at a time and in constant memory. What the numbers are, and what follows
// from a change, is left to others.
package change

import (
	"fmt"
	"math"
	"slices"
)

// Detector reads a stream. Once it has found a change it forgets all that came
// before the next value. It is not safe for use by several goroutines.
type Detector interface {
	// Add takes the next value and tells whether a change is found with it. It
	// does not take what is not a number.
	Add(x float64) (Found, bool)
}

// Found is a change as far as its detector knows it.
type Found struct {
	Before float64 `json:"before"` // Level before the change.
	After  float64 `json:"after"`  // Level since.
	// N values came since; some detectors reach back further than the change. The
	// level before is that of NBefore values.
	N       int `json:"n"`
	NBefore int `json:"n_before"`
}

// Sides says which changes count.
type Sides bool

// The sides.
const (
	Up   Sides = false // Only to a higher level.
	Both Sides = true
)

// The detectors by name.
const (
	NameADWIN       = "adwin"
	NamePageHinkley = "page_hinkley"
	NameDDM         = "ddm"
	NameHDDMA       = "hddm_a"
	NameHDDMW       = "hddm_w"
)

// Names lists the detectors, the default first.
func Names() []string {
	return []string{NameADWIN, NamePageHinkley, NameDDM, NameHDDMA, NameHDDMW}
}

// usualPage is in standard deviations. What is usual elsewhere, 0.005, 50 and
// 0.9999, finds 50 changes in 100,000 values without one.
var usualPage = Page{Allowed: 0.25, Threshold: 30, Keep: 1, Sides: Both}

// New returns a detector with its usual settings for values from 0 to 1; DDM is for
// values that are 0 or 1. Page–Hinkley reads them in units of the spread given,
// which is the values' standard deviation while nothing changes, and has settings
// of its own.
func New(name string, spread float64) (Detector, error) {
	switch name {
	case NameADWIN, "":
		return NewADWIN(0.002, 32), nil
	case NamePageHinkley:
		if !(spread > 0) {
			spread = 1
		}
		return &scaled{to: NewPageHinkley(usualPage), by: spread}, nil
	case NameDDM:
		return NewDDM(), nil
	case NameHDDMA:
		return NewHDDMA(Both), nil
	case NameHDDMW:
		return NewHDDMW(Both), nil
	}
	return nil, fmt.Errorf("there is no detector %q; there are %v", name, slices.Clone(Names()))
}

// scaled hands values on in another unit.
type scaled struct {
	to Detector
	by float64
}

func (s *scaled) Add(x float64) (Found, bool) {
	f, ok := s.to.Add(x / s.by)
	return Found{Before: f.Before * s.by, After: f.After * s.by, N: f.N, NBefore: f.NBefore}, ok
}

// run is the mean of consecutive values.
type run struct {
	n    float64
	mean float64
}

func (r *run) add(x float64) {
	r.n++
	r.mean += (x - r.mean) / r.n
}

// since is the mean of the values that r has and an earlier state of it had not.
func (r run) since(start run) run {
	n := r.n - start.n
	if n <= 0 {
		return run{}
	}
	return run{n: n, mean: (r.n*r.mean - start.n*start.mean) / n}
}

func found(before, after run) (Found, bool) {
	return Found{Before: before.mean, After: after.mean, N: int(after.n), NBefore: int(before.n)}, true
}

func isNumber(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
