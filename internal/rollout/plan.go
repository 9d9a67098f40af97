package rollout

import (
	"time"

	"hone"
)

// timeout is how long a challenger or shadow may take by default; the champion
// answers in its place then.
const timeout = time.Second

// PlanFor returns what the gateway needs to know of a model. The rollout and the
// watch may be nil. A previous champion under watch shadows the new one, unless
// a candidate does. The store sets the token.
func PlanFor(m hone.Model, champion, previous hone.VersionID, r *hone.Rollout, watch *hone.Watch) hone.Plan {
	p := hone.Plan{
		Model:    m.Name,
		Champion: champion,
		Previous: previous,
		StickyBy: m.Rollout.StickyBy,
		Log:      m.Log,
		Timeout:  timeout,
	}
	if watch != nil && !watch.Over && watch.Version == champion && watch.Previous != "" {
		p.Previous, p.Shadow = Against(*watch), Against(*watch)
	}
	if r == nil || r.Version == champion || r.Step < 0 || r.Step >= len(r.Steps) {
		return p
	}
	step := r.Steps[r.Step]
	switch {
	case step.Shadow > 0:
		p.Shadow = r.Version
	case step.Weight > 0:
		p.Challenger, p.Salt = r.Version, r.Salt
		p.Weight = min(step.Weight, 1)
	}
	return p
}
