package estimate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"hone/internal/frame"
)

const (
	beam       = 10 // Rules of one condition that a second is sought for.
	candidates = 3  // Rules that are held against the other half.
	minSlice   = 30 // Rows of a slice in each half.
	// sliceAlpha is the chance that a slice is named where none is worse.
	sliceAlpha = 0.01
)

// Slice is a part of the rows, and by how much its mean loss exceeds that of all
// others, on rows that had no part in finding it.
type Slice struct {
	Rule  string
	N     int
	Mean  float64 // Of the slice.
	Rest  float64 // Of all other rows.
	Lower float64 // 95 % interval of the difference.
	Upper float64
	P     float64 // That the slice is no worse, corrected for the rules tried.
}

// Worst looks for the parts of the rows with the highest loss, named by one or two
// features. Half of the groups serve to find them; what is said of them, and
// whether they are named at all, comes from the other half alone. Rows of one group
// (one user, one stretch of time) go to one half. The worst comes first; there are
// none where no part is surely worse.
func Worst(t *Table, loss []float64, group []int) []Slice {
	search, honest := make([]bool, t.n), make([]bool, t.n)
	for i, g := range group {
		search[i] = g%2 == 0
		honest[i] = !search[i]
	}
	var out []Slice
	for _, r := range find(t, loss, search) {
		if s, ok := measure(t, loss, group, honest, r); ok {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b Slice) int { return cmp.Compare(a.P, b.P) })
	for i := range out { // Holm.
		out[i].P = math.Min(1, out[i].P*float64(len(out)-i))
		if out[i].P >= sliceAlpha {
			out = out[:i]
			break
		}
	}
	slices.SortStableFunc(out, func(a, b Slice) int { return cmp.Compare(b.Mean-b.Rest, a.Mean-a.Rest) })
	return out
}

// condition is one feature within some codes.
type condition struct {
	col    int
	lo, hi int // Codes, both within.
}

func (c condition) holds(t *Table, row int) bool {
	code := int(t.cols[c.col][row])
	return code >= c.lo && code <= c.hi
}

// rule is one or two conditions that hold together.
type rule struct {
	conditions []condition
	z          float64
}

func (r rule) holds(t *Table, row int) bool {
	for _, c := range r.conditions {
		if !c.holds(t, row) {
			return false
		}
	}
	return true
}

// find gives the rules whose rows exceed the mean by most standard errors, no two
// of them about the same rows.
func find(t *Table, loss []float64, use []bool) []rule {
	var all cell
	var square float64
	for i, l := range loss {
		if use[i] {
			all.add(cell{g: l, n: 1})
			square += l * l
		}
	}
	mean := all.g / math.Max(all.n, 1)
	sd := math.Sqrt(math.Max(0, square/math.Max(all.n, 1)-mean*mean))
	if !(sd > 0) {
		return nil
	}
	single := extend(t, loss, use, rule{}, mean, sd)
	all2 := slices.Clone(single)
	for _, r := range single[:min(len(single), beam)] {
		all2 = append(all2, extend(t, loss, use, r, mean, sd)...)
	}
	sortRules(all2)
	var out []rule
	for _, r := range all2 {
		if len(out) == candidates {
			break
		}
		if !slices.ContainsFunc(out, func(o rule) bool { return alike(t, use, r, o) }) {
			out = append(out, r)
		}
	}
	return out
}

func sortRules(rs []rule) {
	slices.SortStableFunc(rs, func(a, b rule) int { return cmp.Compare(b.z, a.z) })
}

// extend gives a rule with each condition on another feature, the best first.
func extend(t *Table, loss []float64, use []bool, r rule, mean, sd float64) []rule {
	var out []rule
	for c, col := range t.cols {
		if slices.ContainsFunc(r.conditions, func(x condition) bool { return x.col == c }) {
			continue
		}
		var sums [maxCodes]cell
		for i, code := range col {
			if use[i] && r.holds(t, i) {
				sums[code].add(cell{g: loss[i], n: 1})
			}
		}
		total := cell{}
		for _, s := range sums {
			total.add(s)
		}
		for _, x := range t.bins.conditions(c) {
			var in cell
			for _, s := range sums[x.lo : x.hi+1] {
				in.add(s)
			}
			if in.n < minSlice || total.n-in.n < minSlice && len(r.conditions) == 0 || in.n == total.n {
				continue
			}
			if z := (in.g/in.n - mean) * math.Sqrt(in.n) / sd; z > 0 {
				out = append(out, rule{append(slices.Clone(r.conditions), x), z})
			}
		}
	}
	sortRules(out)
	return out
}

// conditions are all that are tried on one feature: each name, and each stretch of
// numbers.
func (b *Bins) conditions(c int) []condition {
	var out []condition
	if b.names[c] != nil {
		for k := range maxCodes {
			out = append(out, condition{c, k, k})
		}
		return out
	}
	last := len(b.cuts[c])
	step := 1 + last/16 // Finer stretches would only be found by chance more often.
	for lo := 0; lo <= last; lo += step {
		for end := lo + step; end <= last+step; end += step {
			if hi := min(end-1, last); lo > 0 || hi < last {
				out = append(out, condition{c, lo, hi})
			}
		}
	}
	return append(out, condition{c, missingCode, missingCode})
}

// alike tells whether two rules name the same rows for the most part.
func alike(t *Table, use []bool, a, b rule) bool {
	both, either := 0, 0
	for i := range t.n {
		if !use[i] {
			continue
		}
		x, y := a.holds(t, i), b.holds(t, i)
		if x && y {
			both++
		}
		if x || y {
			either++
		}
	}
	return 2*both > either
}

// measure reads a rule on rows that had no part in finding it. Rows of one group
// may be alike: the error is that of the groups' sums.
func measure(t *Table, loss []float64, group []int, use []bool, r rule) (Slice, bool) {
	var in, out cell
	for i, l := range loss {
		switch {
		case !use[i]:
		case r.holds(t, i):
			in.add(cell{g: l, n: 1})
		default:
			out.add(cell{g: l, n: 1})
		}
	}
	if in.n < minSlice || out.n < minSlice {
		return Slice{}, false
	}
	s := Slice{Rule: t.bins.say(r), N: int(in.n), Mean: in.g / in.n, Rest: out.g / out.n}
	sums := map[int]float64{}
	for i, l := range loss {
		switch {
		case !use[i]:
		case r.holds(t, i):
			sums[group[i]] += (l - s.Mean) / in.n
		default:
			sums[group[i]] -= (l - s.Rest) / out.n
		}
	}
	square := 0.0
	for _, g := range slices.Sorted(maps.Keys(sums)) { // In one order, for equal bits.
		square += sums[g] * sums[g]
	}
	n := float64(len(sums))
	se := math.Sqrt(square * n / math.Max(n-1, 1))
	if !(se > 0) {
		return Slice{}, false
	}
	diff := s.Mean - s.Rest
	s.Lower, s.Upper, s.P = diff-normal95*se, diff+normal95*se, math.Erfc(diff/se/math.Sqrt2)/2
	return s, true
}

// say puts a rule in words, such as amount ≥ 120 and country = DE.
func (b *Bins) say(r rule) string {
	var parts []string
	for _, c := range r.conditions {
		parts = append(parts, b.sayOne(c))
	}
	return strings.Join(parts, " and ")
}

func (b *Bins) sayOne(c condition) string {
	name := b.schema[c.col].Name
	if c.lo == missingCode {
		return name + " missing"
	}
	if names := b.names[c.col]; names != nil {
		for s, code := range names {
			if code == c.lo {
				return name + " = " + s
			}
		}
		return name + " rare or new"
	}
	if b.schema[c.col].Kind == frame.Text {
		name = "length of " + name
	}
	cuts := b.cuts[c.col]
	switch {
	case c.lo == 0:
		return name + " < " + number(cuts[c.hi])
	case c.hi == len(cuts):
		return name + " ≥ " + number(cuts[c.lo-1])
	}
	return number(cuts[c.lo-1]) + " ≤ " + name + " < " + number(cuts[c.hi])
}

// number writes a cut to four digits, which is as near as a reader asks.
func number(x float64) string {
	if x == 0 {
		return "0"
	}
	unit := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(x))))
	if r := math.Round(x*unit) / unit; r-r == 0 {
		x = r
	}
	return frame.FormatNumber(x)
}
