// Package evaluate compares a candidate with the champion on the same rows, on
// the anchor cases and on replayed requests. Asking the versions is left to loop,
// what the numbers mean for the candidate to gate.
package evaluate

import (
	"math"

	"hone"
	"hone/internal/frame"
)

// Rows are labelled rows that no version compared was trained on, oldest first.
type Rows struct {
	// Frame holds the features; it may be nil, and then there are no slices.
	Frame  *frame.Frame
	Labels []string
	// IDs of the predictions, or nil. A prediction counts once.
	IDs []hone.PredictionID
	// Prices of a wrong answer, one a row, for a loss by column; else nil.
	Prices []float64
	// Units are the users that the rows belong to, or nil. Rows of one user are
	// not independent, which widens the intervals.
	Units []string
	// Weights say how many rows each stands for, or nil where each is one.
	Weights []float64
	// Looks are the numbers of rows that each earlier look at them had. Rows that
	// came with a later look stand behind.
	Looks []int
}

// Side is one version's answers to the rows.
type Side struct {
	Version   hone.VersionID
	Signature hone.Signature
	Scores    hone.Scores
	// Owned are the values of the owner's metrics, by name, one a row; nil where
	// there are none.
	Owned map[string][]float64
}

// Compare evaluates a candidate against the champion. Without a champion (nil)
// the paired fields and the metrics compare with the best constant answer, and
// the evaluation's champion is empty. Rows without a readable label or price do
// not count. Scores that do not fit the rows, or are not finite, leave nothing
// to compare: the paired loss then has N = 0. Times, anchors, replay and dataset
// are the caller's to add.
func Compare(m hone.Model, cand Side, champ *Side, rows Rows) hone.Evaluation {
	e := hone.Evaluation{Candidate: cand.Version, Metrics: []hone.MetricPair{}}
	if champ != nil {
		e.Champion = champ.Version
	}
	n := len(rows.Labels)
	if !fits(cand, n) || (champ != nil && !fits(*champ, n)) || !rows.fit() {
		return e
	}
	use := usable(m, rows)
	constant := trivial(m, cand.Signature, rows, use)
	if champ == nil {
		constant.Owned = cand.Owned // What a constant would be worth is not asked.
		champ = &constant
	}
	a, okA := count(m, cand, rows, use)
	b, okB := count(m, *champ, rows, use)
	c, okC := count(m, constant, rows, use)
	if len(use) == 0 || !okA || !okB || !okC {
		return e
	}
	e.Trivial = mean(c.losses)
	p := pair(m, a, b, rows, use)
	all := make([]int, len(use))
	for i := range all {
		all[i] = i
	}
	e.Loss, e.Look = p.over(all), len(rows.Looks)+1
	p.pairs(&e, measures(m), all, "")
	if m.Task != hone.Regression {
		e.Metrics = append(e.Metrics, p.flips(all, ""))
	}
	for _, s := range slicesOf(m, rows, use) {
		e.Slices = append(e.Slices, hone.SlicePair{Slice: s.name, Paired: p.over(s.rows)})
		p.gated(&e, m, s)
	}
	return e
}

// pair makes ready what is compared.
func pair(m hone.Model, a, b tally, rows Rows, use []int) pairing {
	p := pairing{task: m.Task, bound: bound(m.Loss, a, b, rows, use), a: a, b: b, units: rows.Units, weights: rows.Weights, use: use}
	p.blocks, p.firstLook = blocksOf(rows, use)
	p.reach = make([]float64, len(use))
	for k, i := range use {
		price := 0.0
		if rows.Prices != nil {
			price = rows.Prices[i]
		}
		p.reach[k] = reachOf(m, a, b, k, price, p.bound)
	}
	return p
}

// fits tells whether the scores are whole and finite.
func fits(s Side, n int) bool {
	if s.Scores.Width < 1 || s.Scores.Width != s.Signature.Width() || len(s.Scores.V) != n*s.Scores.Width {
		return false
	}
	if s.Signature.Task == hone.Binary && len(s.Signature.Classes) != 2 {
		return false
	}
	for _, x := range s.Scores.V {
		if !finite(x) {
			return false
		}
	}
	return true
}

func (r Rows) fit() bool {
	n := len(r.Labels)
	is := func(length int) bool { return length == 0 || length == n }
	return is(len(r.IDs)) && is(len(r.Prices)) && is(len(r.Units)) && is(len(r.Weights)) && (r.Frame == nil || r.Frame.N == n)
}

// usable returns the rows that can be judged, in order.
func usable(m hone.Model, rows Rows) []int {
	var out []int
	seen := map[hone.PredictionID]bool{}
	for i, label := range rows.Labels {
		if label == "" || (m.Task == hone.Regression && math.IsNaN(hone.Signature{Task: m.Task}.Target(label))) {
			continue
		}
		if m.Loss.Kind == hone.ByColumn && (rows.Prices == nil || !finite(rows.Prices[i])) {
			continue
		}
		if rows.IDs != nil {
			if seen[rows.IDs[i]] {
				continue
			}
			seen[rows.IDs[i]] = true
		}
		out = append(out, i)
	}
	return out
}

// tally is what one side made of the usable rows.
type tally struct {
	side   Side
	losses []float64
	// right tells where a class was right; labels and targets are those of the
	// rows, the target -1 for a class that the side does not know.
	right   []bool
	answers []string
	labels  []string
	targets []float64
	scores  [][]float64
	use     []int
}

// owned is what the owner's metric gives a row; not a number where it is not known.
func (t tally) owned(metric string, i int) float64 {
	values := t.side.Owned[metric]
	if k := t.use[i]; k < len(values) {
		return values[k]
	}
	return math.NaN()
}

// count tells what each usable row cost a side, and whether all of it is finite.
func count(m hone.Model, s Side, rows Rows, use []int) (tally, bool) {
	t := tally{side: s, use: use}
	for _, i := range use {
		label, scores, price := rows.Labels[i], s.Scores.Row(i), 0.0
		if rows.Prices != nil {
			price = rows.Prices[i]
		}
		target := s.Signature.Target(label)
		loss := m.Loss.Of(s.Signature, scores, target, price)
		if !finite(loss) {
			return t, false
		}
		answer := s.Signature.Answer(scores)
		t.losses = append(t.losses, loss)
		t.right = append(t.right, answer == label)
		t.answers = append(t.answers, answer)
		t.labels = append(t.labels, label)
		t.targets = append(t.targets, target)
		t.scores = append(t.scores, scores)
	}
	return t, true
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}
