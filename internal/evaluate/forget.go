package evaluate

import (
	"slices"

	"hone"
)

// Names tells whether a row of the evidence is one of these predictions, or one
// of the unit's. Both stand there as salted hashes, so whoever knows the id can
// find it.
func (ev *Evidence) Names(ids []hone.PredictionID, unit string) bool {
	if unit != "" && slices.Contains(ev.Units, ev.key("user", unit)) {
		return true
	}
	for _, era := range ev.Eras {
		if era.Rows != nil && era.Rows.Names(ids, unit) {
			return true
		}
	}
	has := make(map[uint64]bool, len(ev.Keys))
	for _, k := range ev.Keys {
		has[k] = true
	}
	return slices.ContainsFunc(ids, func(id hone.PredictionID) bool { return has[ev.key("row", string(id))] })
}
