package validate

import (
	"math"
	"slices"

	"hone"
	"hone/internal/frame"
)

const (
	cardBins  = 16
	cardPrior = 20.0 // Rows' worth of doubt of each bin.
)

// carded are the answers of a scorecard: what the values of each feature say of the
// class, added up as if features said it independently of one another. Where the
// signal is weak and features are many it says more than a fitted model. As crossed,
// it answers for no user out of their own labels; nil where labels are numbers.
func carded(m hone.Model, old, now Rows) *Answers {
	a := &Answers{Classes: classes(m, slices.Concat(old.Labels, now.Labels))}
	k := len(a.Classes)
	if m.Task == hone.Regression || k < 2 || m.Task == hone.Binary && k != 2 {
		return nil
	}
	sig := hone.Signature{Task: m.Task, Classes: a.Classes}
	all := joined(old, now)
	c := card{k: k, from: all.Frame.N - now.Frame.N, class: make([]int, all.Frame.N), fold: make([]int, all.Frame.N)}
	for i, l := range all.Labels {
		c.class[i], c.fold[i] = int(sig.Target(l)), folds
		if i >= c.from {
			c.fold[i] = foldOf(now, i-c.from)
		}
	}
	c.says = make([]float64, now.Frame.N*k)
	c.add(make([]int, all.Frame.N), 1, 0) // How frequent each class is.
	for f, field := range all.Frame.Schema {
		if field.Kind != frame.Text {
			bins, n := binned(all.Frame.Cols[f], field.Kind)
			c.add(bins, n, cardPrior)
		}
	}
	a.Scores = hone.Scores{Width: sig.Width()}
	for i := range now.Frame.N {
		p := softmax(c.says[i*k : (i+1)*k])
		if m.Task == hone.Binary {
			p = p[1:]
		}
		a.Scores.V = append(a.Scores.V, p...)
	}
	return a
}

// card adds up what features say of the classes of the rows from a place on.
type card struct {
	k, from     int
	class, fold []int
	shares      []float64 // Rows of the classes, by fold that is left out.
	says        []float64
}

// add counts the classes of each bin; each row is told what the others say, but for
// those of its own fold.
func (c *card) add(bins []int, n int, prior float64) {
	counts := make([]float64, (folds+2)*n*c.k) // By fold; the last is of all.
	cell := func(fold, bin int) []float64 { return counts[(fold*n+bin)*c.k:][:c.k] }
	for i, b := range bins {
		if y := c.class[i]; y >= 0 {
			cell(c.fold[i], b)[y]++
			cell(folds+1, b)[y]++
		}
	}
	if c.shares == nil { // The classes themselves.
		c.shares = make([]float64, folds*c.k)
		for at := range c.shares {
			f, y := at/c.k, at%c.k
			c.shares[at] = cell(folds+1, 0)[y] - cell(f, 0)[y] + 0.5
		}
		for i := c.from; i < len(bins); i++ {
			for y := range c.k {
				c.says[(i-c.from)*c.k+y] = math.Log(c.shares[c.fold[i]*c.k+y])
			}
		}
		return
	}
	for i := c.from; i < len(bins); i++ {
		f := c.fold[i]
		all, own, shares := cell(folds+1, bins[i]), cell(f, bins[i]), c.shares[f*c.k:][:c.k]
		total := 0.0
		for y := range c.k {
			total += shares[y]
		}
		for y := range c.k {
			share := shares[y] / total
			c.says[(i-c.from)*c.k+y] += math.Log((all[y] - own[y] + prior*share) / share)
		}
	}
}

// binned numbers the bins of a feature: its categories, or quantiles; 0 is missing.
func binned(col frame.Column, kind frame.Kind) (bins []int, n int) {
	bins = make([]int, max(len(col.Num), len(col.Str)))
	if kind == frame.Number {
		sorted := finite(col.Num)
		slices.Sort(sorted)
		edges := slices.Compact(thin(sorted, cardBins+1))
		for i, x := range col.Num {
			if x-x == 0 {
				at, _ := slices.BinarySearch(edges, x)
				bins[i] = 1 + at
			}
		}
		return bins, len(edges) + 2
	}
	at := map[string]int{"": 0}
	for i, v := range col.Str {
		b, ok := at[v]
		if !ok {
			b = len(at)
			at[v] = b
		}
		bins[i] = b
	}
	return bins, len(at)
}

func softmax(logs []float64) []float64 {
	top, sum := slices.Max(logs), 0.0
	out := make([]float64, len(logs))
	for i, l := range logs {
		out[i] = math.Exp(l - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
