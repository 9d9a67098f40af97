package rollout_test

import (
	"flag"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hone"
	"hone/internal/rollout"
)

// checks is how many sequences a property is tried on: 200 by default, 100,000
// where HONE_TEST_LONG is set.
func checks(t *testing.T) {
	t.Helper()
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
}

// TestAdvanceSequences plays rollouts of any specification on any health, while
// people pause and resume and the clock jumps. Whatever comes: a failed verdict
// takes the candidate back; nothing goes on that has not been seen enough of,
// unless the owner wants that; numbers that are none never promote; no step is
// jumped over; and each look says a sentence.
func TestAdvanceSequences(t *testing.T) {
	checks(t)
	rapid.Check(t, func(t *rapid.T) {
		m := anyRollout(t)
		s := &sequence{T: t, m: m, now: start, r: rollout.Begin(m, "v4", hone.Decision{}, start, 7, "salt")}
		s.begun()
		for range 30 {
			if s.look() {
				return
			}
		}
	})
}

// sequence is one rollout under way.
type sequence struct {
	*rapid.T
	m   hone.Model
	r   hone.Rollout
	now time.Time
	seq int64
}

func anyRollout(t *rapid.T) hone.Model {
	step := rapid.Custom(func(t *rapid.T) hone.Step {
		s := hone.Step{
			MinRequests:    rapid.SampledFrom([]int{-1, 0, 1, 20, 200}).Draw(t, "min"),
			MaxWait:        hone.Duration(rapid.SampledFrom([]time.Duration{-1, 0, time.Hour, 2 * day, 400 * day}).Draw(t, "wait")),
			OnInsufficient: rapid.SampledFrom([]string{"", "hold", "ask", "promote", "rollback"}).Draw(t, "insufficient"),
		}
		if rapid.Bool().Draw(t, "shadows") {
			s.Shadow = rapid.SampledFrom([]int{1, 20, 500}).Draw(t, "shadow")
		} else {
			s.Weight = rapid.SampledFrom([]float64{-1, 0, 0.01, 0.05, 0.25, 0.5, 0.9, 1, 2, math.NaN()}).Draw(t, "weight")
		}
		return s
	})
	m := model(rapid.SampledFrom([]string{"canary", "canary", "blue_green", "immediate"}).Draw(t, "strategy"),
		rapid.SliceOfN(step, 0, 4).Draw(t, "steps")...)
	if rapid.Bool().Draw(t, "the owner guards") {
		m.Rollout.Guardrails = []hone.Guardrail{{Feedback: "thumb", MaxRegression: limit(0.02)}}
	}
	return m
}

// begun holds the first step against what was asked for.
func (s *sequence) begun() {
	if n := len(s.r.Steps); n == 0 || s.r.Steps[n-1].Weight != 1 || s.r.Step != 0 {
		s.Fatalf("a rollout begins as %+v", s.r)
	}
	for i, step := range s.r.Steps {
		if step.MaxWait <= 0 || step.OnInsufficient == "" || step.Shadow == 0 && !(step.Weight > 0 && step.Weight <= 1) {
			s.Fatalf("step %d is %+v", i, step)
		}
	}
}

// look draws what was seen, asks once and holds the answer against the rules. It
// tells whether the rollout is over.
func (s *sequence) look() bool {
	s.seq += rapid.Int64Range(0, 500).Draw(s.T, "answers")
	s.now = s.now.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 3 * day, -time.Hour, 365 * day, -365 * day}).Draw(s.T, "passes"))
	switch rapid.IntRange(0, 9).Draw(s.T, "person") {
	case 0:
		s.r.Paused = true
	case 1, 2:
		s.r.Paused = false
	}
	h := s.anyHealth()
	before := clone(s.r)
	next, action, sentence := rollout.Advance(s.m, s.r, h, s.now, s.seq)
	again, action2, sentence2 := rollout.Advance(s.m, s.r, h, s.now, s.seq)
	if action2 != action || sentence2 != sentence || !same(next, again) || !same(s.r, before) {
		s.Fatalf("the same look gave %s and %s, or changed what it looked at", action, action2)
	}
	if !strings.HasPrefix(sentence, "fraud v4 ") {
		s.Fatalf("%s is said as %q", action, sentence)
	}
	s.hold(h, next, action)
	s.stands(next, action)
	s.planned(next, action)
	s.r = next
	return action == rollout.Promote || action == rollout.Rollback
}

// hold holds what is done against what was seen.
func (s *sequence) hold(h hone.Health, next hone.Rollout, action rollout.Action) {
	step := s.r.Steps[s.r.Step]
	last := step.Shadow == 0 && step.Weight >= 1
	failed := slices.ContainsFunc(next.Verdicts, func(v hone.Verdict) bool { return v.Result == hone.Fail })
	enough := last || seenEnough(step, h) && sound(h)
	late := s.now.Sub(s.r.Since) >= time.Duration(step.MaxWait)
	moves := action == rollout.StepOn || action == rollout.Promote
	asWanted := late && !enough && step.OnInsufficient == "rollback"
	switch {
	case !last && failed != (action == rollout.Rollback) && (failed || !asWanted):
		s.Fatalf("a verdict failed: %v, and it does %s: %+v", failed, action, next.Verdicts)
	case !last && harmful(step, h) && action != rollout.Rollback:
		s.Fatalf("it does %s on harm: %+v", action, h)
	case !last && !sound(h) && moves:
		s.Fatalf("it does %s on numbers that are none: %+v", action, h)
	case moves && (s.r.Paused || s.r.Ask != ""):
		s.Fatalf("it does %s although a person holds it", action)
	case moves && !enough && !(action == rollout.Promote && late && step.OnInsufficient == "promote"):
		s.Fatalf("it does %s at %+v on too little: %+v", action, step, h)
	case action == rollout.Ask && !(late && step.OnInsufficient == "ask" && next.Ask != ""):
		s.Fatalf("it asks at %+v after %s", step, s.now.Sub(s.r.Since))
	case enough && !failed && !s.r.Paused && s.r.Ask == "" && !moves:
		s.Fatalf("it does %s with nothing to wait for: %+v", action, next.Verdicts)
	}
}

// stands holds where the rollout gets to against where it stood.
func (s *sequence) stands(next hone.Rollout, action rollout.Action) {
	switch {
	case next.Version != s.r.Version || next.Salt != s.r.Salt || !same(next.Steps, s.r.Steps):
		s.Fatalf("it became another rollout: %+v", next)
	case action == rollout.StepOn && (next.Step != s.r.Step+1 || !next.Since.Equal(s.now) || next.From != s.seq):
		s.Fatalf("from step %d it went on to %+v", s.r.Step, next)
	case action != rollout.StepOn && action != rollout.Promote && (next.Step != s.r.Step || !next.Since.Equal(s.r.Since) || next.From != s.r.From):
		s.Fatalf("it does %s and moved from %+v to %+v", action, s.r, next)
	case action == rollout.Promote && next.Step != s.r.Step && next.Step != len(s.r.Steps)-1:
		s.Fatalf("it is promoted at step %d of %d", next.Step, len(next.Steps))
	}
}

// planned: the gateway is told the share of the step, no other.
func (s *sequence) planned(next hone.Rollout, action rollout.Action) {
	if action == rollout.Promote || action == rollout.Rollback {
		return
	}
	p := rollout.PlanFor(s.m, "v3", "v2", &next, nil)
	step := next.Steps[next.Step]
	switch {
	case p.Champion != "v3" || p.Previous != "v2":
		s.Fatalf("the champion is lost in %+v", p)
	case step.Shadow > 0 && (p.Shadow != "v4" || p.Challenger != "" || p.Weight != 0):
		s.Fatalf("a shadow gets traffic: %+v", p)
	case step.Shadow == 0 && (p.Shadow != "" || p.Challenger != "v4" || p.Weight != step.Weight || p.Salt != "salt"):
		s.Fatalf("%+v at %+v", p, step)
	}
}

// sound tells whether the losses are numbers.
func sound(h hone.Health) bool {
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	return h.Quality.N <= 0 || finite(h.Quality.Worse) && finite(h.Quality.Diff)
}

// harmful says, without a look at the verdicts, what no candidate survives.
func harmful(s hone.Step, h hone.Health) bool {
	most := 50.0
	if len(h.Guards) > 0 {
		most = 100 // The owner's guardrail takes a part of the error.
		if r := h.Guards[0]; s.Shadow == 0 && sound(h) && r.Canary.Mean() > 0.9 && r.Control.N > 900 && r.Control.Mean() < 0.2 && r.Canary.N > 900 {
			return true
		}
	}
	if h.Quality.N > 0 && sound(h) && h.Quality.Worse >= most {
		return true
	}
	return h.Canary.Faults >= 5 && (s.Shadow > 0 || h.Control.Faults == 0 && h.Canary.Faults*100 > h.Canary.Requests)
}

// seenEnough says, without a look at the verdicts, whether a step may be passed.
func seenEnough(s hone.Step, h hone.Health) bool {
	if s.Shadow > 0 {
		return h.Canary.Requests >= s.Shadow*(h.Canary.Faults+1)
	}
	return h.Canary.Requests >= max(1, s.MinRequests) && h.Control.Requests > 0
}

func (s *sequence) anyHealth() hone.Health {
	arm := func(name string) hone.Arm {
		n := rapid.SampledFrom([]int{0, 1, 10, 19, 20, 199, 200, 1000, 5000}).Draw(s.T, name)
		share := rapid.SampledFrom([]float64{0, 0, 0, 0.002, 0.1, 1}).Draw(s.T, name+" fails")
		slow := rapid.SampledFrom([]float64{0, 0.05, 0.06, 0.5}).Draw(s.T, name+" is slow")
		return hone.Arm{Requests: n, Faults: int(share * float64(n)), Slow: int(slow * float64(n)), Units: rapid.IntRange(0, n).Draw(s.T, name+" users"),
			P99: rapid.SampledFrom([]time.Duration{0, time.Microsecond, time.Second}).Draw(s.T, name+" takes")}
	}
	h := hone.Health{Canary: arm("canary"), Champion: hone.Tally{Requests: 5000}, SlowerThan: rapid.SampledFrom([]time.Duration{0, 10 * time.Millisecond}).Draw(s.T, "limit")}
	h.Control = arm("control")
	if rapid.IntRange(0, 3).Draw(s.T, "alike") > 0 { // Mostly as healthy as it is split.
		h.Control = h.Canary
		if rapid.Bool().Draw(s.T, "without a control") {
			h.Control = hone.Arm{}
		}
	}
	h.Agree = rapid.IntRange(0, h.Canary.Requests).Draw(s.T, "agree")
	if rapid.Bool().Draw(s.T, "labels") {
		h.Quality = hone.Paired{N: rapid.SampledFrom([]int{1, 300}).Draw(s.T, "labelled"), Candidate: 0.2, Champion: 0.2,
			Diff: rapid.SampledFrom([]float64{0, 0, 0, 0.3, math.NaN(), math.Inf(1)}).Draw(s.T, "diff"), Worse: rapid.SampledFrom([]float64{0, 1, 1, 49, 50, 101, 1e9, math.NaN()}).Draw(s.T, "worse")}
	}
	if len(s.m.Rollout.Guardrails) > 0 {
		thumbs := func(name string) hone.Spread {
			n := rapid.SampledFrom([]int{0, 1, 30, 1000}).Draw(s.T, name)
			down := math.Round(rapid.SampledFrom([]float64{0, 0.1, 0.1, 1}).Draw(s.T, name+" down") * float64(n))
			return hone.Spread{N: n, Sum: down, Square: down}
		}
		h.Guards = []hone.Reading{{Gate: "thumb.max_regression", Canary: thumbs("thumbs"), Control: thumbs("thumbs of the control")}}
	}
	return h
}

// TestWatchSequences plays probations on evidence of any kind: a watch goes back
// once at most and only on the evidence for it, never ends before its labels
// have come, and stays over.
func TestWatchSequences(t *testing.T) {
	checks(t)
	rapid.Check(t, func(t *rapid.T) {
		w := hone.Watch{Model: "fraud", Version: "v4", Previous: "v3", Labels: rapid.SampledFrom([]int{-1, 0, 50, 300}).Draw(t, "labels")}
		most, n := w.Labels, 0
		if most <= 0 {
			most = 3000
		}
		for range 30 {
			n += rapid.SampledFrom([]int{0, 1, 30, 800}).Draw(t, "more")
			q := hone.Paired{N: n, Worse: rapid.SampledFrom([]float64{0, 1, 5, 19.9, 20, 1e9, math.Inf(1), math.NaN()}).Draw(t, "worse")}
			was := w
			next, back := rollout.WatchStep(w, q)
			bad := n > 0 && q.Worse >= 20
			switch {
			case was.Over && (back || !same(next, was)):
				t.Fatalf("a watch that is over became %+v", next)
			case !was.Over && next.Sentence == "":
				t.Fatal("a watch says nothing")
			case !was.Over && back != bad:
				t.Fatalf("it goes back: %v, on %+v", back, q)
			case !was.Over && next.Over && !back && (n < most || math.IsNaN(q.Worse)):
				t.Fatalf("accepted after %d of %d labels on %+v", n, most, q)
			case !was.Over && !next.Over && (bad || n >= most && !math.IsNaN(q.Worse)):
				t.Fatalf("it goes on after %d of %d labels on %+v", n, most, q)
			}
			w = next
		}
	})
}

// clone copies what a rollout holds by reference.
func clone(r hone.Rollout) hone.Rollout {
	r.Steps, r.Verdicts = slices.Clone(r.Steps), slices.Clone(r.Verdicts)
	return r
}

// same compares as reflect does, but for the steps' share that is no number,
// which no rollout holds.
func same(a, b any) bool { return reflect.DeepEqual(nanless(a), nanless(b)) }

// nanless lets what is no number equal itself.
func nanless(x any) any {
	fix := func(f float64) float64 {
		if math.IsNaN(f) {
			return -12345
		}
		return f
	}
	switch x := x.(type) {
	case hone.Rollout:
		x = clone(x)
		for i := range x.Verdicts {
			x.Verdicts[i].Value, x.Verdicts[i].Lower, x.Verdicts[i].Upper = fix(x.Verdicts[i].Value), fix(x.Verdicts[i].Lower), fix(x.Verdicts[i].Upper)
		}
		return x
	case hone.Watch:
		x.Quality.Worse, x.Quality.Diff = fix(x.Quality.Worse), fix(x.Quality.Diff)
		return x
	}
	return x
}
