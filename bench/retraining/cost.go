package retraining

import (
	"context"

	"hone/internal/backtest"
	"hone/internal/frame"
	"hone/internal/learn/residual"
)

// Steps does again what a model with these moves did, with nothing else beside it: it
// trains the champions, answers a batch at a time, and has the probe read the labels.
// It is there to be timed; labels come at once.
func (c Case) Steps(ctx context.Context, g *backtest.Grid, moves []backtest.Move) error {
	s, learn := g.Stream, c.learner()
	known := map[int]backtest.Score{}
	moves = append([]backtest.Move{{}}, moves...)
	for k, m := range moves {
		at, end := g.From+m.At*s.Batch, g.From+g.Batches()*s.Batch
		if k+1 < len(moves) {
			end = g.From + moves[k+1].At*s.Batch
		}
		if known[m.Champion] == nil {
			set := backtest.Set{Champion: m.Champion, Rows: s.Rows.Slice(at-s.Window, at), Targets: s.Targets[at-s.Window : at]}
			err := learn(ctx, set, func(score backtest.Score) error {
				known[m.Champion] = score
				return nil
			})
			if err != nil {
				return err
			}
		}
		if err := answer(s, known[m.Champion], at, end); err != nil {
			return err
		}
	}
	return nil
}

// answer serves rows by one champion, beside its probe.
func answer(s *backtest.Stream, score backtest.Score, from, end int) error {
	p := residual.New(residual.Options{Schema: s.Rows.Schema, Width: 1})
	scores := make([]float64, s.Batch)
	for at := from; at < end; at += s.Batch {
		rows := s.Rows.Slice(at, min(at+s.Batch, end))
		if err := score(rows, scores[:rows.N]); err != nil {
			return err
		}
		read(p, rows, scores[:rows.N], s.Targets[at:at+rows.N])
	}
	return nil
}

func read(p *residual.Probe, rows *frame.Frame, scores, targets []float64) {
	p.Batch(rows, scores, targets, func(k int, x []float64) float64 {
		if (x[0] > 0.5) != (targets[k] == 1) {
			return 1
		}
		return 0
	})
}
