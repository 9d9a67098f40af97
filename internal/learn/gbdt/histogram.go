package gbdt

// sums are the first and second derivatives of some rows' loss, added up: the
// first, signed, in the upper half and the second, never negative, in the lower.
// Both are whole numbers of a unit, chosen for each tree so that no half can
// overflow, and rounded up or down by chance, so that they are right on average
// (Shi et al., Quantized Training of Gradient Boosting Decision Trees, NeurIPS
// 2022). Whole numbers add up to the same in any order: a model does not depend on
// how many threads grew it.
type sums int64

func (s sums) first() float64  { return float64(int32(s >> 32)) }
func (s sums) second() float64 { return float64(uint32(s)) }

// histogram holds the sums of a column's bins.
type histogram [maxBins]sums

// derivatives of the loss of each row, of one output.
type derivatives struct {
	first, second []float32
	packed        []sums
	// What the whole numbers count.
	firstUnit, secondUnit float64
}

func newDerivatives(n int) *derivatives {
	return &derivatives{first: make([]float32, n), second: make([]float32, n), packed: make([]sums, n)}
}

// pack rounds the derivatives. Their absolute sums, and a step for each row, must
// fit into half a word.
func (d *derivatives) pack(threads int, turn uint64) {
	n := len(d.first)
	a, b := blocked(threads, n, func(from, to int) (a, b float64) {
		for i := from; i < to; i++ {
			x := float64(d.first[i])
			if x < 0 {
				x = -x
			}
			a += x
			b += float64(d.second[i])
		}
		return a, b
	})
	up := (1<<31 - 2 - float64(n)) / max(a, 1e-300)
	down := (1<<32 - 2 - float64(n)) / max(b, 1e-300)
	if down > 1 {
		down = float64(uint64(min(down, 1<<40))) // A second derivative of 1 is then exact.
	}
	up = min(up, 1e300)
	d.firstUnit, d.secondUnit = 1/up, 1/down
	blocked(threads, n, func(from, to int) (float64, float64) {
		for i := from; i < to; i++ {
			chance := (uint64(i) + turn<<32 + 1) * 0x9e3779b97f4a7c15
			chance ^= chance >> 29
			chance *= 0xbf58476d1ce4e5b9
			first := floor(float64(d.first[i])*up + float64(chance>>40)/(1<<24))
			second := floor(float64(d.second[i])*down + float64(chance<<24>>40)/(1<<24))
			d.packed[i] = sums(first<<32 + second)
		}
		return 0, 0
	})
}

// floor of what is well within a word, faster than by way of a float.
func floor(x float64) int64 {
	n := int64(x)
	if float64(n) > x {
		n--
	}
	return n
}

// ahead is what the rows to be counted next are fetched into.
type ahead struct {
	packed [32]sums
	first  [32]uint8
}

// count adds rows to the histograms of all columns. It fetches some rows ahead, all
// at once rather than each when its turn comes: most of them are in no cache. Four
// columns are added at a time, which halves the work of one by one.
func (m *matrix) count(h []histogram, rows []int32, packed []sums) {
	a, width := new(ahead), len(m.columns)
	for len(rows) > 0 {
		some := rows[:min(len(rows), len(a.packed))]
		rows = rows[len(some):]
		for i, r := range some {
			a.packed[i], a.first[i] = packed[r], m.bins[int(r)*width]
		}
		for i, r := range some {
			add(h, m.row(int(r)), a.packed[i])
		}
	}
}

// add counts one row.
func add(h []histogram, bins []uint8, p sums) {
	for len(bins) >= 4 && len(h) >= 4 {
		b, to := (*[4]uint8)(bins), (*[4]histogram)(h)
		to[0][b[0]] += p
		to[1][b[1]] += p
		to[2][b[2]] += p
		to[3][b[3]] += p
		bins, h = bins[4:], h[4:]
	}
	h = h[:len(bins)]
	for c, b := range bins {
		h[c][b] += p
	}
}

// countSome adds rows to the histograms of some columns.
func (m *matrix) countSome(h []histogram, rows []int32, packed []sums, columns []int) {
	for _, r := range rows {
		p, bins := packed[r], m.row(int(r))
		for _, c := range columns {
			h[c][bins[c]] += p
		}
	}
}
