package gbdt

import "slices"

// forest holds the trees whose nodes all ask whether a number is below a threshold,
// laid out for fast walks. A walk jumps on nothing that no processor could foresee:
// a leaf is a node that leads to itself. Several walks go side by side, since each
// waits for memory at each node.
type forest struct {
	steps []step
	roots []int32 // By tree of the model; -1 for one that is not here.
}

// step is a node, or a leaf with its value as the threshold.
type step struct {
	threshold   float64
	next        [2]int32 // Right and left, among the steps of all trees.
	feature     int32
	missingLeft uint8
}

// lanes is how many walks go side by side.
const lanes = 4

func newForest(trees []tree) *forest {
	f := &forest{roots: slices.Repeat([]int32{-1}, len(trees))}
	for i := range trees {
		t := &trees[i]
		if len(t.nodes) == 0 || slices.ContainsFunc(t.nodes, func(n node) bool { return n.kind != below }) {
			continue
		}
		f.roots[i] = int32(len(f.steps))
		f.plant(t)
	}
	return f
}

func (f *forest) plant(t *tree) {
	root, leaves := int32(len(f.steps)), int32(len(f.steps)+len(t.nodes))
	for _, n := range t.nodes {
		s := step{threshold: n.threshold, feature: n.feature, missingLeft: n.missingLeft}
		for side, child := range n.children {
			if s.next[side] = root + child; child < 0 {
				s.next[side] = leaves + ^child
			}
		}
		f.steps = append(f.steps, s)
	}
	for i, v := range t.values {
		self := leaves + int32(i)
		f.steps = append(f.steps, step{threshold: v, next: [2]int32{self, self}})
	}
}

// walk takes steps from four places for four rows until all are at leaves. It
// returns the leaves' values.
func (f *forest) walk(a, b, c, d int32, ra, rb, rc, rd []float64) (va, vb, vc, vd float64) {
	steps := f.steps
	for moved := int32(1); moved != 0; {
		sa, sb, sc, sd := &steps[a], &steps[b], &steps[c], &steps[d]
		na := sa.take(ra[sa.feature])
		nb := sb.take(rb[sb.feature])
		nc := sc.take(rc[sc.feature])
		nd := sd.take(rd[sd.feature])
		moved = (na ^ a) | (nb ^ b) | (nc ^ c) | (nd ^ d)
		a, b, c, d = na, nb, nc, nd
	}
	return steps[a].threshold, steps[b].threshold, steps[c].threshold, steps[d].threshold
}

// take is the next place for x.
func (s *step) take(x float64) int32 {
	left := uint8(0)
	if x <= s.threshold {
		left = 1
	}
	if x != x {
		left = s.missingLeft
	}
	return s.next[left&1]
}

// row sends one row down several trees at a time. It adds to out, one score a class.
func (f *forest) row(trees []tree, row, out []float64) {
	k := len(out)
	for at := 0; at < len(trees); {
		group := f.roots[at:min(at+lanes, len(trees))]
		if len(group) < lanes || slices.Contains(group, -1) {
			out[at%k] += trees[at].values[trees[at].leaf(row)]
			at++
			continue
		}
		a, b, c, d := f.walk(group[0], group[1], group[2], group[3], row, row, row, row)
		out[at%k] += a
		out[(at+1)%k] += b
		out[(at+2)%k] += c
		out[(at+3)%k] += d
		at += lanes
	}
}

// tree sends rows down one tree, several at a time. They lie width apart; what they
// come to is added to every k-th of out.
func (f *forest) tree(t *tree, root int32, rows []float64, width int, out []float64, k int) {
	for root >= 0 && len(rows) >= lanes*width {
		a, b, c, d := f.walk(root, root, root, root,
			rows[:width], rows[width:2*width], rows[2*width:3*width], rows[3*width:4*width])
		out[0] += a
		out[k] += b
		out[2*k] += c
		out[3*k] += d
		rows, out = rows[lanes*width:], out[min(lanes*k, len(out)):]
	}
	for ; len(rows) > 0; rows = rows[width:] {
		out[0] += t.values[t.leaf(rows[:width])]
		out = out[min(k, len(out)):]
	}
}
