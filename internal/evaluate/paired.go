package evaluate

import (
	"math"
	"slices"
	"strconv"

	"hone"
	"hone/internal/stat"
)

// pairing compares two tallies over any of their rows.
type pairing struct {
	task  hone.Task
	bound float64
	a, b  tally // Candidate and champion.
	units []string
	// weights of the rows, at most cap; nil where each is one.
	weights []float64
	use     []int
	// reach of each row, and the block that it counts in; see proof.go.
	reach     []float64
	blocks    []int
	firstLook int
}

// over returns the paired loss on the given rows of the tallies. Where rows are
// weighted, the losses are means by weight, and the bets are on differences by
// weight: weights are known before labels.
func (p pairing) over(at []int) hone.Paired {
	out := hone.Paired{N: len(at), Bound: p.bound, PValue: 1, Better: 1, Worse: 1}
	if len(at) == 0 {
		return out
	}
	diffs := make([]float64, len(at))
	sumA, sumB, sum, squares := 0.0, 0.0, 0.0, 0.0
	for k, i := range at {
		x, y, w := p.a.losses[i], p.b.losses[i], p.weight(i)
		sumA, sumB, sum, squares = sumA+w*x, sumB+w*y, sum+w, squares+w*w
		diffs[k] = x - y
		if p.b.right[i] && !p.a.right[i] {
			out.Flips++
		}
		if p.a.right[i] && !p.b.right[i] {
			out.Gains++
		}
	}
	out.Candidate, out.Champion = sumA/sum, sumB/sum
	if p.weights != nil {
		out.Effective = sum * sum / squares
		p.spread(diffs, at, out.Candidate-out.Champion, sum)
	}
	out.Diff, out.Lower, out.Upper = p.interval(diffs, at)
	p.prove(at, &out)
	if p.task == hone.Regression {
		out.Flips, out.Gains = 0, 0
		return out
	}
	out.PValue = stat.McNemar(out.Flips, out.Gains)
	return out
}

// weight is how many rows a row of the tallies stands for.
func (p pairing) weight(i int) float64 {
	if p.weights == nil {
		return 1
	}
	return p.weights[p.use[i]]
}

// spread turns differences into what each adds to the mean by weight: the
// linearised ratio, whose plain mean and variance are those of the weighted one
// (W. G. Cochran, Sampling Techniques, 1977).
func (p pairing) spread(diffs []float64, at []int, mean, sum float64) {
	scale := float64(len(at)) / sum
	for k, i := range at {
		diffs[k] = mean + scale*p.weight(i)*(diffs[k]-mean)
	}
}

// interval is the mean difference with its 95 % interval: the widest of the plain
// one, the one over users and the one over blocks of time.
func (p pairing) interval(diffs []float64, at []int) (mean, lower, upper float64) {
	sum, squares := 0.0, 0.0
	for _, d := range diffs {
		sum, squares = sum+d, squares+d*d
	}
	n := len(diffs)
	mean, lower, upper = stat.MeanInterval(sum, squares, n, 0.05)
	if n < 2 {
		return mean, -p.bound, p.bound
	}
	widen := func(of func(i int) string) {
		groups, residuals := grouped(diffs, at, mean, of)
		if groups == n {
			return
		}
		half := p.bound
		if groups > 1 {
			_, from, to := stat.MeanInterval(0, residuals, groups, 0.05)
			half = (to - from) / 2 * float64(groups) / float64(n)
		}
		lower, upper = math.Min(lower, mean-half), math.Max(upper, mean+half)
	}
	if len(p.units) > 0 {
		widen(func(i int) string { return p.units[p.use[i]] })
	}
	if n >= minBlocks*stat.BlockRows {
		widen(func(i int) string { return strconv.Itoa(i / stat.BlockRows) })
	}
	return mean, lower, upper
}

// minBlocks is the least number of whole blocks that say how alike neighbours are.
const minBlocks = 5

// grouped returns the number of groups and the sum of squares of what the
// differences of each add up to above the mean: the linearised ratio estimator of
// cluster sampling (W. G. Cochran, Sampling Techniques, 1977). A row of no group
// stands for itself.
func grouped(diffs []float64, at []int, mean float64, of func(i int) string) (groups int, squares float64) {
	residual := map[string]float64{}
	var order []string
	for k, i := range at {
		r, u := diffs[k]-mean, of(i)
		if u == "" {
			squares += r * r
			groups++
			continue
		}
		if _, ok := residual[u]; !ok {
			order = append(order, u)
		}
		residual[u] += r
	}
	// Sum in the order of the rows, so that the same rows give the same bits.
	for _, u := range order {
		squares += residual[u] * residual[u]
	}
	return groups + len(order), squares
}

// bound is the most that a row is taken to lose. Losses without a bound of their
// own take the 99th percentile of the prices, or of the champion's losses: what
// lies above counts as that much in the bets.
func bound(l hone.Loss, a, b tally, rows Rows, use []int) float64 {
	if x := l.Bound(); x > 0 {
		return x
	}
	if l.Kind == hone.ByColumn {
		var prices []float64
		for _, i := range use {
			prices = append(prices, math.Max(rows.Prices[i], 0))
		}
		if x := upper(prices); x > 0 {
			return x
		}
	}
	for _, losses := range [][]float64{b.losses, a.losses} {
		if x := upper(losses); x > 0 {
			return x
		}
	}
	return math.Max(slices.Max(b.losses), slices.Max(a.losses))
}

// upper is the 0.99 quantile.
func upper(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return s[int(math.Ceil(0.99*float64(len(s))))-1]
}

// trivial returns the constant answer that costs the least on the rows.
func trivial(m hone.Model, s hone.Signature, rows Rows, use []int) Side {
	s.Threshold = 0.5
	counts := map[string]int{}
	var values []float64
	for _, i := range use {
		counts[rows.Labels[i]]++
		if m.Task == hone.Regression {
			values = append(values, s.Target(rows.Labels[i]))
		}
	}
	if s.Task == hone.Multiclass && len(counts) > 0 {
		s.Classes = nil
		for c := range counts {
			s.Classes = append(s.Classes, c)
		}
		slices.Sort(s.Classes)
	}
	best := constant(s, make([]float64, s.Width()), len(rows.Labels))
	least := math.Inf(1)
	for _, scores := range constants(m.Loss, s, counts, values) {
		side := constant(s, scores, len(rows.Labels))
		if t, ok := count(m, side, rows, use); ok && mean(t.losses) < least {
			best, least = side, mean(t.losses)
		}
	}
	return best
}

// constants are the answers among which the best constant is: the mean or the
// median, the base rates, or each class.
func constants(l hone.Loss, s hone.Signature, counts map[string]int, values []float64) [][]float64 {
	if s.Task == hone.Regression {
		if len(values) == 0 {
			return nil
		}
		sorted := slices.Sorted(slices.Values(values))
		return [][]float64{{mean(values)}, {sorted[len(sorted)/2]}}
	}
	var out [][]float64
	base := make([]float64, s.Width())
	total := 0
	for _, c := range counts {
		total += c
	}
	for k, c := range s.Classes {
		share := float64(counts[c]) / float64(max(total, 1))
		if s.Task == hone.Binary {
			base[0] = share // The last class is the positive one.
			out = append(out, []float64{float64(k)})
			continue
		}
		base[k] = share
		one := make([]float64, s.Width())
		one[k] = 1
		out = append(out, one)
	}
	if l.Kind == hone.Log {
		return [][]float64{base}
	}
	return out
}

func constant(s hone.Signature, scores []float64, n int) Side {
	v := make([]float64, 0, n*len(scores))
	for range n {
		v = append(v, scores...)
	}
	return Side{Signature: s, Scores: hone.Scores{Width: len(scores), V: v}}
}
