package validate

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/stat"
)

// Schema is what rows are like, as seen from the rows themselves.
type Schema struct {
	Rows    int       `json:"rows"`
	Oldest  time.Time `json:"oldest,omitzero"`
	Newest  time.Time `json:"newest,omitzero"`
	Columns []Column  `json:"features"`
	// Labels are the shares of the classes, or Mean and SD those of the numbers.
	Labels []Share `json:"labels,omitempty"`
	Mean   float64 `json:"label_mean,omitempty"`
	SD     float64 `json:"label_sd,omitempty"`
	// Age of the newest row when the dataset was made, beyond the label delay.
	Age    hone.Duration `json:"age,omitempty"`
	labels *stat.Profile
}

// Column is what one feature is like.
type Column struct {
	Feature  string     `json:"feature"`
	Kind     frame.Kind `json:"kind"`
	Missing  float64    `json:"missing"`
	Distinct int        `json:"distinct"`
	// Of numbers.
	Min    *float64 `json:"min,omitempty"`
	Median *float64 `json:"median,omitempty"`
	Max    *float64 `json:"max,omitempty"`
	// Categories, the most frequent first, 50 of them at most.
	Categories []Share `json:"categories,omitempty"`
	// Constraint is what the owner wants of it.
	Constraint *hone.Constraint `json:"constraint,omitempty"`

	profile *stat.Profile
	sorted  []float64      // At most gridSize quantiles of the numbers.
	counts  map[string]int // Of names.
	present int
	once    int // Names that were there once.
}

// Share is how frequent a value is.
type Share struct {
	Value string  `json:"value"`
	Share float64 `json:"share"`
}

// gridSize bounds what is kept of the distribution of a number.
const gridSize = 2001

// Infer looks at rows, which are in the order of time.
func Infer(m hone.Model, r Rows) *Schema {
	s := &Schema{Rows: r.Frame.N}
	if n := len(r.Times); n > 0 {
		s.Oldest, s.Newest = r.Times[0], r.Times[n-1]
	}
	for i, f := range r.Frame.Schema {
		c := inferColumn(f, r.Frame.Cols[i])
		if limit, ok := m.Validation.Features[f.Name]; ok {
			c.Constraint = &limit
		}
		s.Columns = append(s.Columns, c)
	}
	if m.Task == hone.Regression {
		var all stat.Moments
		for _, l := range r.Labels {
			all.Add(target(l))
		}
		s.Mean, s.SD = all.Mean, math.Sqrt(all.Variance())
		return s
	}
	counts := map[string]int{}
	for _, l := range r.Labels {
		counts[l]++
	}
	s.Labels, s.labels = shares(counts, len(r.Labels)), stat.NewNames(r.Labels)
	return s
}

func inferColumn(f frame.Field, col frame.Column) Column {
	c := Column{Feature: f.Name, Kind: f.Kind}
	n := 0
	if f.Kind == frame.Number {
		n = len(col.Num)
		c.profile = stat.NewNumeric(col.Num)
		c.numbers(col.Num)
	} else {
		n = len(col.Str)
		c.profile = stat.NewNames(col.Str)
		c.counts = map[string]int{}
		for _, v := range col.Str {
			if v != "" {
				c.counts[v]++
				c.present++
			}
		}
		for _, k := range c.counts {
			if k == 1 {
				c.once++
			}
		}
		c.Distinct = len(c.counts)
		if f.Kind == frame.Category {
			c.Categories = shares(c.counts, c.present)
		}
	}
	c.Missing = 1 - float64(c.present)/math.Max(1, float64(n))
	return c
}

func (c *Column) numbers(values []float64) {
	all := finite(values)
	c.present = len(all)
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	for i := range all {
		if i == 0 || all[i] != all[i-1] {
			c.Distinct++
		}
	}
	low, mid, high := all[0], all[len(all)/2], all[len(all)-1]
	c.Min, c.Median, c.Max = &low, &mid, &high
	c.sorted = thin(all, gridSize)
}

func finite(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, x := range values {
		if x-x == 0 {
			out = append(out, x)
		}
	}
	return out
}

// thin keeps evenly many of sorted values, both ends among them.
func thin(sorted []float64, n int) []float64 {
	if len(sorted) <= n {
		return sorted
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = sorted[i*(len(sorted)-1)/(n-1)]
	}
	return out
}

func shares(counts map[string]int, n int) []Share {
	var out []Share
	for v, k := range counts {
		out = append(out, Share{v, float64(k) / math.Max(1, float64(n))})
	}
	slices.SortFunc(out, func(a, b Share) int { return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Value, b.Value)) })
	return out[:min(len(out), 50)]
}

// ks is the largest gap between the distributions of two sorted samples.
func ks(a, b []float64) float64 {
	gap, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		x := math.Min(a[i], b[j])
		for i < len(a) && a[i] <= x {
			i++
		}
		for j < len(b) && b[j] <= x {
			j++
		}
		gap = math.Max(gap, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return gap
}

// outside counts the sorted values below low and above high.
func outside(sorted []float64, low, high float64) int {
	return sort.SearchFloat64s(sorted, low) + len(sorted) - sort.Search(len(sorted), func(i int) bool { return sorted[i] > high })
}

// closed tells whether a feature has the same few values again and again, so that
// another one is news; names of users or of things sold do not.
func (c *Column) closed() bool {
	return c.Kind == frame.Category && c.present >= minRows && c.Distinct <= 200 && c.unheard() <= 0.02
}

// unheard is the chance that the next value is one that was never seen, as I. J.
// Good and A. Turing estimate it (Biometrika 40, 1953).
func (c *Column) unheard() float64 { return float64(c.once) / math.Max(1, float64(c.present)) }
