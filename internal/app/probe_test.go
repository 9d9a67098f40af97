package app_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"

	"hone"
	"hone/internal/app"
	"hone/internal/learn/residual/planted"
	"hone/internal/loop"
	"hone/internal/op"
	"hone/internal/stream"
)

// tardy is a store that finds a dataset late once there is a champion: after the loop
// has asked it where the champion's reign begins.
type tardy struct {
	loop.Control
	asked, crowned atomic.Int32
	letGo          chan struct{}
}

func (s *tardy) Commit(ctx context.Context, f hone.Fence, c hone.Change) (hone.Event, error) {
	e, err := s.Control.Commit(ctx, f, c)
	if err == nil && c.Event.Action == "run.promoted" {
		s.crowned.Add(1)
	}
	return e, err
}

func (s *tardy) Dataset(ctx context.Context, id hone.DatasetID) (hone.Dataset, error) {
	if s.crowned.Load() > 0 && s.asked.Add(1) > 1 {
		select {
		case <-s.letGo:
		case <-ctx.Done():
			return hone.Dataset{}, ctx.Err()
		}
	}
	return s.Control.Dataset(ctx, id)
}

// testsOf are the audit's events of tests of a version's probe.
func testsOf(t *testing.T, a *app.App, v hone.VersionID) (n int) {
	t.Helper()
	find, _ := op.Find("export")
	got, err := find.Call(t.Context(), a.Service(), op.Caller{Name: "ada", Role: op.Admin}, &op.AuditIn{Limit: 10000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range got.(op.AuditList).Events {
		if e.Action == "version.tested" && e.Version == v {
			var p planted.Power
			if err := json.Unmarshal(e.Data, &p); err != nil || p.Rows == 0 {
				t.Errorf("%s has the data %s (%v)", e.Sentence, e.Data, err)
			}
			n++
		}
	}
	return n
}

// TestProbeIsTestedBeside holds that no run waits for the test of a probe, that the
// model is not called well until it is over, that a stop ends it and the next start
// does it again, and that it is done once.
func TestProbeIsTestedBeside(t *testing.T) {
	t.Parallel()
	s := &stress{t: t, dir: memory(t), source: stream.NewSEA(7, nil, 0.05)}
	db := &tardy{letGo: make(chan struct{})}
	a := serving(t, s.dir, app.Seams{Control: func(c loop.Control) loop.Control { db.Control = c; return db }})
	s.load(a)
	await(t, a, "a champion whose probe is not tested", func(v loop.View) bool {
		return v.Champion.ID == "v1" && v.Run == nil && v.Untested && db.asked.Load() > 1
	})
	v, err := a.Loop().View(model)
	if err != nil {
		t.Fatal(err)
	}
	if mood, said := op.Sentence(v); mood != op.Working || said != "sea serves; its probe is not tested yet." {
		t.Errorf("%s: %s", mood, said)
	}
	if n := testsOf(t, a, "v1"); n > 0 {
		t.Errorf("%d tests are over", n)
	}
	a.Stop()

	again := &tardy{letGo: make(chan struct{})}
	again.crowned.Add(1)
	a = serving(t, s.dir, app.Seams{Control: func(c loop.Control) loop.Control { again.Control = c; return again }})
	var before string
	await(t, a, "a decision without a test", func(v loop.View) bool {
		before = v.Decision.ID
		return before != "" && v.Untested && again.asked.Load() > 1
	})
	close(again.letGo)
	await(t, a, "a decision by what the test found", func(v loop.View) bool { return !v.Untested && v.Decision.ID != before })
	if v, err = a.Loop().View(model); err != nil || v.Champion.Tested == "" || testsOf(t, a, "v1") != 1 {
		t.Errorf("%+v, %v", v.Champion, err)
	}
	a.Stop()

	a = serving(t, s.dir, app.Seams{})
	await(t, a, "a probe that was tested", func(v loop.View) bool { return v.Champion.ID != "" && !v.Untested })
	if n := testsOf(t, a, "v1"); n != 1 {
		t.Errorf("the probe was tested %d times", n)
	}
	if mood, said := op.Sentence(v); mood == op.Working && v.Run == nil {
		t.Errorf("%s: %s", mood, said)
	}
}
