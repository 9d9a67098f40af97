package rollout

import (
	"time"

	"github.com/cespare/xxhash/v2"

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
		p.Previous, p.Shadow = watch.Previous, watch.Previous
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

// Bucket is where a unit, a user or a prediction id, falls under a salt: a
// number from 0 up to 1, the same on every machine: the xxHash64 of salt and
// unit, its upper 53 bits as a fraction.
func Bucket(salt, unit string) float64 {
	var d xxhash.Digest
	d.Reset()
	d.WriteString(salt)
	d.WriteString(unit)
	return float64(d.Sum64()>>11) / (1 << 53)
}

// Route says who answers a unit: the canary below the weight, and as large a
// share of control above it as there is left. Raising the weight never takes a
// unit away from the canary.
func Route(p hone.Plan, unit string) hone.Route {
	if p.Challenger == "" || !(p.Weight > 0) {
		return hone.ByChampion
	}
	b := Bucket(p.Salt, unit)
	switch {
	case b < p.Weight:
		return hone.ByCanary
	case b < 2*p.Weight:
		return hone.ByControl
	}
	return hone.ByChampion
}
