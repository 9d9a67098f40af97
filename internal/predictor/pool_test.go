package predictor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/predictor"
)

// fake counts what a pool does with it.
type fake struct {
	asked  atomic.Int64 // Callers that hold it at this moment.
	closed atomic.Int64
}

func (f *fake) Predict(context.Context, *frame.Frame) (hone.Scores, error) {
	return hone.Scores{}, nil
}
func (f *fake) Signature() hone.Signature { return binary }
func (f *fake) Memory() int64             { return 0 }
func (f *fake) Close() error {
	f.closed.Add(1)
	return nil
}

func TestPoolLoadsOnce(t *testing.T) {
	t.Parallel()
	var loads atomic.Int64
	gate := make(chan struct{})
	pool := predictor.NewPool(func(context.Context, string, hone.VersionID) (predictor.Predictor, error) {
		loads.Add(1)
		<-gate
		return &fake{}, nil
	}, clock.System{})
	defer pool.Stop()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := pool.Acquire(late, "fraud", "v1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: got %v", err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, release, err := pool.Acquire(t.Context(), "fraud", "v1")
			if err != nil || p == nil {
				t.Errorf("got %v, %v", p, err)
				return
			}
			release()
		})
	}
	close(gate)
	wg.Wait()
	if loads.Load() != 1 {
		t.Errorf("opened %d times", loads.Load())
	}
}

// TestPoolIsCheap is not parallel, since it counts allocations.
func TestPoolIsCheap(t *testing.T) {
	pool := predictor.NewPool(func(context.Context, string, hone.VersionID) (predictor.Predictor, error) {
		return &fake{}, nil
	}, clock.System{})
	defer pool.Stop()
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		if _, release, err := pool.Acquire(ctx, "fraud", "v1"); err == nil {
			release()
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations for each Acquire", allocs)
	}
}

func TestPoolRemembersAFailureForASecond(t *testing.T) {
	t.Parallel()
	hands := clock.NewFake(time.Unix(0, 0))
	broken := errors.New("broken")
	loads := 0
	pool := predictor.NewPool(func(context.Context, string, hone.VersionID) (predictor.Predictor, error) {
		if loads++; loads < 3 {
			return nil, broken
		}
		return &fake{}, nil
	}, hands)
	defer pool.Stop()
	f := func(want error, opened int) {
		t.Helper()
		_, release, err := pool.Acquire(t.Context(), "fraud", "v1")
		if !errors.Is(err, want) || loads != opened {
			t.Errorf("got %v after %d loads; want %v after %d", err, loads, want, opened)
		}
		if err == nil {
			release()
		}
	}
	f(broken, 1)
	hands.Advance(999 * time.Millisecond)
	f(broken, 1)
	hands.Advance(time.Millisecond)
	f(broken, 2)
	f(broken, 2)
	hands.Advance(time.Second)
	f(nil, 3)
	f(nil, 3)
}

func TestPoolKeep(t *testing.T) {
	t.Parallel()
	all := map[string]*fake{}
	pool := predictor.NewPool(func(_ context.Context, model string, v hone.VersionID) (predictor.Predictor, error) {
		f := &fake{}
		all[model+"/"+string(v)] = f
		return f, nil
	}, clock.System{})
	acquire := func(model string, v hone.VersionID) func() {
		t.Helper()
		_, release, err := pool.Acquire(t.Context(), model, v)
		if err != nil {
			t.Fatal(err)
		}
		return release
	}
	held := acquire("fraud", "v1")
	acquire("fraud", "v2")()
	acquire("fraud", "v3")()
	acquire("spam", "v1")()
	old := all["fraud/v1"]
	pool.Keep("fraud", "v3", "v9")
	eventually(t, func() bool { return all["fraud/v2"].closed.Load() == 1 })
	if old.closed.Load() != 0 {
		t.Error("v1 was closed while it was held")
	}
	acquire("fraud", "v1")() // Opened anew, beside the one that is still held.
	if all["fraud/v1"] == old {
		t.Error("a version that is to be closed was handed out")
	}
	held()
	eventually(t, func() bool { return old.closed.Load() == 1 })
	if all["fraud/v3"].closed.Load()+all["spam/v1"].closed.Load() != 0 {
		t.Error("closed what was to be kept")
	}
	pool.Stop()
	pool.Stop()
	for name, f := range all {
		if n := f.closed.Load(); n != 1 {
			t.Errorf("%s was closed %d times", name, n)
		}
	}
	if _, _, err := pool.Acquire(t.Context(), "fraud", "v3"); code(err) != hone.Unavailable {
		t.Errorf("after Stop: got %v", err)
	}
}

func TestPoolUnderStress(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var all []*fake
	pool := predictor.NewPool(func(context.Context, string, hone.VersionID) (predictor.Predictor, error) {
		f := &fake{}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, f)
		return f, nil
	}, clock.System{})
	versions := []hone.VersionID{"v1", "v2", "v3"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				p, release, err := pool.Acquire(t.Context(), "fraud", versions[rand.IntN(3)])
				if err != nil {
					t.Error(err)
					return
				}
				f := p.(*fake)
				f.asked.Add(1)
				if f.closed.Load() != 0 {
					t.Error("handed out after its close")
				}
				f.asked.Add(-1)
				release()
				if rand.IntN(10) == 0 {
					pool.Keep("fraud", versions[rand.IntN(3)])
				}
			}
		})
	}
	wg.Wait()
	pool.Stop()
	for _, f := range all {
		if f.closed.Load() != 1 || f.asked.Load() != 0 {
			t.Fatalf("closed %d times, held by %d", f.closed.Load(), f.asked.Load())
		}
	}
}
