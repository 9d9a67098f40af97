package backtest

import (
	"math/rand/v2"
	"slices"
)

// fault is what is wrong with a champion of a binary model: it is an older one, or some
// of its answers are turned round.
type fault struct {
	champion int // Whose answers it gives.
	seed     uint64
	share    float64 // Of the answers that are turned round,
	right    bool    // only of those that were right.
}

// harms are how many more answers are wrong, of the kinds of fault that add errors.
var harms = []float64{0.05, 0.1, 0.2}

const (
	turned   = 0.15 // Of the answers of a champion that has many turned round.
	oldTicks = 3    // Batches by which the worst of older champions is found.
)

// Corrupted is the grid of a binary model with some of its champions gone wrong: each
// but the first with this chance, and one of five faults, all as likely: 5, 10 or 20
// points more errors, 15 % of the answers turned round, or the older champion that was
// worst on the last three batches. The same seed gives the same faults.
func (g *Grid) Corrupted(chance float64, seed uint64) *Grid {
	out := &Grid{Stream: g.Stream, From: g.From, Wrong: slices.Clone(g.Wrong), Off: slices.Clone(g.Off), Counted: g.Counted,
		champions: slices.Clone(g.champions), before: slices.Clone(g.before), original: g.original, faults: map[int]fault{}}
	r := rand.New(rand.NewPCG(seed, 5))
	for m := 1; m < g.Batches(); m++ {
		bad, kind, own := r.Float64() < chance, r.IntN(len(harms)+2), r.Uint64()
		if !bad {
			continue
		}
		f := fault{champion: m, seed: own}
		switch {
		case kind < len(harms):
			f.right = true
			f.share = harms[kind] / max(0.1, 1-g.errors(m))
		case kind == len(harms):
			f.share = turned
		default:
			f.champion = g.worst(m)
		}
		out.faults[m] = f
		c := out.broken(m, f)
		scores := make([]float64, len(c.scores))
		for i, x := range c.scores {
			scores[i] = float64(x)
		}
		out.count(m, &c, scores)
		out.champions[m] = c
	}
	return out
}

// errors is the share of its first batches that champion m gets wrong.
func (g *Grid) errors(m int) float64 {
	lost, n := 0.0, 0.0
	for b := m; b < min(m+oldTicks, g.Batches()); b++ {
		lost, n = lost+g.Wrong[m][b-m], n+g.Counted[b]
	}
	return lost / max(n, 1)
}

// worst is the older champion that lost most in the last batches before m.
func (g *Grid) worst(m int) (worst int) {
	most := -1.0
	from := max(0, m-oldTicks)
	for o := range max(from, 1) {
		if x := g.wrong(o, max(from, o), m); x > most {
			worst, most = o, x
		}
	}
	return worst
}

// broken is champion m, or one that was trained like it, under a fault.
func (g *Grid) broken(m int, f fault) champion {
	whose := m
	if f.share == 0 {
		whose = f.champion
	}
	c := g.original.champions[whose]
	own := g.original.champions[m]
	if f.share == 0 { // What the older one says of the rows behind those of this one.
		c.scores = c.scores[own.start-c.start:]
		c.set, c.seen, c.start = own.set, nil, own.start
		return c
	}
	c.scores, c.seen = slices.Clone(c.scores), slices.Clone(c.seen)
	r := rand.New(rand.NewPCG(f.seed, uint64(m)))
	turn := func(x *float32, row int) {
		right := (*x > 0.5) == (g.Targets[row] == 1)
		if r.Float64() < f.share && (right || !f.right) {
			*x = 1 - *x
		}
	}
	for k := range c.seen {
		turn(&c.seen[k], c.set[k])
	}
	for k := range c.scores {
		turn(&c.scores[k], c.start+k)
	}
	return c
}

// twin is one that was trained as champion m was, and on rows up to an earlier batch:
// what is wrong with its training is wrong with both.
func (g *Grid) twin(m, earlier int) champion {
	f, bad := g.faults[m]
	if !bad {
		return g.original.champions[earlier]
	}
	if f.share == 0 {
		return g.original.champions[f.champion]
	}
	return g.broken(earlier, f)
}
