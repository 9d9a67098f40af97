package store

import (
	"context"
	"errors"
	"time"
)

// daysAtOnce is how many days of the log retention drops without a doubt: as many
// as pass between two looks, and one more.
const daysAtOnce = 2

// Retained is what one look of retention came to.
type Retained struct {
	Dropped int // Days of the log.
	Waiting int // Days that are as old, and go later.
}

// Retain drops what is older than the clock allows: days of the log, signals and
// decisions. Where many days are too old at once the clock may have jumped ahead,
// or Hone did not run for long; only the oldest goes then, so that somebody has
// time to set the clock right before much is lost.
func (db *DB) Retain(ctx context.Context, keep time.Duration) (Retained, error) {
	before := db.o.Clock.Now().Add(-keep)
	var out Retained
	if old := db.journal.overdue(before.UTC().Format(time.DateOnly)); len(old) > daysAtOnce {
		oldest, err := time.Parse(time.DateOnly, old[0])
		if err != nil {
			return out, err
		}
		before, out.Waiting = oldest.AddDate(0, 0, 1), len(old)-1
	}
	_, pruned := db.Prune(ctx, before)
	var err error
	out.Dropped, err = db.Drop(ctx, before)
	return out, errors.Join(pruned, err)
}

// overdue lists the days before one, oldest first, but for the newest of all.
func (j *journal) overdue(before string) (days []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range j.days[:max(0, len(j.days)-1)] {
		if d.name < before {
			days = append(days, d.name)
		}
	}
	return days
}
