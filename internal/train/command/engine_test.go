package command_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/sandbox"
	"hone/internal/train"
	"hone/internal/train/command"
	"hone/internal/train/machine"
	"hone/internal/train/traintest"
)

// TestEngine holds the engine of this machine to its promises with programs of the
// user's, contained and not.
func TestEngine(t *testing.T) {
	t.Parallel()
	for name, box := range map[string]sandbox.Spec{"bare": {}, "contained": {Program: "/proc/self/exe"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			traintest.Run(t, func(t *testing.T) traintest.Place { return place(t, box) })
		})
	}
}

func place(t *testing.T, box sandbox.Spec) traintest.Place {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var c traintest.Counter
	data := t.TempDir()
	trainers := map[string]train.Trainer{"command": c.Count(command.New(command.Options{Dir: t.TempDir(), Data: data, Box: box}))}
	return traintest.Place{
		Open: func() (train.Engine, func()) {
			e := machine.New(machine.Options{Dir: filepath.Join(data, "runs"), Trainers: trainers})
			return e, e.Stop
		},
		Make: func(k traintest.Kind, j *train.Job) string {
			mode := map[traintest.Kind]string{traintest.Quick: "seen", traintest.Slow: "going", traintest.Broken: "fail", traintest.Late: "going",
				traintest.Hungry: "hog", traintest.Wordy: "flood"}[k]
			j.Model.Train.Trainer, j.Model.Train.Command = "command", []string{exe, "train", mode}
			switch k {
			case traintest.Late:
				j.Model.Train.Limits.Time = hone.Duration(100 * time.Millisecond)
			case traintest.Hungry:
				j.Model.Train.Limits.Memory = 128 << 20
			case traintest.Wordy:
				j.Model.Train.Limits.Output = 4 << 20
			}
			return ""
		},
		Begun: c.Begun, Together: c.Together, LastWords: "line 29", Checkpoints: true,
	}
}

// seen trains by copying its rows.
func seen(in func(...string) string) int {
	fmt.Println("reads its rows")
	fmt.Println(`{"step": 1, "loss": 0.5}`)
	rows, err := os.ReadFile(in("train.csv"))
	err = errors.Join(err, os.WriteFile(in("output", "model", "rows"), rows, 0o600),
		os.WriteFile(in("output", "metrics.json"), []byte(`{"auc": 0.9}`), 0o600), manifest(in))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	return 0
}

// going goes on until SIGTERM, which has it write a checkpoint; where it finds one
// it is done at once.
func going(in func(...string) string) int {
	if _, err := os.ReadFile(in("checkpoint", "epoch")); err == nil {
		fmt.Println("goes on from its checkpoint")
		if errors.Join(os.WriteFile(in("output", "metrics.json"), []byte(`{"from_checkpoint": 1}`), 0o600), manifest(in)) != nil {
			return 9
		}
		return 0
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	fmt.Println(`{"step": 1, "loss": 0.5}`) // It is deaf to SIGTERM no more.
	<-stop
	if os.WriteFile(in("checkpoint", "epoch"), []byte("7"), 0o600) != nil {
		return 9
	}
	return 0
}

func manifest(in func(...string) string) error {
	return predictor.WriteManifest(in("output", "model"), predictor.Manifest{Format: "process", Command: []string{"./serve"},
		Signature: hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5,
			Features: frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "place", Kind: frame.Category}}}})
}
