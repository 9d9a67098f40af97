package gbdt

import "slices"

// grown is a tree in terms of bins.
type grown struct {
	branches []branch
	leaves   []leaf
}

// branch sends a row to one of two children: a branch, or a leaf as ^leaf.
type branch struct {
	column   int
	bin      int
	left     bitset
	children [2]int32
	gain     float64
	sum      sums
	rows     int
	value    float64 // What it would answer as a leaf, before shrinking.
}

// leaf is a part of the rows, and the best way to part it further.
type leaf struct {
	rows   []int32
	sum    sums
	hist   []histogram // Nil where it had to make room, or was not needed.
	best   split
	depth  int
	parent int // A branch, or -1.
	side   int
	l2     float64

	first, second float64 // Exact sums.
	value         float64
}

// leaf is the place of the leaf that a row of bins comes to.
func (t *grown) leaf(bins []uint8) int {
	if len(t.branches) == 0 {
		return 0
	}
	at := int32(0)
	for at >= 0 {
		b := &t.branches[at]
		if b.left.has(bins[b.column]) {
			at = b.children[0]
		} else {
			at = b.children[1]
		}
	}
	return int(^at)
}

// tree puts the bins' questions in terms of values.
func (t *grown) tree(m *matrix, rate, secondUnit float64) tree {
	out := tree{shrink: rate, nodes: make([]node, len(t.branches)), splits: make([]measure, len(t.branches)),
		values: make([]float64, len(t.leaves)), leaves: make([]measure, len(t.leaves))}
	for i := range t.branches {
		b := &t.branches[i]
		c := &m.columns[b.column]
		n := node{children: [2]int32{b.children[1], b.children[0]}, feature: int32(c.feature), missing: missingNaN}
		if c.kept != nil {
			n.kind, n.set = inSet, int32(len(out.sets))
			n.threshold = float64(n.set)
			out.sets = append(out.sets, valueSet(c, &b.left))
		} else {
			n.threshold, n.missingLeft = c.bound(b.bin), flag(b.left.has(0))
		}
		out.nodes[i] = n
		out.splits[i] = measure{gain: b.gain, value: rate * b.value, weight: b.sum.second() * secondUnit, count: b.rows}
	}
	for i := range t.leaves {
		l := &t.leaves[i]
		out.values[i] = rate * l.value
		out.leaves[i] = measure{value: out.values[i], weight: l.second, count: len(l.rows)}
	}
	return out
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// unbounded stands for a bound above all values, or, negative, one that only an
// infinity is not above: LightGBM's text knows no infinity.
const unbounded = 1e300

// bound is what no value of the first bins is above.
func (c *column) bound(bin int) float64 {
	if bin > len(c.bounds) {
		return unbounded
	}
	return max(c.bounds[bin-1], -unbounded)
}

// valueSet are the codes of the bins that go left.
func valueSet(c *column, left *bitset) []uint32 {
	var codes []int32
	for i, code := range c.kept {
		if left.has(uint8(i + 1)) {
			codes = append(codes, code)
		}
	}
	set := make([]uint32, slices.Max(codes)/32+1)
	for _, code := range codes {
		set[code/32] |= 1 << (code % 32)
	}
	return set
}
