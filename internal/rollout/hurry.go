package rollout

import (
	"math"
	"strings"

	"hone"
	"hone/internal/say"
)

// leastAnswers is what a step is cut to at most: so many show a candidate that hangs, and
// seven in eight of those that fail on one request in ten.
const leastAnswers = 20

// hurry cuts steps short where waiting is dear. In a run that measured loss started,
// every row that the stale champion answers meanwhile loses as much as was measured; all
// steps together may lose the share of what the candidate is to win back that the model's
// patience says. It says so in a sentence, empty where nothing is cut.
func hurry(m hone.Model, d hone.Decision, steps []hone.Step) string {
	wins := atStake(d)
	if m.Rollout.Patience <= 0 || m.Rollout.Patience >= 1 || !(d.LossRate > 0) || !(wins > 0) {
		return ""
	}
	waits := 0.0 // Rows that the champion answers.
	for _, s := range steps {
		waits += rows(s)
	}
	share := m.Rollout.Patience * wins / d.LossRate / math.Max(waits, 1)
	if !(share < 1) {
		return ""
	}
	var cuts []string
	for i := range steps {
		n := &steps[i].Shadow
		if *n == 0 {
			n = &steps[i].MinRequests
		}
		if rows(steps[i]) == 0 || *n <= leastAnswers {
			continue
		}
		before := say.Whole(*n)
		*n = max(leastAnswers, int(share*float64(*n)))
		cuts = append(cuts, say.Whole(*n)+" answers instead of "+before)
	}
	if len(cuts) == 0 {
		return ""
	}
	return "Each row that waits loses about " + say.Num(d.LossRate) + ", so its steps are cut to " + strings.Join(cuts, ", ") + "."
}

// rows are what the champion answers while a step lasts.
func rows(s hone.Step) float64 {
	switch {
	case s.Shadow > 0:
		return float64(s.Shadow)
	case s.Weight > 0 && s.Weight < 1:
		return float64(s.MinRequests) * (1 - s.Weight) / s.Weight
	}
	return 0
}

// atStake is what measured loss had to be over for a run to start, in units of the loss; 0
// where something else started it.
func atStake(d hone.Decision) float64 {
	if d.Trigger != hone.OnLoss {
		return 0
	}
	for _, r := range d.Reasons {
		if r.Trigger == hone.OnLoss && r.Fired {
			return r.Limit
		}
	}
	return 0
}
