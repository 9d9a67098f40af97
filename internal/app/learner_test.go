package app

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/train"
	"hone/internal/train/builtin"
	"hone/internal/train/command"
)

// The test binary is also the program that trains apart.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == learnCommand {
		os.Exit(learn(context.Background()))
	}
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// work is a training on rows with numbers, names, gaps and weights.
func work(t *testing.T, task hone.Task, trainer string) train.Job {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	s := hone.Signature{Task: task, Features: frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "weight", Kind: frame.Category}}}
	if task == hone.Binary {
		s.Classes, s.Threshold = []string{"no", "yes"}, 0.3
	}
	j := train.Job{Model: hone.Model{Name: "m", Task: task, Label: hone.LabelSpec{Name: "y"}, Train: hone.TrainSpec{Trainer: trainer}}, Signature: s, Rows: frame.New(s.Features, 500), Dir: t.TempDir(), Seed: 9}
	for i := range j.Rows.N {
		x := r.NormFloat64()
		j.Rows.Cols[0].Num[i], j.Rows.Cols[1].Str[i] = x, strconv.Itoa(i%3)
		if i%50 == 0 {
			j.Rows.Cols[0].Num[i], j.Rows.Cols[1].Str[i] = math.NaN(), ""
		}
		label := strconv.FormatFloat(2*x+r.NormFloat64(), 'g', -1, 64)
		if task == hone.Binary {
			label = s.Classes[i*i%2]
		}
		j.Labels, j.Targets, j.Weights = append(j.Labels, label), append(j.Targets, s.Target(label)), append(j.Weights, 1+r.Float64())
	}
	return j
}

// TestApart holds that a process of its own learns what this one would, byte for
// byte, and begins from the same champion.
func TestApart(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	away := apart{self, command.New(command.Options{Dir: t.TempDir()})}
	params := map[string]map[string]any{"linear": {"epochs": 3.0}, "gbdt": {"num_iterations": 3.0, "warm_start": "continue"}}
	type kind struct {
		task    hone.Task
		trainer string
	}
	champion := map[kind]string{}
	kinds := []kind{{hone.Binary, "linear"}, {hone.Regression, "linear"}, {hone.Binary, "gbdt"}, {hone.Regression, "gbdt"}}
	for _, kind := range append(kinds, kinds...) {
		var artefacts [2]map[string]string
		var metrics [2]map[string]float64
		for i, engine := range []train.Engine{builtin.New(), away} {
			j := work(t, kind.task, kind.trainer)
			j.Params, j.Previous = params[kind.trainer], champion[kind]
			if kind.task == hone.Binary {
				j.Model.Train.Calibration = "platt"
			}
			steps := 0
			got, err := engine.Train(t.Context(), j, func(p train.Progress) {
				if p.Line == "" {
					steps++
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if steps == 0 {
				t.Errorf("%v: no step was reported", kind)
			}
			artefacts[i], metrics[i] = files(t, got.Dir), got.Metrics
			if i == 1 {
				champion[kind] = got.Dir
			}
		}
		if len(artefacts[0]) == 0 || !reflect.DeepEqual(artefacts[0], artefacts[1]) || !reflect.DeepEqual(metrics[0], metrics[1]) {
			t.Errorf("%v: here %v, apart %v", kind, metrics[0], metrics[1])
		}
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	if _, err := predictor.ReadManifest(dir); err != nil {
		t.Error(err)
	}
	return out
}

// TestApartFails holds that what was wrong is said as it is where the learner
// runs in this process.
func TestApartFails(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said [2]string
	for i, engine := range []train.Engine{builtin.New(), apart{self, command.New(command.Options{Dir: t.TempDir()})}} {
		j := work(t, hone.Binary, "linear")
		j.Params = map[string]any{"epoch": 3.0}
		_, err := engine.Train(t.Context(), j, nil)
		e, ok := hone.AsError(err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		said[i] = string(e.Code) + ": " + e.Error()
	}
	if said[0] != said[1] {
		t.Errorf("here %q, apart %q", said[0], said[1])
	}
}
