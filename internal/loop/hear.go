package loop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"hone"
	"hone/internal/monitor"
	"hone/internal/trigger"
)

// heard is what triggers know besides signals.
type heard struct {
	events  []hone.CloudEvent // That wait for a run, newest first.
	asked   int64             // The newest event that triggers were asked about.
	streaks map[string]int
	looked  time.Time // When triggers were last asked.
	// replayed is set until the first turn after the log of a reign was read again.
	replayed bool
	anchor   anchorFile
	policy   *hone.Policy // In force; nil where it is not known.
	told     string       // The anchor's hash when triggers were last asked.
}

// anchorFile is what is known of the file of anchor cases.
type anchorFile struct {
	checked time.Time
	changed time.Time
	size    int64
	hash    string // Empty where the file cannot be read.
}

// remembered is how many runs a model's guards look back on, and at least 100.
func remembered(m hone.Model) int {
	const most = 2000
	n := float64(m.Guards.MaxPerMonth)
	if b := m.Guards.Budget; b.RunCost > 0 {
		n = max(n, b.PerDay/b.RunCost, b.PerMonth/b.RunCost)
	}
	return int(min(max(math.Ceil(n)+1, 100), most))
}

// recall reads what the last process counted and had open.
func (k *keeper) recall(ctx context.Context) error {
	incidents, err := k.o.Inbox.Incidents(ctx, k.model.Name, 1)
	if err != nil {
		return err
	}
	if len(incidents) > 0 {
		k.incident = &incidents[0]
	}
	decisions, err := k.o.Records.Decisions(ctx, k.model.Name, 1)
	if err != nil {
		return err
	}
	since := k.champion.Created
	if k.watch != nil {
		since = k.watch.Since
	}
	if len(decisions) > 0 && !decisions[0].At.Before(since) {
		k.heard.streaks = decisions[0].Streaks
	}
	return nil
}

// hear takes in what was announced, and whether the anchor cases changed, for
// models whose triggers ask for it.
func (k *keeper) hear(ctx context.Context, now time.Time) (err error) {
	h := &k.heard
	h.events = nil
	if trigger.Has(k.model, hone.OnEvent) {
		if h.events, err = k.o.Inbox.PendingEvents(ctx, k.model.Name); err != nil {
			return err
		}
	}
	if !trigger.Has(k.model, hone.OnPolicy) || now.Sub(h.anchor.checked).Abs() < idle && !h.anchor.checked.IsZero() {
		return nil
	}
	h.policy = nil
	if k.model.Dataset.Anchor == "" {
		p := k.model.Policy("")
		h.policy = &p
	} else if h.anchor.read(k.file(k.model.Dataset.Anchor)); h.anchor.hash != "" {
		p := k.model.Policy(h.anchor.hash)
		h.policy = &p
	}
	h.anchor.checked = now
	return nil
}

// read hashes the file where it changed since it was last read.
func (a *anchorFile) read(path string) {
	st, err := os.Stat(path)
	if err != nil {
		*a = anchorFile{}
		return
	}
	if a.hash != "" && st.ModTime().Equal(a.changed) && st.Size() == a.size {
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		*a = anchorFile{}
		return
	}
	sum := sha256.Sum256(b)
	a.changed, a.size, a.hash = st.ModTime(), st.Size(), hex.EncodeToString(sum[:])
}

// news tells whether there is something that triggers were not asked about.
func (h *heard) news() bool {
	return len(h.events) > 0 && h.events[0].Seq > h.asked || h.anchor.hash != h.told
}

// tell hands over what triggers ask for.
func (h *heard) tell(in *trigger.Input) {
	in.Events, in.Streaks, in.Looked, in.Policy = h.events, h.streaks, h.looked, h.policy
}

// decided notes what a decision rests on. It returns the newest event that a run
// which begins answers, 0 where there is none.
func (h *heard) decided(d hone.Decision) (answered int64) {
	h.looked, h.streaks, h.told = d.At, d.Streaks, h.anchor.hash
	if len(h.events) > 0 {
		h.asked = h.events[0].Seq
		if d.Start {
			answered, h.events = h.asked, nil
		}
	}
	return answered
}

// pending is what fired while the last run was under way, if its champion serves
// on: what a new champion is worth its own signals say.
func (k *keeper) pending() *hone.Reason {
	if k.run != nil || len(k.runs) == 0 || k.runs[0].Champion != k.champion.ID {
		return nil
	}
	return k.runs[0].Pending
}

// merge keeps with the open run what fires meanwhile and may be gone when it
// ends. The newest kind stands for all.
func (k *keeper) merge(ctx context.Context, now time.Time, look bool) error {
	if !look || k.champion.ID == "" {
		return nil
	}
	in := k.input(now)
	in.Look = true
	d := trigger.Decide(in, now)
	k.heard.streaks = d.Streaks
	i := slices.IndexFunc(d.Reasons, func(r hone.Reason) bool { return r.Fired && r.Depth == 0 && trigger.Passing(r.Trigger) })
	if i < 0 || k.run.Pending != nil && k.run.Pending.Trigger == d.Reasons[i].Trigger {
		return nil
	}
	run, fired := *k.run, d.Reasons[i]
	run.Pending = &fired
	return k.put(ctx, hone.Change{Run: &run, Event: hone.Event{Action: "trigger.merged", Data: marshal(d),
		Sentence: fmt.Sprintf("The %s trigger of %s fired while %s is under way; it is looked at when that is over.", fired.Trigger, k.model.Name, run.ID)}})
}

// alarm keeps alarms that come together as one incident.
func (k *keeper) alarm(ctx context.Context, now time.Time) error {
	if k.monitor == nil {
		return nil
	}
	var alarms []trigger.Alarm
	last, d := k.incident, monitor.Drift{}
	if d, _ = k.drift(now); !d.Since.IsZero() {
		alarms = append(alarms, trigger.Alarm{Name: "drift", Sentence: d.Gist()})
	} else if last != nil && d.Ended.After(last.Opened) { // Calm for two windows already.
		calm := *last
		calm.Calm, last = max(1, calm.Calm), &calm
	}
	alarms = append(alarms, trigger.Alarms(k.model, k.signals(now))...)
	next, came := trigger.Incident(k.model.Name, last, alarms, now, time.Duration(k.model.Guards.Cooldown))
	if came == "" {
		k.incident = next
		return nil
	}
	if came == trigger.Opened {
		next.ID = k.newID(now)
	}
	if err := k.put(ctx, hone.Change{Incident: next, Event: hone.Event{Action: "incident." + came, Version: k.champion.ID, Sentence: next.Sentence, Data: marshal(next)}}); err != nil {
		return err
	}
	k.incident = next
	return nil
}
