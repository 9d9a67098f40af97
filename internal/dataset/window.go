package dataset

import (
	"fmt"
	"math"
	"slices"
)

// Proxy trains a cheap model on the first rows and returns its loss on each of
// the others. It stands for the trainer while windows are compared.
type Proxy func(train, test Rows, classes []string) ([]float64, error)

// maxProxyRows bounds what a proxy is trained on: longer windows are thinned
// evenly.
const maxProxyRows = 20000

// chooseWindow picks how many of the newest rows to train on by forward
// validation: a proxy is trained on windows of several lengths, without the
// newest rows, and asked about those; the longest window wins that is not more
// than one standard error worse than the best.
func chooseWindow(n Need, rows Rows, classes []string, proxy Proxy) (int, string, error) {
	if w, ok := fixedWindow(n.Model.Dataset.Window, rows.Len()); ok {
		return w, "fixed", nil
	}
	test := min(max(rows.Len()/10, 50), 1000)
	if n.Suffix > 0 {
		test = min(test, max(n.Suffix/4, 50))
	}
	if rows.Len() < 4*test || proxy == nil {
		return rows.Len(), "all: too few rows to compare windows", nil
	}
	cut := rows.Len() - test
	var losses [][]float64
	lengths := windowLengths(n, cut)
	for _, w := range lengths {
		l, err := proxy(thin(rows.Slice(cut-w, cut)), rows.Slice(cut, rows.Len()), classes)
		if err != nil {
			l = nil // Such as one class only: this window is out of the choice.
		}
		losses = append(losses, l)
	}
	best := pick(losses)
	if best < 0 {
		return rows.Len(), "all: no window could be compared", nil
	}
	w := lengths[best] + test
	if lengths[best] == cut {
		w = rows.Len()
	}
	return w, fmt.Sprintf("forward validation of %d windows on %d rows", len(lengths), test), nil
}

// windowLengths are the windows that are compared, longest first.
func windowLengths(n Need, rows int) []int {
	set := map[int]bool{rows: true}
	for w := 250; w < rows; w *= 2 {
		set[w] = true
	}
	if n.Suffix > 0 {
		hold := min(max(n.Suffix/5, minSuffixOut), maxSuffixOut)
		for _, w := range []int{n.Suffix - 2*hold, n.Suffix - hold, 2 * n.Suffix} {
			if w >= 100 && w < rows {
				set[w] = true
			}
		}
	}
	var out []int
	for w := range set {
		out = append(out, w)
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out
}

// Pick returns the first (longest) window whose paired loss is at most one
// standard error above that of the best, or -1. Rows whose loss is not known
// under every window, such as those without a price, are left out.
func pick(losses [][]float64) int {
	losses = known(losses)
	best := -1
	for i, l := range losses {
		if len(l) > 0 && (best < 0 || mean(l) < mean(losses[best])) {
			best = i
		}
	}
	if best < 0 {
		return -1
	}
	for i, l := range losses {
		if len(l) == 0 {
			continue
		}
		var sum, square float64
		for k := range l {
			d := l[k] - losses[best][k]
			sum += d
			square += d * d
		}
		n := float64(len(l))
		se := math.Sqrt(math.Max(square/n-(sum/n)*(sum/n), 0) / n)
		if sum/n <= se {
			return i
		}
	}
	return best
}

// known keeps the rows that have a finite loss under every window that was
// compared; nil stands for one that could not be.
func known(losses [][]float64) [][]float64 {
	out := make([][]float64, len(losses))
	rows := 0
	for _, l := range losses {
		rows = max(rows, len(l))
	}
	for row := range rows {
		if slices.ContainsFunc(losses, func(l []float64) bool { return l != nil && (math.IsNaN(l[row]) || math.IsInf(l[row], 0)) }) {
			continue
		}
		for i, l := range losses {
			if l != nil {
				out[i] = append(out[i], l[row])
			}
		}
	}
	return out
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

func thin(r Rows) Rows {
	step := (r.Len() + maxProxyRows - 1) / maxProxyRows
	if step <= 1 {
		return r
	}
	var rows []int
	for i := 0; i < r.Len(); i += step {
		rows = append(rows, i)
	}
	return r.Pick(rows)
}
