package loop

import (
	"hone"
	"hone/internal/dataset"
	"hone/internal/validate"
)

// withoutCopies leaves out held-out rows that repeat rows to train on, where the
// owner wants that.
func (k *keeper) withoutCopies(c dataset.Collected) dataset.Collected {
	if !k.model.Dataset.DropCopies {
		return c
	}
	all := dataset.Join(c.Train, c.Holdout)
	gone := map[int]bool{}
	for _, i := range validate.Copies(rowsOf(all), c.Holdout.Len()) {
		gone[i-c.Train.Len()] = true
	}
	c.Holdout = c.Holdout.Without(func(i int) bool { return gone[i] })
	c.Recipe.Copies = len(gone)
	return c
}

// sift leaves out the rows of whoever is rejected, and of what is left to train on
// those whose labels are hardly to be believed; it returns which these were, the
// least believed first. The same rows and recipe give the same.
func (k *keeper) sift(c dataset.Collected, r *hone.RejectedRows) (dataset.Collected, []hone.PredictionID) {
	c = dataset.Reject(c, r)
	spec := k.model.Dataset
	if spec.Trim == 0 {
		return c, nil
	}
	gone := map[int]bool{}
	var trimmed []hone.PredictionID
	for _, i := range validate.Hardest(k.model, rowsOf(c.Train), c.Train.Told(spec.Sources), spec.Trim) {
		gone[i] = true
		trimmed = append(trimmed, c.Train.IDs[i])
	}
	c.Train = c.Train.Without(func(i int) bool { return gone[i] })
	c.Recipe.Trimmed = len(gone)
	return c, trimmed
}

// rejected is what a recipe keeps of suspects; nil where there are none.
func rejected(s *validate.Suspects, all validate.Rows) *hone.RejectedRows {
	if s == nil {
		return nil
	}
	out := &hone.RejectedRows{Sources: s.Sources, Since: all.Times[s.Since]}
	for _, u := range s.Users {
		out.Users = append(out.Users, dataset.Hashed(u))
	}
	return out
}
