package loop

import (
	"context"
	"fmt"
	"reflect"

	"hone"
	"hone/internal/evaluate"
	"hone/internal/rollout"
)

// sighting is what the guards of a rollout's step, or of a probation, looked at: all
// that their verdicts rest on, so that they can be had again to the bit.
type sighting struct {
	Format int `json:"format"`
	// Model as far as guards go by it.
	Model  hone.Model  `json:"model"`
	Step   hone.Step   `json:"step"`
	Health hone.Health `json:"health"`
	// Watch is set where it is of a probation.
	Watch *hone.Watch `json:"watch,omitempty"`
	// Rows are those that the owner's metrics measured, by metric.
	Rows   map[string]*evaluate.Evidence `json:"rows,omitempty"`
	digest string
}

const sightingFormat = 1

// sighted is what a step of a rollout is judged by now; nil where nothing is judged any
// more.
func (k *keeper) sighted(r hone.Rollout, h hone.Health) *sighting {
	if r.Step < 0 || r.Step >= len(r.Steps) || r.Steps[r.Step].Weight >= 1 {
		return nil
	}
	return &sighting{Format: sightingFormat, Model: guarded(k.model), Step: r.Steps[r.Step], Health: h, Rows: k.duel.evidence()}
}

// guarded is a model as far as guards go by it.
func guarded(m hone.Model) hone.Model {
	return hone.Model{Name: m.Name, Task: m.Task, Metrics: m.Metrics, Gates: m.Gates, Rollout: hone.RolloutSpec{Guardrails: m.Rollout.Guardrails}}
}

func (d *duel) evidence() map[string]*evaluate.Evidence {
	if d == nil {
		return nil
	}
	out := map[string]*evaluate.Evidence{}
	for _, g := range d.gauges {
		out[g.metric] = g.ev
	}
	return out
}

// rows are those that a metric measured before, nil where there are none, or where
// the metric is another by now.
func (s *sighting) rows(m hone.Model, metric string) *evaluate.Evidence {
	if s == nil || !reflect.DeepEqual(s.Model.Metrics[metric], m.Metrics[metric]) {
		return nil
	}
	return s.Rows[metric]
}

// readings are what was measured, with what the owner's metrics say of the rows had
// anew.
func (s *sighting) readings() []hone.Reading {
	was := s.Health.Guards
	if s.Watch != nil {
		was = s.Watch.Guards
	}
	out := append([]hone.Reading(nil), was...)
	for _, g := range ownGuardrails(s.Model) {
		for i, r := range out {
			if g.Gate() != r.Gate || s.Rows[g.Metric] == nil {
				continue
			}
			out[i] = s.Rows[g.Metric].Reading(g)
			out[i].Waiting = r.Waiting
			if r.Trouble != "" {
				out[i].Trouble = r.Trouble // It was so then.
			}
		}
	}
	return out
}

// verdicts gives those of the step again, or of the probation.
func (s *sighting) verdicts() []hone.Verdict {
	if s == nil {
		return nil
	}
	if s.Watch != nil {
		w := *s.Watch
		w.Guards = s.readings()
		w, _ = rollout.WatchStep(w, w.Quality, ownGuardrails(s.Model)...)
		return w.Verdicts
	}
	h := s.Health
	h.Guards = s.readings()
	return rollout.Judge(s.Model, s.Step, h)
}

// keepSighting stores a sighting once, and returns its digest.
func (k *keeper) keepSighting(s *sighting) (string, error) {
	if s.digest != "" {
		return s.digest, nil
	}
	b, err := evaluate.Pack(s)
	if err != nil {
		return "", err
	}
	digest, err := k.o.Blobs.Put(b)
	s.digest = digest
	return digest, err
}

// sighting reads what was kept; nil where nothing was.
func (k *keeper) sighting(digest string) (*sighting, error) {
	if digest == "" {
		return nil, nil
	}
	raw, err := k.o.Blobs.Get(digest)
	if err != nil {
		return nil, err
	}
	s := &sighting{}
	if err := evaluate.Unpack(raw, s); err != nil {
		return nil, err
	}
	if s.Format != sightingFormat {
		return nil, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the evidence is of format %d, and this Hone reads %d", s.Format, sightingFormat), Hint: "use the Hone that judged the run"}
	}
	return s, nil
}

// witnessed returns a run whose rollout names the evidence of its verdicts. Where it
// cannot be kept, as on a full disk, the guards go on without.
func (k *keeper) witnessed(ctx context.Context, run hone.Run) hone.Run {
	if k.seen == nil || run.Rollout == nil {
		return run
	}
	digest, err := k.keepSighting(k.seen)
	if err != nil {
		k.log.ErrorContext(ctx, "evidence of the guards not kept", "run_id", run.ID, "error", err)
		digest = ""
	}
	r := *run.Rollout
	r.Evidence = digest
	run.Rollout = &r
	return run
}

// keepWatch commits what was measured of a probation.
func (k *keeper) keepWatch(ctx context.Context, sentence string) error {
	if k.watch == nil || k.watch.Over {
		return nil
	}
	w := k.attested(ctx, k.watched())
	return k.put(ctx, hone.Change{Watch: &w, Event: hone.Event{Action: "probation.measured", Run: w.Run, Version: w.Version, Sentence: sentence, Data: marshal(w.Verdicts)}})
}

// watched is the watch with all that was seen so far, and not judged yet.
func (k *keeper) watched() hone.Watch {
	w := *k.watch
	w.Quality, w.Guards = k.vigil.paired(), k.vigil.readings(ownGuardrails(k.model))
	return w
}

// attested returns a watch with the verdicts of the owner's metrics and the evidence
// of them, where the owner has metrics.
func (k *keeper) attested(ctx context.Context, w hone.Watch) hone.Watch {
	if len(k.vigil.gauges) == 0 {
		return w
	}
	s := &sighting{Format: sightingFormat, Model: guarded(k.model), Watch: &w, Rows: k.vigil.evidence()}
	out := w
	digest, err := k.keepSighting(s)
	if err != nil {
		k.log.ErrorContext(ctx, "evidence of the probation not kept", "error", err)
	}
	out.Evidence, out.Verdicts = digest, s.verdicts()
	return out
}
