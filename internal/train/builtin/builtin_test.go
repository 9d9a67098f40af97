package builtin_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/train"
	"hone/internal/train/builtin"
)

var features = frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "group", Kind: frame.Category}}

// job makes rows whose label depends on x and group, and a little on chance.
func job(t *testing.T, task hone.Task) train.Job {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	j := train.Job{
		Model:     hone.Model{Name: "m", Task: task, Label: hone.LabelSpec{Name: "y"}, Train: hone.TrainSpec{Trainer: "linear"}},
		Signature: hone.Signature{Task: task, Features: features},
		Rows:      frame.New(features, 2000),
		Dir:       t.TempDir(),
		Seed:      9,
	}
	switch task {
	case hone.Binary:
		j.Signature.Classes, j.Signature.Threshold = []string{"0", "1"}, 0.5
	case hone.Multiclass:
		j.Signature.Classes = []string{"a", "b", "c", "never seen"}
	}
	for i := range j.Rows.N {
		group := i % 3
		x := r.NormFloat64()
		j.Rows.Cols[0].Num[i], j.Rows.Cols[1].Str[i] = x, strconv.Itoa(group)
		y := 2*x + float64(group) + 0.1*r.NormFloat64()
		switch task {
		case hone.Binary:
			y = map[bool]float64{true: 1}[y > 1]
		case hone.Multiclass:
			y = float64(group)
		}
		j.Targets = append(j.Targets, y)
		j.Labels = append(j.Labels, frame.FormatNumber(y))
	}
	return j
}

func TestTrain(t *testing.T) {
	t.Parallel()
	f := func(task hone.Task, wrong float64) {
		t.Helper()
		j := job(t, task)
		reports := 0
		got, err := builtin.New().Train(t.Context(), j, func(p train.Progress) {
			if p.Step > 0 && p.Values["loss"] >= 0 {
				reports++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if reports == 0 || !(got.Metrics["train_loss"] >= 0) || got.Metrics["warm_start"] != 0 || got.Dir != filepath.Join(j.Dir, "model") {
			t.Errorf("%s: %d reports, result %v", task, reports, got)
		}
		loss := meanLoss(t, got.Dir, j)
		if loss > wrong || math.IsNaN(loss) {
			t.Errorf("%s: mean loss is %v, want at most %v", task, loss, wrong)
		}
	}
	f(hone.Binary, 0.06)
	f(hone.Multiclass, 0.01)
	f(hone.Regression, 0.3)
}

// meanLoss is what an artefact loses on the rows of a job: by wrong classes, or how far
// it is from a number.
func meanLoss(t *testing.T, dir string, j train.Job) float64 {
	t.Helper()
	p, err := predictor.Open(t.Context(), dir, predictor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s, err := p.Predict(t.Context(), j.Rows)
	if err != nil {
		t.Fatal(err)
	}
	loss, l := 0.0, hone.Loss{Kind: hone.ZeroOne}
	if j.Signature.Task == hone.Regression {
		l.Kind = hone.Absolute
	}
	for i, y := range j.Targets {
		loss += l.Of(p.Signature(), s.Row(i), y, 0) / float64(len(j.Targets))
	}
	return loss
}

func TestWarmStart(t *testing.T) {
	t.Parallel()
	first := job(t, hone.Binary)
	r, err := builtin.New().Train(t.Context(), first, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := func(previous string, change func(*train.Job), warm float64, line string) {
		t.Helper()
		j := job(t, hone.Binary)
		j.Previous = previous
		change(&j)
		said := ""
		got, err := builtin.New().Train(t.Context(), j, func(p train.Progress) { said += p.Line })
		if err != nil || got.Metrics["warm_start"] != warm || !strings.Contains(said, line) || (line == "") != (said == "") {
			t.Errorf("got %v, %v, said %q; want warm start %v and %q", got.Metrics, err, said, warm, line)
		}
	}
	f(r.Dir, func(*train.Job) {}, 1, "")
	f(r.Dir, func(j *train.Job) { j.Params = map[string]any{"squares": false} }, 0, "began anew: the champion's")
	f(t.TempDir(), func(*train.Job) {}, 0, "there is no hone.json")
	other := t.TempDir()
	if err := predictor.WriteManifest(other, predictor.Manifest{Format: "process", Signature: first.Signature, Command: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	f(other, func(*train.Job) {}, 0, "its format is process")
}

func TestL1SaysWhatItKept(t *testing.T) {
	t.Parallel()
	f := func(params map[string]any, least, most float64) {
		t.Helper()
		j := job(t, hone.Binary)
		j.Params = params
		r, err := builtin.New().Train(t.Context(), j, nil)
		if got := r.Metrics["nonzero_weights"]; err != nil || got < least || got > most {
			t.Errorf("%v: got %v weights, %v, want %v to %v", params, got, err, least, most)
		}
	}
	f(nil, 0, 0)
	f(map[string]any{"l1": 0.001}, 3, 6) // Of x, its square, three groups and the constant.
	f(map[string]any{"l1": 10}, 1, 1)
}

func TestEqualJobsGiveEqualArtefacts(t *testing.T) {
	t.Parallel()
	var files []string
	for range 2 {
		r, err := builtin.New().Train(t.Context(), job(t, hone.Multiclass), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(r.Dir, "model.json"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(b))
	}
	if files[0] != files[1] {
		t.Error("the same job gave two different models")
	}
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	f := func(want string, change func(*train.Job)) {
		t.Helper()
		j := job(t, hone.Binary)
		change(&j)
		_, err := builtin.New().Train(t.Context(), j, nil)
		e, ok := hone.AsError(err)
		if !ok || e.Code != hone.Invalid || e.Hint == "" || !strings.Contains(e.Message, want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f(`"depth" is not known`, func(j *train.Job) { j.Params = map[string]any{"depth": 3} })
	f(`"epochs" wants a whole number`, func(j *train.Job) { j.Params = map[string]any{"epochs": "many"} })
	f("row 7", func(j *train.Job) { j.Targets[7] = -1 })
	f("no rows", func(j *train.Job) { j.Rows, j.Targets = frame.New(features, 0), nil })
	f(`no task "ranking"`, func(j *train.Job) { j.Signature.Task = "ranking" })
}

func TestTrainEndsEarly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	j := job(t, hone.Binary)
	if _, err := builtin.New().Train(ctx, j, func(train.Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	j.Model.Train.Limits.Time = hone.Duration(time.Nanosecond)
	_, err := builtin.New().Train(t.Context(), j, nil)
	if e, ok := hone.AsError(err); !ok || e.Code != hone.Unavailable || !strings.Contains(e.Message, "longer than 1ns") {
		t.Errorf("over its time: got %v", err)
	}
	if _, err := os.Stat(filepath.Join(j.Dir, "model", "hone.json")); err == nil {
		t.Error("it left an artefact")
	}
}
