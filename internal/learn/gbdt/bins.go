package gbdt

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"hone/internal/frame"
)

const (
	maxBins    = 256     // Of a column: one for what is missing, 255 for values.
	minPerBin  = 3       // Rows of a bin, as near as rows of equal values allow.
	sampleRows = 100_000 // From which the bounds of bins are taken.
)

// column is how the values of one feature become bins. Bin 0 is of what is
// missing, and of a category also of the values that are too rare for their own.
type column struct {
	feature int
	// bounds of a number: bin i holds what is above bounds[i-2] and at most
	// bounds[i-1]; the last bin has no bound.
	bounds []float64
	// kept are the codes of a category's values, by bin less 1; nil for a number.
	kept []int32
	bin  map[string]uint8
	bins int // With bin 0.
}

// matrix holds rows as bins, row by row for counting, and column by column for
// parting.
type matrix struct {
	rows    int
	columns []column
	bins    []uint8
	across  []uint8 // Column c's begin at c times rows; nil where no trees are grown.
}

// row i's bins, one a column.
func (m *matrix) row(i int) []uint8 {
	n := len(m.columns)
	return m.bins[i*n : i*n+n : i*n+n]
}

// newMatrix learns bins from the rows of f. A feature of one value, or of text,
// gets no column. Values of categories that features do not know yet are appended
// to them.
func newMatrix(f *frame.Frame, features []feature, o Options) *matrix {
	m := &matrix{rows: f.N}
	sample := sampled(f.N, o.Seed)
	found := make([]*column, len(features))
	each(o.Threads, len(features), func(i int) {
		switch features[i].kind {
		case frame.Number:
			found[i] = numberColumn(f.Cols[i].Num, sample, &features[i], o.Bins)
		case frame.Category:
			found[i] = categoryColumn(f.Cols[i].Str, &features[i], o)
		}
	})
	for i, c := range found {
		if c != nil {
			c.feature = i
			m.columns = append(m.columns, *c)
		}
	}
	m.across = make([]uint8, len(m.columns)*m.rows)
	m.fill(f, o.Threads)
	return m
}

// like puts other rows into the same bins.
func (m *matrix) like(f *frame.Frame, threads int) *matrix {
	n := &matrix{rows: f.N, columns: m.columns}
	n.fill(f, threads)
	return n
}

// fill goes some rows at a time, so that they stay in the processor's cache while
// one column after the other is written.
func (m *matrix) fill(f *frame.Frame, threads int) {
	const some = 4096
	m.bins = make([]uint8, len(m.columns)*m.rows)
	tables := make([]*search, len(m.columns))
	for at := range m.columns {
		tables[at] = newSearch(m.columns[at].bounds)
	}
	each(threads, (m.rows+some-1)/some, func(task int) {
		from, to := task*some, min((task+1)*some, m.rows)
		for at := range m.columns {
			m.fillColumn(f, at, tables[at], from, to)
		}
	})
}

func (m *matrix) fillColumn(f *frame.Frame, at int, s *search, from, to int) {
	c, n := &m.columns[at], len(m.columns)
	for i := from; i < to; i++ {
		bin := uint8(0)
		if c.kept == nil {
			bin = s.bin(f.Cols[c.feature].Num[i])
		} else {
			bin = c.bin[f.Cols[c.feature].Str[i]]
		}
		m.bins[i*n+at] = bin
		if m.across != nil {
			m.across[at*m.rows+i] = bin
		}
	}
}

// sampled are the rows that bounds are taken from, in order; nil for all.
func sampled(n int, seed uint64) []int {
	if n <= sampleRows {
		return nil
	}
	r := rand.New(rand.NewPCG(seed, 1))
	rows := make([]int, 0, sampleRows)
	for i := range n { // Knuth's algorithm S.
		if r.IntN(n-i) < sampleRows-len(rows) {
			rows = append(rows, i)
		}
	}
	return rows
}

// numberColumn is nil where all values are one.
func numberColumn(xs []float64, sample []int, x *feature, most int) *column {
	values := make([]float64, 0, min(len(xs), sampleRows))
	take := func(x float64) {
		if x == x {
			values = append(values, x)
		}
	}
	if sample == nil {
		for _, x := range xs {
			take(x)
		}
	}
	for _, i := range sample {
		take(xs[i])
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	c := &column{bounds: boundsOf(values, most)}
	c.bins = len(c.bounds) + 2
	some := func(missing bool) bool {
		return slices.ContainsFunc(xs, func(x float64) bool { return (x != x) == missing })
	}
	if len(c.bounds) == 0 && !(some(true) && some(false)) {
		return nil
	}
	x.info = fmt.Sprintf("[%s:%s]", number(values[0]), number(values[len(values)-1]))
	return c
}

// run is a value and how often it stands in the sample.
type run struct {
	x float64
	n int
}

// boundsOf puts sorted values into at most so many bins of about equal rows; a
// value of many rows has a bin to itself (LightGBM, GreedyFindBin).
func boundsOf(sorted []float64, most int) []float64 {
	var runs []run
	for _, x := range sorted {
		if n := len(runs); n > 0 && runs[n-1].x == x {
			runs[n-1].n++
			continue
		}
		runs = append(runs, run{x, 1})
	}
	full := fullBins(runs, len(sorted), most)
	var bounds []float64
	in := 0
	for i := 0; i+1 < len(runs) && len(bounds) < most-1; i++ {
		in += runs[i].n
		if full(i, in) {
			bounds = append(bounds, between(runs[i].x, runs[i+1].x))
			in = 0
		}
	}
	return bounds
}

// fullBins returns what tells, of each run in turn, whether the bin that holds in
// rows with it is full.
func fullBins(runs []run, rows, most int) func(i, in int) bool {
	if len(runs) <= most {
		return func(_, in int) bool { return in >= minPerBin }
	}
	most = max(1, min(most, rows/minPerBin))
	mean := float64(rows) / float64(most)
	big := make([]bool, len(runs))
	for i, r := range runs {
		if big[i] = float64(r.n) >= mean; big[i] {
			most--
			rows -= r.n
		}
	}
	mean = float64(rows) / float64(max(1, most))
	return func(i, in int) bool {
		if !big[i] {
			rows -= runs[i].n
		}
		if !big[i] && float64(in) < mean && !(big[i+1] && float64(in) >= max(1, mean/2)) {
			return false
		}
		if !big[i] {
			most--
			mean = float64(rows) / float64(max(1, most))
		}
		return true
	}
}

// between is a bound that a is not above and b is.
func between(a, b float64) float64 {
	if m := a + (b-a)/2; a <= m && m < b {
		return m
	}
	return a
}

// search finds bins by halving a table whose size does not depend on the bounds.
type search [maxBins]float64

func newSearch(bounds []float64) *search {
	s := new(search)
	n := copy(s[:], bounds)
	for i := n; i < len(s); i++ {
		s[i] = math.Inf(1)
	}
	return s
}

// bin is one more than the bounds below x; 0 where x is missing.
func (s *search) bin(x float64) uint8 {
	if x != x {
		return 0
	}
	at := uint8(0)
	for step := uint8(maxBins / 2); step > 0; step /= 2 {
		if s[at+step-1] < x {
			at += step
		}
	}
	return at + 1
}

// categoryColumn gives the most frequent values a bin each. It is nil where all
// values are one.
func categoryColumn(xs []string, x *feature, o Options) *column {
	counts := map[string]int{}
	for _, s := range xs {
		counts[s]++
	}
	if len(counts) < 2 {
		return nil
	}
	delete(counts, "")
	var values []string
	for s, n := range counts {
		// What is no UTF-8 would not survive being stored.
		if (n >= minPerBin || len(counts) <= o.CatOneHot) && utf8.ValidString(s) {
			values = append(values, s)
		}
	}
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	values = values[:min(len(values), o.Bins)]
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	c := &column{kept: make([]int32, len(values)), bin: make(map[string]uint8, len(values)), bins: len(values) + 1}
	for i, s := range values {
		code, known := x.codes[s]
		if !known {
			code = float64(len(x.values))
			x.values = append(x.values, s)
			x.codes[s] = code
		}
		c.kept[i] = int32(code)
		c.bin[s] = uint8(i + 1)
	}
	return c
}
