package estimate

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"hone/internal/frame"
)

const (
	maxCodes    = 32           // Codes of a column, with the one for what is missing.
	missingCode = maxCodes - 1 // What is missing; for names the empty one.
	otherCode   = maxCodes - 2 // Names that are rare, or were never seen.
)

// Bins turn rows into small codes, by cuts that rows seen before give: numbers
// into up to 31 parts of equal size, names into the 30 most frequent. Text counts
// by its length.
type Bins struct {
	schema frame.Schema
	cuts   [][]float64      // Of numbers and text, rising.
	names  []map[string]int // Of categories.
}

// NewBins finds the cuts in rows, which may be few.
func NewBins(rows *frame.Frame) *Bins {
	b := &Bins{schema: rows.Schema, cuts: make([][]float64, len(rows.Schema)), names: make([]map[string]int, len(rows.Schema))}
	for c, field := range rows.Schema {
		if field.Kind == frame.Category {
			b.names[c] = frequent(rows.Cols[c].Str)
			continue
		}
		b.cuts[c] = cuts(numbers(rows, c))
	}
	return b
}

// numbers are a column's values as numbers; text gives its length.
func numbers(rows *frame.Frame, c int) []float64 {
	if rows.Schema[c].Kind == frame.Number {
		return rows.Cols[c].Num
	}
	out := make([]float64, rows.N)
	for i, s := range rows.Cols[c].Str {
		if out[i] = float64(len(s)); s == "" {
			out[i] = math.NaN()
		}
	}
	return out
}

func cuts(values []float64) []float64 {
	sorted := make([]float64, 0, len(values))
	for _, x := range values {
		if x-x == 0 {
			sorted = append(sorted, x)
		}
	}
	slices.Sort(sorted)
	var out []float64
	for k := 1; k < missingCode && len(sorted) > 0; k++ {
		x := sorted[k*len(sorted)/missingCode]
		if x > sorted[0] && (len(out) == 0 || x > out[len(out)-1]) {
			out = append(out, x)
		}
	}
	return out
}

func frequent(values []string) map[string]int {
	counts := map[string]int{}
	for _, s := range values {
		if s != "" {
			counts[s]++
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	out := map[string]int{}
	for i, s := range names[:min(len(names), otherCode)] {
		out[s] = i
	}
	return out
}

// Table is rows as codes, one column a feature.
type Table struct {
	n    int
	cols [][]uint8
	bins *Bins
}

// Table codes rows of the same schema.
func (b *Bins) Table(rows *frame.Frame) *Table {
	t := &Table{n: rows.N, bins: b, cols: make([][]uint8, len(b.schema))}
	for c := range b.schema {
		col := make([]uint8, rows.N)
		if names := b.names[c]; names != nil {
			for i, s := range rows.Cols[c].Str {
				col[i] = nameCode(names, s)
			}
		} else {
			for i, x := range numbers(rows, c) {
				col[i] = numberCode(b.cuts[c], x)
			}
		}
		t.cols[c] = col
	}
	return t
}

func nameCode(names map[string]int, s string) uint8 {
	if s == "" {
		return missingCode
	}
	if code, ok := names[s]; ok {
		return uint8(code)
	}
	return otherCode
}

func numberCode(cuts []float64, x float64) uint8 {
	if math.IsNaN(x) {
		return missingCode
	}
	i, found := slices.BinarySearch(cuts, x)
	if found {
		i++
	}
	return uint8(i)
}

// pick gives some of the rows.
func (t *Table) pick(rows []int) *Table {
	out := &Table{n: len(rows), bins: t.bins, cols: make([][]uint8, len(t.cols))}
	for c, col := range t.cols {
		out.cols[c] = make([]uint8, len(rows))
		for k, i := range rows {
			out.cols[c][k] = col[i]
		}
	}
	return out
}

// every gives each row whose number divides by step.
func (t *Table) every(step int) *Table {
	if step == 1 {
		return t
	}
	var rows []int
	for i := 0; i < t.n; i += step {
		rows = append(rows, i)
	}
	return t.pick(rows)
}

// join puts the rows of another table of the same bins behind those of t.
func (t *Table) join(u *Table) *Table {
	out := &Table{n: t.n + u.n, bins: t.bins, cols: make([][]uint8, len(t.cols))}
	for c := range t.cols {
		out.cols[c] = slices.Concat(t.cols[c], u.cols[c])
	}
	return out
}
