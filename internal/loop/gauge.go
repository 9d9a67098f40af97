package loop

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/say"
)

const (
	// cohort is how many rows whose labels have matured the owner's metrics are asked
	// about at once, and cadence how long that is apart at least: a program is run for
	// many rows, never for one.
	cohort, cadence = 200, time.Minute
	// A metric that failed is asked again after a minute, then twice as long each time.
	firstRetry, lastRetry = time.Minute, time.Hour
	// mostAsked bounds a cohort, and mostMeasured what is measured of one pair of
	// versions.
	mostAsked, mostMeasured = 5_000, 20_000
)

// gauge measures the rows of a duel by one of the owner's metrics.
type gauge struct {
	metric   string
	ev       *evaluate.Evidence
	waiting  []answered // Oldest first.
	trouble  string     // Why it could not be measured the last time.
	failures int
	next     time.Time     // Not before, where rows are few enough to wait.
	retry    time.Time     // Not before, after a failure.
	known    *hone.Reading // Of the evidence as it is; nil once rows were added.
}

// answered is a labelled row with the answers of both versions.
type answered struct {
	hone.Outcome
	a, b  []float64
	price float64
}

// measurement is what a measurement under way, or over, is of.
type measurement struct {
	duel  *duel
	gauge *gauge
	took  []answered
	rows  evaluate.Rows
	sides [2]evaluate.Side
	err   error
}

// openGauges lets a duel be measured by the owner's metrics. Evidence that was kept
// of the same metrics goes on.
func (k *keeper) openGauges(ctx context.Context, d *duel, run hone.RunID, kept string) {
	if d == nil || len(k.model.Metrics) == 0 {
		return
	}
	before, err := k.sighting(kept)
	if err != nil {
		k.log.ErrorContext(ctx, "rows measured before not read; they are measured again", "error", err)
	}
	for _, name := range k.model.MetricNames() {
		g := &gauge{metric: name, ev: before.rows(k.model, name)}
		if g.ev == nil {
			g.ev = evaluate.NewEvidence(k.model, k.salt(ctx, run), evaluate.Side{Version: d.a.ID, Signature: d.a.Signature},
				&evaluate.Side{Version: d.b.ID, Signature: d.b.Signature})
		}
		d.gauges = append(d.gauges, g)
	}
}

// salt is that of the run's dataset, so that rows are known by the same hash.
func (k *keeper) salt(ctx context.Context, id hone.RunID) string {
	for _, r := range k.runs {
		if r.ID != id || r.Dataset == "" {
			continue
		}
		if ds, err := k.o.Control.Dataset(ctx, r.Dataset); err == nil {
			salt, _, _ := strings.Cut(ds.Salted, ":")
			return salt
		}
	}
	return string(id)
}

// wait lets rows wait to be measured, but for those that are.
func (d *duel) wait(rows []answered) {
	for _, g := range d.gauges {
		ids := make([]hone.PredictionID, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		for _, i := range g.ev.Fresh(ids) {
			if len(g.ev.Keys)+len(g.waiting) < mostMeasured {
				g.waiting = append(g.waiting, rows[i])
			}
		}
	}
}

// readings are what the owner's metrics say of a duel, in the order of guardrails.
func (d *duel) readings(gs []hone.Guardrail) (out []hone.Reading) {
	for _, g := range gs {
		i := slices.IndexFunc(d.gauges, func(x *gauge) bool { return x.metric == g.Metric })
		if i < 0 {
			continue
		}
		if d.gauges[i].known == nil {
			r := d.gauges[i].ev.Reading(g)
			d.gauges[i].known = &r
		}
		r := *d.gauges[i].known
		r.Waiting = len(d.gauges[i].waiting)
		if d.gauges[i].trouble != "" {
			r.Trouble = d.gauges[i].trouble
		}
		out = append(out, r)
	}
	return out
}

// ownGuardrails are those on the model's own metrics.
func ownGuardrails(m hone.Model) []hone.Guardrail {
	return slices.DeleteFunc(m.Guardrails(), func(g hone.Guardrail) bool { _, own := m.Metrics[g.Metric]; return !own })
}

// measureDue begins to measure a cohort where one is due: once it is large enough, or
// once nothing but it holds the step. It tells whether something was measured
// before it returns.
func (k *keeper) measureDue(ctx context.Context, d *duel, run hone.Run, holds string, now time.Time) (bool, error) {
	if d == nil || k.measuring != nil {
		return false, nil
	}
	for _, g := range d.gauges {
		held := strings.HasPrefix(holds, g.metric+".")
		due := len(g.waiting) >= cohort && !now.Before(g.next) || held && len(g.waiting) > 0
		if !due || now.Before(g.retry) {
			continue
		}
		m, err := k.take(d, g)
		if err != nil {
			return false, err
		}
		g.next = now.Add(cadence)
		if k.o.Inline {
			k.runMetric(ctx, run, m)
			return true, k.tookMeasure(ctx, m)
		}
		k.beginMeasure(ctx, run, m)
		return false, nil
	}
	return false, nil
}

// take takes the oldest rows that wait.
func (k *keeper) take(d *duel, g *gauge) (*measurement, error) {
	n := min(len(g.waiting), mostAsked)
	m := &measurement{duel: d, gauge: g, took: g.waiting[:n:n]}
	var raw [][]byte
	a, b := hone.Scores{Width: d.a.Signature.Width()}, hone.Scores{Width: d.b.Signature.Width()}
	for _, r := range m.took {
		raw = append(raw, r.Features)
		a.V, b.V = append(a.V, r.a...), append(b.V, r.b...)
		m.rows.Labels = append(m.rows.Labels, r.Label)
		m.rows.IDs = append(m.rows.IDs, r.ID)
		m.rows.Units = append(m.rows.Units, r.Unit)
		m.rows.Prices = append(m.rows.Prices, r.price)
		m.rows.Weights = append(m.rows.Weights, r.Weight())
	}
	f, err := k.decoder().Frame(raw)
	if err != nil {
		return nil, fmt.Errorf("read the rows for %s: %w", g.metric, err)
	}
	m.rows.Frame = f
	m.sides = [2]evaluate.Side{{Version: d.a.ID, Signature: d.a.Signature, Scores: a}, {Version: d.b.ID, Signature: d.b.Signature, Scores: b}}
	return m, nil
}

// runMetric runs the metric's program for both versions.
func (k *keeper) runMetric(ctx context.Context, run hone.Run, m *measurement) {
	for i := range m.sides {
		values, err := k.o.Owner.Measure(ctx, k.model, m.gauge.metric, filepath.Join(k.runDir(run), evaluate.LiveWork+m.gauge.metric), m.rows, m.sides[i])
		if err != nil {
			m.err = err
			return
		}
		m.sides[i].Owned = map[string][]float64{m.gauge.metric: values}
	}
}

// beginMeasure measures beside the loop: the guards go on.
func (k *keeper) beginMeasure(ctx context.Context, run hone.Run, m *measurement) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan *measurement, 1)
	w := k.worker()
	k.measuring, k.stopMeasure = done, stop
	go func() {
		w.runMetric(ctx, run, m)
		done <- m
	}()
}

// endMeasure ends a measurement under way, and waits for it. Its rows are found
// where they were.
func (k *keeper) endMeasure() {
	if k.measuring == nil {
		return
	}
	k.stopMeasure()
	<-k.measuring
	k.measuring, k.stopMeasure = nil, nil
}

// tookMeasure takes over what a cohort came to, and keeps it.
func (k *keeper) tookMeasure(ctx context.Context, m *measurement) error {
	if k.stopMeasure != nil {
		k.stopMeasure()
	}
	k.measuring, k.stopMeasure = nil, nil
	if m.duel != k.duel && m.duel != k.vigil {
		return nil // The rollout, or the probation, is over.
	}
	g := m.gauge
	if errors.Is(m.err, context.Canceled) {
		return nil
	}
	if m.err == nil {
		m.err = g.ev.Add(m.rows, m.sides[0], &m.sides[1])
	}
	if m.err != nil {
		return k.metricFailed(ctx, m.duel, g, m.err)
	}
	g.waiting, g.known = g.waiting[len(m.took):], nil
	failed := g.trouble != ""
	g.trouble, g.failures = "", 0
	sentence := fmt.Sprintf("%s was measured by %s against %s, on %d rows so far.", m.duel.a.ID, g.metric, m.duel.b.ID, len(g.ev.Keys))
	if m.duel == k.vigil {
		k.remeasured = true
		return k.keepWatch(ctx, sentence)
	}
	return k.keepMeasured(ctx, "rollout.measured", sentence, failed)
}

// metricFailed notes why a metric could not be had, and when it is asked again.
func (k *keeper) metricFailed(ctx context.Context, d *duel, g *gauge, err error) error {
	g.trouble = err.Error()
	if e, ok := hone.AsError(err); ok {
		g.trouble = e.Message
	}
	g.trouble = strings.TrimSuffix(strings.Join(strings.Fields(g.trouble), " "), ".") // A program may say anything.
	wait := min(lastRetry, firstRetry<<min(g.failures, 10))
	g.failures++
	g.retry = k.o.Clock.Now().Add(wait)
	k.log.WarnContext(ctx, "metric not measured", "metric", g.metric, "error", err, "again_after", wait)
	if d == k.vigil {
		k.remeasured = true
		return nil
	}
	if g.failures > 1 {
		return nil // It was said.
	}
	sentence := fmt.Sprintf("%s cannot be measured by %s: %s. It is asked again; until then the step is not passed.", d.a.ID, g.metric, say.Clip(g.trouble, 200))
	return k.keepMeasured(ctx, "rollout.unmeasured", sentence, true)
}

// keepMeasured commits what was measured of a rollout, or that it could not be; aloud
// makes the sentence the run's.
func (k *keeper) keepMeasured(ctx context.Context, action, sentence string, aloud bool) error {
	if k.run == nil || k.run.Rollout == nil {
		return nil
	}
	run := *k.run
	if aloud {
		run.Sentence = sentence
	}
	r := *run.Rollout
	k.seen = k.sighted(r, k.health())
	r.Verdicts = k.seen.verdicts()
	run.Rollout = &r
	run = k.witnessed(ctx, run)
	return k.put(ctx, hone.Change{Run: &run, Event: hone.Event{Action: action, Version: r.Version, Sentence: sentence, Data: marshal(run.Rollout.Verdicts)}})
}
