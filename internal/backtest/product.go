package backtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hone"
	"hone/internal/monitor"
	"hone/internal/trigger"
)

// desk plays the product's own stages, monitor and trigger, on a grid under a
// simulated clock. What a champion's monitor says does not depend on what policies do
// with it, so that it runs once for each champion and moment of taking over.
type desk struct {
	*trace
	g       *Grid
	signals bool // Some trigger reads more than ticks and labels.
	watches map[[2]int]*watched
	err     error // The first that a monitor met.
}

func newDesk(t *trace, g *Grid) *desk {
	return &desk{trace: t, g: g, watches: map[[2]int]*watched{}}
}

// follow is a policy that asks the model's triggers at each tick, at each window of
// drift and at the end of each batch, within its guards. A run that they start has its
// champion by the next batch.
func (d *desk) follow(triggers ...hone.Trigger) Policy {
	m := d.model
	m.Triggers = triggers
	for _, kind := range []hone.TriggerKind{hone.OnDrift, hone.OnPerformance, hone.OnWhen} {
		d.signals = d.signals || trigger.Has(m, kind)
	}
	return func(g *Grid, _ float64) (moves []Move) {
		p := player{desk: d, model: m}
		for b := range g.Batches() - 1 {
			if said, fires := p.batch(b); fires {
				next := chosen(said, b+1)
				moves = append(moves, Move{At: b + 1, Champion: next, Why: said.Sentence})
				p.end(b+1, next, said)
			}
		}
		return moves
	}
}

// player is one policy under way.
type player struct {
	*desk
	model   hone.Model
	live    int
	since   int // The batch from which the champion answers.
	former  []int
	ticks   []hone.Tick // Of the live champion, with what the former ones would have lost.
	runs    []hone.Run
	looked  time.Time
	streaks map[string]int
}

// batch looks at the triggers while a batch is answered, until one starts a run.
func (p *player) batch(b int) (hone.Decision, bool) {
	w := p.watch(p.live, p.since)
	for _, l := range w.looks(b) {
		for _, t := range l.ticks[len(p.ticks):] {
			t.Rivals = p.g.contest(p.live, p.former, w.of(len(p.ticks)))
			p.ticks = append(p.ticks, t)
		}
		receive(p.runs, p.live, p.ticks)
		d := trigger.Decide(p.input(l), l.at)
		p.looked, p.streaks = l.at, d.Streaks
		if d.Start {
			return d, true
		}
	}
	return hone.Decision{}, false
}

func (p *player) input(l look) trigger.Input {
	taken := p.time(p.g.at(p.since))
	return trigger.Input{
		Model: p.model, HasChampion: true, Champion: versionID(p.live), ChampionSince: taken, TrainedAt: p.time(p.g.at(p.live)),
		Ticks: p.ticks, Signals: l.signals, NewLabels: l.labels, Runs: p.runs, Look: l.found, Looked: p.looked, Streaks: p.streaks,
	}
}

// end ends the run that a decision started with its candidate as the champion.
func (p *player) end(b, next int, d hone.Decision) {
	run := ended(d, p.live, next)
	run.Model, run.Number = p.model.Name, len(p.runs)+1
	run.ID = hone.RunID(fmt.Sprintf("%s-%d", p.model.Name, run.Number))
	run.Started, run.Since, run.Ended = d.At, d.At, p.time(p.g.at(b))
	p.runs = slices.Insert(p.runs, 0, run)
	p.former = retire(p.former, p.live, next, trigger.Reuse(p.model))
	p.live, p.since, p.ticks, p.streaks = next, b, nil, nil
}

// versionMark begins the name of each champion, before its number.
const versionMark = "v"

func versionID(m int) hone.VersionID { return hone.VersionID(fmt.Sprintf("%s%d", versionMark, m)) }

// time is what the clock says once so many rows are served.
func (t *trace) time(served int) time.Time { return t.rows[min(served, len(t.rows)-1)].Time }

// watched is a champion's monitor, from the batch on in which it took over.
type watched struct {
	d        *desk
	m        *monitor.Monitor
	champion int
	since    int
	batches  [][]look
	from     int       // The first row whose label counts,
	trained  time.Time // if it was served later.
	served   int       // Rows that it was told of.
	counted  []int     // Those of them whose labels it was told of, in the order in which they count.
	ends     []int     // Where in these each tick ends.
	labels   int       // Labels that it was told of, of all that arrived.
	heard    int64
}

// look is what triggers see at one moment.
type look struct {
	at      time.Time
	found   bool // A tick or a window of drift was finished.
	ticks   []hone.Tick
	labels  int
	signals []hone.Signal
}

func (d *desk) watch(champion, since int) *watched {
	key := [2]int{champion, since}
	if w := d.watches[key]; w != nil {
		return w
	}
	w := &watched{d: d, champion: champion, since: since, served: d.g.at(since), from: d.g.at(since)}
	if since == champion { // Rows served before whose labels it did not learn from count too.
		w.from = d.g.champions[champion].start
	}
	set := d.g.champions[champion].set
	w.trained = d.rows[set[len(set)-1]].Time
	w.labels = d.g.upTo(w.served)
	d.watches[key] = w
	if w.m, d.err = d.monitor(champion, d.err); d.err != nil {
		w.m = nil
	}
	return w
}

// monitor begins a watch on a champion.
func (d *desk) monitor(m int, before error) (*monitor.Monitor, error) {
	if before != nil {
		return nil, before
	}
	c := &d.g.champions[m]
	rows := pick(d.g.Rows, c.set)
	scores := hone.Scores{Width: d.sig.Width()}
	for _, x := range c.seen {
		scores.V = append(scores.V, float64(x))
	}
	times := make([]time.Time, len(c.set))
	for k, i := range c.set {
		times[k] = d.rows[i].Time
	}
	ref := monitor.NewReference(d.sig, rows, scores, values(d.g.Targets, c.set), times)
	ref.Bound = d.g.unit()
	power := d.g.power(m)
	ref.Power = &power
	v := hone.Version{ID: versionID(m), Model: d.model.Name, Created: d.time(d.g.at(m)), Signature: d.sig}
	v.TrainedUntil, v.TrainedRows = times[len(times)-1], len(times)
	return monitor.New(d.model, v, ref, d.decoder, nil)
}

// looks are those during a batch. Batches are asked for in their order.
func (w *watched) looks(batch int) []look {
	for w.d.err == nil && len(w.batches) <= batch-w.since {
		b := w.since + len(w.batches)
		var out []look
		for end := w.d.g.at(b + 1); w.served < end && w.d.err == nil; {
			to := min(end, w.served+w.m.TickRows())
			if l := w.advance(to); l.found || to == end {
				out = append(out, l)
			}
		}
		w.batches = append(w.batches, out)
	}
	if w.d.err != nil {
		return nil
	}
	return w.batches[batch-w.since]
}

// advance lets rows be served and labels come.
func (w *watched) advance(to int) look {
	g, d := w.g(), w.d
	var rows []int
	for ; w.labels < len(g.arrived) && g.known(g.arrived[w.labels]) <= to; w.labels++ {
		if i := g.arrived[w.labels]; i >= w.from {
			rows = append(rows, i)
		}
	}
	judged := false
	if d.signals {
		served := make([]int, 0, to-w.served)
		for i := w.served; i < to; i++ {
			served = append(served, i)
		}
		ps := make([]hone.Prediction, len(served))
		for k, o := range w.answered(served) {
			ps[k] = o.Prediction
		}
		judged, d.err = w.m.Predictions(ps)
	}
	for _, i := range rows {
		if d.rows[i].Time.After(w.trained) {
			w.counted = append(w.counted, i)
		}
	}
	w.m.Outcomes(w.answered(rows))
	w.served = to
	l := look{at: d.time(to)}
	if d.err != nil {
		return l
	}
	step, err := w.m.Advance(context.Background(), l.at)
	if d.err = err; err != nil {
		return l
	}
	l.found, l.ticks, l.labels = step.Ticked || judged, slices.Clip(w.m.Ticks()), w.m.Labels()
	for len(w.ends) < len(l.ticks) {
		from := 0
		if n := len(w.ends); n > 0 {
			from = w.ends[n-1]
		}
		w.ends = append(w.ends, min(from+l.ticks[len(w.ends)].N, len(w.counted)))
	}
	if d.signals {
		l.signals = w.signals(l.at)
	}
	return l
}

// of are the rows of a tick.
func (w *watched) of(tick int) []int {
	from := 0
	if tick > 0 {
		from = w.ends[tick-1]
	}
	return w.counted[from:w.ends[tick]]
}

func (w *watched) g() *Grid { return w.d.g }

// answered are rows as the champion would have answered them.
func (w *watched) answered(rows []int) []hone.Outcome {
	g, width := w.g(), w.g().width()
	scores := g.scores(w.champion, rows, make([]float64, 0, len(rows)*width))
	out := make([]hone.Outcome, len(rows))
	for k, i := range rows {
		o := w.d.rows[i]
		w.heard++
		o.Seq, o.Version, o.Route, o.Scores = int64(i+1), versionID(w.champion), hone.ByChampion, scores[k*width:(k+1)*width]
		o.LabelTime, o.LabelReceived, o.LabelSeq, o.Effect = o.Mature, time.Time{}, w.heard, hone.Joined
		out[k] = o
	}
	return out
}

// signals are the facts that triggers read, as the loop has them; what is estimated
// without labels is not among them.
func (w *watched) signals(now time.Time) []hone.Signal {
	out := append(w.m.Signals(now), w.m.DriftSignals(now)...)
	return append(out, trigger.LossSignal(w.d.model.Name, w.m.Ticks(), w.m.TickRows(), now))
}
