package backtest

import (
	"context"
	"sync"
	"time"

	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/predictor"
	"hone/internal/train"
)

// Progress is how far a backtest is.
type Progress struct {
	Trained int           `json:"trained"`
	Of      int           `json:"of"`
	Took    time.Duration `json:"took_ns"`
	Left    time.Duration `json:"left_ns"` // About.
}

// Trainer trains by a job, and hands the artefact, opened, to use; it need not stay for
// longer. It is safe for concurrent use.
type Trainer func(ctx context.Context, job train.Job, use func(predictor.Predictor) error) error

// learning trains the champions of a trace.
type learning struct {
	*trace
	trainer Trainer
	report  func(Progress)
	watch   clock.Stopwatch
	of      int

	mu   sync.Mutex
	done int
}

// champion is the Learner.
func (l *learning) champion(ctx context.Context, s Set, use func(Score) error) error {
	job := train.Job{Model: l.model, Signature: l.sig, Rows: s.Rows, Targets: s.Targets, Weights: s.Weights, Params: l.model.Train.Params, Seed: uint64(s.Champion + 1)}
	for _, i := range s.At {
		job.Labels = append(job.Labels, l.rows[i].Label)
	}
	err := l.trainer(ctx, job, func(p predictor.Predictor) error {
		return use(func(rows *frame.Frame, out []float64) error {
			scores, err := p.Predict(ctx, rows)
			copy(out, scores.V)
			return err
		})
	})
	if err == nil {
		l.tell()
	}
	return err
}

func (l *learning) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	if l.report != nil {
		took := l.watch.Elapsed()
		l.report(Progress{Trained: l.done, Of: l.of, Took: took, Left: took / time.Duration(l.done) * time.Duration(l.of-l.done)})
	}
}

// workers calls a function for each number, on so many goroutines.
func workers(n int) func(int, func(int)) {
	return func(count int, do func(int)) {
		next := make(chan int)
		var wait sync.WaitGroup
		for range max(1, n) {
			wait.Go(func() {
				for i := range next {
					do(i)
				}
			})
		}
		for i := range count {
			next <- i
		}
		close(next)
		wait.Wait()
	}
}
