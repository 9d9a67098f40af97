package app

import (
	"context"

	"hone"
	"hone/internal/gateway"
	"hone/internal/loop"
	"hone/internal/predictor"
	"hone/internal/train"
)

// Seams let a simulation stand between the parts, to break what crosses. Unset
// ones change nothing.
type Seams struct {
	// Trainer takes the place of each trainer, Engine of what runs its trainings.
	Trainer func(name string, t train.Trainer) train.Trainer
	Engine  func(trainer string, e train.Engine) train.Engine
	// Open takes the place of a version's predictor.
	Open func(model string, v hone.VersionID, p predictor.Predictor) predictor.Predictor
	// Control takes the place of the state that the loop moves.
	Control func(loop.Control) loop.Control
	// Records takes the place of what is kept of decisions and runs.
	Records func(loop.Records) loop.Records
	// Log takes the place of where the gateway's predictions go.
	Log func(gateway.Log) gateway.Log
}

func (s Seams) trainers(all map[string]train.Trainer) map[string]train.Trainer {
	if s.Trainer == nil {
		return all
	}
	for name, t := range all {
		all[name] = s.Trainer(name, t)
	}
	return all
}

func (s Seams) engine(trainer string, e train.Engine) train.Engine {
	if s.Engine == nil {
		return e
	}
	return s.Engine(trainer, e)
}

// opener opens versions for the pool.
type opener func(ctx context.Context, model string, v hone.VersionID) (predictor.Predictor, error)

func (s Seams) opening(open opener) opener {
	if s.Open == nil {
		return open
	}
	return func(ctx context.Context, model string, v hone.VersionID) (predictor.Predictor, error) {
		p, err := open(ctx, model, v)
		if err != nil {
			return nil, err
		}
		return s.Open(model, v, p), nil
	}
}

// through gives what takes the place of a part, or the part itself.
func through[T any](seam func(T) T, part T) T {
	if seam == nil {
		return part
	}
	return seam(part)
}
