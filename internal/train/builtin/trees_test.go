package builtin_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/train"
	"hone/internal/train/builtin"
)

// trees is a job for the trainer gbdt.
func trees(t *testing.T, task hone.Task, params map[string]any) train.Job {
	t.Helper()
	j := job(t, task)
	j.Model.Train.Trainer, j.Params = "gbdt", params
	return j
}

func TestTrees(t *testing.T) {
	t.Parallel()
	f := func(task hone.Task, params map[string]any, wrong float64) map[string]float64 {
		t.Helper()
		j := trees(t, task, params)
		got, err := builtin.New().Train(t.Context(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		loss := meanLoss(t, got.Dir, j)
		if !(loss <= wrong) {
			t.Errorf("%s: mean loss is %v, want at most %v", task, loss, wrong)
		}
		return got.Metrics
	}
	f(hone.Binary, nil, 0.03)
	f(hone.Multiclass, nil, 0.01)
	f(hone.Regression, nil, 0.2)
	if m := f(hone.Binary, map[string]any{"num_iterations": 2000.0, "early_stopping_round": 10.0}, 0.06); !(m["trees"] > 5 && m["trees"] < 500) {
		t.Errorf("early stopping left %v trees", m["trees"])
	}
}

func TestTreesWarmStart(t *testing.T) {
	t.Parallel()
	first, err := builtin.New().Train(t.Context(), trees(t, hone.Binary, map[string]any{"num_iterations": 20.0}), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := func(params map[string]any, change func(*train.Job), count, warm float64, line string) {
		t.Helper()
		j := trees(t, hone.Binary, params)
		j.Previous = first.Dir
		if change != nil {
			change(&j)
		}
		said := ""
		got, err := builtin.New().Train(t.Context(), j, func(p train.Progress) { said += p.Line })
		if err != nil || got.Metrics["trees"] != count || got.Metrics["warm_start"] != warm || !strings.Contains(said, line) || (line == "") != (said == "") {
			t.Errorf("%v: got %v, %v, said %q; want %v trees, warm start %v and %q", params, got.Metrics, err, said, count, warm, line)
		}
	}
	f(map[string]any{"num_iterations": 7.0}, nil, 7, 0, "")
	f(map[string]any{"num_iterations": 7.0, "warm_start": "continue"}, nil, 27, 1, "")
	f(map[string]any{"num_iterations": 7.0, "warm_start": "refit"}, nil, 20, 1, "")
	f(map[string]any{"num_iterations": 2.0, "warm_start": "continue"}, nil, 2, 0, "has 20 trees already")
	f(map[string]any{"num_iterations": 7.0, "warm_start": "continue"}, func(j *train.Job) { j.Previous = "" }, 7, 0, "")
	f(map[string]any{"num_iterations": 7.0, "warm_start": "continue"}, func(j *train.Job) { j.Previous = t.TempDir() }, 7, 0, "there is no hone.json")
	f(map[string]any{"num_iterations": 7.0, "warm_start": "refit"}, func(j *train.Job) { j.Signature.Classes = []string{"1", "0"} }, 7, 0, "began anew: the champion's")
	j := trees(t, hone.Binary, map[string]any{"num_iterations": 200.0, "warm_start": "continue", "early_stopping_round": 5.0, "learning_rate": 1.0})
	j.Previous = first.Dir
	got, err := builtin.New().Train(t.Context(), j, nil)
	if err != nil || !(got.Metrics["trees"] > 20 && got.Metrics["trees"] < 120) {
		t.Errorf("went on from 20 trees and stopped after %v, %v", got.Metrics, err)
	}
}

func TestTreesRefuse(t *testing.T) {
	t.Parallel()
	f := func(want string, params map[string]any, change func(*train.Job)) {
		t.Helper()
		j := trees(t, hone.Binary, params)
		if change != nil {
			change(&j)
		}
		_, err := builtin.New().Train(t.Context(), j, nil)
		e, ok := hone.AsError(err)
		if !ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f(`did you mean "num_leaves"`, map[string]any{"num_leafs": 3.0}, nil)
	f(`"warm_start" wants parameters, continue or refit`, map[string]any{"warm_start": true}, nil)
	f(`"refit_decay" wants a number from 0 to 1`, map[string]any{"refit_decay": 2.0}, nil)
	f("every feature is a text", nil, func(j *train.Job) { j.Signature.Features = frame.Schema{{Name: "note", Kind: frame.Text}} })
	f("no learner", nil, func(j *train.Job) { j.Model.Train.Trainer = "forest" })
}

// Scores of a model that is too sure of itself mean after calibration what they say,
// on rows that nobody learned.
func TestCalibration(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	var noisy frame.Schema
	for i := range 8 {
		noisy = append(noisy, frame.Field{Name: string(rune('a' + i)), Kind: frame.Number})
	}
	world := func(n int) (*frame.Frame, []float64, []float64) {
		f, y, chance := frame.New(noisy, n), make([]float64, n), make([]float64, n)
		for i := range n {
			for c := range noisy {
				f.Cols[c].Num[i] = r.NormFloat64()
			}
			chance[i] = 1 / (1 + math.Exp(-f.Cols[0].Num[i]))
			if r.Float64() < chance[i] {
				y[i] = 1
			}
		}
		return f, y, chance
	}
	rows, y, _ := world(11_000)
	fresh, _, chance := world(2_000)
	off := func(method string) float64 {
		t.Helper()
		j := trees(t, hone.Binary, map[string]any{"num_iterations": 60.0, "learning_rate": 0.5, "min_data_in_leaf": 2.0})
		j.Rows, j.Targets, j.Signature.Features, j.Model.Train.Calibration = rows, y, noisy, method
		got, err := builtin.New().Train(t.Context(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := predictor.ReadManifest(got.Dir)
		if err != nil || (m.Calibration != nil) != (method != "none") || (got.Metrics["calibrated_on"] == 1100) != (method != "none") {
			t.Fatalf("%s: manifest %+v, metrics %v, %v", method, m, got.Metrics, err)
		}
		p, err := predictor.Open(t.Context(), got.Dir, predictor.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		s, err := p.Predict(t.Context(), fresh)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, c := range chance {
			p := min(max(s.V[i], 1e-9), 1-1e-9)
			sum += (c*math.Log(c/p) + (1-c)*math.Log((1-c)/(1-p))) / float64(len(chance))
		}
		return sum
	}
	raw := off("none")
	for _, method := range []string{"platt", "isotonic"} {
		if d := off(method); !(d < 0.7*raw) {
			t.Errorf("%s: scores are %.3f nats from the chance, %.3f without", method, d, raw)
		}
	}
}

// One class among the rows held out calibrates nothing, and says so.
func TestCalibrationNeedsBothClasses(t *testing.T) {
	t.Parallel()
	j := trees(t, hone.Binary, nil)
	for i := 1700; i < len(j.Targets); i++ {
		j.Targets[i] = 0
	}
	j.Model.Train.Calibration = "platt"
	said := ""
	got, err := builtin.New().Train(t.Context(), j, func(p train.Progress) { said += p.Line })
	if err != nil || !strings.Contains(said, "the scores stay as they are") {
		t.Errorf("said %q, %v", said, err)
	}
	if m, err := predictor.ReadManifest(got.Dir); err != nil || m.Calibration != nil {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestEqualJobsGrowEqualTrees(t *testing.T) {
	t.Parallel()
	var files []string
	for range 2 {
		got, err := builtin.New().Train(t.Context(), trees(t, hone.Multiclass, map[string]any{"bagging_fraction": 0.5, "bagging_freq": 1.0}), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(got.Dir, "model.txt"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(b))
	}
	if files[0] != files[1] {
		t.Error("the same job gave two different models")
	}
}
