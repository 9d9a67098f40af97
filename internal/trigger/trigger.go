// Package trigger decides whether a model is worth a retrain now, and says why
// or why not. Measuring the signals is left to monitor, the run itself to loop.
package trigger

import (
	"time"

	"hone"
)

// Input is all that a decision rests on, so that it can be recomputed.
type Input struct {
	Model       hone.Model
	HasChampion bool
	// ChampionSince is when the champion began to serve.
	ChampionSince time.Time
	// Ticks of the champion's probe since then, oldest first.
	Ticks   []hone.Tick
	Signals []hone.Signal
	// NewLabels counts the mature labels since the champion was trained.
	NewLabels int
	// TrainableRows counts the labelled rows that a first version may use.
	TrainableRows int
	// Runs of the model, newest first: at least those of the last 24 hours, the
	// last that ended and the open one.
	Runs []hone.Run
	// Failures counts the candidates in a row that were rejected or rolled back.
	Failures int
	// Manual is a person's wish for a run, or nil.
	Manual *Manual
	// LastSchedule is the last time of the schedule that was acted on.
	LastSchedule time.Time
}

// Manual is a person's wish for a run.
type Manual struct {
	By, Reason string
	// Force asks for a run whatever the number of new labels, and for a candidate
	// that need not be better. Safety gates and probation stay.
	Force bool
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
		Ticks:   in.Ticks[max(0, len(in.Ticks)-maxTicks):],
	}
	d.LossRate = lossRate(in.Ticks)
	findings := triggers(in, now)
	best := strongest(findings)
	held := guards(in, best, now)
	for _, f := range findings {
		d.Reasons = append(d.Reasons, f.Reason)
	}
	var stop *finding
	for i, f := range held {
		d.Reasons = append(d.Reasons, f.Reason)
		if f.Fired && stop == nil {
			stop = &held[i]
		}
	}
	if best != nil {
		d.Trigger = best.Trigger
		d.Start = stop == nil
		if best.Trigger == hone.OnManual {
			d.By = in.Manual.By
		}
	}
	if d.Start && best.Trigger == hone.OnManual && in.Manual.Force {
		d.Reasons = append(d.Reasons, hone.Reason{
			Guard:    Forced,
			Sentence: in.Manual.By + " forced this run: the number of new labels and the quality gate do not hold it.",
		})
	}
	d.Sentence = summary(in.Model.Name, findings, best, stop)
	return d
}

// finding is a reason with what the summary makes of it.
type finding struct {
	hone.Reason
	// start completes "fraud retrains: …", or for a guard "fraud waits: …".
	start string
	// wait completes "fraud waits: …" where the rule did not fire; it may be empty.
	wait string
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
