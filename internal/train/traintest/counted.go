package traintest

import (
	"context"
	"path/filepath"
	"sync"

	"hone/internal/train"
)

// Counter counts the trainings of the trainers that it stands before.
type Counter struct {
	mu              sync.Mutex
	begun, together int
	now             map[string]int // By the folder of the run.
}

// Count stands before a trainer.
func (c *Counter) Count(t train.Trainer) train.Trainer { return counted{t, c} }

// Begun is how many trainings began.
func (c *Counter) Begun() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun
}

// Together is the most trainings of one run that there were at once.
func (c *Counter) Together() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.together
}

func (c *Counter) add(run string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil {
		c.now = map[string]int{}
	}
	if c.now[run] += n; n > 0 {
		c.begun++
	}
	c.together = max(c.together, c.now[run])
}

type counted struct {
	train.Trainer
	c *Counter
}

func (c counted) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	run := filepath.Dir(job.Dir)
	c.c.add(run, 1)
	defer c.c.add(run, -1)
	return c.Trainer.Train(ctx, job, report)
}
