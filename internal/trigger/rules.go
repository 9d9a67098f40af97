package trigger

import (
	"math"
	"time"

	"hone"
	"hone/internal/say"
)

// look is one asking of all rules.
type look struct {
	in      Input
	now     time.Time
	streaks map[string]int // As they are after this look.
	values  map[string]float64
}

// triggers asks each rule, in the order of the configuration.
func (l *look) triggers() []finding {
	var out []finding
	if l.in.Manual != nil {
		out = append(out, manual(*l.in.Manual))
	}
	if !l.in.HasChampion {
		return append(out, first(l.in))
	}
	for _, t := range l.in.Model.Triggers {
		if r := t.RecoverableLoss; r != nil {
			if f, ok := onReuse(l.in, *r); ok {
				out = append(out, f)
			}
		}
		out = append(out, l.rule(t))
		if r := t.RecoverableLoss; r != nil && takesOver(l.in) {
			out = append(out, inPlace(l.in, *r, l.now))
		}
	}
	if l.in.Pending != nil {
		out = append(out, pending(*l.in.Pending))
	}
	return out
}

// plain asks one rule as it stands, without what modifies it.
func (l *look) plain(t hone.Trigger) finding {
	in := l.in
	switch {
	case t.RecoverableLoss != nil:
		return onLoss(in, *t.RecoverableLoss)
	case t.Schedule != nil:
		return onSchedule(in, *t.Schedule, l.now)
	case t.DataVolume > 0:
		return onVolume(in.NewLabels, t.DataVolume)
	case t.Drift != nil:
		return onDrift(in.Signals, *t.Drift)
	case t.Performance != nil:
		return onPerformance(in.Signals, *t.Performance)
	case t.When != "":
		return l.onWhen(t.When)
	case t.Event != nil:
		return onEvent(in.Events, *t.Event)
	case t.PolicyChange:
		return onPolicy(in)
	case t.Any != nil:
		return l.combined(hone.OnAny, 1, t.Any)
	case t.All != nil:
		return l.combined(hone.OnAll, len(t.All), t.All)
	case t.AtLeast != nil:
		return l.combined(hone.OnAtLeast, t.AtLeast.N, t.AtLeast.Of)
	}
	return finding{Reason: hone.Reason{Unknown: true, Sentence: "This trigger has no rule."}}
}

// pending is what fired while a run was under way that changed nothing.
func pending(r hone.Reason) finding {
	r.Fired, r.Depth = true, 0
	return finding{Reason: r, start: "its " + words(r.Trigger) + " trigger fired during its last run."}
}

func manual(m Manual) finding {
	s := m.By + " asked for it"
	if m.Reason != "" {
		s += ": " + m.Reason
	}
	return finding{
		Reason: hone.Reason{Trigger: hone.OnManual, Fired: true, Value: 1, Limit: 1, Sentence: say.Period(s)},
		start:  m.By + " asked for it.",
	}
}

func first(in Input) finding {
	least := max(in.Model.Dataset.MinRows, 1)
	rows := say.Count(in.TrainableRows, "labelled row", "labelled rows")
	f := finding{Reason: hone.Reason{
		Trigger: hone.OnFirst,
		Fired:   in.TrainableRows >= least,
		Value:   float64(in.TrainableRows),
		Limit:   float64(least),
	}}
	f.start = "its first version, on " + rows + "."
	f.wait = say.Whole(in.TrainableRows) + " of " + say.Whole(least) + " labelled rows for a first version"
	f.Sentence = "There is no champion yet; there are " + rows + ", and a first version needs " + say.Whole(least) + "."
	return f
}

func onVolume(labels, limit int) finding {
	f := finding{Reason: hone.Reason{Trigger: hone.OnVolume, Fired: labels >= limit, Value: float64(labels), Limit: float64(limit)}}
	f.start = say.Count(labels, "new label has", "new labels have") + " come; " + say.Whole(limit) + " are enough."
	f.wait = say.Whole(labels) + " of " + say.Whole(limit) + " new labels"
	f.Sentence = say.Count(labels, "mature label has", "mature labels have") + " come since the champion was trained; " + say.Whole(limit) + " are asked for."
	return f
}

func onDrift(signals []hone.Signal, d hone.DriftTrigger) finding {
	f := finding{Reason: hone.Reason{Trigger: hone.OnDrift, Limit: d.Features}}
	s, why := latest(signals, "drift.share")
	if why != "" {
		f.Unknown = true
		f.wait = "drift cannot be told"
		f.Sentence = "Drift cannot be told: " + say.Period(why)
		return f
	}
	f.Value = s.Value
	f.Fired = d.Features > 0 && s.Value >= d.Features
	f.start = say.Percent(s.Value) + " of its features have drifted; the limit is " + say.Percent(d.Features) + "."
	f.wait = "drift in " + say.Percent(s.Value) + " of features, limit " + say.Percent(d.Features)
	f.Sentence = say.Percent(s.Value) + " of the features have drifted; the limit is " + say.Percent(d.Features) + "."
	return f
}

// onPerformance fires only when the whole interval of the metric is past its
// limit: a bad week of few labels is no reason to retrain.
func onPerformance(signals []hone.Signal, p hone.Performance) finding {
	f := finding{Reason: hone.Reason{Trigger: hone.OnPerformance}}
	limit, side := p.Below, "under"
	if limit == nil {
		limit, side = p.Above, "over"
	}
	if limit == nil {
		f.Sentence = "No limit is set for " + p.Metric + "."
		return f
	}
	f.Limit = *limit
	s, why := latest(signals, p.Metric)
	if why == "" && !(s.Lower <= s.Value && s.Value <= s.Upper) {
		why = p.Metric + " has no interval"
	}
	if why != "" {
		f.Unknown = true
		f.wait = p.Metric + " cannot be told"
		f.Sentence = "Whether " + p.Metric + " is " + side + " " + say.Num(*limit) + " cannot be told: " + say.Period(why)
		return f
	}
	f.Value = s.Value
	f.Fired = s.Upper < *limit
	edge := "at most " + say.Num(s.Upper)
	if side == "over" {
		f.Fired = s.Lower > *limit
		edge = "at least " + say.Num(s.Lower)
	}
	f.start = p.Metric + " is " + edge + ", surely " + side + " " + say.Num(*limit) + "."
	f.wait = p.Metric + " " + say.Num(s.Value) + ", limit " + say.Num(*limit)
	f.Sentence = p.Metric + " is " + say.Num(s.Value) + " (" + say.Num(s.Lower) + " to " + say.Num(s.Upper) + ", " +
		say.Count(s.N, "row", "rows") + "); it fires once it is surely " + side + " " + say.Num(*limit) + "."
	return f
}

// latest returns the newest signal of that name for the model as a whole, or
// why nothing can be said of it.
func latest(signals []hone.Signal, name string) (hone.Signal, string) {
	var out hone.Signal
	found := false
	for _, s := range signals {
		if s.Name == name && s.Slice == "" && (!found || s.At.After(out.At)) {
			out, found = s, true
		}
	}
	switch {
	case !found:
		return out, "it has not been measured yet"
	case out.Unknown != "":
		return out, out.Unknown
	case math.IsNaN(out.Value) || math.IsInf(out.Value, 0):
		return out, "it came out as no number"
	}
	return out, ""
}
