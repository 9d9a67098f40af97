package estimate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"hone/internal/stat"
)

// Told is how well rows of now can be told from rows before by all columns
// together.
type Told struct {
	// AUC is the chance that a row of now looks more like one than a row before does:
	// 0.5 where nothing tells them apart. It is of rows that had no part in finding
	// out what does.
	AUC float64
	// Lower and Upper bound it with 95 % confidence, P is that it is 0.5. Rows that
	// follow each other count as one piece of evidence.
	Lower, Upper, P float64
	// By are the columns that tell them apart, the most telling first.
	By []Telling
}

// Telling is a column with what the AUC loses where its values are shuffled.
type Telling struct {
	Column string
	Loss   float64
}

const (
	jointTrees  = 12
	jointPairs  = 8  // Pairs of columns that are looked at closely.
	pairRounds  = 16 // Tables of one pair that are added up.
	pairRate    = 0.5
	pairRidge   = 5
	pairCodes   = 5 // Codes of a column in a table of a pair: four, and what is missing.
	pairWork    = 50_000_000
	leastLoss   = 0.005
	leastOfMost = 0.1
	// What two parts of the rows have in common by chance is counted twice, once with
	// each of them held out: where nothing tells the sides apart, the variance of the
	// sum is twice what the folds show by themselves.
	twice       = 2
	worthNaming = 0.01 // P above which nothing is named.
	toldColumns = 5
	arms        = 2
	// blocksOf is how many blocks of rows each side has at most.
	blocksOf = 25
)

// Tell lets a learner tell rows of now from rows before: trees, which find what one
// or a few columns show, and tables of two columns, which find what shows only where
// both are looked at. It is fitted on two thirds of each side and judged on the rest,
// in turn; each part is a stretch of time, so that rows like their neighbours tell
// nothing of the part that they are judged on. Both must be in the order of time.
func Tell(before, now *Table) Told {
	both := before.join(now)
	y, fold := make([]float64, both.n), make([]int, both.n)
	for i := range y {
		if i < before.n {
			fold[i] = i * boostFolds / before.n
		} else {
			y[i], fold[i] = 1, (i-before.n)*boostFolds/now.n
		}
	}
	var folds []heldOut
	for f := range boostFolds {
		folds = append(folds, holdOut(both, y, fold, f))
	}
	out := judgeFolds(folds, before.n, now.n)
	if out.P < worthNaming {
		out.By = telling(both, folds)
	}
	return out
}

// heldOut is a learner with the rows that it was not fitted on.
type heldOut struct {
	*duo
	rows     []int
	positive []bool
	auc      float64
	parts    []float64
}

func holdOut(t *Table, y []float64, fold []int, f int) heldOut {
	h := heldOut{}
	var rest []int
	var now []float64
	for i, part := range fold {
		if part == f {
			h.rows, h.positive = append(h.rows, i), append(h.positive, y[i] == 1)
		} else {
			rest, now = append(rest, i), append(now, y[i])
		}
	}
	h.duo = newDuo(t.pick(rest), now)
	scores := h.score(t, h.rows)
	h.auc, _ = stat.AUC(scores, h.positive)
	h.parts = stat.AUCParts(scores, h.positive)
	return h
}

// judgeFolds reads the AUC with its error, which is that of blocks of rows.
func judgeFolds(folds []heldOut, before, now int) Told {
	out := Told{Lower: 0, Upper: 1, P: 1}
	size := [arms]int{max(stat.BlockRows, before/blocksOf), max(stat.BlockRows, now/blocksOf)}
	var square, blocks [arms]float64
	for _, h := range folds {
		out.AUC += h.auc / float64(len(folds))
		var n, seen [arms]int
		for _, p := range h.positive {
			n[side(p)]++
		}
		var sums [arms]float64
		for i, p := range h.positive {
			a := side(p)
			sums[a] += (h.parts[i] - h.auc) / float64(n[a]*len(folds))
			if seen[a]++; seen[a]%size[a] == 0 || seen[a] == n[a] {
				square[a] += sums[a] * sums[a]
				blocks[a]++
				sums[a] = 0
			}
		}
	}
	variance, dof := 0.0, 0.0
	for a, s := range square {
		free := math.Max(1, blocks[a]-float64(len(folds)))
		v := s * blocks[a] / free
		variance, dof = variance+v, dof+v*v/free
	}
	if !(variance > 0) { // Each row stands on the same side of all others, or on none.
		if out.AUC > 0.5 {
			out.P, out.Lower, out.Upper = 0, out.AUC, out.AUC
		}
		return out
	}
	dof = variance * variance / dof
	se := math.Sqrt(twice * variance)
	out.P = studentTail((out.AUC-0.5)/se, dof)
	out.Lower, out.Upper = math.Max(0, out.AUC-normal95*se), math.Min(1, out.AUC+normal95*se)
	return out
}

func side(now bool) int {
	if now {
		return 1
	}
	return 0
}

// studentTail is the chance that Student's t exceeds x.
func studentTail(x, dof float64) float64 {
	p := mathext.RegIncBeta(dof/2, 0.5, dof/(dof+x*x)) / 2
	if x < 0 {
		return 1 - p
	}
	return p
}

// telling shuffles one column after the other in the rows that were held out.
func telling(t *Table, folds []heldOut) []Telling {
	var out []Telling
	for c := range t.cols {
		loss := 0.0
		for f, h := range folds {
			if !h.uses(c) {
				continue
			}
			r := rand.New(rand.NewPCG(uint64(c), uint64(f)))
			col := slices.Clone(t.cols[c])
			for i, from := range r.Perm(len(h.rows)) {
				col[h.rows[i]] = t.cols[c][h.rows[from]]
			}
			other := *t
			other.cols = slices.Clone(t.cols)
			other.cols[c] = col
			auc, _ := stat.AUC(h.score(&other, h.rows), h.positive)
			loss += (h.auc - auc) / float64(len(folds))
		}
		if loss >= leastLoss {
			out = append(out, Telling{t.bins.schema[c].Name, loss})
		}
	}
	slices.SortStableFunc(out, func(a, b Telling) int { return cmp.Compare(b.Loss, a.Loss) })
	out = slices.DeleteFunc(out, func(x Telling) bool { return x.Loss < leastOfMost*out[0].Loss })
	return out[:min(len(out), toldColumns)]
}
