package loop

import (
	"context"
	"time"

	"hone"
	"hone/internal/monitor"
	"hone/internal/trigger"
)

// View is what is known of a model at one moment. It is never changed.
type View struct {
	Model    hone.Model
	At       time.Time
	Champion hone.Version // ID is empty while there is none.
	Aliases  map[hone.Alias]hone.VersionID
	Run      *hone.Run // The open run.
	Last     *hone.Run // The newest run that is over.
	Watch    *hone.Watch
	Health   *hone.Health // Of the rollout step under way.
	Training *Training    // While one is under way.
	Signals  []hone.Signal
	Drift    monitor.Drift
	// Summaries say what the features look like while there is no champion.
	Summaries []monitor.Summary
	Window    int // Predictions in the window that is not judged yet.
	Ticks     []hone.Tick
	Decision  hone.Decision
	Incident  *hone.Incident    // That is open.
	Events    []hone.CloudEvent // That wait for a run, newest first.
	Next      time.Time         // Of the schedule.
	// Failures counts the candidates in a row that were rejected or rolled back.
	Failures int
	// Failed are the runs in a row that failed since the champion took over, newest
	// first. What a person asked for in vain, for want of new labels say, is none.
	Failed []hone.Run
	// Rows counts the labelled rows that wait for a first version.
	Rows int
	// Undelivered says why the plan in force is not with the owner's servers; empty where
	// it is, or where nobody delivers it.
	Undelivered string
	// Elsewhere is set where the model is served elsewhere.
	Elsewhere *Elsewhere
	// Stuck is set while the model's state cannot be read: it serves, and does
	// nothing else.
	Stuck bool
	// Blind is set where the champion's probe cannot tell whether a retrain would pay,
	// Untested while it is not known whether it can.
	Blind    bool
	Untested bool
	Sentence string
	// Bias says which cases alone the champion's quality is known for; empty where
	// labels show no sign of being selected.
	Bias string
	// Heard is when the newest label arrived.
	Heard time.Time
	input trigger.Input
	// reading is set while the log of the reign is read again.
	reading bool
}

// RetrainCost is what a retrain of the model costs now, in units of the loss, as its
// recoverable loss is; 0 where nothing says it.
func (v View) RetrainCost() float64 {
	_, inLoss := trigger.RetrainCost(v.Model, v.input.Runs)
	return inLoss
}

// refresh publishes what is known now.
func (k *keeper) refresh(context.Context) error {
	now := k.o.Clock.Now()
	v := &View{
		Model: k.model, At: now, Champion: k.champion, Aliases: k.aliases, Watch: k.watch,
		Decision: k.decision, Next: k.schedule, Rows: k.trainable, Bias: k.bias, Heard: k.spoke, Elsewhere: k.elsewhere(), Undelivered: k.post.trouble, input: k.input(now), Stuck: k.unsure, reading: k.replaying,
	}
	v.Blind, v.Untested = v.input.Blind, k.ref != nil && k.ref.Power == nil
	v.Signals, v.Failures, v.Events = v.input.Signals, v.input.Failures, v.input.Events
	v.Failed = k.failed(v.input.ChampionSince)
	if k.incident != nil && k.incident.Closed.IsZero() {
		v.Incident = k.incident
	}
	if k.run != nil {
		run := *k.run
		v.Run = &run
		if run.Rollout != nil && k.arms != nil {
			h := k.health()
			v.Health = &h
		}
		if k.work != nil && (run.State == hone.Training || run.State == hone.Deciding) {
			t := k.tail.read()
			v.Training = &t
		}
	}
	for i := range k.runs {
		if k.runs[i].State == hone.Closed {
			last := k.runs[i]
			v.Last = &last
			break
		}
	}
	if k.monitor != nil {
		v.Drift, v.Window = k.drift(now)
		v.Ticks = k.monitor.Ticks()
	} else if k.intake != nil {
		v.Summaries = k.intake.Summaries()
	}
	v.input.Ticks, v.input.Runs = append([]hone.Tick(nil), v.Ticks...), append([]hone.Run(nil), k.runs...)
	v.Ticks = v.input.Ticks
	k.view.Store(v)
	return nil
}

// drift is the verdict on the newest window, with what is done about it.
func (k *keeper) drift(now time.Time) (monitor.Drift, int) {
	d, filling := k.monitor.Drift()
	if silence, unusual := k.monitor.Silence(now); unusual {
		d.Silence = hone.Duration(silence)
	}
	if d.Damage != nil && k.run != nil {
		d.Act("run " + string(k.run.ID) + " is under way")
	}
	return d, filling
}

// Training is what a training of the model has said so far.
func (l *Loop) Training(model string) (Training, error) {
	k, err := l.keeper(model)
	if err != nil {
		return Training{}, err
	}
	return k.tail.read(), nil
}
