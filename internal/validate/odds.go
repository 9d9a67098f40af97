package validate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"hone"
)

// odds say of each row how much likelier a label is if it was turned round than if
// it is right, by answers that were calibrated on the rows. Where labels have
// nothing to do with who gave them, those of rows with about the same answer may
// change places: that is what chance is held against, so that no finding rests on
// the answers' being right.
type odds struct {
	class  []int       // Index of each label; nil for numbers.
	tables [][]float64 // By pattern, row and class, in logarithms.
	width  int
	// Of numbers: how far each answer is from the mean, how far each label from its
	// answer, and how far labels are from answers in general.
	gap, rest []float64
	scale     float64
	loss      float64 // Of the calibrated answers.
	blocks    [][]int
}

const (
	oddsMost  = 4.0 // No label says more.
	blockRows = 24
)

// oddsOf calibrates answers; nil where they say nothing.
func oddsOf(m hone.Model, labels []string, a *Answers) *odds {
	if a == nil || a.Scores.Width == 0 || len(labels) < minRows {
		return nil
	}
	sig := hone.Signature{Task: m.Task, Classes: a.Classes}
	if m.Task == hone.Regression {
		return numberOdds(labels, sig, a)
	}
	return classOdds(labels, sig, a)
}

// best are the odds by whichever answers go best with the labels; nil where none do.
func best(m hone.Model, labels []string, answers ...*Answers) *odds {
	var out *odds
	for _, a := range answers {
		if o := oddsOf(m, labels, a); o != nil && (out == nil || o.loss < out.loss) {
			out = o
		}
	}
	return out
}

func numberOdds(labels []string, sig hone.Signature, a *Answers) *odds {
	n := len(labels)
	o := &odds{gap: make([]float64, n), rest: make([]float64, n)}
	y := make([]float64, n)
	for i, l := range labels {
		y[i] = sig.Target(l)
	}
	middleOf := mean(y)
	along, squares := 0.0, 0.0
	for i := range y {
		o.gap[i] = a.Scores.Row(i)[0] - middleOf
		if !(math.Abs(o.gap[i]) < 1e100) {
			o.gap[i] = 0
		}
		along, squares = along+o.gap[i]*(y[i]-middleOf), squares+o.gap[i]*o.gap[i]
	}
	if along <= 0 || squares == 0 {
		return nil
	}
	far := make([]float64, n)
	for i := range y {
		o.gap[i] *= along / squares
		o.rest[i] = y[i] - middleOf - o.gap[i]
		far[i] = math.Abs(o.rest[i])
	}
	if o.scale = 1.4826 * middle(far); o.scale == 0 {
		return nil
	}
	o.loss = math.Log(o.scale)
	o.block(func(i, j int) int { return cmp.Compare(o.gap[i], o.gap[j]) }, n)
	return o
}

func classOdds(labels []string, sig hone.Signature, a *Answers) *odds {
	n, k := len(labels), len(a.Classes)
	o := &odds{class: make([]int, n), width: k}
	chances := make([]float64, n*k)
	for i, l := range labels {
		o.class[i] = int(sig.Target(l))
		if o.class[i] >= k {
			o.class[i] = -1
		}
		p, row := a.Scores.Row(i), chances[i*k:(i+1)*k]
		if sig.Task == hone.Binary {
			row[0], row[1] = 1-p[0], p[0]
			continue
		}
		copy(row, p)
	}
	if !o.calibrate(chances) {
		return nil
	}
	for _, p := range patterns(k) {
		o.tables = append(o.tables, p.table(chances, k))
	}
	top := make([]int, n)
	for i := range top {
		for c := range k {
			if chances[i*k+c] > chances[i*k+top[i]] {
				top[i] = c
			}
		}
	}
	o.block(func(i, j int) int {
		return cmp.Or(cmp.Compare(top[i], top[j]), cmp.Compare(chances[i*k+top[i]], chances[j*k+top[j]]))
	}, n)
	return o
}

// calibrate takes chances to the power, and to the shares of the classes, that go
// best with the labels; it tells whether the answers then say anything at all.
func (o *odds) calibrate(chances []float64) bool {
	k := o.width
	logs, rates, known := make([]float64, len(chances)), make([]float64, k), 0.0
	for i, p := range chances {
		logs[i] = math.Log(math.Max(1e-6, math.Min(1, p)))
		if p != p {
			logs[i] = math.Log(1 / float64(k))
		}
	}
	for _, c := range o.class {
		if c >= 0 {
			rates[c]++
			known++
		}
	}
	for c := range rates {
		rates[c] = (rates[c] + 0.5) / (known + 0.5*float64(k))
	}
	least, none := math.Inf(1), 0.0
	for _, power := range []float64{0, 0.15, 0.3, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2} {
		p, loss := o.powered(logs, rates, power)
		if power == 0 {
			none = loss
		}
		if loss < least {
			least = loss
			copy(chances, p)
		}
	}
	o.loss = least / known
	return none-least > 5
}

// powered are the chances at one power, and the sum of the labels' log losses.
func (o *odds) powered(logs, rates []float64, power float64) (p []float64, loss float64) {
	k, n := o.width, len(o.class)
	p, shift := make([]float64, n*k), make([]float64, k)
	for round := range 4 {
		means := make([]float64, k)
		loss = 0
		for i := range n {
			sum := 0.0
			for c := range k {
				p[i*k+c] = math.Exp(power*logs[i*k+c] + shift[c])
				sum += p[i*k+c]
			}
			for c := range k {
				p[i*k+c] = math.Max(p[i*k+c]/sum, 1e-4)
				means[c] += p[i*k+c] / float64(n)
			}
			if c := o.class[i]; c >= 0 {
				loss -= math.Log(p[i*k+c])
			}
		}
		if round < 3 {
			for c := range k {
				shift[c] += math.Log(rates[c] / means[c])
			}
		}
	}
	return p, loss
}

// block puts rows of the same time with about the same answer together. What has
// changed for everybody changed within a time: labels that change places in it run
// against the answers as those before did, and accuse nobody.
func (o *odds) block(order func(i, j int) int, n int) {
	times := max(1, min(maxTimes, n/timeRows))
	for t := range times {
		at := upTo(n)[t*n/times : (t+1)*n/times]
		slices.SortStableFunc(at, order)
		for len(at) > 0 {
			size := blockRows
			if len(at) < 2*blockRows {
				size = len(at)
			}
			o.blocks, at = append(o.blocks, at[:size]), at[size:]
		}
	}
}

// ways is how many patterns there are of turning labels round.
func (o *odds) ways() int { return max(1, len(o.tables)) }

// at is what the label of row j would say in row i, by one pattern.
func (o *odds) at(way, i, j int) float64 {
	if o.class != nil {
		if c := o.class[j]; c >= 0 {
			return o.tables[way][i*o.width+c]
		}
		return 0
	}
	g := o.gap[i]
	return math.Max(-oddsMost, math.Min(oddsMost, -2*g*(o.rest[j]+g)/(o.scale*o.scale)))
}

// said is what the labels say, by one pattern, where each row has that of another.
func (o *odds) said(way int, from []int, out []float64) []float64 {
	for i, j := range from {
		out[i] = o.at(way, i, j)
	}
	return out
}

// shuffled lets labels of rows with about the same answer change places.
func (o *odds) shuffled(r *rand.Rand, from []int) {
	for _, b := range o.blocks {
		to := r.Perm(len(b))
		for k, i := range b {
			from[i] = b[to[k]]
		}
	}
}

// pattern is a way of turning labels round: two classes change places, and every
// other one becomes any but itself; without two classes all become any but themselves.
type pattern struct{ a, b int }

const swapClasses = 5 // Of more, pairs are too many to be looked at.

func patterns(k int) []pattern {
	out := []pattern{{-1, -1}}
	for a := 0; k > 2 && k <= swapClasses && a < k; a++ {
		for b := a + 1; b < k; b++ {
			out = append(out, pattern{a, b})
		}
	}
	return out
}

// turned is the chance of a class once labels are turned round.
func (p pattern) turned(chances []float64, class int) float64 {
	others := float64(len(chances) - 1)
	if p.a < 0 {
		return (1 - chances[class]) / others
	}
	sum := 0.0
	for c, x := range chances {
		if c != class && c != p.a && c != p.b {
			sum += x / others
		}
	}
	switch class {
	case p.a:
		sum += chances[p.b]
	case p.b:
		sum += chances[p.a]
	}
	return sum
}

func (p pattern) table(chances []float64, k int) []float64 {
	out := make([]float64, len(chances))
	for i := range len(chances) / k {
		row := chances[i*k : (i+1)*k]
		for c, x := range row {
			out[i*k+c] = math.Max(-oddsMost, math.Min(oddsMost, math.Log(math.Max(p.turned(row, c), 1e-9)/x)))
		}
	}
	return out
}
