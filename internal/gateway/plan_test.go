package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

func TestApply(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75), "v3": constant(0.5)})
	refuse := func(p hone.Plan, code hone.Code, words string) {
		t.Helper()
		if err := s.Apply(p); codeOf(err) != code || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v (%s), want %s with %q", err, codeOf(err), code, words)
		}
	}
	served := func(want hone.VersionID) {
		t.Helper()
		as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
		if err != nil || as[0].Version != want {
			t.Errorf("got %+v, %v, want %s", as, err, want)
		}
	}
	refuse(hone.Plan{Model: "../fraud", Champion: "v1"}, hone.Invalid, "names no model")
	refuse(hone.Plan{Model: "fraud"}, hone.Invalid, "has no champion")
	refuse(hone.Plan{Model: "fraud", Champion: "v1", Weight: 1.5}, hone.Invalid, "1.5")
	refuse(hone.Plan{Model: "fraud", Champion: "v1", Timeout: -1}, hone.Invalid, "time-out")
	refuse(hone.Plan{Model: "fraud", Champion: "v9"}, hone.Unavailable, "load champion v9")

	s.apply(t, hone.Plan{Model: "fraud", Token: 5, Champion: "v1", Previous: "v2", Shadow: "v3"})
	served("v1")
	if want := []hone.VersionID{"v1", "v2", "v3"}; !slices.Equal(s.pool.keeps(), want) {
		t.Errorf("kept %v, want %v", s.pool.keeps(), want)
	}
	refuse(hone.Plan{Model: "fraud", Token: 4, Champion: "v2"}, hone.Conflict, "plan 4 of model fraud is older than plan 5")
	refuse(hone.Plan{Model: "fraud", Token: 6, Champion: "v9"}, hone.Unavailable, "load champion v9")
	served("v1")
	s.apply(t, hone.Plan{Model: "fraud", Token: 6, Champion: "v2"})
	served("v2")
	if want := []hone.VersionID{"v2"}; !slices.Equal(s.pool.keeps(), want) {
		t.Errorf("kept %v, want %v", s.pool.keeps(), want)
	}
}

func TestChallengerDoesNotLoad(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25)})
	s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Challenger: "v8", Weight: 1, Shadow: "v9", Previous: "v7"})
	why := []string{<-s.ejected, <-s.ejected}
	slices.Sort(why)
	if !strings.HasPrefix(why[0], "fraud v8: does not load: ") || !strings.HasPrefix(why[1], "fraud v9: does not load: ") {
		t.Errorf("ejected: %q", why)
	}
	as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
	if err != nil || as[0].Version != "v1" || as[0].Route != hone.ByChampion {
		t.Errorf("got %+v, %v", as, err)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	s.apply(t, canary(1))
	s.apply(t, hone.Plan{Model: "other", Token: 9, Champion: "v1"})
	s.Stop()

	// Everything else is down: nothing can be stored.
	s.log.offer = func([]hone.Prediction) bool { return false }
	again := s.gateway(clock.System{})
	defer again.Stop()
	if err := again.Restore(); err != nil {
		t.Fatal(err)
	}
	as, err := again.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
	if err != nil || as[0].Version != "v2" || as[0].Route != hone.ByCanary {
		t.Errorf("got %+v, %v", as, err)
	}
	if err := again.Apply(hone.Plan{Model: "other", Token: 8, Champion: "v1"}); codeOf(err) != hone.Conflict {
		t.Errorf("a plan older than the one on disk: %v", err)
	}
	if st := again.Stats(); len(st) != 2 || st[0].Model != "fraud" || st[0].Shed != 1 {
		t.Errorf("counted %+v", st)
	}
}

// Whatever is changed in a kept plan is found, and does not touch the others.
func TestRestoreDamaged(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	if err := s.Restore(); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	s.apply(t, canary(1))
	s.apply(t, hone.Plan{Model: "other", Token: 9, Champion: "v1"})
	file := filepath.Join(s.folder, "fraud.json")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := os.ReadFile(filepath.Join(s.folder, "other.json"))
	if err != nil {
		t.Fatal(err)
	}
	bad := [][]byte{nil, good[:len(good)/2], good[:len(good)-1], append(slices.Clone(good), ' '), stranger}
	for i := 0; i < len(good); i += 5 {
		flipped := slices.Clone(good)
		flipped[i] ^= 0x20
		bad = append(bad, flipped)
	}
	for _, b := range bad {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		again := s.gateway(clock.System{})
		err := again.Restore()
		if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "delete the file") {
			t.Errorf("%q: got %v", b, err)
		}
		if _, err := again.Predict(t.Context(), "other", gateway.Request{Frame: rows(1)}); err != nil {
			t.Errorf("the other model: %v", err)
		}
		if _, err := again.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); codeOf(err) != hone.Unavailable {
			t.Errorf("the damaged model: %v", err)
		}
		if err := again.Apply(canary(1)); err != nil { // The store is back.
			t.Error(err)
		}
		if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, good) {
			t.Errorf("not written anew: %q, %v", b, err)
		}
		again.Stop()
	}
}

// A plan that cannot be kept is in force all the same, and is kept later.
func TestPlanIsNotKept(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1"})
	file := filepath.Join(s.folder, "fraud.json")
	if err := errors.Join(os.Remove(file), os.MkdirAll(filepath.Join(file, "in the way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	next := hone.Plan{Model: "fraud", Token: 2, Champion: "v2"}
	if err := s.Apply(next); codeOf(err) != hone.Unavailable || !strings.Contains(err.Error(), "not kept on disk") {
		t.Errorf("got %v", err)
	}
	if as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); err != nil || as[0].Version != "v2" {
		t.Errorf("got %+v, %v", as, err)
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	s.apply(t, next)
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// strictPool closes what is not kept for good: a version that is asked for once
// it is closed, or that is asked after its end, is an error.
type strictPool struct {
	mu     sync.Mutex
	held   map[hone.VersionID]*strictVersion
	newest int // Versions up to this one may be opened, each once.
}

type strictVersion struct {
	predictor.Predictor
	refs   int
	kept   bool
	closed atomic.Bool
}

func (v *strictVersion) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	if v.closed.Load() {
		return hone.Scores{}, errors.New("asked after its end")
	}
	return v.Predictor.Predict(ctx, f)
}

func (p *strictPool) Acquire(_ context.Context, _ string, id hone.VersionID) (predictor.Predictor, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.held[id]
	if v == nil {
		if id != hone.VersionID(fmt.Sprint("v", p.newest)) {
			return nil, nil, fmt.Errorf("version %s was closed for good", id)
		}
		v = &strictVersion{Predictor: constant(0.5), kept: true}
		p.held[id] = v
	}
	v.refs++
	return v, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		v.refs--
		v.closed.Store(v.refs == 0 && !v.kept)
	}, nil
}

func (p *strictPool) Keep(_ string, versions ...hone.VersionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, v := range p.held {
		if !slices.Contains(versions, id) {
			v.kept = false
			v.closed.Store(v.refs == 0)
			delete(p.held, id)
		}
	}
}

// While plans are swapped as fast as they load, no request fails, and each is
// answered by a version that was in force while it was under way.
func TestHotSwap(t *testing.T) {
	t.Parallel()
	const swaps = 200
	p := &strictPool{held: map[hone.VersionID]*strictVersion{}}
	g := gateway.New(gateway.Options{Pool: p, Log: &journal{}, Model: func(string) (hone.Model, bool) { return fraud, true }})
	defer g.Stop()
	apply := func(k int) {
		p.mu.Lock()
		p.newest = k
		p.mu.Unlock()
		if err := g.Apply(hone.Plan{Model: "fraud", Token: int64(k), Champion: hone.VersionID(fmt.Sprint("v", k))}); err != nil {
			t.Error(err)
		}
	}
	apply(1)
	asked := make(chan struct{})
	var before, after atomic.Int64 // The newest plan that surely is in force, and that may be.
	before.Store(1)
	after.Store(1)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			f := rows(2)
			for {
				select {
				case <-done:
					return
				default:
				}
				low := before.Load()
				as, err := g.Predict(context.Background(), "fraud", gateway.Request{Frame: f})
				high := after.Load()
				var v int64
				if err != nil {
					t.Error(err)
				} else if _, err := fmt.Sscanf(string(as[0].Version), "v%d", &v); err != nil || v < low || v > high || as[1].Version != as[0].Version {
					t.Errorf("answered by %s and %s between plans %d and %d", as[0].Version, as[1].Version, low, high)
				}
				select {
				case asked <- struct{}{}:
				default:
				}
			}
		})
	}
	for k := 2; k <= swaps; k++ {
		after.Store(int64(k))
		apply(k)
		before.Store(int64(k))
		<-asked // At least one request comes between two plans.
	}
	close(done)
	wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.held) != 1 {
		t.Errorf("%d versions are still open", len(p.held))
	}
	if st := g.Stats()[0]; st.Errors != 0 || st.Requests < swaps {
		t.Errorf("counted %+v", st)
	}
}
