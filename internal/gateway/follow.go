package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"hone"
	"hone/internal/clock"
)

// followEvery is how long a new plan may lie on disk unseen. A file that
// changed less than settled ago is read again: the times of files are coarse.
const (
	followEvery = 50 * time.Millisecond
	settled     = time.Second
)

// Follower keeps a gateway on the plans that another process keeps in a folder.
// It knows of each model what lies there, so that the gateway need ask nobody.
type Follower struct {
	folder     string
	configured func(string) (hone.Model, bool)
	clock      clock.Clock
	logger     *slog.Logger
	gateway    *Gateway
	cancel     context.CancelFunc
	done       sync.WaitGroup

	seen map[string]*stamp // Of the files, by model; of one goroutine.

	mu        sync.RWMutex
	models    map[string]Kept // In force.
	artefacts map[place]string
}

type place struct {
	model   string
	version hone.VersionID
}

// stamp is what was seen of a file.
type stamp struct {
	at    time.Time
	bytes int64
	busy  sync.Mutex // Held while the file is taken in.
	told  string     // The last that was said about it; guarded by busy.
}

// NewFollower returns a follower of the plans in a folder for the models that
// are configured.
func NewFollower(folder string, configured func(string) (hone.Model, bool), c clock.Clock, log *slog.Logger) *Follower {
	return &Follower{folder: folder, configured: configured, clock: c, logger: log,
		seen: map[string]*stamp{}, models: map[string]Kept{}, artefacts: map[place]string{}}
}

// Model returns a model with the task and features that its plan was made for.
func (f *Follower) Model(name string) (hone.Model, bool) {
	m, ok := f.configured(name)
	f.mu.RLock()
	defer f.mu.RUnlock()
	if k, planned := f.models[name]; ok && planned && len(k.Features) > 0 {
		m.Task, m.Features = k.Task, k.Features
	}
	return m, ok
}

// Artefact returns the digest of a version that some plan named.
func (f *Follower) Artefact(model string, v hone.VersionID) (string, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if digest, ok := f.artefacts[place{model, v}]; ok {
		return digest, nil
	}
	return "", &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("no plan of model %s says where version %s is", model, v),
		Hint: "a gateway of its own serves the versions of its plans; ask `hone serve` for another one"}
}

// Token is that of the model's plan in force, 0 where there is none.
func (f *Follower) Token(model string) int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.models[model].Token
}

// Start applies the plans that lie there, then each as it comes. The gateway
// must not keep plans itself.
func (f *Follower) Start(ctx context.Context, g *Gateway) {
	f.gateway = g
	f.look()
	f.done.Wait()
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	f.done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-f.clock.After(followEvery):
				f.look()
			}
		}
	})
}

// Stop ends the following. It may be called twice.
func (f *Follower) Stop() {
	if f.cancel != nil {
		f.cancel()
	}
	f.done.Wait()
}

// look takes in what has changed, each model by itself: one whose version is
// slow to load holds up no other.
func (f *Follower) look() {
	names, err := keptIn(f.folder)
	if err != nil {
		f.logger.Error("plans not read", "error", err)
		return
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(f.folder, name+".json"))
		if err != nil {
			continue // It was taken away just now.
		}
		s := f.seen[name]
		if s == nil {
			s = &stamp{}
			f.seen[name] = s
		}
		if !s.busy.TryLock() {
			continue
		}
		same := s.at.Equal(info.ModTime()) && s.bytes == info.Size()
		if same && s.told == "" && f.clock.Now().Sub(s.at) > settled {
			s.busy.Unlock()
			continue
		}
		s.at, s.bytes = info.ModTime(), info.Size()
		f.done.Go(func() {
			defer s.busy.Unlock()
			f.report(name, s, f.take(name))
		})
	}
}

// report tells once of what cannot be applied. It is tried again, and the plan
// before stays in force.
func (f *Follower) report(name string, s *stamp, err error) {
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != "" && said != s.told {
		f.logger.Error("plan not applied; the one before stays in force", "model", name, "error", err)
	}
	s.told = said
}

// take applies one file.
func (f *Follower) take(name string) error {
	if _, ok := f.configured(name); !ok {
		return nil
	}
	k, err := readKept(f.folder, name)
	if err != nil {
		return err
	}
	f.mu.Lock()
	for v, digest := range k.Artefacts {
		f.artefacts[place{name, v}] = digest
	}
	f.mu.Unlock()
	if err := f.gateway.applyKept(k); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.models[name] = k
	return nil
}
