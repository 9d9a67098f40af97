package backtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/monitor"
	"hone/internal/say"
)

// Options of a backtest. The zero value is the usual one.
type Options struct {
	// Policies by name, as `hone backtest --policy` has them; none for the usual ones.
	Policies []string
	// Prices of a retrain, in the model's currency; none for the model's own, a third of
	// it and three times as much.
	Prices []float64
	// From and Until bound the rows by time; zero where they do not.
	From, Until time.Time
	// Batches that are answered; 0 for 120, or 20 where a program trains.
	Batches int
	// Window is how many labelled rows each champion learns from; 0 as the model has
	// it, or where that is auto an eleventh.
	Window int
	// Workers train at a time; 0 is read as 1.
	Workers int
	// Report is told how far it is, from one goroutine at a time; nil for nobody.
	Report func(Progress)
}

func (o Options) batches(m hone.Model) int {
	switch {
	case o.Batches > 0:
		return o.Batches
	case m.Train.BuiltIn():
		return usualBatches
	}
	return commandBatches
}

// maxBatches bounds what one backtest trains.
const maxBatches = 240

func (o Options) check() error {
	switch {
	case o.Batches != 0 && (o.Batches < minBatches || o.Batches > maxBatches):
		return invalid(fmt.Sprintf("%d batches are none of %d to %d", o.Batches, minBatches, maxBatches), fmt.Sprintf("leave --batches out for %d", usualBatches))
	case o.Window < 0 || o.Window > 0 && o.Window < minBatch:
		return invalid(fmt.Sprintf("nothing is learned from a window of %d rows", o.Window), fmt.Sprintf("give --window %d or more", minBatch))
	case !o.From.IsZero() && !o.Until.IsZero() && o.Until.Before(o.From):
		return invalid("--until lies before --from", "give them the other way round")
	}
	for _, name := range o.Policies {
		if _, _, err := parse(name); err != nil {
			return err
		}
	}
	for _, p := range o.Prices {
		if !(p > 0) || math.IsInf(p, 0) {
			return invalid(fmt.Sprintf("%v is no price of a retrain", p), "give prices above 0, such as --price 100,300")
		}
	}
	return nil
}

// Run plays policies on a log: every champion that the model could have had is trained
// once, and policies say which of them answers when. The same log, model and options
// give the same result where the trainer does.
func Run(ctx context.Context, m hone.Model, l Log, o Options, trainer Trainer) (Result, error) {
	if err := o.check(); err != nil {
		return Result{}, err
	}
	t, err := read(m, l, o)
	if err != nil {
		return Result{}, err
	}
	learn := &learning{trace: t, trainer: trainer, report: o.Report, watch: clock.Start(), of: (len(t.rows) - t.stream.Begin) / t.stream.Batch}
	g, err := NewGrid(ctx, t.stream, learn.champion, workers(o.Workers))
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Result{}, err
	}
	if e, ok := hone.AsError(err); ok {
		return Result{}, &hone.Error{Code: e.Code, Message: fmt.Sprintf("a champion of %s cannot be trained: %s", m.Name, e.Message), Hint: e.Hint}
	}
	if err != nil {
		return Result{}, err
	}
	g.Unit = t.unit(g)
	return newDesk(t, g).run(l, o)
}

// unit is the most that one row counts for: the bound of the loss, or the 99th
// percentile of what the first champion loses when it is new.
func (t *trace) unit(g *Grid) float64 {
	if b := t.model.Loss.Bound(); b > 0 {
		return b
	}
	var all []float64
	for i := g.at(0); i < g.at(fresh); i++ {
		if x := g.lost(0, i); x > 0 {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return 1
	}
	slices.Sort(all)
	return all[int(0.99*float64(len(all)-1))]
}

// run lets the policies decide, and says what came of it.
func (d *desk) run(l Log, o Options) (Result, error) {
	d.settle(o.Prices)
	price := d.configuredPrice()
	prices := o.Prices
	if len(prices) == 0 {
		if price <= 0 {
			price = defaultPrice
			d.note("The model does not say what a retrain costs: %s are taken.", say.Amount(defaultPrice, d.model.Costs.Currency))
		}
		prices = usualPrices(price)
		prices[0], prices[1] = prices[1], prices[0]
	}
	prices = distinct(prices)
	if i := slices.Index(prices, price); i > 0 {
		prices = slices.Insert(slices.Delete(prices, i, i+1), 0, price)
	}
	entries, err := d.wanted(o, prices[0])
	if err != nil {
		return Result{}, err
	}
	r := d.describe(l)
	if slices.ContainsFunc(entries, func(e entry) bool { return e.name == kindConfigured }) {
		d.unplayed()
	}
	for _, e := range entries {
		decides := e.price
		if decides == 0 {
			decides = prices[0]
		}
		c := e.course(d.g, d.inLoss(decides))
		if d.err != nil {
			return Result{}, fmt.Errorf("watch %s: %w", d.model.Name, d.err)
		}
		r.Policies = append(r.Policies, d.outcome(e, c))
	}
	if c := d.model.Costs; c.Label > 0 || c.Fault > 0 {
		d.note("Labels that people are asked for, and answers that are refused, are no part of recorded rows: the objective here is staleness and training.")
	}
	resample := draws(d.g.Batches())
	for _, p := range prices {
		r.Prices = append(r.Prices, d.at(p, r.Policies, resample))
	}
	for i := range r.Prices {
		r.Prices[i].Sentence = recommend(r, r.Prices[i])
	}
	r.Notes, r.Sentence = append(r.Notes, d.notes...), r.Prices[0].Sentence
	r.Notes = append(r.Notes, aside(r.Policies)...)
	return r, nil
}

// aside says which policies are only to compare with.
func aside(policies []Outcome) (notes []string) {
	var foreign []string
	for _, p := range policies {
		switch {
		case p.Foreign:
			foreign = append(foreign, p.Policy)
		case p.Staged:
			notes = append(notes, p.Policy+" shows what the model's gates, rollout and probation cost and save, counted in rows; it is not recommended beside the trigger that it goes by.")
		}
	}
	if len(foreign) > 0 {
		notes = append(notes, "No trigger does as "+strings.Join(foreign, " and ")+" would: shown to compare with, and never recommended.")
	}
	return notes
}

// distinct leaves each number once, in the order of the first.
func distinct(xs []float64) (out []float64) {
	for _, x := range xs {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// defaultPrice of a retrain is that of the configuration.
const defaultPrice = 100.0

// describe says what the policies were played on.
func (d *desk) describe(l Log) Result {
	g, n := d.g, d.g.Batches()
	r := Result{Model: d.model.Name, Currency: d.model.Costs.Currency, Task: d.model.Task, Loss: d.model.Loss, Metric: monitor.Headline(d.model.Task), Trainer: d.model.Train.Trainer,
		Rows: len(l.Outcomes) + l.older, Labelled: d.labelled, Answered: n * g.Batch, Batches: n, Batch: g.Batch, Window: min(g.Window, d.labelled),
		From: d.time(g.at(0)), Until: d.time(g.at(n) - 1), Untimed: l.Untimed, Notes: []string{}}
	for b := range n {
		r.Times = append(r.Times, d.time(g.at(b)))
	}
	return r
}

// outcome says what came of a policy.
func (d *desk) outcome(e entry, c course) Outcome {
	g := d.g
	out := Outcome{Policy: e.name, Words: e.words, Triggers: e.triggers, Near: e.near, Foreign: e.foreign, Staged: e.staged, Retrains: c.trained, Reuses: c.returned, Staleness: d.perLoss() * sum(c.lost), Moves: []Swap{}, course: c}
	for _, t := range c.turns {
		out.Moves = append(out.Moves, Swap{Batch: g.batch(t.row), Champion: t.champion, At: d.time(t.row), Reuse: t.returns, Sentence: t.why})
	}
	for b, n := range g.Counted {
		out.LossByBatch = append(out.LossByBatch, ratio(c.lost[b], n))
		out.MetricByBatch = append(out.MetricByBatch, d.metric(c.off[b], n))
	}
	if m := d.metric(sum(c.off), sum(g.Counted)); m != nil {
		out.Mean = *m
	}
	return out
}

func ratio(x, n float64) *float64 {
	if n == 0 {
		return nil
	}
	x /= n
	return &x
}

// metric turns the sum of what was wrong, or how far off, into the headline.
func (d *desk) metric(off, n float64) *float64 {
	x := ratio(off, n)
	if x != nil && d.model.Task != hone.Regression {
		*x = 1 - *x
	}
	return x
}

// live is who answers each batch.
func (g *Grid) live(moves []Move) []int {
	out := make([]int, g.Batches())
	for b := range out {
		if b > 0 {
			out[b] = out[b-1]
		}
		if len(moves) > 0 && moves[0].At == b {
			out[b], moves = moves[0].Champion, moves[1:]
		}
	}
	return out
}
