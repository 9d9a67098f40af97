package retraining

import (
	"math"
	"slices"

	"hone"
	"hone/internal/learn/residual"
	"hone/internal/trigger"
)

// Rule are the settings of Whole.
type Rule struct {
	Kept     int     // Former champions that are scored beside the live one.
	Z        float64 // Standard errors by which one must be ahead to come back.
	Receipts bool    // Forecasts are corrected by what past retrains brought.
}

// Whole is the decision rule with former champions and receipts, neither of which the
// product has yet: before a retrain is
// paid for, the last champions are held against the live one on the rows that it
// answered, and one that is surely ahead by the price of going back comes back; and
// what a retrain is forecast to bring is cut by what retrains brought so far of what
// they were forecast to.
func Whole(r Rule) Policy {
	return func(g *Grid, price float64) []Move {
		w := &whole{Rule: r, g: g, price: price}
		w.activate(0, 0)
		for b := range g.Batches() - 1 {
			w.look(b)
		}
		return w.moves
	}
}

type whole struct {
	Rule
	g        *Grid
	price    float64
	moves    []Move
	live     int
	since    int // The batch from which the live champion answers.
	former   []int
	probe    *residual.Probe
	ticks    []hone.Tick
	beside   map[int][]tick // Former champions on the rows of each tick.
	receipts []*receipt
}

// tick is what one champion is ahead of another by in a stretch of rows, and on how
// many of these they differ.
type tick struct{ ahead, differ float64 }

// receipt holds a forecast against what came of it.
type receipt struct {
	rate           float64 // Forecast, a tick.
	old, fresh     int
	ticks, most    int
	seen, forecast float64
}

// activate lets a champion answer from a batch on.
func (w *whole) activate(champion, batch int) {
	if batch > 0 {
		w.former = slices.DeleteFunc(append(w.former, w.live), func(m int) bool { return m == champion })
		if n := len(w.former); n > w.Kept {
			w.former = w.former[n-w.Kept:]
		}
		w.moves = append(w.moves, Move{batch, champion})
	}
	w.live, w.since, w.ticks, w.beside = champion, batch, nil, map[int][]tick{}
	w.probe = w.g.probe(champion)
}

// look reads the labels that came during a batch, and decides.
func (w *whole) look(batch int) {
	g := w.g
	to := (g.First+batch+1)*g.Batch - g.Delay
	from := max((g.First+w.since)*g.Batch, to-g.Batch)
	w.settle(to-g.Batch, to)
	if to <= from {
		return
	}
	w.read(from, to)
	if w.reuse(batch + 1) {
		return
	}
	lower, gain, n, first := trigger.BestSuffix(w.ticks)
	if n == 0 || w.trust()*lower < trigger.Price(w.price, 0) {
		return
	}
	k := len(w.ticks) - first
	w.receipts = append(w.receipts, &receipt{rate: gain / float64(k), old: w.live, fresh: batch + 1, most: min(max(k, 3), 15)})
	w.activate(batch+1, batch+1)
}

// read adds a tick of the rows that the live champion answered.
func (w *whole) read(from, to int) {
	g := w.g
	scores := make([]float64, to-from)
	begin := (g.First + w.live) * g.Batch
	for i := range scores {
		scores[i] = float64(g.Scores[w.live][from-begin+i])
	}
	y := g.Targets[from:to]
	s := w.probe.Batch(g.Rows.Slice(from, to), scores, y, func(row int, p []float64) float64 {
		if (p[0] > 0.5) != (y[row] == 1) {
			return 1
		}
		return 0
	})
	w.ticks = append(w.ticks, hone.Tick{N: s.N, Gain: s.Gain, Var: s.Var, Loss: s.Champion, Probe: s.Probe})
	for _, m := range w.former {
		w.beside[m] = append(w.beside[m], g.against(w.live, m, from, to))
	}
}

// against is what champion b is ahead of champion a by on rows.
func (g *Grid) against(a, b, from, to int) (t tick) {
	for i := from; i < to; i++ {
		if x, y := g.wrongAt(a, i), g.wrongAt(b, i); x != y {
			t.ahead += x - y
			t.differ++
		}
	}
	return t
}

func (g *Grid) wrongAt(m, row int) float64 {
	if (g.Scores[m][row-(g.First+m)*g.Batch] > 0.5) != (g.Targets[row] == 1) {
		return 1
	}
	return 0
}

// reuse lets the former champion come back that is surely furthest ahead, where that
// is worth its price.
func (w *whole) reuse(batch int) bool {
	const least, most = 2, 40 // Ticks.
	best, champion := math.Inf(-1), 0
	for _, m := range w.former {
		ticks := w.beside[m]
		ahead, differ := 0.0, 0.0
		for j := 1; j <= min(len(ticks), most); j++ {
			t := ticks[len(ticks)-j]
			ahead, differ = ahead+t.ahead, differ+t.differ
			if x := ahead - w.Z*math.Sqrt(differ); j >= least && x > best {
				best, champion = x, m
			}
		}
	}
	if best < ReuseShare*w.price {
		return false
	}
	w.activate(champion, batch)
	return true
}

// settle lets receipts see what the retrains brought on rows whose labels came.
func (w *whole) settle(from, to int) {
	for _, r := range w.receipts {
		if begin := (w.g.First + r.fresh) * w.g.Batch; r.ticks < r.most && to > begin {
			r.seen += w.g.against(r.old, r.fresh, max(begin, from), to).ahead
			r.forecast += r.rate
			r.ticks++
		}
	}
}

// trust is what of a forecast is believed.
func (w *whole) trust() float64 {
	if !w.Receipts {
		return 1
	}
	seen, forecast := w.price, w.price
	for _, r := range w.receipts {
		seen, forecast = seen+r.seen, forecast+r.forecast
	}
	return min(max(seen/forecast, 0.2), 1.2)
}
