package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
	"hone/internal/gateway"
	"hone/internal/predictor"
)

var fraud = hone.Model{Name: "fraud", Task: hone.Binary,
	Features: frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}, {Name: "age", Kind: frame.Number}}}

// version is a fake predictor.
type version struct {
	sig     hone.Signature
	predict func(ctx context.Context, f *frame.Frame) (hone.Scores, error)
}

func (v version) Predict(ctx context.Context, f *frame.Frame) (hone.Scores, error) {
	return v.predict(ctx, f)
}
func (v version) Signature() hone.Signature { return v.sig }
func (v version) Memory() int64             { return 0 }
func (v version) Close() error              { return nil }

// constant answers every row with the same score.
func constant(score float64) version {
	return version{binary(fraud.Features), func(_ context.Context, f *frame.Frame) (hone.Scores, error) {
		s := hone.Scores{Width: 1, V: make([]float64, f.N)}
		for i := range s.V {
			s.V[i] = score
		}
		return s, nil
	}}
}

func failing(f func(ctx context.Context) (hone.Scores, error)) version {
	return version{binary(fraud.Features), func(ctx context.Context, _ *frame.Frame) (hone.Scores, error) { return f(ctx) }}
}

func binary(s frame.Schema) hone.Signature {
	return hone.Signature{Task: hone.Binary, Features: s, Classes: []string{"0", "1"}, Threshold: 0.5}
}

// pool is a fake pool: a version that is not among its own does not load.
type pool struct {
	mu       sync.Mutex
	versions map[hone.VersionID]predictor.Predictor
	kept     []hone.VersionID
}

func (p *pool) Acquire(_ context.Context, model string, v hone.VersionID) (predictor.Predictor, func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x, ok := p.versions[v]; ok {
		return x, func() {}, nil
	}
	return nil, nil, &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("model %s has no version %s", model, v)}
}

func (p *pool) Keep(_ string, versions ...hone.VersionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = slices.Compact(slices.Sorted(slices.Values(versions)))
}

func (p *pool) keeps() []hone.VersionID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.kept)
}

func (p *pool) set(v hone.VersionID, x predictor.Predictor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions[v] = x
}

func (p *pool) drop(v hone.VersionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.versions, v)
}

// journal is a fake log.
type journal struct {
	offer  func([]hone.Prediction) bool
	append func([]hone.Prediction) error

	mu      sync.Mutex
	stored  []hone.Prediction
	shadows []hone.ShadowScore
	writes  int
}

func (j *journal) Offer(_ string, ps []hone.Prediction) bool {
	if j.offer != nil && !j.offer(ps) {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stored = append(j.stored, ps...)
	return true
}

func (j *journal) AppendPredictions(_ context.Context, _ string, ps []hone.Prediction) (int, error) {
	if j.append != nil {
		if err := j.append(ps); err != nil {
			return 0, err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stored = append(j.stored, ps...)
	return len(ps), nil
}

func (j *journal) AppendShadows(_ context.Context, _ string, s []hone.ShadowScore) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shadows = append(j.shadows, s...)
	j.writes++
	return nil
}

func (j *journal) predictions() []hone.Prediction {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.stored)
}

func (j *journal) written() ([]hone.ShadowScore, int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.shadows), j.writes
}

// set is a gateway with its fakes.
type set struct {
	*gateway.Gateway
	pool    *pool
	log     *journal
	ejected chan string
	folder  string
}

func start(t testing.TB, versions map[hone.VersionID]predictor.Predictor) *set {
	t.Helper()
	s := &set{pool: &pool{versions: versions}, log: &journal{}, ejected: make(chan string, 100), folder: t.TempDir()}
	s.Gateway = s.gateway(clock.System{})
	t.Cleanup(s.Stop)
	return s
}

func (s *set) gateway(c clock.Clock) *gateway.Gateway {
	return gateway.New(gateway.Options{Pool: s.pool, Log: s.log, Clock: c, PlanFile: s.folder,
		Model: func(name string) (hone.Model, bool) {
			m := fraud
			m.Name = name
			return m, name == "fraud" || name == "other"
		},
		Ejected: func(model string, v hone.VersionID, why string) {
			s.ejected <- fmt.Sprintf("%s %s: %s", model, v, why)
		}})
}

func (s *set) apply(t testing.TB, p hone.Plan) {
	t.Helper()
	if err := s.Apply(p); err != nil {
		t.Fatal(err)
	}
}

func rows(n int) *frame.Frame {
	f := frame.New(fraud.Features, n)
	for i := range n {
		f.Cols[0].Num[i], f.Cols[1].Str[i] = float64(i), fmt.Sprint("c", i%7)
	}
	return f
}

func ids(n int) []hone.PredictionID {
	out := make([]hone.PredictionID, n)
	for i := range out {
		out[i] = hone.PredictionID(fmt.Sprint("id", i))
	}
	return out
}

func canary(weight float64) hone.Plan {
	return hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Challenger: "v2", Weight: weight, Salt: "s", Timeout: time.Minute}
}

func codeOf(err error) hone.Code {
	if e, ok := hone.AsError(err); ok {
		return e.Code
	}
	return ""
}

func TestBucketIsUniformAndFixed(t *testing.T) {
	t.Parallel()
	var tenths [10]int
	for i := range 100_000 {
		tenths[int(gateway.Bucket("salt", fmt.Sprint("user", i))*10)]++
	}
	for i, n := range tenths {
		if n < 9_600 || n > 10_400 {
			t.Errorf("tenth %d holds %d of 100000 units", i, n)
		}
	}
	// From another implementation. Fixed for ever, or users change sides with an
	// upgrade.
	if b := gateway.Bucket("salt", "user-1"); math.Abs(b-0.950297737990763) > 1e-15 {
		t.Errorf("bucket is %v", b)
	}
	if gateway.Bucket("a", "b") == gateway.Bucket("ab", "") {
		t.Error("salt and unit run into each other")
	}
}

func TestRouteSharesAndMonotony(t *testing.T) {
	t.Parallel()
	const n = 20_000
	before := map[int]bool{}
	for _, w := range []float64{0.01, 0.05, 0.25, 0.5, 0.8, 1} {
		var count = map[hone.Route]int{}
		for i := range n {
			r := gateway.Route(canary(w), fmt.Sprint(i))
			count[r]++
			if before[i] && r != hone.ByCanary {
				t.Fatalf("unit %d left the canary when the weight rose to %v", i, w)
			}
			before[i] = r == hone.ByCanary
		}
		near := func(r hone.Route, share float64) {
			if got := float64(count[r]) / n; math.Abs(got-share) > 0.012 {
				t.Errorf("weight %v: share of %s is %.3f, want %.3f", w, r, got, share)
			}
		}
		near(hone.ByCanary, w)
		near(hone.ByControl, min(w, 1-w))
		near(hone.ByChampion, max(0, 1-2*w))
	}
	p := canary(1)
	p.Challenger = ""
	if r := gateway.Route(p, "x"); r != hone.ByChampion {
		t.Errorf("without a challenger the route is %s", r)
	}
}

func TestPredictRoutesAndLogs(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75)})
	plan := canary(0.3)
	plan.StickyBy = "country"
	s.apply(t, plan)
	in := gateway.Request{Frame: rows(1000), IDs: ids(1000)}
	in.Units = make([]string, 1000)
	in.Units[3] = "someone"
	as, err := s.Predict(t.Context(), "fraud", in)
	if err != nil {
		t.Fatal(err)
	}
	logged := s.log.predictions()
	for i, a := range as {
		unit := fmt.Sprint("c", i%7)
		if i == 3 {
			unit = "someone"
		}
		want := gateway.Route(plan, unit)
		v, score, class := hone.VersionID("v1"), 0.25, "0"
		if want == hone.ByCanary {
			v, score, class = "v2", 0.75, "1"
		}
		if a.Route != want || a.Version != v || a.Scores[0] != score || a.Answer != class || a.ID != in.IDs[i] {
			t.Fatalf("row %d of unit %s: %+v, want route %s", i, unit, a, want)
		}
		p := logged[i]
		back := frame.New(fraud.Features, 1)
		if err := back.DecodeRow(0, p.Features); err != nil || back.Value(0, 1) != in.Frame.Value(i, 1) {
			t.Fatalf("row %d: logged features %v, %v", i, back.Cols, err)
		}
		if p.ID != a.ID || p.Version != v || p.Route != want || p.Unit != unit || p.Model != "fraud" || p.Time.IsZero() || p.Latency <= 0 {
			t.Fatalf("row %d: logged %+v", i, p)
		}
	}
}

func TestPredictRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25)})
	f := func(model string, in gateway.Request, want hone.Code, words string) {
		t.Helper()
		_, err := s.Predict(t.Context(), model, in)
		if codeOf(err) != want || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v (%s), want %s with %q", err, codeOf(err), want, words)
		}
	}
	f("fraud", gateway.Request{Frame: rows(1)}, hone.Unavailable, "no champion yet")
	s.apply(t, canary(0.1))
	f("nobody", gateway.Request{Frame: rows(1)}, hone.NotFound, `"nobody"`)
	f("fraud", gateway.Request{}, hone.Invalid, "no rows")
	f("fraud", gateway.Request{Frame: rows(10_001)}, hone.TooLarge, "10001 rows")
	f("fraud", gateway.Request{Frame: rows(2), IDs: ids(1)}, hone.Invalid, "1 prediction ids")
	f("fraud", gateway.Request{Frame: rows(2), Units: make([]string, 3)}, hone.Invalid, "3 units")
	f("fraud", gateway.Request{Frame: rows(2), IDs: []hone.PredictionID{"a", "a"}}, hone.Invalid, "rows 0 and 1")
	f("fraud", gateway.Request{Frame: rows(1), IDs: []hone.PredictionID{"a\n"}}, hone.Invalid, `"a\n"`)
	f("fraud", gateway.Request{Frame: rows(1), IDs: []hone.PredictionID{hone.PredictionID(strings.Repeat("x", 129))}}, hone.Invalid, "128")
	f("fraud", gateway.Request{Frame: rows(1), Unit: strings.Repeat("x", 2000)}, hone.Invalid, "1024")
	f("fraud", gateway.Request{Frame: frame.New(frame.Schema{{Name: "other", Kind: frame.Number}}, 1)}, hone.Invalid, "none of the features")
	f("fraud", gateway.Request{Frame: rows(1), Version: "v9"}, hone.NotFound, "v9")
	f("fraud", gateway.Request{Frame: rows(1), Version: "../v1"}, hone.NotFound, "../v1")
	s.Stop()
	f("fraud", gateway.Request{Frame: rows(1)}, hone.Unavailable, "shutting down")
	if st := s.Stats()[0]; st.Requests != 13 || st.Errors != 13 || st.Rows != 0 {
		t.Errorf("counted %+v", st)
	}
	// Before there was a champion, and while it ended: the rest is for callers to mend.
	if n := s.Refused("fraud"); n != 2 || s.Refused("nobody") != 0 {
		t.Errorf("%d rows are counted as refused", n)
	}
}

func TestIDsAreMadeUnique(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25)})
	s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1"})
	given := make([]hone.PredictionID, 500)
	given[7] = "mine"
	as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(500), IDs: given})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[hone.PredictionID]bool{}
	for i, a := range as {
		if seen[a.ID] || (i == 7) != (a.ID == "mine") || (i != 7 && !strings.HasPrefix(string(a.ID), hone.OwnPrefix)) {
			t.Fatalf("row %d has the id %q", i, a.ID)
		}
		seen[a.ID] = true
	}
}

func TestColumnsAreMappedByName(t *testing.T) {
	t.Parallel()
	var got *frame.Frame
	older := version{binary(frame.Schema{{Name: "age", Kind: frame.Number}, {Name: "gone", Kind: frame.Number}, {Name: "amount", Kind: frame.Number}}),
		func(_ context.Context, f *frame.Frame) (hone.Scores, error) {
			got = f
			return hone.Scores{Width: 1, V: make([]float64, f.N)}, nil
		}}
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": older})
	s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1"})
	f := rows(1)
	f.Cols[0].Num[0], f.Cols[2].Num[0] = 5, 30
	if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: f}); err != nil {
		t.Fatal(err)
	}
	if got.Value(0, 0) != 30.0 || got.Value(0, 1) != nil || got.Value(0, 2) != 5.0 {
		t.Errorf("the version was given %v", got.Cols)
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 300)
	cases := map[string]struct {
		challenger version
		fault      string
	}{
		"error":    {failing(func(context.Context) (hone.Scores, error) { return hone.Scores{}, errors.New(long) }), "v2: ééé"},
		"panic":    {failing(func(context.Context) (hone.Scores, error) { panic("out of cheese") }), "panic: out of cheese"},
		"NaN":      {constant(math.NaN()), "NaN"},
		"infinite": {constant(math.Inf(1)), "+Inf"},
		"too few":  {failing(func(context.Context) (hone.Scores, error) { return hone.Scores{Width: 1}, nil }), "0 scores"},
		"width":    {failing(func(context.Context) (hone.Scores, error) { return hone.Scores{Width: 3, V: make([]float64, 12)}, nil }), "width 3"},
		"time-out": {failing(func(ctx context.Context) (hone.Scores, error) { <-ctx.Done(); return hone.Scores{}, ctx.Err() }), "no answer within 50ms"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": c.challenger})
			plan := canary(0.5)
			if name == "time-out" {
				plan.Timeout = 50 * time.Millisecond
			}
			s.apply(t, plan)
			as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(100), IDs: ids(100)})
			if err != nil {
				t.Fatal(err)
			}
			fell := int64(0)
			for i, a := range as {
				if a.Version != "v1" || a.Scores[0] != 0.25 {
					t.Fatalf("row %d: %+v", i, a)
				}
				if canary := gateway.Route(canary(0.5), string(a.ID)) == hone.ByCanary; !canary {
					if a.Route == hone.ByFallback || a.Fault != "" {
						t.Fatalf("row %d: %+v", i, a)
					}
					continue
				}
				fell++
				if a.Route != hone.ByFallback || !strings.Contains(a.Fault, c.fault) || len(a.Fault) > 200 {
					t.Fatalf("row %d: %+v, want the fault %q", i, a, c.fault)
				}
				if p := s.log.predictions()[i]; p.Fault != a.Fault || p.Route != hone.ByFallback {
					t.Fatalf("row %d: logged %+v", i, p)
				}
			}
			if st := s.Stats()[0]; fell == 0 || st.Fallbacks != fell || st.Errors != 0 || st.Rows != 100 || st.Latency.Count != 1 {
				t.Errorf("%d rows fell back, counted %+v", fell, st)
			}
		})
	}
}

// A challenger that does not even heed its context must not hold a request.
func TestDeafChallenger(t *testing.T) {
	t.Parallel()
	wake := make(chan struct{})
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25),
		"v2": failing(func(context.Context) (hone.Scores, error) { <-wake; return hone.Scores{}, nil })})
	plan := canary(1)
	plan.Timeout = 50 * time.Millisecond
	s.apply(t, plan)
	as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
	close(wake)
	if err != nil || as[0].Route != hone.ByFallback || as[0].Version != "v1" {
		t.Errorf("got %+v, %v", as, err)
	}
}

func TestChampionFails(t *testing.T) {
	t.Parallel()
	broken := failing(func(context.Context) (hone.Scores, error) { return hone.Scores{}, errors.New("no memory") })
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": broken, "v2": broken, "v0": constant(0.125)})
	plan := canary(0.5)
	plan.Previous = "v0"
	s.apply(t, plan)
	as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(50), IDs: ids(50)})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range as {
		if a.Version != "v0" || a.Route != hone.ByFallback || !strings.Contains(a.Fault, "no memory") {
			t.Fatalf("row %d: %+v", i, a)
		}
	}
	plan.Token, plan.Previous = 2, ""
	s.apply(t, plan)
	if _, err = s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(50)}); codeOf(err) != hone.Unavailable || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("got %v", err)
	}
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	broken, asked := true, 0
	v2 := failing(func(context.Context) (hone.Scores, error) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		if broken {
			return hone.Scores{}, errors.New("no such file")
		}
		return hone.Scores{Width: 1, V: []float64{0.75}}, nil
	})
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": v2})
	s.apply(t, canary(1))
	ask := func(working bool) gateway.Answer {
		t.Helper()
		mu.Lock()
		broken = !working
		mu.Unlock()
		as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)})
		if err != nil {
			t.Fatal(err)
		}
		return as[0]
	}
	for range 4 {
		ask(false)
	}
	if a := ask(true); a.Route != hone.ByCanary { // Ends the row of faults.
		t.Fatalf("got %+v", a)
	}
	for range 5 {
		if a := ask(false); a.Route != hone.ByFallback {
			t.Fatalf("got %+v", a)
		}
	}
	if why := <-s.ejected; !strings.Contains(why, "fraud v2: 5 faults in a row") || !strings.Contains(why, "no such file") {
		t.Errorf("ejected: %s", why)
	}
	for range 20 {
		if a := ask(true); a.Route != hone.ByChampion || a.Version != "v1" {
			t.Fatalf("after the ejection: %+v", a)
		}
	}
	s.apply(t, canary(1)) // The same plan again is no new plan.
	if a := ask(true); a.Version != "v1" || asked != 10 || len(s.ejected) != 0 {
		t.Errorf("got %+v after %d questions", a, asked)
	}
	next := canary(1)
	next.Token = 2
	s.apply(t, next)
	if a := ask(true); a.Version != "v2" {
		t.Errorf("the next plan gives %+v", a)
	}
}

// A caller who hangs up is no fault of the challenger.
func TestGivenUpRequestIsNoFault(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25),
		"v2": failing(func(ctx context.Context) (hone.Scores, error) { <-ctx.Done(); return hone.Scores{}, ctx.Err() })})
	s.apply(t, canary(1))
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := s.Predict(ctx, "fraud", gateway.Request{Frame: rows(1)})
		cancel()
		if codeOf(err) != hone.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	if len(s.ejected) != 0 {
		t.Errorf("ejected: %s", <-s.ejected)
	}
}

func TestByName(t *testing.T) {
	t.Parallel()
	broken := failing(func(context.Context) (hone.Scores, error) { return hone.Scores{}, errors.New("no memory") })
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75), "v7": constant(0.5), "v8": broken})
	s.apply(t, canary(0.5))
	for v, score := range map[hone.VersionID]float64{"v1": 0.25, "v2": 0.75, "v7": 0.5} {
		as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(20), Version: v})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range as {
			if a.Version != v || a.Route != hone.ByName || a.Scores[0] != score {
				t.Fatalf("%s: %+v", v, a)
			}
		}
	}
	if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1), Version: "v8"}); codeOf(err) != hone.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestLogging(t *testing.T) {
	t.Parallel()
	s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25)})
	plan := hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Log: hone.Buffered}
	s.apply(t, plan)
	s.log.offer = func(ps []hone.Prediction) bool { return len(ps) != 3 }
	for _, n := range []int{3, 1, 3, 2} {
		if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(n)}); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats()[0]; st.Shed != 6 || len(s.log.predictions()) != 3 || st.Rows != 9 {
		t.Errorf("counted %+v, stored %d", st, len(s.log.predictions()))
	}
	plan.Token, plan.Log = 2, hone.Durable
	s.apply(t, plan)
	s.log.append = func(ps []hone.Prediction) error {
		if len(ps) == 3 {
			return errors.New("disk full")
		}
		return nil
	}
	if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(2)}); err != nil || len(s.log.predictions()) != 5 {
		t.Errorf("got %v, stored %d", err, len(s.log.predictions()))
	}
	_, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(3)})
	if codeOf(err) != hone.Unavailable || !strings.Contains(err.Error(), "made but not stored") {
		t.Errorf("got %v", err)
	}
}

func TestShadow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v3": constant(0.5)})
		s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Shadow: "v3"})
		for range 10 {
			if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(4)}); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(150 * time.Millisecond)
		written, writes := s.log.written()
		if writes != 1 || len(written) != 40 {
			t.Fatalf("%d rows in %d writes", len(written), writes)
		}
		served := map[hone.PredictionID]bool{}
		for _, p := range s.log.predictions() {
			served[p.ID] = true
		}
		for _, x := range written {
			if !served[x.ID] || x.Version != "v3" || x.Scores[0] != 0.5 || x.Served[0] != 0.25 || x.Fault != "" || x.Time.IsZero() {
				t.Fatalf("got %+v", x)
			}
		}
		if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		s.Stop() // Writes what is left, without waiting for its turn.
		if waited := time.Since(before); waited != 0 {
			t.Errorf("Stop waited %v", waited)
		}
		written, _ = s.log.written()
		if st := s.Stats()[0]; len(written) != 41 || st.Shadowed != 41 || st.ShadowDropped != 0 {
			t.Errorf("%d rows, counted %+v", len(written), st)
		}
		s.Stop()
	})
}

// A shadow that hangs, fails or panics neither delays nor fails a request; what
// it cannot take is dropped and counted.
func TestBadShadowHarmsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25),
			"v3": failing(func(ctx context.Context) (hone.Scores, error) { <-ctx.Done(); return hone.Scores{}, ctx.Err() })})
		plan := hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Shadow: "v3", Timeout: time.Second}
		s.apply(t, plan)
		before := time.Now()
		for range 300 {
			if as, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); err != nil || as[0].Version != "v1" {
				t.Fatal(as, err)
			}
		}
		if took := time.Since(before); took != 0 { // Time passes here only when all wait.
			t.Errorf("the requests took %v", took)
		}
		synctest.Wait()
		dropped := s.Stats()[0].ShadowDropped
		if dropped < 300-256-2 || dropped > 300-256 {
			t.Errorf("dropped %d", dropped)
		}
		<-time.After(2500 * time.Millisecond)
		if written, _ := s.log.written(); len(written) != 4 || !strings.Contains(written[0].Fault, "no answer within 1s") || written[0].Scores != nil {
			t.Errorf("got %+v", written)
		}
		s.pool.set("v3", failing(func(context.Context) (hone.Scores, error) { panic("boom") }))
		s.Stop()
		written, _ := s.log.written()
		st := s.Stats()[0]
		if st.Shadowed+st.ShadowDropped != 300 || int64(len(written)) != st.Shadowed || st.Errors != 0 {
			t.Errorf("wrote %d rows, counted %+v", len(written), st)
		}
	})
}

// A plan that no longer names the shadow ends what waits for it.
func TestShadowOfAnOldPlanIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25),
			"v3": failing(func(ctx context.Context) (hone.Scores, error) { <-ctx.Done(); return hone.Scores{}, ctx.Err() })})
		s.apply(t, hone.Plan{Model: "fraud", Token: 1, Champion: "v1", Shadow: "v3"})
		for range 50 {
			if _, err := s.Predict(t.Context(), "fraud", gateway.Request{Frame: rows(1)}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		s.apply(t, hone.Plan{Model: "fraud", Token: 2, Champion: "v1"})
		if kept := s.pool.keeps(); !slices.Contains(kept, "v3") {
			t.Error("v3 was closed while it was asked")
		}
		<-time.After(3 * time.Second)
		if st := s.Stats()[0]; st.ShadowDropped != 48 || st.Shadowed != 2 || !slices.Equal(s.pool.keeps(), []hone.VersionID{"v1"}) {
			t.Errorf("counted %+v, kept %v", st, s.pool.keeps())
		}
	})
}

// Stop under load: requests either end well or are told that it is over, and
// nothing is left running.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := start(t, map[hone.VersionID]predictor.Predictor{"v1": constant(0.25), "v2": constant(0.75), "v3": constant(0.5)})
		plan := canary(0.5)
		plan.Shadow = "v3"
		s.apply(t, plan)
		var wg sync.WaitGroup
		first := make(chan struct{}, 4)
		for range 4 {
			wg.Go(func() {
				for {
					_, err := s.Predict(context.Background(), "fraud", gateway.Request{Frame: rows(3)})
					if err != nil {
						if codeOf(err) != hone.Unavailable || !strings.Contains(err.Error(), "shutting down") {
							t.Error(err)
						}
						return
					}
					select {
					case first <- struct{}{}:
					default:
					}
				}
			})
		}
		<-first
		wg.Go(s.Stop)
		s.Stop()
		wg.Wait()
		written, _ := s.log.written()
		if st := s.Stats()[0]; st.Shadowed+st.ShadowDropped != st.Rows || int64(len(written)) != st.Shadowed || int64(len(s.log.predictions())) != st.Rows {
			t.Errorf("wrote %d rows, counted %+v", len(written), st)
		}
	}
}
