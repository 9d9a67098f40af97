package estimate

import (
	"cmp"
	"math"
	"slices"
)

const (
	boostRounds = 60
	boostRate   = 0.1
	boostDepth  = 3
	boostRidge  = 1.0
	boostLeaf   = 20 // Rows that a leaf has at least.
	boostFolds  = 3
	// boostPatience is after how many trees that bring nothing the fit ends.
	boostPatience = 8
)

// learner is a sum of small trees over codes, fitted by gradient steps to 0/1
// outcomes or to numbers. Source: J. Friedman, Ann. Statist. 29 (2001), with the
// second-order gains of T. Chen, C. Guestrin, KDD 2016.
type learner struct {
	logistic bool
	base     float64
	trees    []tree
}

// tree is a full binary tree; its inner nodes send the codes of a mask left.
type tree struct {
	split [1<<boostDepth - 1]split
	leaf  [1 << boostDepth]float64
}

type split struct {
	col  int // -1 sends all left.
	left uint32
}

// fitting is a learner on its way: the rows that it learns from, and what it says
// of all.
type fitting struct {
	learner
	t         *Table
	y         []float64
	use       []bool
	raw, g, h []float64
	node      []uint8
}

func newFitting(t *Table, y []float64, use []bool, logistic bool) *fitting {
	f := &fitting{learner: learner{logistic: logistic, base: base(y, use, logistic)}, t: t, y: y, use: use,
		raw: make([]float64, t.n), g: make([]float64, t.n), h: make([]float64, t.n), node: make([]uint8, t.n)}
	for i := range f.raw {
		f.raw[i] = f.base
	}
	return f
}

// step adds one tree.
func (f *fitting) step() {
	f.slopes()
	tr := grow(f.t, f.g, f.h, f.use, f.node)
	for i := range f.raw {
		f.raw[i] += tr.leaf[f.node[i]]
	}
	f.trees = append(f.trees, tr)
}

func base(y []float64, use []bool, logistic bool) float64 {
	sum, n := 0.0, 0.0
	for i, v := range y {
		if use[i] {
			sum, n = sum+v, n+1
		}
	}
	if !logistic {
		return sum / math.Max(n, 1)
	}
	p := (sum + 0.5) / (n + 1)
	return math.Log(p / (1 - p))
}

func slope(raw, y float64, logistic bool) (g, h float64) {
	if !logistic {
		return raw - y, 1
	}
	p := sigmoid(raw)
	return p - y, math.Max(p*(1-p), 1e-6)
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// cell sums the slopes of the rows of one code.
type cell struct{ g, h, n float64 }

func (c *cell) add(o cell) { c.g += o.g; c.h += o.h; c.n += o.n }
func (c cell) worth() float64 {
	return c.g * c.g / (c.h + boostRidge)
}

// grow builds one tree, and leaves in node the leaf of each row.
func grow(t *Table, g, h []float64, use []bool, node []uint8) tree {
	var tr tree
	clear(node)
	for depth := range boostDepth {
		width := 1 << depth
		sums := make([]cell, width*len(t.cols)*maxCodes)
		for c, col := range t.cols {
			for i, code := range col {
				if use[i] {
					sums[(int(node[i])*len(t.cols)+c)*maxCodes+int(code)].add(cell{g[i], h[i], 1})
				}
			}
		}
		at := tr.split[width-1:]
		for k := range width {
			at[k] = best(t, sums[k*len(t.cols)*maxCodes:(k+1)*len(t.cols)*maxCodes])
		}
		for i := range node {
			node[i] = at[node[i]].next(t, i, node[i])
		}
	}
	var leaves [1 << boostDepth]cell
	for i, k := range node {
		if use[i] {
			leaves[k].add(cell{g[i], h[i], 1})
		}
	}
	for k, c := range leaves {
		tr.leaf[k] = -boostRate * c.g / (c.h + boostRidge)
	}
	return tr
}

func (s split) next(t *Table, row int, node uint8) uint8 {
	if s.col < 0 || s.left>>t.cols[s.col][row]&1 == 1 {
		return 2 * node
	}
	return 2*node + 1
}

// best finds the split of one node that gains most: numbers part at a cut, names
// in the order of their slopes.
func best(t *Table, sums []cell) split {
	out, top := split{col: -1}, 1e-9
	for c := range t.cols {
		cells := sums[c*maxCodes : (c+1)*maxCodes]
		order := make([]int, maxCodes)
		var all cell
		for k := range order {
			order[k] = k
			all.add(cells[k])
		}
		if t.bins.names[c] != nil {
			slices.SortStableFunc(order, func(a, b int) int {
				return cmp.Compare(cells[a].g/(cells[a].h+boostRidge), cells[b].g/(cells[b].h+boostRidge))
			})
		}
		var left cell
		var mask uint32
		for _, k := range order[:maxCodes-1] {
			left.add(cells[k])
			mask |= 1 << k
			right := cell{all.g - left.g, all.h - left.h, all.n - left.n}
			if left.n < boostLeaf || right.n < boostLeaf {
				continue
			}
			if gain := left.worth() + right.worth() - all.worth(); gain > top {
				out, top = split{c, mask}, gain
			}
		}
	}
	return out
}

// predict gives each row's value, or its probability.
func (l *learner) predict(t *Table) []float64 {
	out := make([]float64, t.n)
	for i := range out {
		if out[i] = l.raw(t, i); l.logistic {
			out[i] = sigmoid(out[i])
		}
	}
	return out
}

// raw is what the trees say of one row.
func (l *learner) raw(t *Table, row int) float64 {
	raw := l.base
	for k := range l.trees {
		tr, node := &l.trees[k], uint8(0)
		for depth := range boostDepth {
			node = tr.split[1<<depth-1+int(node)].next(t, row, node)
		}
		raw += tr.leaf[node]
	}
	return raw
}

// crossed are learners of which each was fitted without one fold of the rows.
type crossed struct {
	folds [boostFolds]*fitting
	// out is what each row is given by the learner that has not seen it.
	out []float64
	// rounds is how many trees of each serve best there. No tree at all means that
	// nothing was found.
	rounds int
}

// crossFit predicts each row by a learner that was fitted without its fold, with
// as many trees as serve best there.
func crossFit(t *Table, y []float64, logistic bool) *crossed {
	c := &crossed{out: make([]float64, t.n)}
	for f := range c.folds {
		use := make([]bool, t.n)
		for i := range use {
			use[i] = i%boostFolds != f
		}
		c.folds[f] = newFitting(t, y, use, logistic)
	}
	raw := make([]float64, t.n)
	least := math.Inf(1)
	for r := 0; r <= boostRounds && r-c.rounds <= boostPatience; r++ {
		for i := range raw {
			raw[i] = c.folds[i%boostFolds].raw[i]
		}
		if l := misfit(raw, y, logistic); l < least {
			least, c.rounds = l, r
			copy(c.out, raw)
		}
		for _, f := range c.folds {
			f.step()
		}
	}
	for i := range c.out {
		if logistic {
			c.out[i] = sigmoid(c.out[i])
		}
	}
	return c
}

// each is what the learners say of each row of another table, on average.
func (c *crossed) each(t *Table) []float64 {
	out := make([]float64, t.n)
	for _, f := range c.folds {
		l := learner{logistic: f.logistic, base: f.base, trees: f.trees[:c.rounds]}
		for i, x := range l.predict(t) {
			out[i] += x / boostFolds
		}
	}
	return out
}

// mean is what the learners say of the rows of another table, on average over all.
func (c *crossed) mean(t *Table) float64 {
	sum := 0.0
	for _, x := range c.each(t) {
		sum += x
	}
	return sum / float64(t.n)
}

func misfit(raw, y []float64, logistic bool) (sum float64) {
	for i, z := range raw {
		if logistic {
			sum += math.Log1p(math.Exp(-math.Abs(z))) + math.Max(z, 0) - z*y[i]
		} else {
			sum += (z - y[i]) * (z - y[i])
		}
	}
	return sum
}
