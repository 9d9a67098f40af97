package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/predictor"
	"hone/internal/spool"
	"hone/internal/store"
)

// control stands for the server: it has the folder, puts plans in force in a
// gateway of its own process, and leaves them for the others.
type control struct {
	*server
	db        *store.DB
	gateway   *gateway.Gateway
	pool      *predictor.Pool
	artefacts map[hone.VersionID]string
	plan      hone.Plan // In force.
}

func newControl(t *testing.T) *control {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: it starts and kills servers")
	}
	t.Parallel()
	c := &control{server: prepared(t, ""), artefacts: map[hone.VersionID]string{}}
	var err error
	if c.db, err = store.Open(c.at("data"), store.Options{}); err != nil {
		t.Fatal(err)
	}
	versions, err := c.db.Versions(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	var model hone.Model
	for _, v := range versions {
		c.artefacts[v.ID] = v.Artefact
		model = hone.Model{Name: "m", Task: v.Signature.Task, Features: v.Signature.Features}
	}
	if c.plan, err = c.db.Plan(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	c.pool = predictor.NewPool(func(ctx context.Context, _ string, v hone.VersionID) (predictor.Predictor, error) {
		dir, err := c.db.Blobs().Verified(c.artefacts[v])
		if err != nil {
			return nil, err
		}
		return predictor.Open(ctx, dir, predictor.Options{})
	}, clock.System{})
	c.gateway = gateway.New(gateway.Options{Pool: c.pool, Log: c.db, PlanFile: c.at("data", "plans"),
		Model:    func(name string) (hone.Model, bool) { return model, name == "m" },
		Artefact: func(_ string, v hone.VersionID) (string, error) { return c.artefacts[v], nil }})
	t.Cleanup(func() {
		c.gateway.Stop()
		c.pool.Stop()
		c.db.Close()
	})
	c.apply(func(*hone.Plan) {})
	return c
}

// apply puts the next plan in force, and tells when it began to and when it had.
func (c *control) apply(change func(p *hone.Plan)) (begun, ended time.Time) {
	c.t.Helper()
	c.plan.Token++
	change(&c.plan)
	begun = time.Now()
	if err := c.gateway.Apply(c.plan); err != nil {
		c.t.Fatal(err)
	}
	return begun, time.Now()
}

// turn is one change of the champion.
type turn struct {
	to           hone.VersionID
	begun, ended time.Time
	seen         time.Time // By the gateway of its own: its first answer by the new version.
}

// TestE2ESwitch changes the champion back and forth under load on a gateway in
// the server's process and on one of its own: no request fails, each is answered
// by a version that the plan of that moment named, and the change takes a second
// at most. With HONE_TEST_LONG it is 200 times at 1,000 requests a second,
// half of them on each.
func TestE2ESwitch(t *testing.T) {
	c := newControl(t)
	inside := httptest.NewServer(c.gateway.Handler(nil))
	defer inside.Close()
	g := newGate(c.server, "gw1")
	g.start()
	rate := size(200, 1000)
	own, beside := ask(t, inside.Listener.Addr().String(), "in", rate/2), ask(t, g.listen, "out", rate/2)
	c.eventually("both answer", func() bool { return own.last.Load() != nil && beside.last.Load() != nil })
	turns := []turn{{to: c.plan.Champion}}
	slowest := time.Duration(0)
	for range size(20, 200) {
		next := turn{to: "v1"}
		if c.plan.Champion == "v1" {
			next.to = "v1-twin"
		}
		next.begun, next.ended = c.apply(func(p *hone.Plan) { p.Champion, p.Previous = next.to, p.Champion })
		c.eventually(fmt.Sprintf("the gateway of its own answers by %s", next.to), func() bool { return beside.last.Load().Version == next.to })
		next.seen = time.Now()
		slowest = max(slowest, next.seen.Sub(next.ended))
		turns = append(turns, next)
	}
	pass(t, 100*time.Millisecond)
	first, second := own.stop(), beside.stop()
	good(t, first)
	good(t, second)
	c.allowed(first, turns, func(t turn) time.Time { return t.ended })
	c.allowed(second, turns, func(t turn) time.Time { return t.seen })
	if limit := size(5*time.Second, time.Second); slowest > limit {
		t.Errorf("the gateway took %v to follow; the limit is %v", slowest, limit)
	}
	t.Logf("%d changes, %d and %d answers; followed in %v at most; p99 %v and %v", len(turns)-1, len(first), len(second), slowest, quantile(first, 0.99), quantile(second, 0.99))

	// Nothing of the server's is needed to go on, nor to start: not even whole.
	c.gateway.Stop()
	c.db.Close()
	g.end(syscall.SIGKILL)
	if err := os.WriteFile(c.at("data", "control.db"), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.start()
	again := ask(t, g.listen, "again", 100)
	pass(t, time.Second)
	for _, a := range again.stop() {
		if a.err != nil || a.Version != c.plan.Champion {
			t.Errorf("without the server: %+v", a)
		}
	}
}

// allowed holds that each answer is by a version that was in force at some
// moment between the request and its answer. When a turn is over for certain is
// for the caller to say.
func (c *control) allowed(answers []answer, turns []turn, over func(turn) time.Time) {
	c.t.Helper()
	wrong := 0
	for _, a := range answers {
		ok := false
		for i, t := range turns {
			if t.to == a.Version && !a.received.Before(t.begun) && (i+1 == len(turns) || !a.sent.After(over(turns[i+1]))) {
				ok = true
			}
		}
		if !ok {
			if wrong++; wrong < 5 {
				c.t.Errorf("%s, sent %s, was answered by %s, which no plan of then named", a.ID, a.sent, a.Version)
			}
		}
	}
	if wrong > 0 {
		c.t.Errorf("%d of %d answers by a wrong version", wrong, len(answers))
	}
}

// TestE2EBadCandidate lets a gateway of its own send everything to a version that
// turns bad: no request fails, twenty at most see the fault, the server hears of
// it, and a second after its verdict the version has no traffic left, without
// that anything of it stays behind.
func TestE2EBadCandidate(t *testing.T) {
	t.Run("fails", func(t *testing.T) { badCandidate(t, "fails") })
	t.Run("garbage", func(t *testing.T) { badCandidate(t, "garbage") })
	t.Run("hangs", func(t *testing.T) { badCandidate(t, "hangs") })
	t.Run("dies", func(t *testing.T) { badCandidate(t, "dies") })
}

func badCandidate(t *testing.T, how string) {
	c := newControl(t)
	c.version("v2", how)
	g := newGate(c.server, "gw1")
	g.start()
	goroutines := g.metric("go_goroutines")
	heard := make(chan spool.Ejection, 10)
	drain := spool.NewDrain(spool.DrainOptions{Data: c.at("data"), Sink: c.db, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
		Ejected: func(_ context.Context, e spool.Ejection) error { heard <- e; return nil }})
	if err := drain.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer drain.Stop()
	traffic := ask(t, g.listen, how, 50)
	c.apply(func(p *hone.Plan) {
		p.Challenger, p.Weight, p.Salt, p.Timeout = "v2", 1, "s", 300*time.Millisecond
	})
	c.eventually("the challenger answers", func() bool { a := traffic.last.Load(); return a != nil && a.Version == "v2" })
	if err := os.WriteFile(c.at("control", "bad"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var e spool.Ejection
	select {
	case e = <-heard:
	case <-time.After(patience):
		t.Fatalf("no ejection\n%s", g.said)
	}
	if e.Model != "m" || e.Version != "v2" || e.Token != c.plan.Token || e.Why == "" {
		t.Errorf("heard %+v", e)
	}
	verdict, _ := c.apply(func(p *hone.Plan) { p.Challenger, p.Weight = "", 0 })
	c.eventually("nothing is asked of the challenger", func() bool {
		a := traffic.last.Load()
		return a.sent.After(verdict.Add(time.Second)) && a.Route == hone.ByChampion
	})
	answers := traffic.stop()
	good(t, answers)
	faults, slowest := 0, time.Duration(0)
	for _, a := range answers {
		if a.Route == hone.ByFallback {
			faults++
		}
		if a.sent.After(verdict.Add(time.Second)) && a.Version != "v1" {
			t.Errorf("%s was answered by %s after the verdict", a.ID, a.Version)
		}
		slowest = max(slowest, a.took)
	}
	most := 20
	if how == "hangs" {
		most += 50 * 300 / 1000 // Those that came while the first ones waited.
	}
	if faults == 0 || faults > most || slowest > 5*time.Second {
		t.Errorf("%d requests saw the fault, the slowest took %v", faults, slowest)
	}
	c.eventually("nothing is left behind", func() bool { return g.metric("go_goroutines") <= goroutines+8 })
	t.Logf("%d of %d requests saw the fault; p50 %v, slowest %v", faults, len(answers), quantile(answers, 0.5), slowest)
}

// version stores an artefact whose server turns bad once it is told to.
func (c *control) version(id hone.VersionID, how string) {
	c.t.Helper()
	dir := c.t.TempDir()
	program, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	sig := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5,
		Features: frame.Schema{{Name: "f0", Kind: frame.Number}, {Name: "f1", Kind: frame.Number}, {Name: "f2", Kind: frame.Number}}}
	m := predictor.Manifest{Format: "process", Signature: sig, Command: []string{program, "server", how, c.at("control", "bad")}}
	if err := predictor.WriteManifest(dir, m); err != nil {
		c.t.Fatal(err)
	}
	digest, _, err := c.db.Blobs().PutDir(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	c.artefacts[id] = digest
}

// TestE2EDamagedPlan holds that a plan that is damaged, or older than the one in
// force, changes nothing, and is told.
func TestE2EDamagedPlan(t *testing.T) {
	c := newControl(t)
	g := newGate(c.server, "gw1")
	old, err := os.ReadFile(c.at("data", "plans", "m.json"))
	if err != nil {
		t.Fatal(err)
	}
	c.apply(func(p *hone.Plan) { p.Champion = "v1-twin" })
	g.start()
	traffic := ask(t, g.listen, "p", 100)
	defer traffic.stop()
	c.eventually("it answers", func() bool { a := traffic.last.Load(); return a != nil && a.Version == "v1-twin" })
	replace := func(b []byte, told string) {
		t.Helper()
		name := c.at("data", "plans", "m.json")
		if err := os.WriteFile(name+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
		c.eventually("the gateway says so", func() bool { return strings.Contains(g.said.String(), told) })
	}
	replace(old, "is older than plan")
	replace(append(old[:len(old)-9:len(old)-9], "damaged!\n"...), "its checksum does not fit")
	c.apply(func(p *hone.Plan) { p.Champion = "v1" })
	c.eventually("it follows again", func() bool { return traffic.last.Load().Version == "v1" })
	for _, a := range traffic.stop() {
		if a.err != nil {
			t.Errorf("%+v", a)
		}
	}
	if n := strings.Count(g.said.String(), "plan not applied"); n != 2 {
		t.Errorf("it was told %d times\n%s", n, g.said)
	}
	// A version whose file has changed is not loaded.
	dir, err := c.db.Blobs().Dir(c.artefacts["v1-twin"])
	if err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(dir, predictor.ManifestName)
	if err := os.Chmod(manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(manifest)
	if err == nil {
		err = os.WriteFile(manifest, append(b, ' '), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.gateway.Apply(hone.Plan{Model: "m", Token: c.plan.Token + 1, Champion: "v1-twin", Log: hone.Durable}); err == nil {
		t.Error("a damaged artefact was taken by the server")
	}
	res, err := http.Post("http://"+g.listen+"/v2/models/m/versions/v1-twin/infer", "application/json", strings.NewReader(`{"inputs": [{"name": "f0", "shape": [1], "datatype": "FP64", "data": [1]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode == http.StatusOK {
		t.Error("a damaged artefact answered")
	}
}
