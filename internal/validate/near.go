package validate

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"

	"hone"
	"hone/internal/frame"
)

// Rows nearly repeat one another when their categories are equal, no number is
// farther apart than a hundredth of its usual spread, and their texts share seven
// tenths of what is in them. Where rows lie close by chance, still more lie a
// little farther apart: three times as many in a ring of four times the width, in
// one dimension, and more in several. Copies have no such ring.
const (
	nearStep  = 0.01
	nearText  = 0.3
	nearRing  = 4.0
	nearWide  = 32 // Steps to a cell of a grid.
	nearGrids = 8
	nearChain = 32 // Rows of one cell that a row is held against: the time is linear.
	nearMany  = 8  // Rows that one is close to, as copies are not.
	nearWarn  = 0.005
	nearLeast = 10
	heldWarn  = 0.01
	heldLeast = 5
)

// near are pairs of rows that are close, and how many are in the ring. Of each pair
// the later row is the copy.
type near struct {
	pairs [][2]int32
	ring  int
	rows  map[int]bool
}

func (n *near) add(i, j int, far float64) {
	if far > 1 {
		n.ring++
		return
	}
	n.pairs = append(n.pairs, [2]int32{int32(i), int32(j)})
}

// settle leaves out rows that are close to many: these are of one form, such as
// texts that a program writes, and no copies.
func (n *near) settle() {
	partners := map[int32]int{}
	for _, p := range n.pairs {
		partners[p[0]]++
		partners[p[1]]++
	}
	n.pairs = slices.DeleteFunc(n.pairs, func(p [2]int32) bool { return partners[p[0]] > nearMany || partners[p[1]] > nearMany })
	n.rows = map[int]bool{}
	for _, p := range n.pairs {
		n.rows[int(p[0])] = true
	}
}

// stands tells whether more pairs are close than the ring has it.
func (n near) stands() bool {
	chance := float64(n.ring) / (nearRing - 1)
	return float64(len(n.pairs)) > 2*chance+8*math.Sqrt(chance)
}

// alike finds pairs of rows that nearly repeat one another, and those of them that
// have the first row before a cut and the other after it. Rows that are equal are
// one: that single rows are equal says nothing where features have few values.
func alike(f *frame.Frame, cut int) (all, across near) {
	p := newPoints(f)
	r := rand.New(rand.NewPCG(1, 0x6e656172))
	keys := make([][]uint64, nearGrids)
	before := make([]int32, f.N)
	for g := range keys {
		keys[g] = p.cells(r, g)
		last := make(map[uint64]int32, f.N)
		for _, i := range p.rows {
			key := keys[g][i]
			j, ok := last[key]
			if !ok {
				j = -1
			}
			before[i], last[key] = j, int32(i)
			for n := 0; j >= 0 && n < nearChain; n, j = n+1, before[j] {
				if met(keys[:g], i, int(j)) {
					continue
				}
				if far := p.far(i, int(j)); far <= nearRing {
					all.add(i, int(j), far)
					if int(j) < cut && i >= cut {
						across.add(i, int(j), far)
					}
				}
			}
		}
	}
	all.settle()
	across.settle()
	return all, across
}

// met tells whether two rows shared a cell in an earlier grid.
func met(keys [][]uint64, i, j int) bool {
	return slices.ContainsFunc(keys, func(k []uint64) bool { return k[i] == k[j] })
}

// points are rows made to be compared: numbers in spreads, far ones in logarithms;
// a hash of the categories and of what is missing; texts as sketches.
type points struct {
	rows   []int // The first of those that are equal.
	num    [][]float64
	exact  []uint64
	sketch [][]uint32
}

func newPoints(f *frame.Frame) *points {
	p := &points{exact: make([]uint64, f.N)}
	seed := maphash.MakeSeed()
	mix := func(i int, v uint64) { p.exact[i] = (p.exact[i]^v)*0x9E3779B97F4A7C15 + 1 }
	for c, field := range f.Schema {
		col := f.Cols[c]
		switch field.Kind {
		case frame.Number:
			u := spreads(col.Num)
			for i := range u {
				if u[i] != u[i] {
					u[i] = 0
					mix(i, uint64(c))
				}
			}
			p.num = append(p.num, u)
		case frame.Text:
			if p.sketch == nil {
				p.sketch = make([][]uint32, f.N)
			}
			for i, s := range col.Str {
				p.sketch[i] = sketched(p.sketch[i], s)
			}
		default:
			for i, s := range col.Str {
				mix(i, maphash.String(seed, s))
			}
		}
	}
	seen := map[uint64]bool{}
	for i, b := range f.EncodeRows() {
		if h := maphash.Bytes(seed, b); !seen[h] {
			seen[h] = true
			p.rows = append(p.rows, i)
		}
	}
	return p
}

// spreads are numbers less their median, in units of their usual spread; where they
// are many times that, steps are as many shares of the number itself.
func spreads(x []float64) []float64 {
	sorted := finite(x)
	slices.Sort(sorted)
	out := make([]float64, len(x))
	if len(sorted) == 0 {
		for i := range out {
			out[i] = math.NaN()
		}
		return out
	}
	at := func(q float64) float64 { return sorted[int(q*float64(len(sorted)-1))] }
	middle, spread := at(0.5), (at(0.75)-at(0.25))/1.35
	if spread <= 0 {
		spread = (sorted[len(sorted)-1] - sorted[0]) / 6
	}
	if spread <= 0 {
		spread = 1
	}
	for i, v := range x {
		if out[i] = math.Asinh((v - middle) / spread); v-v != 0 {
			out[i] = math.NaN()
		}
	}
	return out
}

const (
	sketchBins = 32
	shingle    = 4
)

// sketched adds the pieces of a text, four bytes long, to a sketch by one
// permutation: the share of bins in which two sketches agree is about the share of
// pieces that two texts share (P. Li, A. Owen, C.-H. Zhang, 2012).
func sketched(s []uint32, text string) []uint32 {
	if s == nil {
		s = make([]uint32, sketchBins)
		for i := range s {
			s[i] = math.MaxUint32
		}
	}
	text = " " + text + " "
	for i := 0; i+shingle <= len(text); i++ {
		h := uint64(14695981039346656037)
		for k := range shingle {
			h = (h ^ uint64(text[i+k])) * 1099511628211
		}
		h ^= h >> 29
		h *= 0xBF58476D1CE4E5B9
		h ^= h >> 32
		bin := h % sketchBins
		s[bin] = min(s[bin], uint32(h>>32))
	}
	return s
}

// cells are the cells of all rows in a grid that is laid anew, and of texts a few
// bins of their sketch.
func (p *points) cells(r *rand.Rand, grid int) []uint64 {
	out := slices.Clone(p.exact)
	mix := func(i int, v uint64) { out[i] = (out[i]^v)*0x9E3779B97F4A7C15 + out[i]>>31 }
	const wide = nearStep * nearWide
	for _, u := range p.num {
		shift := r.Float64()
		for i, x := range u {
			mix(i, uint64(int64(math.Floor(x/wide+shift))))
		}
	}
	for i, s := range p.sketch {
		for k := range 3 {
			mix(i, uint64(s[(3*grid+k)%sketchBins]))
		}
	}
	return out
}

// far is how many steps two rows are apart.
func (p *points) far(i, j int) float64 {
	if p.exact[i] != p.exact[j] {
		return math.Inf(1)
	}
	most := 0.0
	for _, u := range p.num {
		if d := math.Abs(u[i]-u[j]) / nearStep; d > most {
			if most = d; most > nearRing {
				return most
			}
		}
	}
	if p.sketch == nil {
		return most
	}
	same, of := 0, 0
	for k, a := range p.sketch[i] {
		if b := p.sketch[j][k]; a != math.MaxUint32 || b != math.MaxUint32 {
			if of++; a == b {
				same++
			}
		}
	}
	if of == 0 {
		return most
	}
	return math.Max(most, (1-float64(same)/float64(of))/nearText)
}

// Copies are the held-out rows, the newest so many, that repeat a row to train on,
// nearly, or that were brought twice: what they measure the model has learnt.
func Copies(r Rows, held int) []int {
	_, across := alike(r.Frame, r.Frame.N-held)
	return copies(r, held, across, twice(r))
}

func copies(r Rows, held int, across near, again []bool) (out []int) {
	cut := r.Frame.N - held
	keys := rowKeys(r)
	known := map[uint64]bool{}
	for _, k := range keys[:cut] {
		known[k] = true
	}
	stands := across.stands()
	for i := cut; i < r.Frame.N; i++ {
		if stands && across.rows[i] || again[i] && known[keys[i]] {
			out = append(out, i)
		}
	}
	if len(out) < heldLeast || float64(len(out)) < heldWarn*float64(held) {
		return nil
	}
	return out
}

// nearly finds rows that nearly repeat others, and among those held out the ones
// that repeat rows to train on.
func nearly(r Rows, held int) (out []finding) {
	if r.Frame.N < minRows {
		return nil
	}
	cut := r.Frame.N - held
	all, across := alike(r.Frame, cut)
	if share := float64(len(all.rows)) / float64(r.Frame.N); all.stands() && len(all.rows) >= nearLeast && share >= nearWarn {
		out = append(out, finding{rule: "near_duplicates", level: hone.Warns, value: share, limit: nearWarn,
			sentence: fmt.Sprintf("%d rows, %s, nearly repeat others: they differ in next to nothing.", len(all.rows), percent(share))})
	}
	if held == 0 {
		return out
	}
	if at := copies(r, held, across, twice(r)); len(at) > 0 {
		share := float64(len(at)) / float64(held)
		out = append(out, finding{rule: "holdout_duplicates", level: hone.Warns, value: share, limit: heldWarn,
			sentence: fmt.Sprintf("%d held-out rows, %s of them, repeat rows to train on, or nearly do: candidates look better on them than they are.", len(at), percent(share))})
	}
	return out
}
