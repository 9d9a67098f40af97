package gateway

import (
	"github.com/cespare/xxhash/v2"

	"hone"
)

// Bucket places a unit, a user or a session, in [0, 1): the 64-bit xxHash of
// salt, a zero byte and the unit, over 2^64. A unit keeps its bucket as long as
// the salt stays.
func Bucket(salt, unit string) float64 {
	var room [192]byte
	b := append(room[:0], salt...)
	b = append(b, 0)
	b = append(b, unit...)
	// The top 53 bits: a float64 holds no more, and rounding up would reach 1.
	return float64(xxhash.Sum64(b)>>11) / (1 << 53)
}

// Route says which share of the traffic a unit belongs to: the canary below the
// plan's weight, a control as large above that, the champion's other traffic
// above both. Raising the weight keeps every canary unit in the canary.
func Route(p hone.Plan, unit string) hone.Route {
	if p.Challenger == "" || !(p.Weight > 0) {
		return hone.ByChampion
	}
	switch b := Bucket(p.Salt, unit); {
	case b < p.Weight:
		return hone.ByCanary
	case b < 2*p.Weight:
		return hone.ByControl
	}
	return hone.ByChampion
}
