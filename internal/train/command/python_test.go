package command_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/sandbox"
	"hone/internal/train"
	"hone/internal/train/command"
)

// TestPythonExample trains and serves examples/python, contained. It takes some seconds,
// and needs a Python that has what its requirements.txt names.
func TestPythonExample(t *testing.T) {
	t.Parallel()
	python := os.Getenv("HONE_TEST_PYTHON")
	if python == "" {
		t.Skip("NOT TESTED: examples/python. Set HONE_TEST_PYTHON to a Python that has examples/python/requirements.txt installed.")
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"examples/python": "", "sdk/python/hone": "hone"} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join("../../..", from))); err != nil {
			t.Fatal(err)
		}
	}
	for _, learner := range []string{"sklearn", "lightgbm"} {
		for _, task := range []hone.Task{hone.Binary, hone.Multiclass, hone.Regression} {
			t.Run(learner+"/"+string(task), func(t *testing.T) {
				t.Parallel()
				trainAndServe(t, python, dir, learner, task)
			})
		}
	}
}

func trainAndServe(t *testing.T, python, dir, learner string, task hone.Task) {
	j := pythonJob(t, task, 2000, 1)
	j.Params = map[string]any{"learner": learner, "iterations": 60}
	var steps int
	box := sandbox.Spec{Program: "/proc/self/exe"}
	engine := command.New(command.Options{Dir: dir, Python: python, Box: box})
	r, err := engine.Train(t.Context(), j, func(p train.Progress) {
		steps = max(steps, p.Step)
		if p.Line != "" {
			t.Log(p.Line)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if steps != 60 || r.Metrics["train_rows"] != 2000 {
		t.Errorf("%d steps, metrics %v", steps, r.Metrics)
	}
	p, err := predictor.Open(t.Context(), r.Dir, predictor.Options{Python: python, Box: box})
	if err != nil {
		t.Fatal(err)
	}
	fresh := pythonJob(t, task, 500, 2)
	got, err := p.Predict(t.Context(), fresh.Rows)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	right := 0
	for i, y := range fresh.Targets {
		switch {
		case task == hone.Regression && math.Abs(got.V[i]-y) < 0.75:
			right++
		case task != hone.Regression && j.Signature.Answer(got.Row(i)) == fresh.Labels[i]:
			right++
		}
	}
	t.Logf("%s, %s: %.1f %% of fresh rows right", learner, task, float64(right)/5)
	if right < 425 {
		t.Errorf("%d of 500 fresh rows are right", right)
	}
	want := scoresInPython(t, python, r.Dir, fresh.Rows)
	if len(want) != len(got.V) {
		t.Fatalf("%d scores, want %d", len(got.V), len(want))
	}
	for i := range want {
		if got.V[i] != want[i] {
			t.Fatalf("score %d is %v, in Python %v", i, got.V[i], want[i])
		}
	}
}

// pythonJob makes rows with gaps, whose label depends on two numbers and on a
// category of which some values are rare.
func pythonJob(t *testing.T, task hone.Task, n int, seed uint64) train.Job {
	t.Helper()
	features := frame.Schema{{Name: "a", Kind: frame.Number}, {Name: "shop", Kind: frame.Category},
		{Name: "b", Kind: frame.Number}, {Name: "note", Kind: frame.Text}}
	j := job(t, "")
	j.Signature = hone.Signature{Task: task, Features: features}
	j.Rows, j.Labels, j.Targets = frame.New(features, n), nil, nil
	j.Model.Train.Command, j.Model.Train.CSV = []string{"{python}", "train.py"}, true
	switch task {
	case hone.Binary:
		j.Signature.Classes, j.Signature.Threshold = []string{"0", "1"}, 0.5
	case hone.Multiclass:
		j.Signature.Classes = []string{"low", "never", "middle", "high"}
	}
	r := rand.New(rand.NewPCG(seed, 7))
	for i := range n {
		a, b, shop := r.NormFloat64(), r.NormFloat64(), "größe, \"A\""
		if r.IntN(2) == 0 {
			shop = "B"
		}
		z := 2*a + b*b - 1
		if shop == "B" {
			z = 1 - 2*a
		}
		j.Rows.Cols[0].Num[i], j.Rows.Cols[2].Num[i] = a, b
		j.Rows.Cols[1].Str[i], j.Rows.Cols[3].Str[i] = shop, "free text"
		if i%50 == 0 {
			j.Rows.Cols[2].Num[i] = math.NaN()
		}
		if i%70 == 0 {
			j.Rows.Cols[1].Str[i] = ""
		}
		switch task {
		case hone.Binary:
			z = map[bool]float64{true: 1}[z > 0]
			j.Labels = append(j.Labels, frame.FormatNumber(z))
		case hone.Multiclass:
			z = map[bool]float64{z > 1.5: 3, z > -1 && z <= 1.5: 2}[true]
			j.Labels = append(j.Labels, j.Signature.Classes[int(z)])
		default:
			j.Labels = append(j.Labels, frame.FormatNumber(z))
		}
		j.Targets = append(j.Targets, z)
	}
	return j
}

// scoresInPython asks the saved model itself, past the server and the protocol.
func scoresInPython(t *testing.T, python, artefact string, f *frame.Frame) []float64 {
	t.Helper()
	const script = `
import json, sys, joblib, serve
rows = json.load(sys.stdin)
json.dump(serve.score(joblib.load("model.joblib"), rows).ravel().tolist(), sys.stdout)
`
	rows := make([]map[string]any, f.N)
	for i := range rows {
		rows[i] = map[string]any{}
		for col, field := range f.Schema {
			rows[i][field.Name] = f.Value(i, col)
		}
	}
	in, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "-c", script)
	cmd.Dir, cmd.Stdin, cmd.Stderr = artefact, bytes.NewReader(in), os.Stderr
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1")
	b, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var scores []float64
	if err := json.Unmarshal(b, &scores); err != nil {
		t.Fatal(err)
	}
	return scores
}
