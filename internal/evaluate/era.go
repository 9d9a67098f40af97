package evaluate

import "hone"

// Past is a former time: what both versions say of its rows.
type Past struct {
	Name string `json:"name"`
	// Keep is set where the owner wants it kept in mind.
	Keep bool `json:"keep,omitempty"`
	// Trained is set where the champion was trained on the rows, and the candidate
	// was not.
	Trained bool `json:"champion_trained,omitempty"`
	// Rows is nil where there are none.
	Rows *Evidence `json:"rows,omitempty"`
}

// AddPast puts a former time beside the evidence. It is looked at once.
func (ev *Evidence) AddPast(name string, keep, trained bool, rows Rows, cand, champ Side) error {
	if len(rows.Labels) == 0 {
		ev.Eras = append(ev.Eras, Past{Name: name, Keep: keep, Trained: trained})
		return nil
	}
	m := ev.Model
	m.Metrics, m.Gates, m.Slices, m.Features = nil, nil, nil, nil
	past := NewEvidence(m, ev.Salt, cand, &champ)
	if err := past.Add(rows, cand, &champ); err != nil {
		return err
	}
	ev.Eras = append(ev.Eras, Past{Name: name, Keep: keep, Trained: trained, Rows: past})
	return nil
}

// eras compares both versions on each former time.
func (ev *Evidence) eras() (out []hone.EraPair) {
	for _, era := range ev.Eras {
		pair := hone.EraPair{Era: era.Name, Keep: era.Keep, Trained: era.Trained}
		if era.Rows != nil {
			pair.Paired = era.Rows.Compare().Loss
		}
		out = append(out, pair)
	}
	return out
}
