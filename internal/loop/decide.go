package loop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"hone"
	"hone/internal/monitor"
	"hone/internal/trigger"
)

// settleFor is how long no new history may come before a first version is
// trained: an import under way is let finish.
const settleFor = 2 * time.Second

// due tells whether the triggers are to be looked at now.
func (k *keeper) due(now time.Time, found monitor.Step) bool {
	switch {
	case k.manual != nil, found.Ticked, found.Drift:
		return true
	case k.champion.ID == "":
		return k.trainable > 0 && now.Sub(k.lastLabel) >= settleFor && (!k.looked || k.trainable >= k.model.Dataset.MinRows)
	case !k.looked, k.heard.news():
		return true
	case now.Before(k.heard.looked): // The clock was set back: what was to wake it up lies too far ahead.
		return true
	}
	passed := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	return passed(k.schedule) || passed(k.again)
}

// input gathers what a decision rests on.
func (k *keeper) input(now time.Time) trigger.Input {
	in := trigger.Input{
		Model: k.model, HasChampion: k.champion.ID != "", TrainableRows: k.trainable,
		Runs: k.runs, Failures: k.failures(), Manual: k.manual, Pending: k.pending(),
		Champion: k.champion.ID, TrainedAt: k.champion.Created, Proven: k.champion.Policy, Baseline: k.champion.Baseline,
	}
	k.heard.tell(&in)
	if k.monitor != nil {
		in.Ticks, in.NewLabels, in.Signals = k.monitor.Ticks(), k.newLabels(), k.signals(now)
	}
	if k.ref != nil {
		in.Blind, in.Seen = k.ref.Blind()
	}
	in.ChampionSince = k.champion.Created
	if k.watch != nil {
		in.ChampionSince = k.watch.Since
	}
	return in
}

// newLabels counts the mature labels since the champion was trained and since
// its last run: what a run has seen does not start the next one.
func (k *keeper) newLabels() int {
	n := k.monitor.Labels()
	for _, r := range k.runs {
		if r.State != hone.Closed || r.Champion != k.champion.ID {
			continue
		}
		for _, s := range r.Decision.Signals {
			if s.Name == labelsMature {
				return max(0, n-int(s.Value))
			}
		}
	}
	return n
}

// labelsMature is the signal that counts the labels of a reign.
const labelsMature = "labels.mature"

// failures counts the candidates in a row that were rejected or rolled back.
func (k *keeper) failures() (n int) {
	for _, r := range k.runs {
		switch r.Ending {
		case hone.Rejected, hone.RolledBack:
			n++
		case hone.Promoted:
			return n
		}
	}
	return n
}

// failed lists the runs in a row that failed since the champion took over, newest first.
// One that was cancelled before it had trained breaks no row. Nor does one that a person
// asked for and that got no dataset, for want of new labels say: whoever asked was told.
func (k *keeper) failed(since time.Time) (out []hone.Run) {
	for _, r := range k.runs {
		failed := r.Ending == hone.Failed
		switch {
		case r.State != hone.Closed, r.Ending == hone.Cancelled && r.Twin == "", failed && r.Dataset == "" && r.Decision.Trigger == hone.OnManual:
			continue
		case !failed || r.Champion != k.champion.ID || r.Ended.Before(since):
			return out
		}
		out = append(out, r)
	}
	return out
}

// decide looks at the triggers, records what was decided and why, and begins a
// run where one is due.
func (k *keeper) decide(ctx context.Context, now time.Time, look bool) error {
	in := k.input(now)
	in.Look = look
	// Until a run is stored, and seen by the others, nobody else spends what they share.
	d, release := k.fund.decide(&in, now)
	defer release()
	manual := k.manual
	k.manual, k.looked, k.again = nil, true, d.Again
	answered := k.heard.decided(d)
	if !trigger.Has(k.model, hone.OnEvent) {
		answered = math.MaxInt64 // What waited for a trigger that is gone.
	}
	k.schedule = trigger.NextSchedule(k.model, now)
	d.ID = k.newID(now)
	k.decision = d
	if manual == nil && repeats(d, k.recorded) {
		return nil
	}
	k.recorded = d
	if !d.Start {
		return k.o.Records.SaveDecision(ctx, d)
	}
	number := 1
	if len(k.runs) > 0 {
		number = k.runs[0].Number + 1
	}
	run := hone.Run{
		ID: hone.RunID(fmt.Sprintf("%s-%d", k.model.Name, number)), Model: k.model.Name, Number: number,
		State: hone.Collecting, Started: now, Since: now, Decision: d, Champion: k.champion.ID, Sentence: d.Sentence, FourEyes: k.model.FourEyes,
	}
	err := k.put(ctx, hone.Change{Run: &run, Decision: &d, Answered: answered, Event: hone.Event{
		Actor: d.By, Action: "run.collecting", Sentence: d.Sentence, Data: marshal(d)}})
	if in.Fund != nil {
		err = errors.Join(err, k.refresh(ctx))
	}
	return err
}

// repeats tells whether a decision to wait says no more than the one before,
// less than an hour ago: no other policy fires or ceases to, and it is the same
// sentence, or the same guard against the same trigger, whose sentence counts the
// minutes.
func repeats(d, before hone.Decision) bool {
	if d.Start || before.Start || d.At.Sub(before.At) >= time.Hour || !maps.Equal(d.Streaks, before.Streaks) || trigger.Firing(d) != trigger.Firing(before) {
		return false
	}
	by := heldBy(d)
	return d.Sentence == before.Sentence || by != "" && by == heldBy(before)
}

// heldBy names the trigger that would have started a run, and the guard that
// held it back.
func heldBy(d hone.Decision) string {
	for _, r := range d.Reasons {
		if r.Guard != "" && r.Fired && d.Trigger != "" {
			return string(d.Trigger) + " " + r.Guard
		}
	}
	return ""
}

func (k *keeper) newID(now time.Time) string {
	return ulid.MustNew(ulid.Timestamp(now), k.o.Rand).String()
}

// signals are all the facts as they stand.
func (k *keeper) signals(now time.Time) []hone.Signal {
	if k.monitor == nil {
		return nil
	}
	out := append(k.monitor.Signals(now), k.monitor.DriftSignals(now)...)
	recoverable := trigger.LossSignal(k.model.Name, k.monitor.Ticks(), k.monitor.TickRows(), now)
	return slices.Concat(out, []hone.Signal{recoverable, k.sight(now)}, k.refused(now), k.estimated, k.joint)
}

// sight is how much the champion's probe sees.
func (k *keeper) sight(now time.Time) hone.Signal {
	s := hone.Signal{Model: k.model.Name, Name: "probe.power", At: now}
	if k.ref.Power == nil {
		s.Unknown = "the probe is not tested yet"
		return s
	}
	if k.ref.Power.Plants == 0 {
		s.Unknown = "no losses could be planted to test the probe"
		return s
	}
	_, s.Value = k.ref.Blind()
	s.Lower, s.Upper, s.N = s.Value, s.Value, k.ref.Power.Rows
	return s
}

// Plan says what the triggers say now, without starting anything.
func (l *Loop) Plan(model string) (hone.Decision, error) {
	v, err := l.View(model)
	if err != nil {
		return hone.Decision{}, err
	}
	in := v.input
	d, release := l.fund.decide(&in, l.o.Clock.Now())
	release()
	return d, nil
}
