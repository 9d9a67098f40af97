// Package stat has the statistics of the loop: how a feature is distributed and
// whether it moved, whether one model beats another, whether a canary harms.
// It decides nothing: which threshold counts, and what follows, is for the stages.
package stat

import (
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	"hone/internal/stat/distance"
)

// Profile is the reference distribution of one feature on bins that stay fixed
// as long as the reference does. Numbers with more than 32 distinct values are
// binned at the deciles of the reference, with a bin under and one over its
// range; other numbers, and names, have a bin for each frequent value and one
// "other" that rare and unseen values share. Treat it as read-only: then many
// goroutines may use it. Every field survives JSON exactly.
type Profile struct {
	Kind  string    `json:"kind"`            // How values are binned: "quantiles", "values" or "names".
	Edges []float64 `json:"edges,omitempty"` // Inner edges of the deciles, rising.
	Fine  []float64 `json:"fine,omitempty"`  // Inner edges of up to 60 quantile bins; they include Edges.
	Keys  []float64 `json:"keys,omitempty"`  // Numbers with a bin of their own, rising.
	Names []string  `json:"names,omitempty"` // Names with a bin of their own, the most frequent first.
	Rare  []string  `json:"rare,omitempty"`  // The other names of the reference, in order, where Known.
	Known bool      `json:"known,omitempty"` // Rare lists them all: they are at most 1,000.

	Ref     []int `json:"ref"`     // Reference values in each fine bin.
	Missing int   `json:"missing"` // Reference values that were missing.

	// Of the finite numbers; all zero for names and where there are none.
	Mean   float64 `json:"mean"`
	SD     float64 `json:"sd"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`

	// Dispersion is what the reference shows of serial correlation, the longest
	// chunks first. It is empty, which means unknown, where the reference has
	// fewer than ten chunks of 50 values or never varies.
	Dispersion []Dispersion `json:"dispersion,omitempty"`
	// MissingDispersion is the same for whether a value is missing at all.
	MissingDispersion []Dispersion `json:"missing_dispersion,omitempty"`
	// Season is what the reference looks like in each hour of the week; nil where
	// that is not known.
	Season *Season `json:"season,omitempty"`
}

// Bin is one bin of a profile with what the reference and a window have in it.
type Bin struct {
	Label string `json:"label"`
	Ref   int    `json:"ref"`
	Cur   int    `json:"cur"`
}

const (
	kindQuantiles = "quantiles"
	kindValues    = "values"
	kindNames     = "names"

	maxDistinct = 32  // Numbers with more distinct values than this are binned by quantile.
	maxNames    = 256 // At most this many names get a bin of their own.
	maxRare     = 1000
)

// Profiler makes profiles, one after the other, and keeps the memory that this
// takes for the next one. The zero value is ready; it is not safe for use by
// several goroutines.
type Profiler struct {
	sorter distance.Sorter
	sorted []float64
	at     []int32
	cells  []int
	shares []float64
	chunks []chunk
}

// NewNumeric profiles numbers in the order in which they arrived; the order
// matters only for Dispersion. NaN and infinities are missing.
func NewNumeric(values []float64) *Profile { return new(Profiler).Numeric(values) }

// NewNames profiles names, such as categories, in the order in which they
// arrived; the order matters only for Dispersion. The empty name is missing.
func NewNames(values []string) *Profile { return new(Profiler).Names(values) }

// Numeric is NewNumeric. The values stay the caller's, as they are.
func (s *Profiler) Numeric(values []float64) *Profile {
	p := &Profile{Kind: kindValues}
	sorted, at := slices.Grow(s.sorted[:0], len(values)), s.room(len(values))
	for i, x := range values {
		if at[i] = 1; x-x == 0 { // Finite.
			at[i] = 0
			sorted = append(sorted, x+0) // -0 becomes 0.
		}
	}
	s.sorted = sorted
	p.Missing = len(values) - len(sorted)
	p.MissingDispersion = s.dispersion(at, 2, nil)
	s.sorter.Sort(sorted)
	p.summarise(sorted)
	if keys, few := frequentNumbers(sorted); few {
		p.Keys = keys
	} else {
		p.Kind = kindQuantiles
		p.Edges = innerQuantiles(sorted, 10, nil)
		p.Fine = innerQuantiles(sorted, 60, p.Edges)
	}
	p.Ref = make([]int, p.size())
	toCoarse, coarse := p.coarseMap()
	find, n := newFinder(p), 0
	for _, x := range values {
		if x-x == 0 {
			b := find.bin(x)
			p.Ref[b]++
			at[n] = int32(toCoarse[b])
			n++
		}
	}
	p.Dispersion = s.dispersion(at[:n], coarse, nil)
	return p
}

// Names is NewNames.
func (s *Profiler) Names(values []string) *Profile {
	p := &Profile{Kind: kindNames}
	counts, at, n := map[string]int{}, s.room(len(values)), 0
	for i, v := range values {
		if at[i] = 1; v != "" {
			at[i] = 0
			counts[v]++
			n++
		}
	}
	p.Missing = len(values) - n
	p.MissingDispersion = s.dispersion(at, 2, nil)
	p.Names = frequentNames(counts, n)
	p.Ref = make([]int, p.size())
	index := p.index()
	n = 0
	for _, v := range values {
		if v == "" {
			continue
		}
		b, ok := index[v]
		if !ok {
			b = len(p.Names)
		}
		p.Ref[b]++
		at[n] = int32(b)
		n++
	}
	p.Rare, p.Known = rareNames(counts, index)
	p.Dispersion = s.dispersion(at[:n], len(p.Ref), nil)
	return p
}

// room has a place for each of so many values.
func (s *Profiler) room(n int) []int32 {
	s.at = slices.Grow(s.at[:0], n)[:n]
	return s.at
}

// Window returns an empty counter on the profile's bins.
func (p *Profile) Window() *Counts {
	return &Counts{Bins: make([]int, p.size()), On: p.fingerprint(), profile: p, find: newFinder(p), step: p.step(), index: p.index()}
}

// Bins returns the bins of the chi-squared test and of PSI in order, with the
// counts of the reference and of a window, for people to look at. A nil window,
// or one counted on another profile's bins, counts as empty.
func (p *Profile) Bins(c *Counts) []Bin {
	if len(p.Ref) != p.size() {
		return nil
	}
	labels := p.labels()
	out, cur := make([]Bin, len(labels)), make([]int, len(labels))
	if p.fits(c) {
		cur = p.coarse(c.Bins)
	}
	for i, r := range p.coarse(p.Ref) {
		out[i] = Bin{Label: labels[i], Ref: r, Cur: cur[i]}
	}
	return out
}

func (p *Profile) labels() []string {
	text := func(x float64) string { return strconv.FormatFloat(x, 'g', 5, 64) }
	switch p.Kind {
	case kindNames:
		return append(slices.Clone(p.Names), "other")
	case kindValues:
		var out []string
		for _, k := range p.Keys {
			out = append(out, strconv.FormatFloat(k, 'g', -1, 64))
		}
		return append(out, "other")
	}
	out := []string{"< " + text(p.Min)}
	from := p.Min
	for _, e := range append(slices.Clone(p.Edges), p.Max) {
		out = append(out, text(from)+" to "+text(e))
		from = e
	}
	return append(out, "> "+text(p.Max))
}

// size is the number of fine bins.
func (p *Profile) size() int {
	switch p.Kind {
	case kindQuantiles:
		return len(p.Fine) + 3 // Under, one more than inner edges, over.
	case kindValues:
		return 2*len(p.Keys) + 1 // Each key, and the gaps around the keys.
	}
	return len(p.Names) + 1
}

// coarseMap gives the coarse bin of each fine bin, and how many there are. Fine
// bins serve the binned KS only; coarse ones the test, PSI and JS.
func (p *Profile) coarseMap() (of []int, n int) {
	of = make([]int, p.size())
	switch p.Kind {
	case kindQuantiles:
		c := 1
		for i := 1; i <= len(p.Fine)+1; i++ {
			of[i] = c
			if i <= len(p.Fine) && c <= len(p.Edges) && p.Fine[i-1] == p.Edges[c-1] {
				c++
			}
		}
		of[len(of)-1] = len(p.Edges) + 2
		return of, len(p.Edges) + 3
	case kindValues:
		for i := range of {
			of[i] = len(p.Keys)
			if i%2 == 1 {
				of[i] = i / 2
			}
		}
		return of, len(p.Keys) + 1
	}
	for i := range of {
		of[i] = i
	}
	return of, len(of)
}

func (p *Profile) coarse(fine []int) []int {
	of, n := p.coarseMap()
	out := make([]int, n)
	for i, c := range fine {
		out[of[i]] += c
	}
	return out
}

func (p *Profile) index() map[string]int {
	if p.Kind != kindNames {
		return nil
	}
	m := make(map[string]int, len(p.Names)+len(p.Rare))
	for i, s := range p.Names {
		m[s] = i
	}
	for _, s := range p.Rare {
		m[s] = len(p.Names)
	}
	return m
}

// fingerprint tells bins apart: counters on equal bins have equal ones.
func (p *Profile) fingerprint() uint32 {
	h := fnv.New32a()
	h.Write([]byte(p.Kind))
	for _, x := range slices.Concat(p.Edges, p.Fine, p.Keys, []float64{p.Min, p.Max}) {
		b := math.Float64bits(x)
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24), byte(b >> 32), byte(b >> 40), byte(b >> 48), byte(b >> 56)})
	}
	for _, s := range p.Names {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return h.Sum32()
}

// summarise takes the finite values, sorted. It scales by the largest, so that
// no square overflows.
func (p *Profile) summarise(sorted []float64) {
	n := len(sorted)
	if n == 0 {
		return
	}
	p.Min, p.Max, p.Median = sorted[0], sorted[n-1], quantile(sorted, 0.5)
	scale := max(math.Abs(p.Min), math.Abs(p.Max))
	if scale == 0 {
		return
	}
	var m Moments
	for _, x := range sorted {
		m.Add(x / scale)
	}
	p.Mean = m.Mean * scale
	p.SD = min(math.Sqrt(m.Variance())*scale, math.MaxFloat64)
}

// own is the reference count from which a value gets a bin of its own.
func own(n int) float64 { return max(5, min(20, float64(n)/50)) }

// frequentNumbers returns the values that get a bin of their own. It reports
// false where there are too many distinct values for that.
func frequentNumbers(sorted []float64) ([]float64, bool) {
	var keys []float64
	distinct := 0
	for i, j := 0, 0; i < len(sorted); i = j {
		for j = i; j < len(sorted) && sorted[j] == sorted[i]; j++ {
		}
		if distinct++; distinct > maxDistinct {
			return nil, false
		}
		if float64(j-i) >= own(len(sorted)) {
			keys = append(keys, sorted[i])
		}
	}
	return keys, true
}

func frequentNames(counts map[string]int, n int) []string {
	names := make([]string, 0, len(counts))
	for s, c := range counts {
		if float64(c) >= own(n) {
			names = append(names, s)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
	return names[:min(len(names), maxNames)]
}

// rareNames lists the names that have no bin of their own, unless they are so many
// that ever new ones are to be expected.
func rareNames(counts map[string]int, own map[string]int) ([]string, bool) {
	if len(counts)-len(own) > maxRare {
		return nil, false
	}
	var out []string
	for s := range counts {
		if _, ok := own[s]; !ok {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out, true
}

// innerQuantiles returns the distinct i/n quantiles strictly inside the range,
// together with the edges given.
func innerQuantiles(sorted []float64, n int, with []float64) []float64 {
	lo, hi := sorted[0], sorted[len(sorted)-1]
	out := slices.Clone(with)
	for i := 1; i < n; i++ {
		if q := quantile(sorted, float64(i)/float64(n)); q > lo && q < hi {
			out = append(out, q)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// quantile interpolates linearly between order statistics, rounding as numpy
// does; the conversions keep a compiler from fusing the products into sums.
func quantile(sorted []float64, q float64) float64 {
	at := float64(len(sorted)-1) * q
	i := int(at)
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	a, b, t := sorted[i], sorted[i+1], at-float64(i)
	d := b - a
	if math.IsInf(d, 0) {
		return float64(a*(1-t)) + float64(b*t)
	}
	if t >= 0.5 {
		return b - float64(d*(1-t))
	}
	return a + float64(d*t)
}
