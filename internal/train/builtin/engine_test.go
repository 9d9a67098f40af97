package builtin_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"hone"
	"hone/internal/train"
	"hone/internal/train/builtin"
	"hone/internal/train/machine"
	"hone/internal/train/traintest"
)

// braked holds a learner up at its first step where the job says so, until it is
// ended.
type braked struct{ train.Trainer }

func (b braked) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	return b.Trainer.Train(ctx, job, func(p train.Progress) {
		if report(p); job.Model.Name == "slow" {
			<-ctx.Done()
		}
	})
}

// TestEngine holds the engine of this machine to its promises with a learner in
// this process.
func TestEngine(t *testing.T) {
	t.Parallel()
	traintest.Run(t, func(t *testing.T) traintest.Place {
		var c traintest.Counter
		dir := t.TempDir()
		trainers := map[string]train.Trainer{"linear": c.Count(braked{builtin.New()})}
		return traintest.Place{
			Open: func() (train.Engine, func()) {
				e := machine.New(machine.Options{Dir: filepath.Join(dir, "runs"), Trainers: trainers})
				return e, e.Stop
			},
			Make: func(k traintest.Kind, j *train.Job) string {
				j.Model.Train.Trainer = "linear"
				switch k {
				case traintest.Slow:
					j.Model.Name = "slow"
				case traintest.Broken:
					j.Params = map[string]any{"depth": 3}
				case traintest.Late:
					j.Model.Train.Limits.Time = hone.Duration(time.Nanosecond)
				case traintest.Hungry:
					return "a learner in this process bounds its memory itself"
				case traintest.Wordy:
					return "a learner in this process writes its model alone"
				}
				return ""
			},
			Begun: c.Begun, Together: c.Together, LastWords: `"depth" is not known`,
		}
	})
}
