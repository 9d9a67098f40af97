// Package encode turns the columns of a frame into sparse vectors that linear
// learners add up. What is learned from the vectors is left to them.
package encode

import (
	"fmt"
	"slices"
	"strings"

	"hone/internal/frame"
)

// Limit is the most that a standardised number counts for, in standard
// deviations either way: one absurd value must not own the answer.
const Limit = 5

const (
	dictionary   = 1024 // Category values that get a slot of their own, at most.
	hashed       = 256  // Slots that the other values of a category share.
	pairNumbers  = 12   // Interactions are left out where there are more numbers.
	minFrequency = 2    // Rows in which a value must stand to enter the dictionary.
	minChars     = 2
	maxChars     = 8
	minHashBits  = 4
	maxHashBits  = 24
	maxSlots     = 1 << 28 // Of all text columns together.
)

// Options say what an encoder makes of each column.
type Options struct {
	// HashBits is the logarithm of the slots that each text column gets, 4 to 24.
	HashBits int `json:"hash_bits"`
	// Bigrams also counts pairs of neighbouring words.
	Bigrams bool `json:"bigrams"`
	// CharsMin and CharsMax also count the pieces of a word that have as many
	// characters, 2 to 8, with its ends for one each; 0 counts none.
	CharsMin int `json:"chars_min,omitempty"`
	CharsMax int `json:"chars_max,omitempty"`
	// Squares adds the standardised square of each number.
	Squares bool `json:"squares"`
	// Interactions adds the products of all pairs of numbers, where these are at
	// most 12.
	Interactions bool `json:"interactions"`
}

// Encoder maps rows of one schema to sparse vectors of Width slots. It does not
// change once made, and is safe for concurrent use. It is stored as JSON.
type Encoder struct {
	schema  frame.Schema
	options Options
	columns []column
	pairs   []pair
	width   int
}

// column is what was learned of one field. A moment of a number stands in the
// unit of the data.
type column struct {
	Mean       float64  `json:"mean,omitempty"`
	SD         float64  `json:"sd,omitempty"` // 0 for a constant.
	Square     bool     `json:"square,omitempty"`
	SquareMean float64  `json:"square_mean,omitempty"`
	SquareSD   float64  `json:"square_sd,omitempty"`
	Missing    bool     `json:"missing,omitempty"` // The training rows had missing values.
	Values     []string `json:"values,omitempty"`  // The dictionary, in the order of its slots.

	kind  frame.Kind
	base  int32 // First slot.
	width int32
	slot  map[string]int32
}

// pair is one product of two standardised numbers.
type pair struct {
	A    int     `json:"a"`
	B    int     `json:"b"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// Fit learns an encoder from the rows of f: moments of numbers, frequent values
// of categories, and which columns have missing values. HashBits outside 4 to
// 24 is taken to the nearer bound, and lower where there are very many texts; Chars
// that CharsFit refuses count none.
func Fit(f *frame.Frame, o Options) *Encoder {
	o.HashBits = min(max(o.HashBits, minHashBits), maxHashBits)
	if !CharsFit(o.CharsMin, o.CharsMax) {
		o.CharsMin, o.CharsMax = 0, 0
	}
	for o.HashBits > minHashBits && !fits(f.Schema, o.HashBits) {
		o.HashBits--
	}
	e := &Encoder{schema: slices.Clone(f.Schema), options: o, columns: make([]column, len(f.Schema))}
	for i, field := range f.Schema {
		c := &e.columns[i]
		switch field.Kind {
		case frame.Number:
			c.fitNumber(f.Cols[i].Num, o.Squares)
		case frame.Category:
			c.fitCategory(f.Cols[i].Str)
		default:
			c.Missing = slices.Contains(f.Cols[i].Str, "")
		}
	}
	if o.Interactions {
		e.fitPairs(f)
	}
	e.lay()
	return e
}

// Width is the number of slots: every index that Append gives is below it.
func (e *Encoder) Width() int { return e.width }

// Schema of the rows that the encoder reads. It is not the caller's to change.
func (e *Encoder) Schema() frame.Schema { return e.schema }

// Options the encoder was made with.
func (e *Encoder) Options() Options { return e.options }

// Append adds the slots of one row, and what stands in them, to idx and val and
// returns both. The schema of f must equal Schema. A slot may come twice, and
// then counts for the sum. Once idx and val have room nothing is allocated.
func (e *Encoder) Append(f *frame.Frame, row int, idx []int32, val []float64) ([]int32, []float64) {
	for i := range e.columns {
		c := &e.columns[i]
		switch c.kind {
		case frame.Number:
			idx, val = c.appendNumber(f.Cols[i].Num[row], idx, val)
		case frame.Category:
			idx, val = c.appendCategory(f.Cols[i].Str[row], idx, val)
		default:
			s := f.Cols[i].Str[row]
			if s == "" && c.Missing {
				idx, val = append(idx, c.base), append(val, 1)
			}
			idx, val = appendWords(s, words{
				base: c.base + flag(c.Missing), mask: 1<<e.options.HashBits - 1, bigrams: e.options.Bigrams,
				charsMin: e.options.CharsMin, charsMax: e.options.CharsMax,
			}, idx, val)
		}
	}
	base := int32(e.width - len(e.pairs))
	for i, p := range e.pairs {
		a, okA := e.columns[p.A].standard(f.Cols[p.A].Num[row])
		b, okB := e.columns[p.B].standard(f.Cols[p.B].Num[row])
		if okA && okB {
			idx, val = append(idx, base+int32(i)), append(val, clip((a*b-p.Mean)/p.SD))
		}
	}
	return idx, val
}

func (c *column) appendNumber(x float64, idx []int32, val []float64) ([]int32, []float64) {
	z, ok := c.standard(x)
	if !ok {
		if c.Missing {
			idx, val = append(idx, c.base+c.width-1), append(val, 1)
		}
		return idx, val
	}
	idx, val = append(idx, c.base), append(val, z)
	if c.Square {
		idx, val = append(idx, c.base+1), append(val, clip((z*z-c.SquareMean)/c.SquareSD))
	}
	return idx, val
}

func (c *column) appendCategory(s string, idx []int32, val []float64) ([]int32, []float64) {
	if s == "" {
		if c.Missing {
			idx, val = append(idx, c.base+c.width-1), append(val, 1)
		}
		return idx, val
	}
	at, ok := c.slot[s]
	if !ok {
		at = int32(len(c.Values)) + int32(mix(hashString(offset, s))%hashed)
	}
	return append(idx, c.base+at), append(val, 1)
}

// standard returns x in standard deviations from the mean, and false where x is
// missing.
func (c *column) standard(x float64) (float64, bool) {
	if x-x != 0 { // NaN or an infinity.
		return 0, false
	}
	if c.SD == 0 {
		return 0, true
	}
	return clip((x - c.Mean) / c.SD), true
}

func clip(z float64) float64 {
	if z > Limit {
		return Limit
	}
	if z < -Limit {
		return -Limit
	}
	return z
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// lay gives each column its slots; the interactions come last.
func (e *Encoder) lay() {
	at := int32(0)
	for i := range e.columns {
		c := &e.columns[i]
		c.kind = e.schema[i].Kind
		switch c.kind {
		case frame.Number:
			c.width = 1 + flag(c.Square)
		case frame.Category:
			c.width = int32(len(c.Values)) + hashed
			c.slot = make(map[string]int32, len(c.Values))
			for at, v := range c.Values {
				c.slot[v] = int32(at)
			}
		default:
			c.width = 1 << e.options.HashBits
		}
		c.width += flag(c.Missing)
		c.base = at
		at += c.width
	}
	e.width = int(at) + len(e.pairs)
}

// check tells what makes an encoder read from outside unfit for use.
func (e *Encoder) check() error {
	if len(e.columns) != len(e.schema) {
		return fmt.Errorf("%d columns for %d fields", len(e.columns), len(e.schema))
	}
	if b := e.options.HashBits; b < minHashBits || b > maxHashBits {
		return fmt.Errorf("hash_bits is %d; it is from %d to %d", b, minHashBits, maxHashBits)
	}
	if !CharsFit(e.options.CharsMin, e.options.CharsMax) {
		return fmt.Errorf("chars is %d to %d; both are from %d to %d, or 0", e.options.CharsMin, e.options.CharsMax, minChars, maxChars)
	}
	if !fits(e.schema, e.options.HashBits) {
		return fmt.Errorf("hash_bits is %d, too many for so many text fields", e.options.HashBits)
	}
	for i := range e.columns {
		if err := e.columns[i].check(e.schema[i]); err != nil {
			return fmt.Errorf("field %q: %w", e.schema[i].Name, err)
		}
	}
	for _, p := range e.pairs {
		if p.A < 0 || p.B < 0 || p.A >= len(e.schema) || p.B >= len(e.schema) ||
			e.schema[p.A].Kind != frame.Number || e.schema[p.B].Kind != frame.Number ||
			!finite(p.Mean, p.SD) || p.SD <= 0 {
			return fmt.Errorf("an interaction of fields %d and %d cannot be", p.A, p.B)
		}
	}
	return nil
}

// CharsFit tells whether pieces of least to most characters can be counted; both 0
// asks for none.
func CharsFit(least, most int) bool {
	return least == 0 && most == 0 || minChars <= least && least <= most && most <= maxChars
}

// fits tells whether the slots of all text fields can be counted.
func fits(s frame.Schema, bits int) bool {
	texts := 0
	for _, f := range s {
		if f.Kind == frame.Text {
			texts++
		}
	}
	return texts<<bits <= maxSlots
}

func (c *column) check(f frame.Field) error {
	if f.Kind != frame.Number && f.Kind != frame.Category && f.Kind != frame.Text {
		return fmt.Errorf("kind %q is not known", f.Kind)
	}
	if !finite(c.Mean, c.SD, c.SquareMean, c.SquareSD) || c.SD < 0 || c.Square && c.SquareSD <= 0 {
		return fmt.Errorf("moments are not finite")
	}
	if len(c.Values) > dictionary {
		return fmt.Errorf("a dictionary of %d values; at most %d", len(c.Values), dictionary)
	}
	if !slices.IsSortedFunc(c.Values, strings.Compare) || slices.Contains(c.Values, "") ||
		len(slices.Compact(slices.Clone(c.Values))) != len(c.Values) {
		return fmt.Errorf("the dictionary is not in order")
	}
	return nil
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if x-x != 0 {
			return false
		}
	}
	return true
}
