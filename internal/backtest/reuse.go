package backtest

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

// Whole is the decision rule with former champions and receipts: before a retrain is
// paid for, the last champions are held against the live one on the rows that it
// answered, and one that is surely ahead by the price of going back comes back; and
// what a retrain is forecast to bring is cut by what retrains brought so far of what
// they were forecast to. It looks once a batch, at a tick of the labels that came
// during it, and knows no guards.
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

// tick is what one champion is ahead of another by in a stretch of rows, and the
// squares of the differences: of errors, how many rows they differ on.
type tick struct{ ahead, squares float64 }

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
		w.moves = append(w.moves, Move{At: batch, Champion: champion})
	}
	w.live, w.since, w.ticks, w.beside = champion, batch, nil, map[int][]tick{}
	w.probe = w.g.probe(champion)
}

// look reads the labels that came during a batch, and decides.
func (w *whole) look(batch int) {
	w.settle(batch)
	rows := w.g.come(w.since, batch)
	if len(rows) == 0 {
		return
	}
	w.read(rows)
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

// read adds a tick of rows that the live champion answered.
func (w *whole) read(rows []int) {
	g := w.g
	scores := g.scores(w.live, rows, make([]float64, 0, len(rows)*g.width()))
	s := w.probe.Batch(pick(g.Rows, rows), scores, values(g.Targets, rows), func(k int, p []float64) float64 { return g.loss(rows[k], p) })
	w.ticks = append(w.ticks, hone.Tick{N: s.N, Gain: s.Gain, Var: s.Var, Loss: s.Champion, Probe: s.Probe})
	for _, m := range w.former {
		w.beside[m] = append(w.beside[m], g.against(w.live, m, rows))
	}
}

// against is what champion b is ahead of champion a by on rows.
func (g *Grid) against(a, b int, rows []int) (t tick) {
	for _, i := range rows {
		if d := g.lost(a, i) - g.lost(b, i); d != 0 {
			t.ahead += d
			t.squares += d * d
		}
	}
	return t
}

// reuse lets the former champion come back that is surely furthest ahead, where that
// is worth its price.
func (w *whole) reuse(batch int) bool {
	const least, most = 2, 40 // Ticks.
	best, champion := math.Inf(-1), 0
	for _, m := range w.former {
		ticks := w.beside[m]
		ahead, squares := 0.0, 0.0
		for j := 1; j <= min(len(ticks), most); j++ {
			t := ticks[len(ticks)-j]
			ahead, squares = ahead+t.ahead, squares+t.squares
			if x := ahead - w.Z*math.Sqrt(squares); j >= least && x > best {
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

// settle lets receipts see what the retrains brought on rows whose labels came during
// a batch.
func (w *whole) settle(batch int) {
	for _, r := range w.receipts {
		if rows := w.g.come(r.fresh, batch); r.ticks < r.most && len(rows) > 0 {
			r.seen += w.g.against(r.old, r.fresh, rows).ahead
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

// probeOptions are those of a champion.
func (g *Grid) probeOptions(m int) residual.Options {
	o := residual.Options{Schema: g.Rows.Schema, Width: g.width(), Task: g.Task}
	set := g.champions[m].set
	for _, c := range pick(g.Rows, set).Cols {
		mean, sd := moments(c.Num)
		o.Mean, o.SD = append(o.Mean, mean), append(o.SD, sd)
	}
	if g.Task == residual.Regression {
		_, o.TargetSD = moments(values(g.Targets, set))
	}
	return o
}

// moments of what is not missing; 0 and 0 where nothing is left.
func moments(xs []float64) (mean, sd float64) {
	n := 0.0
	for _, x := range xs {
		if x == x {
			n++
		}
	}
	for _, x := range xs {
		if x == x {
			mean += x / n
		}
	}
	for _, x := range xs {
		if x == x {
			sd += (x - mean) * (x - mean) / n
		}
	}
	return mean, math.Sqrt(sd)
}
