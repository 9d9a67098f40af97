package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

// follow is a gateway of its own beside the one of a set, with the same pool.
type follow struct {
	*gateway.Gateway
	follower *gateway.Follower
	said     *lines
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *set) follow(t *testing.T, p gateway.Pool) *follow {
	f := &follow{said: &lines{}}
	log := slog.New(slog.NewTextHandler(f.said, nil))
	configured := func(name string) (hone.Model, bool) {
		return hone.Model{Name: name, Task: hone.Regression, Features: frame.Schema{{Name: "old", Kind: frame.Text}}}, name == "fraud" || name == "other"
	}
	f.follower = gateway.NewFollower(s.folder, configured, clock.System{}, log)
	f.Gateway = gateway.New(gateway.Options{Pool: p, Log: s.log, Model: f.follower.Model, Logger: log, Prefix: "gw1-"})
	f.follower.Start(t.Context(), f.Gateway)
	t.Cleanup(func() {
		f.Gateway.Stop()
		f.follower.Stop()
		f.follower.Stop()
	})
	return f
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick, late := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	known := gateway.New(gateway.Options{Pool: s.pool, Log: s.log, PlanFile: s.folder,
		Model: func(name string) (hone.Model, bool) { m := fraud; m.Name = name; return m, true },
		Artefact: func(model string, v hone.VersionID) (string, error) {
			if v == "v9" {
				return "", errors.New("no such version")
			}
			return "digest of " + string(v), nil
		}})
	defer known.Stop()
	apply := func(p hone.Plan) {
		t.Helper()
		if err := known.Apply(p); err != nil {
			t.Fatal(err)
		}
	}
	apply(hone.Plan{Model: "fraud", Token: 3, Champion: "v1", Previous: "v9"})
	f := s.follow(t, s.pool)
	by := func(want hone.VersionID) bool {
		as, err := f.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(as[0].ID), "gw1-") || len(as[0].ID) != 30 {
			t.Errorf("made the id %s", as[0].ID)
		}
		return as[0].Version == want
	}
	if !by("v1") {
		t.Error("the plan that lay there is not in force")
	}
	if m, ok := f.follower.Model("fraud"); !ok || m.Task != hone.Binary || fmt.Sprint(m.Features) != fmt.Sprint(fraud.Features) {
		t.Errorf("the model is %+v, not what its plan was made for", m)
	}
	if m, ok := f.follower.Model("other"); !ok || m.Task != hone.Regression {
		t.Errorf("a model without a plan is %+v", m)
	}
	if _, ok := f.follower.Model("third"); ok {
		t.Error("there is a model that is not configured")
	}
	if d, err := f.follower.Artefact("fraud", "v1"); err != nil || d != "digest of v1" {
		t.Errorf("v1 is %q, %v", d, err)
	}
	if _, err := f.follower.Artefact("fraud", "v9"); codeOf(err) != hone.NotFound {
		t.Errorf("v9: %v", err)
	}
	apply(hone.Plan{Model: "fraud", Token: 4, Champion: "v2", Previous: "v1"})
	eventually(t, "v2 answers", func() bool { return by("v2") })
	eventually(t, "its plan is known", func() bool { return f.follower.Token("fraud") == 4 })

	// The plan of an earlier moment, as from a backup, is refused and told once.
	other := start(t, s.pool.versions)
	other.apply(t, hone.Plan{Model: "fraud", Token: 2, Champion: "v1"})
	b, err := os.ReadFile(filepath.Join(other.folder, "fraud.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.folder, "fraud.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is refused", func() bool { return strings.Contains(f.said.String(), "plan 2 of model fraud is older than plan 4") })
	if !by("v2") {
		t.Error("an older plan is in force")
	}
}

// A version that does not come up holds up its own model's plans alone.
func TestFollowSlowModel(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1"})
	s.apply(t, hone.Plan{Model: "other", Token: 1, Champion: "v1"})
	slow := &slowPool{pool: s.pool, slow: "fraud v2", free: make(chan struct{})}
	f := s.follow(t, slow)
	s.apply(t, hone.Plan{Model: "fraud", Token: 2, Champion: "v1", Challenger: "v2", Weight: 1})
	eventually(t, "v2 of fraud loads", func() bool { return slow.waits() })
	s.apply(t, hone.Plan{Model: "other", Token: 2, Champion: "v2"})
	eventually(t, "the other model has moved on", func() bool { return f.follower.Token("other") == 2 })
	if f.follower.Token("fraud") != 1 {
		t.Error("a plan is in force before its version is there")
	}
	close(slow.free)
	eventually(t, "fraud has moved on too", func() bool { return f.follower.Token("fraud") == 2 })
}

type slowPool struct {
	*pool
	slow string
	free chan struct{}
	mu   sync.Mutex
	held bool
}

func (p *slowPool) waits() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

func (p *slowPool) Acquire(ctx context.Context, model string, v hone.VersionID) (predictor.Predictor, func(), error) {
	if model+" "+string(v) == p.slow {
		p.mu.Lock()
		p.held = true
		p.mu.Unlock()
		<-p.free
	}
	return p.pool.Acquire(ctx, model, v)
}

// A plan that was kept before plans said where artefacts are is in force at
// once, and is kept anew for the gateways that need to know.
func TestKeptWithoutArtefacts(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25)})
	plan := hone.Plan{Model: "fraud", Token: 7, Champion: "v1"}
	s.apply(t, plan)
	next := gateway.New(gateway.Options{Pool: s.pool, Log: s.log, PlanFile: s.folder,
		Model:    func(string) (hone.Model, bool) { return fraud, true },
		Artefact: func(string, hone.VersionID) (string, error) { return "digest", nil }})
	defer next.Stop()
	if err := next.Restore(); err != nil {
		t.Fatal(err)
	}
	kept := func() string {
		b, err := os.ReadFile(filepath.Join(s.folder, "fraud.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if strings.Contains(kept(), "digest") {
		t.Error("it says where the artefact is")
	}
	if err := next.Apply(plan); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(kept(), `"artefacts":{"v1":"digest"}`) {
		t.Errorf("kept %s", kept())
	}
}
