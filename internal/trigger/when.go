package trigger

import (
	"slices"
	"time"

	"hone"
	"hone/internal/expr"
	"hone/internal/say"
)

// lookAgain is how often a rule that speaks of the time is asked at least.
const lookAgain = 10 * time.Minute

// onWhen fires when an expression over signals is surely true.
func (l *look) onWhen(text string) finding {
	f := finding{Reason: hone.Reason{Trigger: hone.OnWhen, Limit: 1}}
	p, err := expr.Compile(text)
	if err != nil {
		return l.open(f, text, err.Error())
	}
	if slices.ContainsFunc(p.Names(), ofTime) {
		f.until = l.now.Truncate(lookAgain).Add(lookAgain)
	}
	fired, unknown, err := p.Eval(l.known())
	switch {
	case err != nil:
		return l.open(f, text, err.Error())
	case len(unknown) > 0:
		_, why := latest(l.in.Signals, unknown[0])
		if why == "" {
			why = "it cannot be told"
		}
		return l.open(f, text, unknown[0]+": "+why)
	}
	facts := l.facts(p.Names())
	f.Fired = fired
	if fired {
		f.Value = 1
		f.start = "its rule holds" + list(": ", facts) + "."
		f.Sentence = "\"" + text + "\" holds" + list(": ", facts) + "."
		return f
	}
	// What time does by itself is not told anew each time.
	f.wait = "its rule does not hold" + list(": ", l.facts(slices.DeleteFunc(slices.Clone(p.Names()), ofTime)))
	f.Sentence = "\"" + text + "\" does not hold" + list(": ", facts) + "."
	return f
}

func ofTime(name string) bool { return slices.Contains(expr.OfTime(), name) }

func (l *look) open(f finding, text, why string) finding {
	f.Unknown = true
	f.wait = "whether its rule holds cannot be told"
	f.Sentence = "Whether \"" + text + "\" holds cannot be told: " + say.Period(why)
	return f
}

// known gathers the numbers that expressions speak of. What is not known is not
// there.
func (l *look) known() map[string]float64 {
	if l.values != nil {
		return l.values
	}
	l.values = map[string]float64{
		"labels.new": float64(l.in.NewLabels), "failures": float64(l.in.Failures),
		"hour": float64(l.now.UTC().Hour()), "weekday": float64(l.now.UTC().Weekday()),
	}
	l.days("days_since_training", l.in.TrainedAt)
	for _, r := range l.in.Runs {
		if r.State == hone.Closed {
			l.days("days_since_run", r.Ended)
			break
		}
	}
	newest := map[string]hone.Signal{}
	for _, s := range l.in.Signals {
		if old, ok := newest[s.Name]; s.Slice == "" && (!ok || s.At.After(old.At)) {
			newest[s.Name] = s
		}
	}
	for name, s := range newest {
		if s.Unknown == "" {
			l.values[name] = s.Value
		}
	}
	return l.values
}

// days notes how long ago something was, unless it lies in the future: then the
// clock was set, and it is not known.
func (l *look) days(name string, at time.Time) {
	if d := l.now.Sub(at); !at.IsZero() && d >= 0 {
		l.values[name] = d.Hours() / 24
	}
}

// facts says what each of the names is.
func (l *look) facts(names []string) []string {
	var out []string
	for _, name := range names {
		if v, ok := l.known()[name]; ok {
			out = append(out, name+" "+say.Num(v))
		}
	}
	return out
}
