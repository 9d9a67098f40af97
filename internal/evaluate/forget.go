package evaluate

import (
	"slices"

	"hone"
)

// Names tells whether what is kept under a digest is evidence of the model that has
// a row of one of these predictions, or one of the unit's: of a comparison, with
// its eras, or of what guards measured. Both stand there as salted hashes, so
// whoever knows the id can find it. Other bytes name nobody.
func Names(b []byte, model string, ids []hone.PredictionID, unit string) bool {
	var kept struct {
		Evidence
		Rows map[string]*Evidence `json:"rows"`
	}
	if err := Unpack(b, &kept); err != nil || kept.Model.Name != model {
		return false
	}
	parts := []*Evidence{&kept.Evidence}
	for _, era := range kept.Eras {
		parts = append(parts, era.Rows)
	}
	for _, measured := range kept.Rows {
		parts = append(parts, measured)
	}
	return slices.ContainsFunc(parts, func(ev *Evidence) bool { return ev != nil && ev.names(ids, unit) })
}

func (ev *Evidence) names(ids []hone.PredictionID, unit string) bool {
	if unit != "" && slices.Contains(ev.Units, ev.key("user", unit)) {
		return true
	}
	has := make(map[uint64]bool, len(ev.Keys))
	for _, k := range ev.Keys {
		has[k] = true
	}
	return slices.ContainsFunc(ids, func(id hone.PredictionID) bool { return has[ev.key("row", string(id))] })
}
