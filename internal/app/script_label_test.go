package app_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"hone/internal/frame"
	"hone/internal/op"
)

// shifted makes two classes by the first number, with noise; variant 1 moves the
// border, so that three rows in ten change sides.
func shifted(s *source) func(*frame.Frame, int) string {
	rng := rand.New(rand.NewPCG(7, 6))
	return func(f *frame.Frame, row int) string {
		x := 10 * rng.Float64()
		f.Cols[0].Num[row] = x
		positive := x > float64(6-3*s.variant)
		if rng.Float64() < 0.05 {
			positive = !positive
		}
		return map[bool]string{true: "1", false: "0"}[positive]
	}
}

// label prints which rows are to be labelled, and the first of them.
func (w *world) label(o options) ([]string, error) {
	got, err := w.call("label", &op.LabelIn{Model: model, N: o.number("n", 0)})
	if err != nil {
		return said(err)
	}
	l := got.(op.Labels)
	var ids []string
	for _, row := range l.Open[:min(5, len(l.Open))] {
		ids = append(ids, string(row.PredictionID))
	}
	return []string{l.Sentence, fmt.Sprintf("%s, with probability %.3g: %d handed out, %d answered, %d open: %s", l.Request, l.Probability, l.Given, l.Answered, len(l.Open), strings.Join(ids, " "))}, w.step()
}

// answer labels the next rows that wait for it, as they turned out.
func (w *world) answer(n int) ([]string, error) {
	got, err := w.call("label", &op.LabelIn{Model: model})
	if err != nil {
		return said(err)
	}
	in := op.FeedbackIn{Model: model}
	open := got.(op.Labels).Open
	for _, row := range open[:min(n, len(open))] {
		in.Items = append(in.Items, op.FeedbackItem{PredictionID: row.PredictionID, Label: w.truths[row.PredictionID]})
	}
	out, err := w.call("feedback", &in)
	if err != nil {
		return said(err)
	}
	return []string{fmt.Sprint(out.(op.FeedbackOut).Counts)}, w.step()
}

func (w *world) replay(run string) ([]string, error) {
	got, err := w.call("replay", &op.RunIn{Run: run})
	if err != nil {
		return said(err)
	}
	return []string{got.(op.Replayed).Sentence}, nil
}
