package gbdt

import "math"

// grower grows one tree after another on the same rows.
type grower struct {
	o       *Options
	m       *matrix
	d       *derivatives
	threads int
	columns []int // Drawn for this tree; nil for all.

	spare []int32
	free  [][]histogram // Not in use.
	made  int           // Histograms in use or free.
	room  int           // The most that are made.
	more  [][]histogram // Of the threads beyond the first.
}

// memory that the histograms of a tree's leaves may take, in bytes. Where that is
// not enough the leaves that gain least lose theirs: should one be split after all,
// both its children are counted.
const memory = 256 << 20

func newGrower(o *Options, m *matrix, d *derivatives) *grower {
	each := len(m.columns) * int(maxBins*8)
	return &grower{o: o, m: m, d: d, threads: max(1, o.Threads), spare: make([]int32, m.rows),
		room: max(4, memory/max(1, each))}
}

// grow parts the rows, which it puts into another order, until no split is worth
// it or the leaves are as many as they may be.
func (g *grower) grow(rows []int32) *grown {
	t := &grown{leaves: []leaf{{rows: rows, parent: -1, l2: g.o.L2}}}
	root := &t.leaves[0]
	root.hist = g.take()
	g.count(root.hist, rows)
	for _, x := range root.hist[g.first()] {
		root.sum += x
	}
	g.search(root)
	for len(t.leaves) < g.o.Leaves {
		at := 0
		for i := range t.leaves {
			if t.leaves[i].best.gain > t.leaves[at].best.gain {
				at = i
			}
		}
		if t.leaves[at].best.gain <= max(g.o.MinGain, 1e-15) {
			break
		}
		g.split(t, at)
	}
	for i := range t.leaves {
		g.give(t.leaves[i].hist)
		t.leaves[i].hist = nil
	}
	g.answer(t)
	return t
}

// first is a column that is counted.
func (g *grower) first() int {
	if g.columns != nil {
		return g.columns[0]
	}
	return 0
}

// split makes two leaves of one: the left one stays in its place.
func (g *grower) split(t *grown, at int) {
	l := &t.leaves[at]
	s := l.best
	left := g.part(l.rows, s)
	b := int32(len(t.branches))
	t.branches = append(t.branches, branch{column: s.column, bin: s.bin, left: s.left, gain: s.gain, sum: l.sum, rows: len(l.rows),
		children: [2]int32{^int32(at), ^int32(len(t.leaves))},
		value:    output(l.sum.first()*g.d.firstUnit, l.sum.second()*g.d.secondUnit, g.o.L1, l.l2)})
	if l.parent >= 0 {
		t.branches[l.parent].children[l.side] = b
	}
	right := leaf{rows: l.rows[left:], sum: l.sum - s.sum, depth: l.depth + 1, parent: int(b), side: 1, l2: s.l2}
	hist := l.hist
	*l = leaf{rows: l.rows[:left], sum: s.sum, depth: l.depth + 1, parent: int(b), l2: s.l2}
	if len(t.leaves)+1 < g.o.Leaves { // The last two are split no more.
		g.makeRoom(t)
		g.countBoth(l, &right, hist)
		g.search(l, &right)
	} else {
		g.give(hist)
	}
	t.leaves = append(t.leaves, right)
}

// part puts the rows that go left first, each side in its old order, and returns
// how many these are.
func (g *grower) part(rows []int32, s split) int {
	var goes [maxBins]int
	for b := range goes {
		if s.left.has(uint8(b)) {
			goes[b] = 1
		}
	}
	bins := g.m.across[s.column*g.m.rows:][:g.m.rows]
	spare := g.spare[:len(rows)]
	left, right := 0, 0
	for _, r := range rows {
		is := goes[bins[r]]
		rows[left] = r
		spare[right] = r
		left += is
		right += 1 - is
	}
	copy(rows[left:], spare[:right])
	return left
}

// countBoth gives two leaves their histograms: the smaller one's is counted, the
// larger one's is the rest of their parent's.
func (g *grower) countBoth(l, r *leaf, parent []histogram) {
	small, large := l, r
	if len(r.rows) < len(l.rows) {
		small, large = r, l
	}
	if g.idle(small) && g.idle(large) {
		g.give(parent)
		return
	}
	small.hist = g.take()
	g.count(small.hist, small.rows)
	if large.hist = parent; parent != nil {
		g.subtract(large.hist, small.hist)
		return
	}
	large.hist = g.take()
	g.count(large.hist, large.rows)
}

// idle tells that a leaf cannot be split.
func (g *grower) idle(l *leaf) bool {
	return len(l.rows) < 2*g.o.MinRows || len(l.rows) < 2 || g.o.Depth > 0 && l.depth >= g.o.Depth
}

func (g *grower) subtract(from, what []histogram) {
	for c := range from {
		a, b := &from[c], &what[c]
		for i := range g.m.columns[c].bins {
			a[i] -= b[i]
		}
	}
}

// parallelRows is from how many rows on threads count together.
const parallelRows = 4096

// count fills an empty histogram.
func (g *grower) count(h []histogram, rows []int32) {
	threads := min(g.threads, len(rows)/parallelRows)
	if threads < 2 {
		g.countPart(h, rows)
		return
	}
	for len(g.more) < threads-1 {
		g.more = append(g.more, make([]histogram, len(g.m.columns)))
	}
	each(threads, threads, func(task int) {
		to := h
		if task > 0 {
			to = g.more[task-1]
			clear(to)
		}
		g.countPart(to, rows[task*len(rows)/threads:(task+1)*len(rows)/threads])
	})
	for _, part := range g.more[:threads-1] {
		for c := range h {
			a, b := &h[c], &part[c]
			for i := range g.m.columns[c].bins {
				a[i] += b[i]
			}
		}
	}
}

func (g *grower) countPart(h []histogram, rows []int32) {
	if g.columns != nil {
		g.m.countSome(h, rows, g.d.packed, g.columns)
		return
	}
	g.m.count(h, rows, g.d.packed)
}

// makeRoom sees to it that there are histograms for two leaves.
func (g *grower) makeRoom(t *grown) {
	for len(g.free)+g.room-g.made < 2 {
		least := -1
		for i := range t.leaves {
			if t.leaves[i].hist != nil && (least < 0 || t.leaves[i].best.gain < t.leaves[least].best.gain) {
				least = i
			}
		}
		if least < 0 {
			return
		}
		g.give(t.leaves[least].hist)
		t.leaves[least].hist = nil
	}
}

// take gives an empty histogram.
func (g *grower) take() []histogram {
	if n := len(g.free); n > 0 {
		h := g.free[n-1]
		g.free = g.free[:n-1]
		clear(h)
		return h
	}
	g.made++
	return make([]histogram, len(g.m.columns))
}

func (g *grower) give(h []histogram) {
	if h != nil {
		g.free = append(g.free, h)
	}
}

// search finds the best split of each leaf.
func (g *grower) search(leaves ...*leaf) {
	columns := g.columns
	if columns == nil {
		columns = make([]int, len(g.m.columns))
		for c := range columns {
			columns[c] = c
		}
	}
	found := make([]split, len(leaves)*len(columns))
	judges := make([]*judge, len(leaves))
	for i, l := range leaves {
		if l.hist != nil && !g.idle(l) {
			judges[i] = newJudge(g.o, g.d, l.sum, len(l.rows))
		}
	}
	each(g.threads, len(found), func(task int) {
		i, at := task/len(columns), columns[task%len(columns)]
		if j := judges[i]; j != nil {
			c := &g.m.columns[at]
			if c.kept == nil {
				found[task] = j.number(&leaves[i].hist[at], c, at)
			} else {
				found[task] = j.category(&leaves[i].hist[at], c, at)
			}
		}
	})
	for i, l := range leaves {
		for _, s := range found[i*len(columns) : (i+1)*len(columns)] {
			if s.gain > l.best.gain {
				l.best = s
			}
		}
	}
}

// answer gives each leaf the value that is best for its rows, from exact sums.
func (g *grower) answer(t *grown) {
	each(g.threads, len(t.leaves), func(task int) {
		l := &t.leaves[task]
		for _, r := range l.rows {
			l.first += float64(g.d.first[r])
			l.second += float64(g.d.second[r])
		}
		l.value = output(l.first, l.second, g.o.L1, l.l2)
	})
}

// output is the value that lowers a loss with these derivatives most.
func output(first, second, l1, l2 float64) float64 {
	over := math.Abs(first) - l1
	if over <= 0 {
		return 0
	}
	return -math.Copysign(over, first) / (second + l2)
}
