package gateway_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hone"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

// TestPlanSequences hands a gateway plans of any content in any order, while
// versions come, go and fail and the gateway is stopped and started again.
// Whatever comes: the token in force never falls, also over a restart; a plan is
// refused only for its token, for what is wrong in it or for a champion that does
// not load, and then changes nothing; every row is answered as the plan in force
// says, or by its champion in the challenger's place, or by the one before in the
// champion's. 200 sequences by default, 100,000 with HONE_TEST_LONG=1.
func TestPlanSequences(t *testing.T) {
	n := "200"
	switch {
	case os.Getenv("HONE_TEST_LONG") != "":
		n = "100000"
	case testing.Short():
		n = "20"
	}
	if err := flag.Set("rapid.checks", n); err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("/dev/shm", "hone-plans-")
	if err != nil {
		root = t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	life := 0
	rapid.Check(t, func(t *rapid.T) {
		life++
		p := &plans{pool: &pool{versions: map[hone.VersionID]predictor.Predictor{}}}
		if rapid.IntRange(0, 29).Draw(t, "kept") == 0 {
			p.folder = filepath.Join(root, strconv.Itoa(life))
		}
		for _, v := range known {
			p.pool.set(v, constant(0.5))
		}
		p.start()
		defer func() { p.g.Stop() }()
		t.Repeat(map[string]func(*rapid.T){
			"apply": p.apply, "apply another": p.apply, "repeat": p.repeat, "turn": p.turn, "ask": p.ask, "ask again": p.ask, "restart": p.restart,
		})
	})
}

var known = []hone.VersionID{"v1", "v2", "v3", "v4"}

// plans is a gateway and what it must do.
type plans struct {
	g      *gateway.Gateway
	pool   *pool
	folder string
	given  *hone.Plan // In force, as it came.
	plan   hone.Plan  // Without what did not load.
	faults int        // Of the challenger, in a row.
	asked  int
}

func (p *plans) start() {
	p.g = gateway.New(gateway.Options{Pool: p.pool, Log: &journal{}, PlanFile: p.folder,
		Model: func(name string) (hone.Model, bool) { return fraud, name == "fraud" }})
}

// loads tells whether a version opens now, works whether it answers too.
func (p *plans) loads(v hone.VersionID) bool {
	_, release, err := p.pool.Acquire(context.Background(), "fraud", v)
	if err == nil {
		release()
	}
	return err == nil
}

func (p *plans) works(v hone.VersionID) bool {
	x, release, err := p.pool.Acquire(context.Background(), "fraud", v)
	if err != nil {
		return false
	}
	defer release()
	s, err := x.Predict(context.Background(), rows(1))
	return err == nil && !math.IsNaN(s.V[0])
}

// turn makes a version work, fail, answer with what is no number, or be gone.
func (p *plans) turn(t *rapid.T) {
	v := rapid.SampledFrom(known).Draw(t, "version")
	switch rapid.IntRange(0, 5).Draw(t, "to") {
	case 0:
		p.pool.drop(v)
	case 1:
		p.pool.set(v, failing(func(context.Context) (hone.Scores, error) { return hone.Scores{}, errors.New("crashed") }))
	case 2:
		p.pool.set(v, constant(math.NaN()))
	default:
		p.pool.set(v, constant(0.5))
	}
}

func (p *plans) apply(t *rapid.T) {
	or := func(name string) hone.VersionID {
		return rapid.SampledFrom(append([]hone.VersionID{""}, known...)).Draw(t, name)
	}
	plan := hone.Plan{Model: "fraud", Token: rapid.Int64Range(0, 20).Draw(t, "token"), Timeout: time.Minute, Salt: "s",
		Champion: or("champion"), Previous: or("previous"), Challenger: or("challenger"), Shadow: or("shadow"),
		Weight: rapid.SampledFrom([]float64{0, 0.3, 0.5, 1, -0.1, 1.5}).Draw(t, "weight")}
	var want hone.Code
	switch {
	case plan.Champion == "" || plan.Weight < 0 || plan.Weight > 1:
		want = hone.Invalid
	case p.given != nil && plan.Token < p.given.Token:
		want = hone.Conflict
	case p.given != nil && *p.given == plan:
	case !p.loads(plan.Champion):
		want = hone.Unavailable
	default:
		p.force(plan)
	}
	if err := p.g.Apply(plan); codeOf(err) != want || (err == nil) != (want == "") {
		t.Fatalf("%+v: got %v, want %q", plan, err, want)
	}
}

// force takes over a plan that is to be in force now.
func (p *plans) force(plan hone.Plan) {
	p.given, p.plan, p.faults = &plan, plan, 0
	for _, v := range []*hone.VersionID{&p.plan.Challenger, &p.plan.Shadow, &p.plan.Previous} {
		if !p.loads(*v) {
			*v = ""
		}
	}
}

func (p *plans) repeat(t *rapid.T) {
	if p.given == nil {
		t.Skip("no plan yet")
	}
	if err := p.g.Apply(*p.given); err != nil {
		t.Fatal(err)
	}
}

// restart stops the gateway and starts another on its folder.
func (p *plans) restart(t *rapid.T) {
	if p.folder == "" {
		t.Skip("plans are not kept")
	}
	p.g.Stop()
	p.start()
	err := p.g.Restore()
	if p.given == nil {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	was := *p.given
	if loads := p.loads(was.Champion); loads != (err == nil) {
		t.Fatalf("champion %s loads: %v; restored: %v", was.Champion, loads, err)
	}
	if p.given = nil; err == nil {
		p.force(was)
		return
	}
	// A gateway that serves nothing takes what comes; the store has the newest.
	for _, v := range known {
		p.pool.set(v, constant(0.5))
	}
	if err := p.g.Apply(was); err != nil {
		t.Fatal(err)
	}
	p.force(was)
}

// ask sends some rows and holds each answer against the plan.
func (p *plans) ask(t *rapid.T) {
	in := gateway.Request{Frame: rows(rapid.IntRange(1, 4).Draw(t, "rows"))}
	for range in.Frame.N {
		p.asked++
		in.IDs = append(in.IDs, hone.PredictionID(fmt.Sprint("p", p.asked)))
	}
	want := p.expect(in.IDs)
	got, err := p.g.Predict(context.Background(), "fraud", in)
	if want == nil {
		if codeOf(err) != hone.Unavailable {
			t.Fatalf("nothing can answer, and got %+v, %v", got, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("want %v, got %v", want, err)
	}
	for i, a := range got {
		if a.Version != want[i] || a.ID != in.IDs[i] || a.Answer == "" {
			t.Fatalf("row %d of %v: got %+v under %+v", i, want, a, p.plan)
		}
	}
}

// expect says which version answers each row, nil where none can.
func (p *plans) expect(ids []hone.PredictionID) []hone.VersionID {
	if p.given == nil {
		return nil
	}
	out := make([]hone.VersionID, len(ids))
	if p.plan.Challenger != "" && p.faults < 5 {
		for i, id := range ids {
			if gateway.Route(p.plan, string(id)) == hone.ByCanary {
				out[i] = p.plan.Challenger
			}
		}
	}
	if slices.ContainsFunc(out, func(v hone.VersionID) bool { return v != "" }) {
		if p.works(p.plan.Challenger) {
			p.faults = 0
		} else {
			p.faults++
			out = make([]hone.VersionID, len(ids))
		}
	}
	rest := p.plan.Champion
	if !p.works(rest) {
		rest = p.plan.Previous
	}
	for i := range out {
		if out[i] != "" {
			continue
		}
		if !p.works(rest) {
			return nil
		}
		out[i] = rest
	}
	return out
}
