// Package trigger decides whether a model is worth a retrain now, and says why
// or why not. Measuring the signals is left to monitor, the run itself to loop.
package trigger

import (
	"slices"
	"time"

	"hone"
)

// Input is all that a decision rests on, so that it can be recomputed.
type Input struct {
	Model       hone.Model
	HasChampion bool
	Champion    hone.VersionID
	// ChampionSince is when the champion began to serve, TrainedAt when it was made.
	ChampionSince, TrainedAt time.Time
	// Ticks of the champion's probe since then, oldest first.
	Ticks   []hone.Tick
	Signals []hone.Signal
	// Blind is set where the champion's probe would not see that a retrain pays, and
	// Seen is the share that it saw of losses planted to test it.
	Blind bool
	Seen  float64
	// NewLabels counts the mature labels since the champion was trained.
	NewLabels int
	// TrainableRows counts the labelled rows that a first version may use.
	TrainableRows int
	// Runs of the model, newest first: at least those of the last 30 days, the
	// last that ended, the last that answered a schedule, and the open one.
	Runs []hone.Run
	// Failures counts the candidates in a row that were rejected or rolled back.
	Failures int
	// Manual is a person's wish for a run, or nil.
	Manual *Manual
	// Look is set when a tick or a window was finished: rules with consecutive
	// count looks. Looked is when triggers were last asked, zero at first.
	Look   bool
	Looked time.Time
	// Streaks is what the last decision counted.
	Streaks map[string]int
	// Events that wait for a run, newest first.
	Events []hone.CloudEvent
	// Pending is what fired while the last run was under way, or nil.
	Pending *hone.Reason
	// Policy is what a candidate would be judged by now, Proven what the champion
	// was; nil where that is not known.
	Policy, Proven *hone.Policy
	// Fund is the budget that the model shares with others; nil where it shares none.
	Fund *Fund
	// Baseline are the numbers that the champion was proven with, by metric.
	Baseline map[string]float64
}

// Manual is a person's wish for a run.
type Manual struct {
	By, Reason string
	// Force asks for a run whatever the number of new labels, and for a candidate
	// that need not be better. Safety gates and probation stay.
	Force bool
	// Guarded holds the run to the guards that a run by hand passes otherwise.
	Guarded bool
}

// Forced is the guard named in the reason that records a forced run. It never
// holds a run back; the gate looks for it.
const Forced = "force"

// maxTicks bounds the evidence that a decision carries along.
const maxTicks = 500

// Decide says whether a run starts now. It is a pure function of its input: the
// same input gives the same decision. The caller names the decision.
func Decide(in Input, now time.Time) hone.Decision {
	d := hone.Decision{
		Model:   in.Model.Name,
		At:      now,
		By:      "hone",
		Signals: in.Signals,
		Ticks:   evidence(in.Ticks),
	}
	d.LossRate, d.Others = lossRate(in.Ticks), Others(in, now)
	if in.Policy != nil {
		d.Policy = fingerprint(*in.Policy)
	}
	l := &look{in: in, now: now, streaks: map[string]int{}}
	findings := l.triggers()
	best := strongest(findings)
	held := guards(in, best, now)
	for _, f := range findings {
		d.Reasons = f.tell(d.Reasons, 0)
	}
	var stop *finding
	for i, f := range held {
		d.Reasons = append(d.Reasons, f.Reason)
		if f.Fired && stop == nil {
			stop = &held[i]
		}
	}
	if best != nil {
		d.Trigger, d.Reuse, d.Forecast = best.Trigger, best.reuse, best.forecast
		d.Start = stop == nil
		if best.Trigger == hone.OnManual {
			d.By = in.Manual.By
		}
	}
	if d.Start {
		l.begin(&d)
	} else {
		d.Again = again(findings, held, best, now)
		if len(l.streaks) > 0 {
			d.Streaks = l.streaks
		}
	}
	d.Sentence = summary(in.Model.Name, findings, best, stop)
	return d
}

// evidence are the ticks that a decision carries along; rivals are only of those that
// they are looked at for.
func evidence(ticks []hone.Tick) []hone.Tick {
	out := slices.Clone(ticks[max(0, len(ticks)-maxTicks):])
	for i := range max(0, len(out)-maxReuse) {
		out[i].Rivals = nil
	}
	return out
}

// begin adds to a decision what only the start of a run has.
func (l *look) begin(d *hone.Decision) {
	if d.Forecast == nil && l.in.HasChampion {
		d.Forecast = aside(l.in)
	}
	if len(l.in.Events) > 0 {
		d.Event = &l.in.Events[0]
	}
	d.Cost = runCost(l.in.Model, l.in.Runs, d.Reuse)
	if d.Trigger == hone.OnManual && l.in.Manual.Force {
		d.Reasons = append(d.Reasons, hone.Reason{
			Guard:    Forced,
			Sentence: l.in.Manual.By + " forced this run: the number of new labels and the quality gate do not hold it.",
		})
	}
}

// again is when time alone may change the decision: when the last guard that
// holds a run back lets it go, or the first rule that says nothing yet may speak.
func again(findings, held []finding, best *finding, now time.Time) (at time.Time) {
	sooner := func(t time.Time) {
		if !t.After(now) {
			t = now.Add(time.Minute)
		}
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if best != nil {
		var free time.Time
		for _, g := range held {
			if g.Fired && g.until.IsZero() {
				free = time.Time{}
				break
			}
			if g.Fired && g.until.After(free) {
				free = g.until
			}
		}
		if !free.IsZero() {
			sooner(free)
		}
	}
	for _, f := range findings {
		if !f.Fired && !f.until.IsZero() {
			sooner(f.until)
		}
	}
	return at
}

// finding is a reason with what the summary makes of it.
type finding struct {
	hone.Reason
	// start completes "fraud retrains: …", or for a guard "fraud waits: …".
	start string
	// wait completes "fraud waits: …" where the rule did not fire; it may be empty.
	wait string
	// until is when time alone changes it; zero when it does not.
	until time.Time
	// parts are the rules of a combination.
	parts []finding
	// reuse is the version that comes back, and forecast what the run is to win back.
	reuse    hone.VersionID
	forecast *hone.Forecast
}

// tell appends the reason and, under it, those of its parts.
func (f finding) tell(out []hone.Reason, depth int) []hone.Reason {
	r := f.Reason
	r.Depth = depth
	out = append(out, r)
	for _, p := range f.parts {
		out = p.tell(out, depth+1)
	}
	return out
}

// strongest returns the finding that the run is put down to: a person's wish,
// the first version, measured loss, and then the order of the configuration.
func strongest(all []finding) *finding {
	for _, kind := range []hone.TriggerKind{hone.OnManual, hone.OnFirst, hone.OnLoss} {
		for i := range all {
			if all[i].Fired && all[i].Trigger == kind {
				return &all[i]
			}
		}
	}
	for i := range all {
		if all[i].Fired {
			return &all[i]
		}
	}
	return nil
}
