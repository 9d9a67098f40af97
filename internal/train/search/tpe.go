package search

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	blind      = 10 // Trials before what was tried is looked at.
	candidates = 24
	mostGood   = 25
)

// Suggest chooses by what was tried: of some values that are like those of the best
// trials it takes those that are least like the others' (the tree-structured Parzen
// estimator of Bergstra et al., NeurIPS 2011, each parameter on its own). With fewer
// than ten trials it is Random. Trials that have not ended yet stay out.
func (s Space) Suggest(past []Trial, r *rand.Rand) Values {
	if len(past) < blind {
		return s.Random(r)
	}
	past = slices.Clone(past)
	for i := range past {
		if x := past[i].Loss; x-x != 0 {
			past[i].Loss = math.Inf(1)
		}
	}
	slices.SortStableFunc(past, func(a, b Trial) int { return cmp.Compare(a.Loss, b.Loss) })
	n := min(mostGood, (len(past)+9)/10)
	v := Values{}
	for _, p := range s {
		if len(p.Choices) > 0 {
			v[p.Name] = p.Choices[p.suggestChoice(past[:n], past[n:], r)]
		} else {
			v[p.Name] = p.value(p.suggestPlace(past[:n], past[n:], r))
		}
	}
	return v
}

func (p Param) suggestPlace(good, others []Trial, r *rand.Rand) float64 {
	g, o := p.density(good), p.density(others)
	best, most := 0.0, math.Inf(-1)
	for range candidates {
		x := g.draw(r)
		if gain := g.log(x) - o.log(x); gain > most {
			best, most = x, gain
		}
	}
	return best
}

func (p Param) suggestChoice(good, others []Trial, r *rand.Rand) int {
	g, o := p.shares(good), p.shares(others)
	best, most := 0, math.Inf(-1)
	for range candidates {
		c := 0
		for u := r.Float64() - g[0]; u >= 0 && c+1 < len(g); u -= g[c] {
			c++
		}
		if gain := math.Log(g[c] / o[c]); gain > most {
			best, most = c, gain
		}
	}
	return best
}

// shares of the choices among trials, with one more of each.
func (p Param) shares(trials []Trial) []float64 {
	out := slices.Repeat([]float64{1}, len(p.Choices))
	all := float64(len(out))
	for _, t := range trials {
		if c := p.choice(t.Values[p.Name]); c >= 0 {
			out[c]++
			all++
		}
	}
	for c := range out {
		out[c] /= all
	}
	return out
}

// density is a mean of bells between 0 and 1: one for each place, and a wide one for
// what nobody tried.
type density struct{ at, width []float64 }

func (p Param) density(trials []Trial) density {
	at := []float64{}
	for _, t := range trials {
		if x, ok := p.place(t.Values[p.Name]); ok {
			at = append(at, x)
		}
	}
	slices.Sort(at)
	d := density{at: append(slices.Clone(at), 0.5)}
	least := 1 / min(100, 1+float64(len(at)))
	for i, x := range at {
		// As wide as the farther neighbour is away, the ends of the range included.
		left, right := x, 1-x
		if i > 0 {
			left = x - at[i-1]
		}
		if i+1 < len(at) {
			right = at[i+1] - x
		}
		d.width = append(d.width, min(max(left, right, least), 1))
	}
	d.width = append(d.width, 1)
	return d
}

func (d density) draw(r *rand.Rand) float64 {
	i := r.IntN(len(d.at))
	for {
		if x := d.at[i] + d.width[i]*r.NormFloat64(); x >= 0 && x <= 1 {
			return x
		}
	}
}

func (d density) log(x float64) float64 {
	sum := 0.0
	for i, at := range d.at {
		z := (x - at) / d.width[i]
		inside := phi((1-at)/d.width[i]) - phi(-at/d.width[i])
		sum += math.Exp(-z*z/2) / (d.width[i] * math.Sqrt(2*math.Pi) * inside)
	}
	return math.Log(sum / float64(len(d.at)))
}

func phi(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }
