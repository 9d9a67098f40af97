package op

import (
	"context"
	"sync"
	"time"

	"hone/internal/loop"
	"hone/internal/monitor"
)

// DriftIn asks how a model's inputs have moved.
type DriftIn struct {
	Model string `json:"-" path:"model" help:"the model's name"`
	Joint bool   `json:"-" query:"joint" help:"also tell the newest predictions from the champion's own rows by all features together, which takes some seconds"`
}

// Drifted is the verdict on the features one by one and, where it was asked for, on
// all of them together.
type Drifted struct {
	monitor.Drift
	Joint *monitor.Joint `json:"joint,omitempty"`
}

// freshJoint is how old a verdict on all features may be that is shown again.
const freshJoint = 10 * time.Second

// joints keeps the newest verdict on all features of each model. One is made at a
// time.
type joints struct {
	mu sync.Mutex
	by map[string]kept
}

type kept struct {
	key   string // The champion.
	joint monitor.Joint
}

func showDrift(ctx context.Context, s *Service, _ Caller, in DriftIn) (Drifted, error) {
	v, err := s.Loop.View(in.Model)
	if err != nil {
		return Drifted{}, err
	}
	out := Drifted{Drift: drift(v)}
	if in.Joint {
		out.Joint, err = s.joint(ctx, v)
	}
	return out, err
}

func (s *Service) joint(ctx context.Context, v loop.View) (*monitor.Joint, error) {
	s.joints.mu.Lock()
	defer s.joints.mu.Unlock()
	name, key := v.Model.Name, string(v.Champion.ID)
	old, ok := s.joints.by[name]
	if age := s.Clock.Now().Sub(old.joint.At); ok && old.key == key && age >= 0 && age < freshJoint {
		return &old.joint, nil
	}
	got, err := s.Loop.Joint(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.joints.by == nil {
		s.joints.by = map[string]kept{}
	}
	s.joints.by[name] = kept{key, got}
	return &got, nil
}
