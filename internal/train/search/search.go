// Package search chooses the parameters that a trainer tries next. Training with
// them, and what a trial may cost, is left to others.
package search

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// MostParallel is the most trials that may go on at the same time.
const MostParallel = 64

// Param is one thing to choose: a number from From to To, or one of Choices.
type Param struct {
	Name     string
	From, To float64
	Log      bool // Tenfold steps are alike, not steps of one size.
	Whole    bool // Only whole numbers.
	Choices  []any
}

// Space is all that is chosen, each on its own.
type Space []Param

// Values are what was chosen, by name: a float64, or one of the choices.
type Values map[string]any

// Trial is values that were tried, and the loss that they came to: the smaller the
// better. A loss that is not finite counts as worse than all others.
type Trial struct {
	Values Values
	Loss   float64
}

// Check tells what makes a space unfit.
func (s Space) Check() error {
	for i, p := range s {
		switch {
		case p.Name == "":
			return fmt.Errorf("parameter %d has no name", i)
		case slices.ContainsFunc(s[:i], func(q Param) bool { return q.Name == p.Name }):
			return fmt.Errorf("parameter %q is there twice", p.Name)
		case len(p.Choices) > 0:
			if p.From != 0 || p.To != 0 || p.Log || p.Whole {
				return fmt.Errorf("parameter %q has choices and a range", p.Name)
			}
		case !(p.From < p.To) || math.IsInf(p.From, 0) || math.IsInf(p.To, 0):
			return fmt.Errorf("parameter %q is from %v to %v", p.Name, p.From, p.To)
		case p.Log && p.From <= 0:
			return fmt.Errorf("parameter %q is from %v: tenfold steps begin above 0", p.Name, p.From)
		}
	}
	if len(s) == 0 {
		return fmt.Errorf("there is nothing to choose")
	}
	return nil
}

// Random chooses without looking at what was tried.
func (s Space) Random(r *rand.Rand) Values {
	v := Values{}
	for _, p := range s {
		if n := len(p.Choices); n > 0 {
			v[p.Name] = p.Choices[r.IntN(n)]
		} else {
			v[p.Name] = p.value(r.Float64())
		}
	}
	return v
}

// Ends are the first and the last of what is chosen from, and then one between, or all
// the choices: what takes these takes the others.
func (p Param) Ends() []any {
	if len(p.Choices) > 0 {
		return p.Choices
	}
	const between = 0.618 // No fraction of few parts, which could be a whole number.
	return []any{p.value(0), p.value(1), p.value(between)}
}

// value of a place between 0 and 1.
func (p Param) value(at float64) float64 {
	from, to := p.ends()
	x := from + at*(to-from)
	if p.Log {
		x = math.Exp(x)
	}
	if p.Whole {
		x = math.Round(x)
		return min(max(x, math.Ceil(p.From)), math.Floor(p.To))
	}
	return min(max(x, p.From), p.To)
}

// place of a value between 0 and 1, and whether it has one.
func (p Param) place(v any) (float64, bool) {
	x, ok := v.(float64)
	if !ok || !(x >= p.From && x <= p.To) {
		return 0, false
	}
	from, to := p.ends()
	if p.Log {
		x = math.Log(x)
	}
	return min(max((x-from)/(to-from), 0), 1), true
}

// ends of the line on which places lie. A whole number owns the half step on either
// side.
func (p Param) ends() (from, to float64) {
	from, to = p.From, p.To
	if p.Whole {
		from, to = math.Ceil(from)-0.5, math.Floor(to)+0.5
		if p.Log {
			from = max(from, p.From/2)
		}
	}
	if p.Log {
		return math.Log(from), math.Log(to)
	}
	return from, to
}

// choice is the index of a value among the choices, or -1.
func (p Param) choice(v any) int {
	return slices.IndexFunc(p.Choices, func(c any) bool { return c == v })
}
