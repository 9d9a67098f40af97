package rollout

import (
	"math"
	"strings"
	"time"

	"hone"
	"hone/internal/say"
	"hone/internal/stat"
)

// Traffic is what is known of a model's traffic before a step. What is not known
// is 0.
type Traffic struct {
	PerSecond float64 // Predictions.
	Faults    float64 // The champion's share of failed answers.
	Labels    float64 // Labels for each prediction.
	Delay     time.Duration
	// Differ is the share of requests that the versions answer differently.
	Differ float64
	// Guardrails are the owner's: they take a part of the error.
	Guardrails []hone.Guardrail
}

// usuallySlow is the share of the champion's answers that are over its 95th
// percentile.
const usuallySlow = 0.05

// power is the normal quantile of the four in five times in which a harm that is
// foreseen to be seen is seen.
const power = 0.8416212335729143

// Foresee says what harm a step can see by its end with the traffic it will get,
// four times in five, and after how long that is.
func Foresee(s hone.Step, t Traffic) hone.Outlook {
	n, weight := max(s.MinRequests, 1), s.Weight
	if s.Shadow > 0 {
		n, weight = s.Shadow, 1
	}
	o, b := hone.Outlook{Requests: n}, budgetOf(t.Guardrails)
	if t.PerSecond > 0 && weight > 0 {
		o.After = hone.Duration(time.Duration(math.Min(float64(n)/weight/t.PerSecond, 1e9) * float64(time.Second)))
	}
	if weight >= 1 && s.Shadow == 0 {
		return o
	}
	if s.Shadow == 0 {
		control := float64(n) * (1 - weight) / weight
		o.Sights = []hone.Sight{
			{Gate: "fault_rate", Base: t.Faults, Harm: smallest(t.Faults, float64(n), control, b.fault, b.margin)},
			{Gate: "slow_rate", Base: usuallySlow, Harm: smallest(usuallySlow, float64(n), control, slowAlpha, slowMargin)},
		}
	}
	rows := t.Labels * (float64(n)/weight - t.PerSecond*t.Delay.Seconds())
	if t.PerSecond == 0 && t.Delay > 0 {
		rows = 0
	}
	if rows >= 1 && t.Differ > 0 {
		o.Sights = append(o.Sights, hone.Sight{Gate: "quality", Base: t.Differ, Harm: paired(t.Differ, rows, b.harm)})
	}
	if len(o.Sights) > 0 {
		o.Sentence = outlook(s, o, rows)
	}
	return o
}

// smallest is the least rise of a rate that so many requests show, 1 where none is.
func smallest(base, canary, control, alpha, margin float64) float64 {
	seen := func(harm float64) bool {
		p := base + harm
		a, b := stat.Rate{Events: p * canary, Requests: canary}, stat.Rate{Events: base * control, Requests: control}
		sd := math.Sqrt(p*(1-p)/canary + base*(1-base)/control)
		return stat.HarmLower(a, b, alpha)-power*sd > margin
	}
	low, high := 0.0, 1-base
	if !seen(high) {
		return 1
	}
	for range 40 {
		if mid := (low + high) / 2; seen(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// paired is the least mean difference that so many labelled rows show, of versions
// that differ on a share of them: where the bets of a fixed mixture, which cost
// about 1.3 of the logarithm, reach the limit.
func paired(differ, rows, limit float64) float64 {
	return math.Min(1, math.Sqrt(differ/rows)*(power+math.Sqrt(2*(math.Log(limit)+1.3))))
}

func outlook(s hone.Step, o hone.Outlook, rows float64) string {
	out := "By its " + say.Whole(o.Requests) + " answers"
	if o.After > 0 {
		out += ", after about " + roughly(time.Duration(o.After)) + ","
	}
	var harms []string
	for _, sight := range o.Sights {
		points := say.Num(math.Ceil(1000*sight.Harm)/10) + " points more"
		switch sight.Gate {
		case "fault_rate":
			harms = append(harms, points+" faults")
		case "slow_rate":
			harms = append(harms, points+" slow answers")
		case "quality":
			harms = append(harms, points+" wrong ones")
		}
	}
	out += " " + strings.Join(harms, ", or ") + " are seen four times in five"
	if !(rows >= 1) {
		out += "; labels come too late for it"
	}
	if o.After > s.MaxWait {
		out += "; it waits for at most " + s.MaxWait.String()
	}
	return out + "."
}

// roughly writes a duration as one would say it.
func roughly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return say.Count(max(1, int(d.Round(time.Second)/time.Second)), "second", "seconds")
	case d < 2*time.Hour:
		return say.Whole(int(d.Round(time.Minute)/time.Minute)) + " minutes"
	case d < 48*time.Hour:
		return say.Whole(int(d.Round(time.Hour)/time.Hour)) + " hours"
	}
	return say.Whole(int(d.Round(24*time.Hour)/(24*time.Hour))) + " days"
}
