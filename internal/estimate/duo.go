package estimate

import (
	"cmp"
	"slices"
)

// duo is trees, and on top of them tables of two columns: trees do not see what
// shows only where both are known, for no first split tells anything.
type duo struct {
	learner
	coarse [][maxCodes]uint8 // Of each column: the coarse code of each code.
	tables []pairTable
}

// pairTable adds to a row what its coarse codes in two columns say.
type pairTable struct {
	a, b int
	add  [pairCodes * pairCodes]float64
}

func newDuo(t *Table, y []float64) *duo {
	use := make([]bool, t.n)
	for i := range use {
		use[i] = true
	}
	f := newFitting(t, y, use, true)
	for range jointTrees {
		f.step()
	}
	d := &duo{learner: f.learner}
	for c := range t.cols {
		d.coarse = append(d.coarse, coarsen(t, c))
	}
	f.slopes()
	pairs := d.screen(f)
	for range pairRounds {
		if !d.grow(f, pairs) {
			break
		}
		f.slopes()
	}
	return d
}

// slopes are those of the loss at what is said now.
func (f *fitting) slopes() {
	for i := range f.raw {
		f.g[i], f.h[i] = slope(f.raw[i], f.y[i], f.logistic)
	}
}

// coarsen puts the codes of a column into four of about as many rows, in their
// order for numbers, the most frequent ones apart for names; what is missing stays.
func coarsen(t *Table, c int) (of [maxCodes]uint8) {
	var rows [maxCodes]int
	all := 0
	for _, code := range t.cols[c] {
		if code != missingCode {
			rows[code]++
			all++
		}
	}
	of[missingCode] = pairCodes - 1
	if t.bins.names[c] != nil {
		order := make([]int, missingCode)
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[b], rows[a]) })
		for rank, code := range order {
			of[code] = uint8(min(rank, pairCodes-2))
		}
		return of
	}
	below := 0
	for code := range missingCode {
		middle := below + rows[code]/2
		of[code] = uint8(min(middle*(pairCodes-1)/max(all, 1), pairCodes-2))
		below += rows[code]
	}
	return of
}

// screen finds the pairs of columns that say most beyond what each says by itself.
func (d *duo) screen(f *fitting) [][2]int {
	cols := len(d.coarse)
	step := 1 + cols*cols/2*f.t.n/pairWork // Of very many columns fewer rows are looked at.
	type found struct {
		a, b int
		gain float64
	}
	var all []found
	for a := range cols {
		for b := a + 1; b < cols; b++ {
			cells := d.sums(f, a, b, step)
			if gain := beyond(cells); gain > 0 {
				all = append(all, found{a, b, gain})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y found) int { return cmp.Compare(y.gain, x.gain) })
	var out [][2]int
	for _, p := range all[:min(len(all), jointPairs)] {
		out = append(out, [2]int{p.a, p.b})
	}
	return out
}

func (d *duo) sums(f *fitting, a, b, step int) (cells [pairCodes * pairCodes]cell) {
	x, y, of, by := f.t.cols[a], f.t.cols[b], &d.coarse[a], &d.coarse[b]
	for i := 0; i < f.t.n; i += step {
		cells[of[x[i]]*pairCodes+by[y[i]]].add(cell{f.g[i], f.h[i], 1})
	}
	return cells
}

func pairWorth(c cell) float64 { return c.g * c.g / (c.h + pairRidge) }

// beyond is what the cells of a table gain over its rows and columns.
func beyond(cells [pairCodes * pairCodes]cell) (gain float64) {
	var rows, cols [pairCodes]cell
	for k, c := range cells {
		gain += pairWorth(c)
		rows[k/pairCodes].add(c)
		cols[k%pairCodes].add(c)
	}
	for k := range rows {
		gain -= pairWorth(rows[k]) + pairWorth(cols[k])
	}
	return gain
}

// grow adds the table that gains most.
func (d *duo) grow(f *fitting, pairs [][2]int) bool {
	var best pairTable
	var cells [pairCodes * pairCodes]cell
	top := 0.0
	for _, p := range pairs {
		got, gain := d.sums(f, p[0], p[1], 1), 0.0
		for _, c := range got {
			gain += pairWorth(c)
		}
		if gain > top {
			best, cells, top = pairTable{a: p[0], b: p[1]}, got, gain
		}
	}
	if top == 0 {
		return false
	}
	for k, c := range cells {
		best.add[k] = -pairRate * c.g / (c.h + pairRidge)
	}
	for i := range f.raw {
		f.raw[i] += d.of(&best, f.t, i)
	}
	d.tables = append(d.tables, best)
	return true
}

func (d *duo) of(p *pairTable, t *Table, row int) float64 {
	return p.add[d.coarse[p.a][t.cols[p.a][row]]*pairCodes+d.coarse[p.b][t.cols[p.b][row]]]
}

// score is the logarithm of the odds of some rows.
func (d *duo) score(t *Table, rows []int) []float64 {
	out := make([]float64, len(rows))
	for k, i := range rows {
		raw := d.raw(t, i)
		for p := range d.tables {
			raw += d.of(&d.tables[p], t, i)
		}
		out[k] = raw
	}
	return out
}

// uses tells whether a column has a part in the answer.
func (d *duo) uses(col int) bool {
	for i := range d.trees {
		for _, s := range d.trees[i].split {
			if s.col == col {
				return true
			}
		}
	}
	return slices.ContainsFunc(d.tables, func(p pairTable) bool { return p.a == col || p.b == col })
}
