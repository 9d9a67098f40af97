package gbdt

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// readTree reads the lines of one tree.
func readTree(body string, features int) (tree, error) {
	f := fields(body)
	r := reader{f: f}
	n := r.whole("num_leaves", 1, maxLeaves)
	cats := r.whole("num_cat", 0, maxLeaves)
	if f["is_linear"] == "1" {
		return tree{}, errors.New("its leaves are linear models, which are not scored here")
	}
	t := tree{shrink: 1}
	t.values = r.numbers("leaf_value", n)
	if s := f["shrinkage"]; s != "" {
		t.shrink, _ = strconv.ParseFloat(s, 64) // No score needs it.
	}
	if n > 1 {
		r.nodes(&t, n-1, cats, features)
		r.measures(&t, n)
	} else {
		t.leaves = []measure{{}}
	}
	return t, r.err
}

// reader reads lists of numbers, and keeps the first error.
type reader struct {
	f   map[string]string
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) whole(name string, least, most int) int {
	n, err := strconv.Atoi(r.f[name])
	if err != nil || n < least || n > most {
		r.fail("%s is %q; it is from %d to %d", name, r.f[name], least, most)
		return least
	}
	return n
}

// numbers reads the n numbers of a line. They are all finite.
func (r *reader) numbers(name string, n int) []float64 {
	words := strings.Fields(r.f[name])
	if len(words) != n {
		r.fail("%s has %d values, want %d", name, len(words), n)
		return make([]float64, n)
	}
	out := make([]float64, n)
	for i, w := range words {
		x, err := strconv.ParseFloat(w, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			r.fail("%s has %q among its values", name, w)
		}
		out[i] = x
	}
	return out
}

// integers are numbers that are whole and within bounds.
func (r *reader) integers(name string, n int, least, most float64) []float64 {
	out := r.numbers(name, n)
	for _, x := range out {
		if x != math.Trunc(x) || x < least || x > most {
			r.fail("%s has %v among its values; they are from %v to %v", name, x, least, most)
		}
	}
	return out
}

func (r *reader) nodes(t *tree, n, cats, features int) {
	at := r.integers("split_feature", n, 0, float64(features-1))
	bound := r.numbers("threshold", n)
	decision := r.integers("decision_type", n, 0, 15)
	left := r.integers("left_child", n, float64(-n-1), float64(n-1))
	right := r.integers("right_child", n, float64(-n-1), float64(n-1))
	if cats > 0 {
		r.sets(t, cats)
	}
	if r.err != nil {
		return
	}
	t.nodes = make([]node, n)
	for i := range t.nodes {
		nd := node{threshold: bound[i], children: [2]int32{int32(right[i]), int32(left[i])}, feature: int32(at[i])}
		for _, child := range nd.children {
			if child >= 0 && int(child) <= i {
				r.fail("the children of node %d do not come after it", i)
			}
		}
		r.decide(&nd, int(decision[i]), len(t.sets))
		t.nodes[i] = nd
	}
}

// decide makes a node's question from LightGBM's decision_type.
func (r *reader) decide(n *node, decision, sets int) {
	n.missing = missing(decision >> shiftMissing)
	if decision&bitCategory != 0 {
		n.kind = inSet
		if n.threshold < 0 || n.threshold >= float64(sets) || n.threshold != math.Trunc(n.threshold) {
			r.fail("a split asks for set %v of %d", n.threshold, sets)
			return
		}
		n.set = int32(n.threshold)
		return
	}
	n.missingLeft = flag(decision&bitDefaultLeft != 0)
	switch n.missing {
	case missingNone: // What is missing counts as 0.
		n.missingLeft = flag(n.threshold >= 0)
	case missingZero:
		n.kind = belowOr0
	case missingNaN:
	default:
		r.fail("decision_type %d is not known", decision)
	}
}

func (r *reader) sets(t *tree, n int) {
	const most = 1 << 24
	bounds := r.integers("cat_boundaries", n+1, 0, most)
	if !slices.IsSorted(bounds) || bounds[0] != 0 {
		r.fail("cat_boundaries do not rise from 0")
		return
	}
	words := r.integers("cat_threshold", int(bounds[n]), 0, math.MaxUint32)
	if r.err != nil {
		return
	}
	for i := range n {
		var set []uint32
		for _, w := range words[int(bounds[i]):int(bounds[i+1])] {
			set = append(set, uint32(w))
		}
		t.sets = append(t.sets, set)
	}
}

// measures reads what the text may say beside the questions. What is not there, or
// is not finite, is 0: no score needs it.
func (r *reader) measures(t *tree, n int) {
	line := func(name string, n int) []float64 {
		out := make([]float64, n)
		words := strings.Fields(r.f[name])
		if len(words) != n {
			return out
		}
		for i, w := range words {
			if x, err := strconv.ParseFloat(w, 64); err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) {
				out[i] = x
			}
		}
		return out
	}
	gain, value, weight, count := line("split_gain", n-1), line("internal_value", n-1), line("internal_weight", n-1), line("internal_count", n-1)
	t.splits = make([]measure, n-1)
	for i := range t.splits {
		t.splits[i] = measure{gain[i], value[i], weight[i], int(count[i])}
	}
	weight, count = line("leaf_weight", n), line("leaf_count", n)
	t.leaves = make([]measure, n)
	for i := range t.leaves {
		t.leaves[i] = measure{0, t.values[i], weight[i], int(count[i])}
	}
}
