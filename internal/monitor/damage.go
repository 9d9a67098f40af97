package monitor

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"hone"
	"hone/internal/say"
)

// minDamage is how many mature labels the damage of a drift is measured on at least.
const minDamage = 100

// Damage is the loss that a retrain would have won back a row since a drift began,
// measured on the labels of that time: what the drift costs.
type Damage struct {
	Loss float64 `json:"loss"` // Recoverable, in units of the declared loss a row.
	Half float64 `json:"half"` // Half of its 95 % interval.
	N    int     `json:"n"`    // Mature labels.
	// Unit is points for errors in 100, else units of the loss in 100 rows.
	Unit    string `json:"unit"`
	Unknown string `json:"unknown,omitempty"` // Why it is not known.
	// Action is what is done about it.
	Action string `json:"action"`
}

// damage reads the ticks of labels since a drift began, and those of the tick that
// is not full yet.
func (m *Monitor) damage(since time.Time) *Damage {
	since = since.Add(time.Duration(m.model.Label.Delay))
	d := &Damage{Unit: "units of loss in 100 rows"}
	if m.model.Loss.Kind == hone.ZeroOne {
		d.Unit = "points"
	}
	gain, variance := 0.0, 0.0
	for _, t := range append(slices.Clone(m.ticks), m.tick) {
		if t.At.After(since) {
			d.N, gain, variance = d.N+t.N, gain+t.Gain, variance+t.Var
		}
	}
	if d.N < minDamage {
		d.Unknown = fmt.Sprintf("%d of %d mature labels since it began", d.N, minDamage)
		d.Action = "none until labels come"
		return d
	}
	d.Loss, d.Half = gain/float64(d.N), 1.96*math.Sqrt(variance)/float64(d.N)
	d.Action = "no action"
	if d.Loss-d.Half > 0 {
		d.Action = "harm, watched against the price of a retrain"
	}
	return d
}

// String says the damage and what is done about it.
func (d *Damage) String() string {
	if d.Unknown != "" {
		return "recoverable loss not known yet (" + d.Unknown + ") → " + d.Action
	}
	return fmt.Sprintf("recoverable loss %.1f ± %.1f %s → %s", math.Round(1000*d.Loss)/10+0, 100*d.Half, d.Unit, d.Action)
}

// Act says what else is done about the damage.
func (d *Drift) Act(action string) {
	d.Damage.Action = action
	d.Sentence = d.say()
}

// What says what drifted, and how far.
func (d Drift) What() string {
	var named []FeatureDrift
	for _, f := range d.Features {
		if f.Drifted {
			named = append(named, f)
		}
	}
	slices.SortStableFunc(named, func(a, b FeatureDrift) int {
		switch {
		case a.Size() > b.Size():
			return -1
		case a.Size() < b.Size():
			return 1
		}
		return 0
	})
	var parts []string
	for _, f := range named[:min(3, len(named))] {
		parts = append(parts, f.how())
	}
	out := fmt.Sprintf("%d of %d features drifted", len(named), len(d.Features))
	if len(named) == 0 {
		out = "the features moved together, none by itself"
	}
	if len(parts) > 0 {
		out += ": " + strings.Join(parts, ", ")
	}
	if len(named) > 3 {
		out += fmt.Sprintf(" and %d more", len(named)-3)
	}
	return out
}

// how says how far one feature moved.
func (f FeatureDrift) how() string {
	switch {
	case f.Note != "":
		return f.Feature + " has " + f.Note
	case f.Text != nil && f.Text.P() < min(f.P, f.MissingP):
		return howText(f.Feature, f.Text)
	case f.MissingP < f.P:
		return fmt.Sprintf("%s of %s missing (%s before)", say.Percent(f.MissingCur), f.Feature, say.Percent(f.MissingRef))
	}
	return fmt.Sprintf("PSI %.2f on %s", f.PSI, f.Feature)
}

// Gist is the drift with its damage, without a full stop.
func (d Drift) Gist() string {
	what := d.What()
	if !d.Alarm {
		what = fmt.Sprintf("the drift since %s UTC has been calm for %s of %d", d.Since.UTC().Format("2 Jan 15:04"), say.Count(d.Calm, "window", "windows"), calmWindows)
	}
	if d.Damage != nil {
		what += " → " + d.Damage.String()
	}
	return what
}

// say tells the verdict in a sentence or two.
func (d Drift) say() string {
	if d.Unknown != "" && d.Since.IsZero() {
		return "Drift is unknown: " + say.Period(d.Unknown)
	}
	out := ""
	switch {
	case d.Unknown != "":
		out = "Drift is unknown now: " + say.Period(d.Unknown) + " Before, there was drift since " + d.Since.UTC().Format("2 Jan 15:04") + " UTC."
	case !d.Since.IsZero():
		gist := d.Gist()
		out = strings.ToUpper(gist[:1]) + say.Period(gist[1:])
	default:
		out = fmt.Sprintf("No drift over %s.", say.Count(d.N, "prediction", "predictions"))
	}
	if d.Season > 0 && d.Unknown == "" {
		out += fmt.Sprintf(" Compared with the same hours of the week: %s of the reference.", say.Count(d.Season, "row", "rows"))
	}
	if d.Worth > 0 && 2*d.Worth < d.N {
		out += fmt.Sprintf(" The rows follow each other closely: these %d say as much as %d independent ones", d.N, d.Worth)
		if d.Widened > 0 {
			out += fmt.Sprintf(", so the window was made longer than the %d asked for", d.Widened)
		}
		if d.Worth < MinWindow {
			out += "; small drift stays unseen, and a longer window would see more"
		}
		out += "."
	}
	return out
}
