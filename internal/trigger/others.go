package trigger

import (
	"strings"
	"time"

	"hone"
)

// The other common policies that are asked beside each decision, by their kind.
const (
	schedule    = "schedule"    // Retrain every week,
	psi         = "psi"         // when a feature's distribution has moved far,
	adwin       = "adwin"       // when the loss a row began to run at a higher level,
	performance = "performance" // when it is surely over what the champion was proven with.
)

const (
	weekly  = "0 3 * * 1" // Mondays, 03:00 UTC.
	psiFar  = 0.2         // From where on a shift is called significant by the usual rule of thumb.
	lossOff = 1.1         // Times the baseline: a tenth worse.
)

// Others says what each of the other common policies would do now. They start
// nothing, and no run answers them.
func Others(in Input, now time.Time) []hone.Other {
	if !in.HasChampion {
		return nil
	}
	return []hone.Other{
		other(schedule, onSchedule(in, hone.Schedule{Cron: weekly}, now)),
		other(psi, farOff(in.Signals)),
		other(adwin, raised(in)),
		other(performance, worse(in)),
	}
}

func other(kind string, f finding) hone.Other {
	return hone.Other{Kind: kind, Fired: f.Fired, Unknown: f.Unknown}
}

// farOff fires when one feature moved as far as the rule of thumb has it. What two
// samples of these sizes differ by chance is no part of drift.max, so that it fires
// more seldom than the plain index does.
func farOff(signals []hone.Signal) (f finding) {
	s, why := latest(signals, "drift.max")
	f.Unknown, f.Fired = why != "", why == "" && s.Value > psiFar
	return f
}

// raised fires while the newest change that ADWIN found in the loss a row was one
// for the worse. Where it has read rows and found none, that is no change.
func raised(in Input) (f finding) {
	s, why := latest(in.Signals, "loss.change")
	switch d := in.Model.Monitor.Detector; {
	case d != "" && d != adwin:
		f.Unknown = true // The model watches by another detector.
	case why != "":
		f.Unknown = s.N == 0
	default:
		f.Fired = s.Value > 0
	}
	return f
}

// worse fires when the loss is surely a tenth over the champion's baseline.
func worse(in Input) finding {
	base, ok := in.Baseline["loss"]
	if !ok || !(base >= 0) {
		return finding{Reason: hone.Reason{Unknown: true}}
	}
	limit := base * lossOff
	return onPerformance(in.Signals, hone.Performance{Metric: "loss", Above: &limit})
}

// Firing names the other policies that would have fired beside a decision.
func Firing(d hone.Decision) string {
	var kinds []string
	for _, o := range d.Others {
		if o.Fired {
			kinds = append(kinds, o.Kind)
		}
	}
	return strings.Join(kinds, " ")
}
