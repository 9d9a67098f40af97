package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"hone"
	"hone/internal/clock"
)

const (
	drainEvery = 100 * time.Millisecond
	retryAfter = 2 * time.Second
	roundRows  = 5000 // Rows that are stored at a time, about.
)

// Sink is what a drained spool is stored in.
type Sink interface {
	// AppendPredictions stores what it does not know by its id, durably when it
	// returns.
	AppendPredictions(ctx context.Context, model string, ps []hone.Prediction) (int, error)
	// AppendShadows stores all of them or none, durably when it returns.
	AppendShadows(ctx context.Context, model string, s []hone.ShadowScore) error
	Shadows(ctx context.Context, model string, after int64, limit int) ([]hone.ShadowScore, error)
	LastSeq(ctx context.Context, model string) (predictions, feedback, shadows int64, err error)
}

// DrainOptions are what a drain is made of. All must be set.
type DrainOptions struct {
	Data string // The data folder.
	Sink Sink
	// Ejected is told of each version that a gateway has taken off its traffic, at
	// every start anew. What it fails on it is told again.
	Ejected func(ctx context.Context, e Ejection) error
	Clock   clock.Clock
	Log     *slog.Logger
}

// Drain stores what gateways have left in their spools: each row once, in the
// order of each gateway, whatever crashes on either side.
type Drain struct {
	o      DrainOptions
	cancel context.CancelFunc
	done   sync.WaitGroup

	outlets map[string]*outlet

	mu    sync.Mutex
	stats map[string]GatewayStats
}

// GatewayStats say how a gateway's spool stands.
type GatewayStats struct {
	Gateway string
	Rows    int64 // Drained since the start.
	Waiting int64 // Bytes, also those of the segment that is being written.
	Damaged int64 // Bytes that could not be read, and were set aside.
	// Refused are the rows of each model that the gateway ever gave no answer by no fault
	// of their caller's.
	Refused map[string]int64
}

// NewDrain returns a drain that is not started.
func NewDrain(o DrainOptions) *Drain {
	return &Drain{o: o, outlets: map[string]*outlet{}, stats: map[string]GatewayStats{}}
}

// Start drains until Stop.
func (d *Drain) Start(ctx context.Context) error {
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.done.Go(func() {
		for {
			wait := drainEvery
			if err := d.Once(ctx); err != nil && ctx.Err() == nil {
				d.o.Log.Error("spool not drained; it is tried again", "error", err)
				wait = retryAfter
			}
			select {
			case <-ctx.Done():
				return
			case <-d.o.Clock.After(wait):
			}
		}
	})
	return nil
}

// Stop ends the draining. What is left is drained after the next start. It may
// be called twice.
func (d *Drain) Stop() {
	if d.cancel != nil {
		d.cancel()
	}
	d.done.Wait()
}

// Stats returns how each gateway's spool stands, by name.
func (d *Drain) Stats() []GatewayStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []GatewayStats{}
	for _, s := range d.stats {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b GatewayStats) int { return strings.Compare(a.Gateway, b.Gateway) })
	return out
}

// Refused are the rows of a model that gateways ever gave no answer by no fault of their
// caller's, by gateway, as far as they have told by now.
func (d *Drain) Refused(model string) map[string]int64 {
	out := map[string]int64{}
	for _, s := range d.Stats() {
		if n := s.Refused[model]; n > 0 {
			out[s.Gateway] = n
		}
	}
	return out
}

// Once drains what there is now. One gateway's trouble does not hold up another.
func (d *Drain) Once(ctx context.Context) error {
	entries, err := os.ReadDir(Folder(d.o.Data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the spools: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || CheckName(e.Name()) != nil {
			continue
		}
		o := d.outlets[e.Name()]
		if o == nil {
			o = newOutlet(d.o, e.Name())
			d.outlets[e.Name()] = o
		}
		err := o.drain(ctx)
		if err != nil {
			o.open = false // Where it stands is read again from its mark.
			errs = append(errs, fmt.Errorf("gateway %s: %w", e.Name(), err))
		}
		d.mu.Lock()
		d.stats[e.Name()] = o.stats
		d.mu.Unlock()
	}
	return errors.Join(errs...)
}
