package backtest

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/learn/residual"
	"hone/internal/monitor"
	"hone/internal/trigger"
)

// Rule are the settings of Whole.
type Rule struct {
	Kept     int  // Former champions that may come back.
	Receipts bool // What past retrains brought counts.
}

// Whole is the product's decision rule, but that it looks once a batch, at a tick of the
// labels that came, and knows no guards: before a retrain is paid for, the last champions
// are held against the live one on the rows that it answered, and one that is surely ahead
// by the price of going back comes back.
func Whole(r Rule) Policy {
	return func(g *Grid, price float64) []Move {
		moves, _ := r.Runs(g, price)
		return moves
	}
}

// Runs are the moves of Whole, and the run of each with its receipt, newest first.
func (r Rule) Runs(g *Grid, price float64) (moves []Move, runs []hone.Run) {
	w := newWhole(g, r, price)
	for b := range g.Batches() - 1 {
		d := w.look(g.come(w.since, b))
		if !d.Start {
			continue
		}
		next := chosen(d, b+1)
		w.runs = slices.Insert(w.runs, 0, ended(d, w.live, next))
		w.activate(next, b+1)
		moves = append(moves, Move{At: b + 1, Champion: next})
	}
	return moves, w.runs
}

// whole is the rule beside a live champion.
type whole struct {
	Rule
	g      *Grid
	model  hone.Model
	live   int
	since  int   // The batch from which the live champion answers.
	former []int // The last that was champion last.
	probe  *residual.Probe
	ticks  []hone.Tick
	runs   []hone.Run // Newest first.
	came   []int      // Rows whose labels came since the last tick.
	pupil  *pupil     // Learns these labels as they come, or nil.
}

func newWhole(g *Grid, r Rule, price float64) *whole {
	w := &whole{Rule: r, g: g}
	w.model.Triggers = []hone.Trigger{{RecoverableLoss: &hone.RecoverableLoss{RetrainCost: hone.Price(price), Reuse: cmp.Or(r.Kept, -1)}}}
	w.model.Guards.MaxPerDay, w.model.Guards.MaxPerMonth = math.MaxInt, math.MaxInt
	w.probe = g.probe(0)
	return w
}

// activate lets a champion answer from a batch on.
func (w *whole) activate(champion, batch int) {
	w.former = retire(w.former, w.live, champion, w.Kept)
	w.live, w.since, w.ticks, w.came = champion, batch, nil, nil
	w.probe = w.g.probe(champion)
	if w.pupil != nil {
		w.pupil.begin(champion)
	}
}

// retire puts a champion behind the former ones, of which as many are kept as may come
// back, and at least that one for its receipt. The next champion is none of them.
func retire(former []int, live, next, kept int) []int {
	former = slices.DeleteFunc(append(slices.Clone(former), live), func(m int) bool { return m == next })
	return former[max(0, len(former)-max(1, kept)):]
}

// look takes rows whose labels came, and decides once they make a tick.
func (w *whole) look(rows []int) hone.Decision {
	if w.came = append(w.came, rows...); len(w.came) < monitor.TickRows(len(w.g.champions[w.live].set)) {
		return hone.Decision{}
	}
	w.read(w.came)
	w.came = nil
	in := trigger.Input{Model: w.model, HasChampion: true, Champion: versionID(w.live), Ticks: w.ticks, Failures: failures(w.runs)}
	if w.Receipts {
		receive(w.runs, w.live, w.ticks)
		in.Runs = w.runs
	}
	return trigger.Decide(in, time.Time{})
}

// failures are the candidates in a row that came to nothing.
func failures(runs []hone.Run) (n int) {
	for _, r := range runs {
		switch r.Ending {
		case hone.Rejected, hone.RolledBack:
			n++
		case hone.Promoted:
			return n
		}
	}
	return n
}

// chosen is the champion that a decision is for: one that comes back, or the one that is
// trained before a batch.
func chosen(d hone.Decision, batch int) int {
	if m, err := strconv.Atoi(strings.TrimPrefix(string(d.Reuse), versionMark)); err == nil {
		return m
	}
	return batch
}

// ended is a run that a decision started, with its candidate as the champion.
func ended(d hone.Decision, live, next int) hone.Run {
	return hone.Run{State: hone.Closed, Ending: hone.Promoted, Champion: versionID(live), Candidate: versionID(next), Decision: d}
}

// receive counts what the newest run won back, if it made the live champion.
func receive(runs []hone.Run, live int, ticks []hone.Tick) {
	if len(runs) == 0 || runs[0].Candidate != versionID(live) || runs[0].Decision.Forecast == nil || runs[0].Receipt != nil && runs[0].Receipt.Over {
		return
	}
	if r := trigger.Receive(*runs[0].Decision.Forecast, ticks, runs[0].Champion); r.Rows > 0 {
		runs[0].Receipt = &r
	}
}

// read adds a tick of rows that the live champion answered.
func (w *whole) read(rows []int) {
	g := w.g
	scores := g.scores(w.live, rows, make([]float64, 0, len(rows)*g.width()))
	targets := values(g.Targets, rows)
	s := w.probe.Batch(pick(g.Rows, rows), scores, targets, func(k int, p []float64) float64 { return g.loss(rows[k], p) })
	gain := s.Gain - g.power(w.live).Lacked(targets, values(g.Weights, rows))
	w.ticks = append(w.ticks, hone.Tick{N: s.N, Gain: gain, Var: s.Var, Loss: s.Champion, Probe: s.Probe, Rivals: g.contest(w.live, w.former, rows)})
	if w.pupil != nil {
		last := &w.ticks[len(w.ticks)-1]
		last.Rivals = append(last.Rivals, w.pupil.rival(w.live, rows)...)
		w.pupil.learn(rows)
	}
}

// contest is what former champions would have saved on rows against the live one.
func (g *Grid) contest(live int, former, rows []int) (out []hone.Rival) {
	for _, m := range former {
		r := hone.Rival{Version: versionID(m), N: len(rows), Own: len(rows)}
		for _, i := range rows {
			d := g.lost(live, i) - g.lost(m, i)
			r.Gain += d
			r.Var += d * d
		}
		out = append(out, r)
	}
	return out
}
