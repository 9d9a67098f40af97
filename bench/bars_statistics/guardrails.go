package main

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/rollout"
)

// guardrailBars are what the owner's guardrails do beside the default guards. Each
// plays requests through monitor.Arms, monitor.Duel and the evidence of an owner's
// metric, and asks rollout.Advance or rollout.WatchStep what to do, as the loop does.
var guardrailBars = []bar.Measured{
	{Bar: bar.Bar{ID: "guardrails_healthy", Of: []string{"internal/stat", "internal/monitor", "internal/evaluate", "internal/rollout"},
		About: "2,000 canaries that are as good as their champion, under all default guards and six guardrails of the owner's (slowest hundredth, rate of errors, mean score, share of a class, thumbs, a metric of the owner's), looked at all along: the share that is rolled back. Beside answers of one user each, users whose answers are alike, and a metric of which few rows are most.",
		Limits: []bar.Limit{
			{Series: "alone", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "users", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "heavy", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
		}}, Measure: healthyGuarded},
	{Bar: bar.Bar{ID: "guardrails_harm", Of: []string{"internal/stat", "internal/monitor", "internal/evaluate", "internal/rollout"},
		About: "One thing is worse in the canary, with all guards on: the median of its requests until it is taken back. Profit: 0.3 a row less of 1, where rows differ by 1. Thumbs: 25 % down in the place of 10, three answers of ten have one, 2 points are put up with. Slow: 6 % of answers over the limit on the slowest hundredth. Errors: 8 % where 3 are the most. Class: given to 45 % in the place of 30, 5 points are put up with. Score: 0.1 higher, 0.02 is put up with.",
		Limits: []bar.Limit{
			{Series: "profit", Unit: "canary requests", Of: bar.Median, Under: 500, AtMost: true},
			{Series: "thumbs", Unit: "canary requests", Of: bar.Median, Under: 1000, AtMost: true},
			{Series: "slow", Unit: "canary requests", Of: bar.Median, Under: 1000, AtMost: true},
			{Series: "errors", Unit: "canary requests", Of: bar.Median, Under: 1000, AtMost: true},
			{Series: "class", Unit: "canary requests", Of: bar.Median, Under: 1000, AtMost: true},
			{Series: "score", Unit: "canary requests", Of: bar.Median, Under: 500, AtMost: true},
		}}, Measure: harmfulGuarded},
	{Bar: bar.Bar{ID: "guardrails_probation", Of: []string{"internal/stat", "internal/evaluate", "internal/rollout"},
		About: "A new champion no better and no worse than the one before, by labels and by a metric of the owner's, watched on 3,000 labels that come alone or alike by autocorrelation 0.5: the share that is taken back. Beside it, how often one is found that is worth 0.2 a row less of 1, where rows differ by 1.",
		Limits: []bar.Limit{
			{Series: "alone", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "alike_0.5", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "worse_found", Unit: "% rolled back", Of: bar.Max, Over: 95},
		}}, Measure: guardedProbations},
}

func num(x float64) *float64 { return &x }

// guarded is a model whose owner guards all that can be guarded.
func guarded(weight float64, requests int) hone.Model {
	return hone.Model{Name: "m", Metrics: map[string]hone.Metric{"profit": {Direction: hone.Higher}}, Rollout: hone.RolloutSpec{
		Strategy: "canary", Steps: []hone.Step{{Weight: weight, MinRequests: requests}},
		Guardrails: []hone.Guardrail{
			{Metric: hone.LatencyP99, Max: num(0.02)},
			{Metric: hone.ErrorRate, Max: num(0.03)},
			{Metric: hone.ScoreMean, MaxChange: num(0.02)},
			{Metric: hone.ClassShare, Class: "1", MaxChange: num(0.05)},
			{Feedback: "thumb", MaxRegression: num(0.02)},
			{Metric: "profit", MaxRegression: num(0)},
		}}}
}

// guardedWorld is one canary: what it does where the champion fails on 3 %, is over
// 20 ms on 1 %, gets 10 % of its thumbs down, answers 1 to 30 %, and earns 1 a row.
type guardedWorld struct {
	fails, slow, down, class, score float64
	loses                           float64 // Of profit a row.
	perUser                         int     // Requests of a user, who gets the same each time.
	heavy                           bool    // A few rows of profit are most of it.
	requests                        int
}

func equalWorld() guardedWorld {
	return guardedWorld{fails: 0.03, slow: 0.01, down: 0.1, class: 0.3, requests: 1000}
}

var classes = hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}

// play returns after how many of its requests the canary was rolled back.
func (w guardedWorld) play(r *rand.Rand) float64 {
	m := guarded(0.5, w.requests)
	roll := rollout.Begin(m, "v2", hone.Decision{}, time.Time{}, 0, "s")
	arms := monitor.NewArms(10*time.Millisecond, "v1")
	arms.Guard(m.Guardrails(), classes, classes)
	duel, profit := newDuel(), newProfit(m)
	guest := w.guest(r, 0)
	for i, n := 1, 0; n < w.requests; i++ {
		if i%max(1, w.perUser) == 0 {
			guest = w.guest(r, i)
		}
		p := guest.request(r, w, int64(i))
		arms.Prediction(p)
		if p.Route == hone.ByCanary || guest.canary {
			n++
		}
		if guest.thumbs {
			arms.Opinion(hone.Opinion{Prediction: p, Kind: hone.Thumb, Value: map[bool]string{true: "down", false: "up"}[guest.dislikes]})
		}
		differ(duel, r, 0.05, 0.05)
		profit.row(r, guest.name, w.loses, w.heavy)
		if i%20 > 0 {
			continue
		}
		profit.measure(200)
		h := arms.Health()
		h.Champion, h.Quality = hone.Tally{Requests: 5000, Faults: 150}, duel.Paired()
		h.Guards[len(h.Guards)-1] = profit.reading()
		if _, action, _ := rollout.Advance(m, roll, h, time.Time{}, 0); action == rollout.Rollback {
			return float64(n)
		}
	}
	return never
}

// guest is a user, whose answers are all alike.
type guest struct {
	name                                            string
	canary, fails, slow, one, thumbs, dislikes, own bool
	score                                           float64
}

func (w guardedWorld) guest(r *rand.Rand, i int) guest {
	g := guest{canary: r.Float64() < 0.5}
	if w.perUser > 1 {
		g.name, g.own = strconv.Itoa(i), true
	}
	g.draw(r, w)
	return g
}

// draw decides what the next answer is like.
func (g *guest) draw(r *rand.Rand, w guardedWorld) {
	fails, slow, down, class, score := 0.03, 0.01, 0.1, 0.3, 0.4
	if g.canary {
		fails, slow, down, class, score = w.fails, w.slow, w.down, w.class, 0.4+w.score
	}
	g.fails, g.slow, g.one = r.Float64() < fails, r.Float64() < slow, r.Float64() < class
	g.thumbs, g.dislikes = r.Float64() < 0.3, r.Float64() < down
	g.score = score + 0.1*r.NormFloat64()
}

func (g *guest) request(r *rand.Rand, w guardedWorld, i int64) hone.Prediction {
	if !g.own {
		g.canary = r.Float64() < 0.5
		g.draw(r, w)
	}
	p := hone.Prediction{Seq: i, Unit: g.name, Time: time.Unix(i, 0), Route: hone.ByControl, Latency: 5 * time.Millisecond}
	if g.canary {
		p.Route = hone.ByCanary
	}
	p.Scores = []float64{math.Min(g.score, 0.49)}
	if g.one {
		p.Scores[0] = math.Max(0.51, g.score)
	}
	if g.slow {
		p.Latency = 50 * time.Millisecond
	}
	if g.fails {
		p.Fault = map[bool]string{true: "v2: it failed", false: "v1: it failed"}[g.canary]
		p.Route = hone.ByFallback
	}
	return p
}

// profit is an owner's metric of both versions on the same rows.
type profit struct {
	g       hone.Guardrail
	ev      *evaluate.Evidence
	n       int
	units   []string
	a, b    []float64
	was     hone.Reading
	waiting int
	last    [2]float64
}

func newProfit(m hone.Model) *profit {
	gs := m.Guardrails()
	return &profit{g: gs[len(gs)-1], ev: evaluate.NewEvidence(m, "salt", evaluate.Side{Version: "v2", Signature: classes}, &evaluate.Side{Version: "v1", Signature: classes})}
}

// row is worth 1, give or take, by either version; where it is heavy a few rows are
// worth most of all.
func (p *profit) row(r *rand.Rand, unit string, loses float64, heavy bool) {
	p.n++
	x, y := 1+r.NormFloat64()/math.Sqrt2, 1+r.NormFloat64()/math.Sqrt2
	if heavy {
		x, y = math.Exp(1.5*r.NormFloat64()), math.Exp(1.5*r.NormFloat64())
	}
	p.units, p.a, p.b = append(p.units, unit), append(p.a, x-loses), append(p.b, y)
}

// measure takes the rows that wait, once they are so many.
func (p *profit) measure(least int) {
	n := len(p.a)
	if p.waiting = n; n < least {
		return
	}
	rows := evaluate.Rows{Frame: frame.New(nil, n), Labels: make([]string, n), Units: p.units}
	scores := hone.Scores{Width: 1, V: make([]float64, n)}
	for i := range n {
		rows.Labels[i] = "1"
		rows.IDs = append(rows.IDs, hone.PredictionID(strconv.Itoa(p.n-n+i)))
	}
	side := func(v hone.VersionID, values []float64) evaluate.Side {
		return evaluate.Side{Version: v, Signature: classes, Scores: scores, Owned: map[string][]float64{"profit": values}}
	}
	champion := side("v1", p.b)
	if err := p.ev.Add(rows, side("v2", p.a), &champion); err != nil {
		panic(err) // The rows are made here.
	}
	p.last = [2]float64{p.a[n-1], p.b[n-1]}
	p.units, p.a, p.b, p.waiting = nil, nil, nil, 0
	p.was = p.ev.Reading(p.g)
}

func (p *profit) reading() hone.Reading {
	out := p.was
	out.Gate, out.Waiting = p.g.Gate(), p.waiting
	return out
}

func healthyGuarded(b *bar.Bench) error {
	const seeds = 2000
	alone, users, heavy := equalWorld(), equalWorld(), equalWorld()
	users.perUser, heavy.heavy = 10, true
	for name, w := range map[string]guardedWorld{"alone": alone, "users": users, "heavy": heavy} {
		b.Keep(name, "% rolled back", percent(each(seeds, w.play), never-1))
	}
	b.Note("2,000 canaries each of 1,000 requests of their own and as many of the control, looked at every 20 with all guards on; errors and slow answers at the very limit that is put up with, the metric of the owner's measured each 200 rows; users: ten requests each that go alike; heavy: profit by a lognormal of sigma 1.5")
	return nil
}

func harmfulGuarded(b *bar.Bench) error {
	const seeds = 300
	harm := func(name string, change func(*guardedWorld)) {
		w := equalWorld()
		w.requests = 3000
		change(&w)
		b.Keep(name, "canary requests", each(seeds, w.play)...)
	}
	harm("profit", func(w *guardedWorld) { w.loses = 0.3 })
	harm("thumbs", func(w *guardedWorld) { w.down = 0.25 })
	harm("slow", func(w *guardedWorld) { w.slow = 0.06 })
	harm("errors", func(w *guardedWorld) { w.fails = 0.08 })
	harm("class", func(w *guardedWorld) { w.class = 0.45 })
	harm("score", func(w *guardedWorld) { w.score = 0.1 })
	b.Note("medians over 300 canaries of 3,000 requests with all guards on; a million stands for never. Whichever guard sees it counts")
	return nil
}

func guardedProbations(b *bar.Bench) error {
	const seeds = 1000
	play := func(stay, loses float64) func(*rand.Rand) float64 {
		return func(r *rand.Rand) float64 {
			m := guarded(0.5, 1000)
			w := hone.Watch{Model: "m", Version: "v2", Previous: "v1", Labels: 3000}
			d, own := newDuel(), newProfit(m)
			row := drawn(r, 0.05, 0.05)
			for n := 1; !w.Over; n++ {
				if r.Float64() >= stay || n == 1 {
					row = drawn(r, 0.05, 0.05)
					own.row(r, "", loses, false)
				} else {
					own.again()
				}
				if d.Add(row); n%20 > 0 {
					continue
				}
				own.measure(200)
				w.Guards = []hone.Reading{own.reading()}
				var back bool
				if w, back = rollout.WatchStep(w, d.Paired(), own.g); back {
					return float64(n)
				}
			}
			return never
		}
	}
	b.Keep("alone", "% rolled back", percent(each(seeds, play(0, 0)), never-1))
	b.Keep("alike_0.5", "% rolled back", percent(each(seeds, play(0.5, 0)), never-1))
	b.Keep("worse_found", "% rolled back", percent(each(seeds, play(0, 0.2)), never-1))
	b.Note("1,000 watches each of 3,000 labels, looked at every 20, the metric measured each 200 rows")
	return nil
}

// again is a row like the one before.
func (p *profit) again() {
	p.n++
	if k := len(p.a) - 1; k >= 0 {
		p.last = [2]float64{p.a[k], p.b[k]}
	}
	p.units, p.a, p.b = append(p.units, ""), append(p.a, p.last[0]), append(p.b, p.last[1])
}
