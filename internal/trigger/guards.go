package trigger

import (
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
	if kind != hone.OnManual {
		out = append(out, cooldown(in, now), budget(in, now))
	}
	if kind != hone.OnFirst && in.HasChampion {
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
		if r.State == hone.Closed && r.Ended.After(last) {
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
	f.Fired = since < need
	if f.Fired {
		f.start = "its last run ended " + ago(since) + " ago; the cooldown is " + ago(need) + "."
	}
	f.Sentence = "The last run ended " + ago(since) + " ago; the cooldown is " + ago(need) + "."
	return f
}

func budget(in Input, now time.Time) finding {
	limit := in.Model.Guards.MaxPerDay
	if limit <= 0 {
		limit = 4
	}
	started := 0
	for _, r := range in.Runs {
		if r.Decision.Trigger != hone.OnManual && now.Sub(r.Started) < 24*time.Hour {
			started++
		}
	}
	f := finding{Reason: hone.Reason{Guard: "max_per_day", Fired: started >= limit, Value: float64(started), Limit: float64(limit)}}
	f.start = say.Count(started, "run", "runs") + " in 24 hours, and " + say.Whole(limit) + " are allowed."
	f.Sentence = "Triggers started " + say.Count(started, "run", "runs") + " in the last 24 hours; " + say.Whole(limit) + " are allowed."
	return f
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
