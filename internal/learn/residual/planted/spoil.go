package planted

import (
	"cmp"
	"slices"

	"hone/internal/frame"
)

// spoil makes of the early rows those of a champion gone stale, in the i-th way: without
// a half-space, with two features exchanged, without a corner, and again with the next
// features. Kept, where it is not nil, are the rows that are left.
func (t *test) spoil(i int) (rows *frame.Frame, kept []int) {
	n := len(t.matter)
	a, b := t.matter[i/3%n], t.matter[i/3%n]
	if n > 1 {
		b = t.matter[(i/3+1+t.random.IntN(min(n-1, 4)))%n]
	}
	switch i % 3 {
	case 0:
		kept = t.outside(0.35+0.3*t.random.Float64(), a)
	case 1:
		return t.exchange(a, b), nil
	default:
		kept = t.outside(0.5+0.2*t.random.Float64(), a, b)
	}
	return t.early.Pick(kept), kept
}

// outside are the rows that are not in a region: the share of the rows at one end of
// each feature, which one is drawn.
func (t *test) outside(share float64, features ...int) []int {
	in := make([]int, t.early.N)
	for _, c := range features {
		for i, q := range t.places(t.early.Cols[c]) {
			if q < share {
				in[i]++
			}
		}
	}
	kept := []int{}
	for i, n := range in {
		if n < len(features) {
			kept = append(kept, i)
		}
	}
	return kept
}

// places of rows in a feature, from 0 to 1: equal values have equal places. Numbers
// begin at either end, and categories stand in any order.
func (t *test) places(c frame.Column) []float64 {
	before := func(i, j int) int { return cmp.Compare(c.Num[i], c.Num[j]) }
	if c.Num == nil {
		order := map[string]uint64{}
		for _, s := range c.Str {
			if _, known := order[s]; !known {
				order[s] = t.random.Uint64()
			}
		}
		before = func(i, j int) int { return cmp.Compare(order[c.Str[i]], order[c.Str[j]]) }
	} else if t.random.IntN(2) == 0 {
		before = func(i, j int) int { return cmp.Compare(c.Num[j], c.Num[i]) }
	}
	rows := sorted(max(len(c.Num), len(c.Str)), before)
	out, first := make([]float64, len(rows)), 0
	for i, r := range rows {
		if before(rows[first], r) != 0 {
			first = i
		}
		out[r] = float64(first) / float64(len(rows))
	}
	return out
}

func sorted(n int, before func(i, j int) int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, before)
	return rows
}

// exchange lets two features of numbers stand for each other, by rank. Others are turned
// round.
func (t *test) exchange(a, b int) *frame.Frame {
	x, y := t.early.Cols[a].Num, t.early.Cols[b].Num
	switch {
	case x == nil:
		return with(t.early, a, t.renamed(t.early.Cols[a].Str))
	case a == b || y == nil:
		turned := make([]float64, len(x))
		for i, v := range x {
			turned[i] = -v
		}
		return with(t.early, a, ranked(x, turned))
	}
	return with(with(t.early, a, ranked(x, y)), b, ranked(y, x))
}

// ranked are the values of xs in the order of ys; those that are missing come first.
func ranked(xs, ys []float64) frame.Column {
	out := frame.Column{Num: make([]float64, len(xs))}
	from := sorted(len(xs), func(i, j int) int { return cmp.Compare(xs[i], xs[j]) })
	for i, row := range sorted(len(ys), func(i, j int) int { return cmp.Compare(ys[i], ys[j]) }) {
		out.Num[row] = xs[from[i]]
	}
	return out
}

// renamed gives each category the name of another.
func (t *test) renamed(names []string) frame.Column {
	all := slices.Compact(slices.Sorted(slices.Values(names)))
	to := map[string]string{}
	for i, r := 0, t.random.Perm(len(all)); i < len(r); i++ {
		to[all[r[i]]] = all[r[(i+1)%len(r)]]
	}
	out := frame.Column{Str: make([]string, len(names))}
	for i, s := range names {
		out.Str[i] = to[s]
	}
	return out
}

// with is a frame with another column in place of one.
func with(f *frame.Frame, at int, c frame.Column) *frame.Frame {
	out := *f
	out.Cols = slices.Clone(f.Cols)
	out.Cols[at] = c
	return &out
}

func picked(c frame.Column, rows []int) (out frame.Column) {
	for _, r := range rows {
		if c.Num != nil {
			out.Num = append(out.Num, c.Num[r])
		} else {
			out.Str = append(out.Str, c.Str[r])
		}
	}
	return out
}
