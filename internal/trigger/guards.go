package trigger

import (
	"slices"
	"time"

	"hone"
	"hone/internal/say"
)

// guards says what would hold a run back that starts by the given trigger; nil
// when none fired, and then it speaks of a run by any trigger.
func guards(in Input, by *finding, now time.Time) []finding {
	kind := hone.TriggerKind("")
	if by != nil {
		kind = by.Trigger
	}
	out := []finding{singleFlight(in.Runs)}
	if kind != hone.OnManual || in.Manual.Guarded {
		out = append(out, cooldown(in, now),
			started(in, "max_per_day", in.Model.Guards.MaxPerDay, day24, "24 hours", now),
			started(in, "max_per_month", in.Model.Guards.MaxPerMonth, month, "30 days", now))
	}
	if b := in.Model.Guards.Budget; capped(b) {
		reuse := hone.VersionID("")
		if by != nil {
			reuse = by.reuse
		}
		cost := runCost(in.Model, in.Runs, reuse)
		out = append(out, afford(in, cost, b.PerDay, day24, "24 hours", now), afford(in, cost, b.PerMonth, month, "30 days", now))
	}
	if in.Fund != nil && by != nil {
		out = append(out, shared(in, *by, now))
	}
	if kind != hone.OnFirst && in.HasChampion && (by == nil || by.reuse == "") { // What is there already needs no new labels.
		f := newLabels(in)
		if f.Fired && kind == hone.OnManual && in.Manual.Force {
			f.Fired = false
		}
		out = append(out, f)
	}
	if !in.HasChampion && kind == hone.OnManual && !in.Manual.Force {
		out = append(out, enoughRows(in))
	}
	return out
}

func singleFlight(runs []hone.Run) finding {
	f := finding{Reason: hone.Reason{Guard: "single_flight", Limit: 1, Sentence: "No run is under way."}}
	for _, r := range runs {
		if r.State != hone.Closed {
			f.Fired, f.Value = true, 1
			f.start = "its run " + string(r.ID) + " is under way."
			f.Sentence = "Run " + string(r.ID) + " is under way, and a model has one run at a time."
			return f
		}
	}
	return f
}

// cooldown grows with the failures as the price does, so that a trigger that
// stays on does not try the same thing every hour.
func cooldown(in Input, now time.Time) finding {
	need := time.Duration(float64(in.Model.Guards.Cooldown) * backOff(in.Failures))
	f := finding{Reason: hone.Reason{Guard: "cooldown", Limit: need.Seconds()}}
	var last time.Time
	for _, r := range in.Runs {
		if r.State == hone.Closed && r.Ended.After(last) && now.Sub(r.Ended) > -max(need, ahead) {
			last = r.Ended
		}
	}
	if last.IsZero() {
		f.Value = need.Seconds()
		f.Sentence = "No run has ended yet, so there is nothing to wait for."
		return f
	}
	since := now.Sub(last)
	f.Value = since.Seconds()
	f.Fired = within(last, now, need)
	f.until = last.Add(need)
	if f.Fired {
		since = max(since, 0) // The clock may have been set back.
		f.start = "its last run ended " + ago(since) + " ago; the cooldown is " + ago(need) + "."
	}
	f.Sentence = "The last run ended " + ago(since) + " ago; the cooldown is " + ago(need) + "."
	return f
}

const (
	day24 = 24 * time.Hour
	month = 30 * day24
)

// within tells whether something happened less than so long ago. What a clock
// stamped that ran further ahead than is believed never comes of age, and is
// passed over: it would hold runs back until then.
func within(at, now time.Time, d time.Duration) bool {
	since := now.Sub(at)
	return !at.IsZero() && since < d && since > -max(d, ahead)
}

// started bounds the runs that triggers start in a stretch of time.
func started(in Input, guard string, limit int, stretch time.Duration, words string, now time.Time) finding {
	n := 0
	f := finding{Reason: hone.Reason{Guard: guard, Limit: float64(limit)}}
	for _, r := range in.Runs {
		if r.Decision.Trigger == hone.OnManual && !Guarded(r.Decision) || !within(r.Started, now, stretch) {
			continue
		}
		if n++; n == limit {
			f.until = r.Started.Add(stretch)
		}
	}
	f.Fired, f.Value = n >= limit, float64(n)
	f.start = say.Count(n, "run", "runs") + " in " + words + ", and " + say.Whole(limit) + " are allowed."
	f.Sentence = "Triggers started " + say.Count(n, "run", "runs") + " in the last " + words + "; " + say.Whole(limit) + " are allowed."
	return f
}

// Guarded tells whether a run by hand was held to the guards of triggers.
func Guarded(d hone.Decision) bool {
	return slices.ContainsFunc(d.Reasons, func(r hone.Reason) bool { return r.Guard == "cooldown" })
}

func capped(b hone.Budget) bool { return b.PerDay > 0 || b.PerMonth > 0 }

// afford holds a run back whose cost would pass the cap of a stretch of time,
// whoever asks for it.
func afford(in Input, cost, most float64, stretch time.Duration, words string, now time.Time) finding {
	f := finding{Reason: hone.Reason{Guard: "budget", Limit: most}}
	if most <= 0 {
		f.Sentence = "What runs may cost in " + words + " is not capped."
		return f
	}
	paid := make([]Paid, len(in.Runs))
	for i, r := range in.Runs {
		paid[i] = Paid{At: r.Started, Cost: RunCost(in.Model, r, in.Runs)}
	}
	room := roomFor(paid, cost, most, stretch, now)
	f.Value, f.Fired, f.until = room.spent, !room.fits, room.until
	f.start = "a run costs " + say.Num(cost) + ", and " + say.Num(f.Value) + " of " + say.Num(most) + " are spent in " + words + "."
	f.Sentence = "A run costs " + say.Num(cost) + "; " + say.Num(f.Value) + " of " + say.Num(most) + " are spent in the last " + words + "."
	return f
}

// Paid is what a run cost, and when that was begun.
type Paid struct {
	At   time.Time
	Cost float64
}

// room is what a cap leaves.
type room struct {
	spent float64
	fits  bool
	// until is when it fits, where time alone brings that; else zero.
	until time.Time
}

// slack lets three times 0.1 be 0.3, as to a person.
const slack = 1 + 1e-9

// roomFor tells whether a cost has room under the cap of a stretch of time beside what
// was paid, newest first.
func roomFor(paid []Paid, cost, most float64, stretch time.Duration, now time.Time) (r room) {
	var counted []Paid
	for _, p := range paid {
		if within(p.At, now, stretch) {
			r.spent += p.Cost
			counted = append(counted, p)
		}
	}
	r.fits = r.spent+cost <= most*slack
	left := r.spent
	for _, p := range slices.Backward(counted) { // The oldest leave first.
		if left+cost <= most*slack {
			break
		}
		left -= p.Cost
		r.until = p.At.Add(stretch)
	}
	if left+cost > most*slack {
		r.until = time.Time{} // No time makes it cheap enough.
	}
	return r
}

func newLabels(in Input) finding {
	least := in.Model.Guards.MinNewLabels
	f := finding{Reason: hone.Reason{Guard: "min_new_labels", Fired: in.NewLabels < least, Value: float64(in.NewLabels), Limit: float64(least)}}
	f.start = "only " + say.Whole(in.NewLabels) + " of " + say.Whole(least) + " new labels have come."
	f.Sentence = say.Count(in.NewLabels, "mature label has", "mature labels have") + " come since the champion was trained; the least is " + say.Whole(least) + "."
	return f
}

func enoughRows(in Input) finding {
	least := max(in.Model.Dataset.MinRows, 1)
	f := finding{Reason: hone.Reason{Guard: "min_rows", Fired: in.TrainableRows < least, Value: float64(in.TrainableRows), Limit: float64(least)}}
	f.start = "only " + say.Whole(in.TrainableRows) + " of " + say.Whole(least) + " labelled rows to train on."
	f.Sentence = "There are " + say.Count(in.TrainableRows, "labelled row", "labelled rows") + " to train on; the least is " + say.Whole(least) + "."
	return f
}
