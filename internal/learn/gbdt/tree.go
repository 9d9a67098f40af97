package gbdt

import "unsafe"

// tree is one tree. The first node is the root; one without nodes has one leaf.
type tree struct {
	nodes  []node
	values []float64 // Of the leaves.
	// sets are the values that go left at the splits of categories, a bit each.
	sets [][]uint32
	// Of nodes and leaves, for who explains the tree; no score needs them.
	splits []measure // With the gain of each split.
	leaves []measure
	shrink float64
}

// node sends a row to one of its two children: a node, or a leaf as ^leaf.
type node struct {
	threshold float64
	children  [2]int32 // Right and left.
	feature   int32
	set       int32 // Of the tree's sets, where kind is inSet.
	kind      kind
	// missingLeft is 1 where what is missing goes left, else 0.
	missingLeft uint8
	missing     missing
}

// kind is the question of a node.
type kind uint8

const (
	below    kind = iota // Is x at most the threshold?
	belowOr0             // So, but 0 counts as missing.
	inSet                // Is x in the set?
)

// missing is how the text of a model says what counts as missing: its own words.
type missing uint8

const (
	missingNone missing = iota
	missingZero
	missingNaN
)

// measure is what LightGBM's text says of a node beside its question.
type measure struct {
	gain, value, weight float64
	count               int
}

// nearZero is what LightGBM holds to be 0.
const nearZero = 1e-35

// leaf is the place of the leaf that a row comes to.
func (t *tree) leaf(row []float64) int {
	if len(t.nodes) == 0 {
		return 0
	}
	at := int32(0)
	for at >= 0 {
		n := &t.nodes[at]
		x := row[n.feature]
		if n.kind != below {
			at = n.children[t.rarer(n, x)&1]
			continue
		}
		left := 0
		if x <= n.threshold || x != x && n.missingLeft == 1 {
			left = 1
		}
		at = n.children[left]
	}
	return int(^at)
}

// rarer are the questions that few nodes ask.
func (t *tree) rarer(n *node, x float64) uint8 {
	if n.kind == inSet {
		if x != x {
			return n.missingLeft
		}
		// A negative value is in no set, as in LightGBM.
		set := t.sets[n.set]
		if x > -1 && x < float64(32*len(set)) {
			return uint8(set[int(x)/32] >> (int(x) % 32) & 1)
		}
		return 0
	}
	if x != x || x >= -nearZero && x <= nearZero {
		return n.missingLeft
	}
	if x <= n.threshold {
		return 1
	}
	return 0
}

func (t *tree) size() int {
	n := len(t.nodes)*int(unsafe.Sizeof(node{})) + 8*len(t.values) + (len(t.splits)+len(t.leaves))*int(unsafe.Sizeof(measure{}))
	for _, s := range t.sets {
		n += 4 * len(s)
	}
	return n
}
