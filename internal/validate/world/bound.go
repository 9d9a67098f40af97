package world

import (
	"math"
	"math/rand/v2"
	"slices"

	"hone"
	"hone/internal/validate"
)

// Power is how often the best of all tests finds what was turned round in the new
// rows of a world, when it may find something in a share alpha of worlds without a
// fault: the likelihood ratio (J. Neyman, E. S. Pearson, 1933) of one who knows the
// rule that the labels follow, its noise, how features hide what they say, how many
// users collude, and how, and who sees the rows as all others do. Nobody who has only
// the rows can do better. It is itself found by simulation, of so many worlds.
type Power struct {
	w    *World
	rows []row // The new ones.
	r    *rand.Rand
}

// row is what its features, as they are seen, let expect of a label.
type row struct {
	at      int
	signals []float64 // As likely each.
	right   []float64 // The chances of each class, as labels are,
	wrong   []float64 // and turned round.
}

// readings are how many signals stand for all that a row may have.
const readings = 24

// Bound prepares the best test of a world.
func Bound(w *World) *Power {
	p := &Power{w: w, r: rand.New(rand.NewPCG(w.seed, 0x626f756e64))}
	for i := w.Rows.Frame.N - w.New; i < w.Rows.Frame.N; i++ {
		p.rows = append(p.rows, p.read(i))
	}
	return p
}

// Users is the power against a share of users who turn all their labels round.
func (p *Power) Users(share, alpha float64, sims int) float64 {
	all := len(p.w.users)
	k := int(share * float64(all))
	groups := make([][]int, all)
	for at, row := range p.rows {
		u := userOf(p.w.Rows.Units[row.at])
		groups[u] = append(groups[u], at)
	}
	stat := func(bad map[int]bool) float64 {
		likely := make([]float64, 0, all)
		for u, rows := range groups {
			sum := 0.0
			for _, at := range rows {
				sum += p.draw(at, bad[u])
			}
			likely = append(likely, sum)
		}
		return subsets(likely, k)
	}
	return p.power(alpha, sims, func(planted bool) float64 {
		bad := map[int]bool{}
		if planted {
			for _, u := range p.r.Perm(all)[:k] {
				bad[u] = true
			}
		}
		return stat(bad)
	})
}

// Source is the power against one source, nobody knows which, of whose labels a
// share is turned round.
func (p *Power) Source(share, alpha float64, sims int) float64 {
	groups := map[string][]int{}
	for at, row := range p.rows {
		if s := p.w.Rows.Sources[row.at]; s != "" {
			groups[s] = append(groups[s], at)
		}
	}
	return p.power(alpha, sims, func(planted bool) float64 {
		sum := 0.0
		for _, s := range sorted(groups) {
			one := 0.0
			for _, at := range groups[s] {
				turned := planted && s == "partner 1" && p.r.Float64() < share
				one += math.Log1p(share * math.Expm1(math.Min(p.draw(at, turned), 500)))
			}
			sum += math.Exp(math.Min(one, 500))
		}
		return sum
	})
}

func sorted(groups map[string][]int) (out []string) {
	for s := range groups {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// power simulates a statistic without and with the fault.
func (p *Power) power(alpha float64, sims int, stat func(planted bool) float64) float64 {
	null := make([]float64, sims)
	for i := range null {
		null[i] = stat(false)
	}
	slices.Sort(null)
	limit := null[min(sims-1, int(float64(sims)*(1-alpha)))]
	found := 0
	planted := sims / 4
	for range planted {
		if stat(true) > limit {
			found++
		}
	}
	return float64(found) / float64(planted)
}

// read finds what a row lets expect.
func (p *Power) read(i int) row {
	w, out := p.w, row{at: i}
	z := make([]float64, len(w.Columns))
	for range readings {
		for c := range z {
			z[c] = w.unseen(p.r, c, i)
		}
		out.signals = append(out.signals, w.signal(z, w.progress[i]))
	}
	if w.Model.Task == hone.Regression {
		return out
	}
	limits := []float64{0.6}
	if w.Model.Task == hone.Multiclass {
		limits = []float64{-0.5, 0.5}
	}
	out.right = make([]float64, len(limits)+1)
	for _, s := range out.signals {
		below := 0.0
		for c, limit := range append(limits, math.Inf(1)) {
			upTo := normal((limit - s) / w.noise)
			out.right[c] += (upTo - below) / readings
			below = upTo
		}
	}
	if r := out.right; len(r) == 2 {
		out.wrong = []float64{r[1], r[0]}
	} else {
		out.wrong = []float64{r[2] + r[1]/2, 0, r[0] + r[1]/2}
	}
	return out
}

// Answers are what one would say of the new rows who knows the rule that the labels
// follow, and their noise: the true chances of each class, or the mean.
func (p *Power) Answers() *validate.Answers {
	a := &validate.Answers{Classes: map[hone.Task][]string{hone.Binary: {"0", "1"}, hone.Multiclass: {"high", "low", "middle"}}[p.w.Model.Task]}
	for _, r := range p.rows {
		var says []float64
		switch {
		case r.right == nil:
			says = []float64{50 + 10*mean(r.signals)}
		case len(r.right) == 2:
			says = r.right[1:]
		default:
			says = []float64{r.right[2], r.right[0], r.right[1]}
		}
		a.Scores.Width, a.Scores.V = len(says), append(a.Scores.V, says...)
	}
	return a
}

func mean(v []float64) (sum float64) {
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

// unseen draws what a feature of a row says, from all that looks as it does there.
func (w *World) unseen(r *rand.Rand, c, i int) float64 {
	col := w.Rows.Frame.Cols[c]
	for {
		x := r.NormFloat64() + w.drift*w.progress[i]
		switch w.Columns[c] {
		case "flag":
			if (x > 1) == (col.Num[i] == 1) {
				return x
			}
		case "count":
			if float64(count(r, x)) == col.Num[i] {
				return x
			}
		case "small":
			if small(r, x) == col.Str[i] {
				return x
			}
		case "gaps":
			if math.IsNaN(col.Num[i]) {
				return x
			}
			return w.said[i][c]
		default:
			return w.said[i][c]
		}
	}
}

// draw makes a label anew, and is the logarithm of how much likelier it is turned
// round than right.
func (p *Power) draw(at int, turned bool) float64 {
	row := &p.rows[at]
	if row.right == nil {
		y := row.signals[p.r.IntN(readings)] + p.w.noise*p.r.NormFloat64()
		if turned {
			y = -y
		}
		return row.density(-y, p.w.noise) - row.density(y, p.w.noise)
	}
	chances := row.right
	if turned {
		chances = row.wrong
	}
	u, class := p.r.Float64(), 0
	for ; class < len(chances)-1 && u >= chances[class]; class++ {
		u -= chances[class]
	}
	return math.Log(math.Max(row.wrong[class], 1e-300) / math.Max(row.right[class], 1e-300))
}

// density is the logarithm of that of a number, but for a constant.
func (r *row) density(y, noise float64) float64 {
	sum := 0.0
	for _, s := range r.signals {
		sum += math.Exp(-(y - s) * (y - s) / (2 * noise * noise))
	}
	return math.Log(math.Max(sum, 1e-300))
}

func normal(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// subsets is the logarithm of the sum, over all sets of k, of the product of what
// its members say.
func subsets(logs []float64, k int) float64 {
	e := make([]float64, k+1)
	e[0] = 1
	shift := 0.0
	for n, l := range logs {
		x := math.Exp(math.Max(-300, math.Min(l, 300)))
		for j := min(k, n+1); j > 0; j-- {
			e[j] += x * e[j-1]
		}
		if top := slices.Max(e); top > 1e100 {
			for j := range e {
				e[j] /= top
			}
			shift += math.Log(top)
		}
	}
	return shift + math.Log(math.Max(e[k], 1e-300))
}

func userOf(unit string) int {
	n := 0
	for _, c := range unit[len("user "):] {
		n = 10*n + int(c-'0')
	}
	return n
}
