package app

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/train"
	"hone/internal/train/command"
	"hone/internal/train/machine"
	"hone/internal/train/traintest"
)

// TestApartEngine holds the engine of this machine to its promises with a learner in
// a process of its own.
func TestApartEngine(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	traintest.Run(t, func(t *testing.T) traintest.Place {
		var c traintest.Counter
		dir := t.TempDir()
		trainers := map[string]train.Trainer{"linear": c.Count(apart{self, command.New(command.Options{Dir: t.TempDir(), Data: dir})})}
		return traintest.Place{
			Open: func() (train.Engine, func()) {
				e := machine.New(machine.Options{Dir: filepath.Join(dir, "runs"), Trainers: trainers})
				return e, e.Stop
			},
			Make: func(k traintest.Kind, j *train.Job) string {
				j.Model.Train.Trainer = "linear"
				switch k {
				case traintest.Slow, traintest.Late, traintest.Hungry:
					long(j)
				case traintest.Broken:
					j.Params = map[string]any{"depth": 3.0}
				}
				switch k {
				case traintest.Late:
					j.Model.Train.Limits.Time = hone.Duration(100 * time.Millisecond)
				case traintest.Hungry:
					j.Model.Train.Limits.Memory = 1 << 20
				case traintest.Wordy:
					j.Model.Train.Limits.Output = 1
				}
				return ""
			},
			Begun: c.Begun, Together: c.Together, LastWords: `"depth" is not known`,
		}
	})
}

// long gives a job more to learn than any test waits for: rows that a steeper line
// always parts a little better, over thousands of passes.
func long(j *train.Job) {
	const n = 40_000
	r := rand.New(rand.NewPCG(1, 2))
	j.Params = map[string]any{"batch": 1.0, "epochs": 10_000.0, "learning_rate": 0.01, "l2": 0.0}
	j.Rows, j.Labels, j.Targets = frame.New(j.Rows.Schema, n), make([]string, n), make([]float64, n)
	for i := range n {
		x := r.NormFloat64()
		y := 0
		if x > 0 {
			y = 1
		}
		j.Rows.Cols[0].Num[i], j.Targets[i], j.Labels[i] = x, float64(y), j.Signature.Classes[y]
	}
}
