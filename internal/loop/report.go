package loop

import (
	"context"
	"time"

	"hone"
	"hone/internal/trigger"
)

// Ledger is the record that a report is read from.
type Ledger interface {
	// Looks are a model's decisions from since on beside which other policies were
	// asked, oldest first, without their evidence.
	Looks(ctx context.Context, model string, since time.Time) ([]hone.Decision, error)
	// Decision is one of them with its evidence.
	Decision(ctx context.Context, id string) (hone.Decision, error)
	AliasHistory(ctx context.Context, model string) ([]hone.AliasMove, error)
	// LastEvent is the newest event of an action; its Seq is 0 where there is none.
	LastEvent(ctx context.Context, model, action string) (hone.Event, error)
	// Signals are the newest values of a signal from since on, oldest first.
	Signals(ctx context.Context, model, name string, since time.Time, limit int) ([]hone.Signal, error)
}

// Report holds what was done about a model between two moments against what other
// common policies would have done.
func (l *Loop) Report(ctx context.Context, model string, from, until time.Time) (trigger.Comparison, error) {
	v, err := l.View(model)
	if err != nil {
		return trigger.Comparison{}, err
	}
	c, err := compare(ctx, l.o.Ledger, v.Model, v.Ticks, v.input.Runs, from, until)
	if err != nil {
		return c, err
	}
	c.Objective, err = weigh(ctx, l.o, v.Model, v.input.Runs, v.Heard, v.Signals, from, until)
	return c, err
}

// compare reads the reigns that a stretch of time has a part in. Ticks are those of
// the champion of now.
func compare(ctx context.Context, db Ledger, m hone.Model, ticks []hone.Tick, runs []hone.Run, from, until time.Time) (c trigger.Comparison, err error) {
	moves, err := db.AliasHistory(ctx, m.Name)
	if err != nil {
		return c, err
	}
	reigns := reignsOf(moves, from, until)
	if len(reigns) == 0 {
		return trigger.Compare(m, nil, runs, from, until), nil
	}
	looks, err := db.Looks(ctx, m.Name, reigns[0].Since)
	if err != nil {
		return c, err
	}
	for i := range reigns {
		r := &reigns[i]
		for _, d := range looks {
			if !d.At.Before(r.Since) && (r.Until.IsZero() || d.At.Before(r.Until)) {
				r.Looks = append(r.Looks, d)
			}
		}
		if r.Until.IsZero() {
			r.Ticks = ticks
		}
		if err := earlier(ctx, db, r, from); err != nil {
			return c, err
		}
	}
	return trigger.Compare(m, reigns, runs, from, until), nil
}

// reignsOf are those of the champions who served between two moments, oldest first.
func reignsOf(moves []hone.AliasMove, from, until time.Time) (out []trigger.Reign) {
	for _, move := range moves {
		if move.Alias != hone.Champion {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Until.IsZero() {
			out[n-1].Until, out[n-1].Next = move.At, move.Version
			if !move.At.After(from) {
				out = out[:n-1]
			}
		}
		if move.Version != "" && move.At.Before(until) {
			out = append(out, trigger.Reign{Champion: move.Version, Since: move.At})
		}
	}
	return out
}

// earlier puts the ticks that decisions have carried along before those that a reign
// has already, as far back as it is asked for.
func earlier(ctx context.Context, db Ledger, r *trigger.Reign, from time.Time) error {
	for i := len(r.Looks) - 1; i >= 0; i-- {
		if len(r.Ticks) > 0 && (!r.Ticks[0].At.After(from) || r.Looks[i].At.After(r.Ticks[0].At)) {
			continue
		}
		d, err := db.Decision(ctx, r.Looks[i].ID)
		if err != nil {
			return err
		}
		n := len(d.Ticks)
		for n > 0 && len(r.Ticks) > 0 && !d.Ticks[n-1].At.Before(r.Ticks[0].At) {
			n--
		}
		if n == 0 {
			return nil // There are none before.
		}
		r.Ticks = append(d.Ticks[:n:n], r.Ticks...)
	}
	return nil
}

// WeekAction is the audit's word for the report on a week.
const WeekAction = "report.week"

// pastWeeks is how many weeks that have ended are reported at most at once.
const pastWeeks = 4

// weekly puts the report on each week that has ended into the audit, once. Weeks end
// on Mondays at midnight, UTC. What fails is tried again in an hour.
func (k *keeper) weekly(ctx context.Context, now time.Time) {
	end := monday(now)
	if !k.reported.Before(end) || k.monitor == nil || now.Before(k.reportAgain) {
		return
	}
	if err := k.reportWeeks(ctx, end); err != nil {
		k.log.ErrorContext(ctx, "report of the week not kept", "error", err)
		k.reportAgain = now.Add(time.Hour)
		return
	}
	k.reported = end
}

// reportWeeks keeps those up to end that are not kept yet. A week in which nothing
// was decided has no report.
func (k *keeper) reportWeeks(ctx context.Context, end time.Time) error {
	last, err := k.o.Ledger.LastEvent(ctx, k.model.Name, WeekAction)
	if err != nil {
		return err
	}
	at := end.AddDate(0, 0, -7*pastWeeks)
	if last.Seq > 0 && monday(last.At).After(at) {
		at = monday(last.At)
	}
	for ; at.Before(end); at = at.AddDate(0, 0, 7) {
		c, err := compare(ctx, k.o.Ledger, k.model, k.monitor.Ticks(), k.runs, at, at.AddDate(0, 0, 7))
		if err != nil {
			return err
		}
		if c.Policies[0].Looks == 0 {
			continue
		}
		if c.Objective, err = weigh(ctx, k.o, k.model, k.runs, k.spoke, k.signals(k.o.Clock.Now()), at, c.Until); err != nil {
			return err
		}
		if err := k.commit(ctx, hone.Change{Event: hone.Event{Action: WeekAction, Version: k.champion.ID, Sentence: c.Gist(), Data: marshal(c)}}); err != nil {
			return err
		}
	}
	return nil
}

// monday is when the week of a moment began.
func monday(t time.Time) time.Time {
	day := t.UTC().Truncate(24 * time.Hour)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}
