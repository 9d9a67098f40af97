package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"hone"
	"hone/internal/backtest"
	"hone/internal/config"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/train"
	"hone/internal/train/builtin"
)

// model is one as a configuration has it, with the defaults of all that is not said.
func model(t *testing.T, text string) hone.Model {
	t.Helper()
	c, err := config.Parse("hone.yaml", []byte("version: 1\nmodels:\n  m:\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return c.Models["m"]
}

const binary = `
    task: binary
    features: {a: number, b: number, c: category}
    label: {name: y, delay: 10m}
    triggers:
      - recoverable_loss: {retrain_cost: 60}
    guards: {cooldown: 0s, max_per_day: 1000, max_per_month: 1000, min_new_labels: 50}
`

// learner is the built-in trainer, in folders of the test's own.
func learner(t *testing.T) backtest.Trainer {
	all := t.TempDir()
	return func(ctx context.Context, job train.Job, use func(predictor.Predictor) error) error {
		dir, err := os.MkdirTemp(all, "")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		job.Dir = dir
		made, err := builtin.New().Train(ctx, job, nil)
		if err != nil {
			return err
		}
		p, err := predictor.Open(ctx, made.Dir, predictor.Options{})
		if err != nil {
			return err
		}
		return errors.Join(use(p), p.Close())
	}
}

// start is the time of the first row; rows come a minute apart.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// rows makes a log of n rows, whose label is what says, by row, features and chance.
func rows(m hone.Model, seed uint64, n int, says func(i int, f *frame.Frame, r *rand.Rand) string) backtest.Log {
	r := rand.New(rand.NewPCG(seed, 1))
	f := frame.New(m.Features, n)
	l := backtest.Log{Name: "the rows"}
	for i := range n {
		for c, field := range m.Features {
			switch field.Kind {
			case frame.Number:
				f.Cols[c].Num[i] = r.NormFloat64()
			case frame.Category:
				f.Cols[c].Str[i] = string(rune('p' + r.IntN(3)))
			default:
				f.Cols[c].Str[i] = "the " + []string{"red", "green", "blue"}[r.IntN(3)] + " one"
			}
		}
		at := start.Add(time.Duration(i) * time.Minute)
		o := hone.Outcome{Prediction: hone.Prediction{ID: hone.PredictionID(fmt.Sprint("p", i)), Model: m.Name, Seq: int64(i + 1), Time: at}, LabelTime: at}
		if o.Label = says(i, f, r); o.Label != "" {
			o.Effect = hone.Joined
		}
		l.Outcomes = append(l.Outcomes, o)
	}
	for i, b := range f.EncodeRows() {
		l.Outcomes[i].Features = b
	}
	return l
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// turned is a concept that is turned round at row cut, with one label in ten wrong.
func turned(cut int) func(int, *frame.Frame, *rand.Rand) string {
	return func(i int, f *frame.Frame, r *rand.Rand) string {
		z := f.Cols[0].Num[i] + 0.5*f.Cols[1].Num[i]
		return flag((z > 0) == (i < cut) != (r.Float64() < 0.1))
	}
}

// constant is a predictor that gives every row the same scores.
type constant struct{ scores []float64 }

func (c constant) Predict(_ context.Context, f *frame.Frame) (hone.Scores, error) {
	s := hone.Scores{Width: len(c.scores)}
	for range f.N {
		s.V = append(s.V, c.scores...)
	}
	return s, nil
}
func (c constant) Signature() hone.Signature { return hone.Signature{} }
func (c constant) Memory() int64             { return 0 }
func (c constant) Close() error              { return nil }

// average is what constants learn: the mean target, or each class's share. Rounded to
// what a float32 holds, as a grid keeps it.
func average(s hone.Signature, targets, weights []float64) []float64 {
	out := make([]float64, s.Width())
	total := 0.0
	for i, y := range targets {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		total += w
		if s.Task == hone.Multiclass {
			out[int(y)] += w
		} else {
			out[0] += w * y
		}
	}
	for k := range out {
		out[k] = float64(float32(out[k] / total))
	}
	return out
}

func constants(_ context.Context, job train.Job, use func(predictor.Predictor) error) error {
	return use(constant{average(job.Signature, job.Targets, job.Weights)})
}

func target(s hone.Signature, label string) float64 {
	if label == "" {
		return math.NaN()
	}
	return s.Target(label)
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }
