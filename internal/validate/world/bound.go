package world

import (
	"math"
	"math/rand/v2"
	"slices"

	"hone"
)

// Power is how often the best of all tests finds what was turned round in the new
// rows of a world, when it may find something in a share alpha of worlds without a
// fault: the likelihood ratio (J. Neyman, E. S. Pearson, 1933) of one who knows the
// rule that the labels follow, its noise, what the features hide of it, how many
// users collude, and how. Nobody who has only the rows can do better. It is itself
// found by simulation, of so many worlds.
type Power struct {
	w    *World
	rows []int // The new ones.
	r    *rand.Rand
}

// Bound prepares the best test of a world.
func Bound(w *World) *Power {
	p := &Power{w: w, r: rand.New(rand.NewPCG(w.seed, 0x626f756e64))}
	for i := w.Rows.Frame.N - w.New; i < w.Rows.Frame.N; i++ {
		p.rows = append(p.rows, i)
	}
	return p
}

// Users is the power against a share of users who turn all their labels round.
func (p *Power) Users(share, alpha float64, sims int) float64 {
	all := len(p.w.users)
	k := int(share * float64(all))
	groups := make([][]int, all)
	for at, i := range p.rows {
		u := userOf(p.w.Rows.Units[i])
		groups[u] = append(groups[u], at)
	}
	stat := func(bad map[int]bool) float64 {
		likely := make([]float64, 0, all)
		for u, rows := range groups {
			sum := 0.0
			for _, at := range rows {
				sum += p.draw(at, bad[u])
			}
			likely = append(likely, sum)
		}
		return subsets(likely, k)
	}
	return p.power(alpha, sims, func(planted bool) float64 {
		bad := map[int]bool{}
		if planted {
			for _, u := range p.r.Perm(all)[:k] {
				bad[u] = true
			}
		}
		return stat(bad)
	})
}

// Source is the power against one source, nobody knows which, of whose labels a
// share is turned round.
func (p *Power) Source(share, alpha float64, sims int) float64 {
	groups := map[string][]int{}
	for at, i := range p.rows {
		if s := p.w.Rows.Sources[i]; s != "" {
			groups[s] = append(groups[s], at)
		}
	}
	return p.power(alpha, sims, func(planted bool) float64 {
		sum := 0.0
		for _, s := range sorted(groups) {
			one := 0.0
			for _, at := range groups[s] {
				turned := planted && s == "partner 1" && p.r.Float64() < share
				one += math.Log1p(share * math.Expm1(math.Min(p.draw(at, turned), 500)))
			}
			sum += math.Exp(math.Min(one, 500))
		}
		return sum
	})
}

func sorted(groups map[string][]int) (out []string) {
	for s := range groups {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// power simulates a statistic without and with the fault.
func (p *Power) power(alpha float64, sims int, stat func(planted bool) float64) float64 {
	null := make([]float64, sims)
	for i := range null {
		null[i] = stat(false)
	}
	slices.Sort(null)
	limit := null[min(sims-1, int(float64(sims)*(1-alpha)))]
	found := 0
	planted := sims / 4
	for range planted {
		if stat(true) > limit {
			found++
		}
	}
	return float64(found) / float64(planted)
}

// draw makes a label anew, and is the logarithm of how much likelier it is turned
// round than right.
func (p *Power) draw(at int, turned bool) float64 {
	w, s := p.w, p.w.signal[p.rows[at]]
	y := s + w.noise*p.r.NormFloat64()
	switch w.Model.Task {
	case hone.Regression:
		if turned {
			y = -y
		}
		return ((y-s)*(y-s) - (y+s)*(y+s)) / (2 * w.noise * w.noise)
	case hone.Multiclass:
		low, high := normal((-0.5-s)/w.noise), 1-normal((0.5-s)/w.noise)
		class := 1
		if y < -0.5 {
			class = 0
		} else if y >= 0.5 {
			class = 2
		}
		if turned {
			switch {
			case class != 1:
				class = 2 - class
			default:
				class = 2 * p.r.IntN(2)
			}
		}
		mid := 1 - low - high
		right := []float64{low, mid, high}
		wrong := []float64{high + mid/2, 0, low + mid/2}
		return math.Log(math.Max(wrong[class], 1e-300) / math.Max(right[class], 1e-300))
	}
	one := 1 - normal((0.6-s)/w.noise)
	is := y > 0.6
	if is != turned {
		return math.Log(math.Max(1-one, 1e-300) / math.Max(one, 1e-300))
	}
	return math.Log(math.Max(one, 1e-300) / math.Max(1-one, 1e-300))
}

func normal(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// subsets is the logarithm of the sum, over all sets of k, of the product of what
// its members say.
func subsets(logs []float64, k int) float64 {
	e := make([]float64, k+1)
	e[0] = 1
	shift := 0.0
	for n, l := range logs {
		x := math.Exp(math.Max(-300, math.Min(l, 300)))
		for j := min(k, n+1); j > 0; j-- {
			e[j] += x * e[j-1]
		}
		if top := slices.Max(e); top > 1e100 {
			for j := range e {
				e[j] /= top
			}
			shift += math.Log(top)
		}
	}
	return shift + math.Log(math.Max(e[k], 1e-300))
}

func userOf(unit string) int {
	n := 0
	for _, c := range unit[len("user "):] {
		n = 10*n + int(c-'0')
	}
	return n
}
