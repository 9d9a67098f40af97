package main

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/internal/monitor"
	"hone/internal/rollout"
	"hone/internal/stat"
)

// canaryBars are what a rollout does by chance, and what it finds. Each plays
// requests through monitor.Arms and monitor.Duel, and asks rollout.Advance or
// rollout.WatchStep what to do, as the loop does.
var canaryBars = []bar.Measured{
	{Bar: bar.Bar{ID: "canary_healthy", Of: []string{"internal/stat", "internal/monitor", "internal/rollout"},
		About: "2,000 canaries that are as good as their champion, at base error rates of 0.1 to 20 %, looked at all along with every guard on: the share that is rolled back. Beside half the traffic, a tenth of it, and users whose answers are alike.",
		Limits: []bar.Limit{
			{Series: "base_0.1", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "base_1", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "base_5", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "base_20", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "base_5_tenth", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "base_5_users", Unit: "% rolled back", Of: bar.Max, Under: 5, AtMost: true},
		}}, Measure: healthyCanaries},
	{Bar: bar.Bar{ID: "canary_5_to_10", Of: []string{"internal/stat", "internal/monitor", "internal/rollout"},
		About: "A canary fails on 10 % of requests where its champion fails on 5 %: the median of the canary's requests until it is taken back. Beside it, the power on other harms, and that of one test at the end, which may not look before.",
		Limits: []bar.Limit{
			{Series: "requests_half", Unit: "canary requests", Of: bar.Median, Under: 500, AtMost: true},
			{Series: "requests_tenth", Unit: "canary requests", Of: bar.Median, Under: 500, AtMost: true},
		}, Also: []string{"found_by_500", "fixed_by_500", "found_by_1000", "fixed_by_1000", "found_5_to_7.5_by_2000", "fixed_5_to_7.5_by_2000",
			"found_5_to_6_by_4000", "fixed_5_to_6_by_4000", "found_20_to_25_by_2000", "fixed_20_to_25_by_2000"}}, Measure: harmfulCanaries},
	{Bar: bar.Bar{ID: "sample_ratio", Of: []string{"internal/stat", "internal/monitor", "internal/rollout"},
		About: "Users are split as the step says: how often the guard of the split is alarmed all the same. Beside it, after how many users a share of 11 and of 15 % in the place of 10 % is found.",
		Limits: []bar.Limit{
			{Series: "false", Unit: "% of true splits", Of: bar.Max, Under: 0.1, AtMost: true},
		}, Also: []string{"units_10_to_11", "found_10_to_11", "units_10_to_15", "found_10_to_15"}}, Measure: splits},
	{Bar: bar.Bar{ID: "probation_equal", Of: []string{"internal/stat", "internal/monitor", "internal/rollout"},
		About: "A new champion no better and no worse than the one before, watched on 3,000 labels that come alone or alike by autocorrelation 0.5 and 0.8: the share that is taken back.",
		Limits: []bar.Limit{
			{Series: "alone", Unit: "% rolled back", Of: bar.Max, Under: 2, AtMost: true},
			{Series: "alike_0.5", Unit: "% rolled back", Of: bar.Max, Under: 2, AtMost: true},
			{Series: "alike_0.8", Unit: "% rolled back", Of: bar.Max, Under: 2, AtMost: true},
		}, Also: []string{"alone_differ_40", "alike_0.5_differ_40", "alike_0.8_differ_40", "alike_0.95"}}, Measure: equalChampions},
	{Bar: bar.Bar{ID: "probation_worse", Of: []string{"internal/stat", "internal/monitor", "internal/rollout"},
		About: "A new champion that is 10 points worse (15 in the place of 5 % errors): the share taken back within 500 labels. Beside it, the median of the labels that this takes, and smaller harms.",
		Limits: []bar.Limit{
			{Series: "plus_10_by_500", Unit: "% found", Of: bar.Max, Over: 95},
		}, Also: []string{"plus_10", "plus_10_from_10", "plus_10_from_10_by_500", "plus_5", "plus_2", "plus_2_found", "plus_10_alike_0.8", "plus_10_alike_0.8_found"}}, Measure: worseChampions},
}

// never stands for what was not found, in series of medians.
const never = 1e6

// each plays one world for each seed, on all cores; the order is that of the seeds.
func each(seeds int, play func(r *rand.Rand) float64) []float64 {
	out := make([]float64, seeds)
	bar.Parallel(seeds, func(i int) { out[i] = play(rand.New(rand.NewPCG(uint64(i), 20261122))) })
	return out
}

// percent is how many of the plays ended before the row given.
func percent(ends []float64, before float64) float64 {
	n := 0
	for _, x := range ends {
		if x <= before {
			n++
		}
	}
	return 100 * float64(n) / float64(len(ends))
}

// canaryWorld is one canary: how often each side fails, the canary's share of the traffic,
// and how many requests a user makes; more than one are alike.
type canaryWorld struct {
	canary, control float64
	weight          float64
	requests        int // Of the canary, by which it ends.
	perUser         int
	differ          float64 // The share of rows on which one of the two is wrong, as often each.
	fixed           int     // Where a test looks once, in place of the guards.
}

// play returns after how many of its requests the canary was rolled back.
func (w canaryWorld) play(r *rand.Rand) float64 {
	m := hone.Model{Name: "m", Rollout: hone.RolloutSpec{Strategy: "canary", Steps: []hone.Step{{Weight: w.weight, MinRequests: w.requests}}}}
	roll := rollout.Begin(m, "v2", hone.Decision{}, time.Time{}, 0, "s")
	arms := monitor.NewArms(10*time.Millisecond, "v1")
	duel := newDuel()
	u := user{}
	var events, counts [2]float64
	for i := 1; counts[0] < float64(w.requests); i++ {
		if i%max(1, w.perUser) == 1 || w.perUser <= 1 {
			u = w.user(r, i)
		}
		p, failed := u.request(r)
		p.Time = time.Unix(int64(i), 0)
		arms.Prediction(p)
		counts[u.side]++
		if failed {
			events[u.side]++
		}
		if w.fixed > 0 {
			if u.side == 0 && int(counts[0]) == w.fixed {
				return once(events, counts)
			}
			continue
		}
		if w.differ > 0 {
			differ(duel, r, w.differ/2, w.differ/2)
		}
		if i%20 > 0 {
			continue
		}
		h := arms.Health()
		h.Champion = hone.Tally{Requests: 5000, Faults: int(5000 * w.control)}
		if w.differ > 0 {
			h.Quality = duel.Paired()
		}
		if _, action, _ := rollout.Advance(m, roll, h, time.Time{}, 0); action == rollout.Rollback {
			return counts[0]
		}
	}
	return never
}

// user makes some requests, which fail together more often than chance where there
// are several: half of the users of a rate never fail, the others twice as often.
type user struct {
	name  string
	side  int // 0 for the canary, 1 for the control.
	fails float64
}

func (w canaryWorld) user(r *rand.Rand, i int) user {
	u := user{side: 1, fails: w.control}
	if r.Float64() < w.weight {
		u.side, u.fails = 0, w.canary
	}
	if w.perUser > 1 {
		u.name = strconv.Itoa(i)
		u.fails *= 2 * float64(r.IntN(2))
	}
	return u
}

func (u user) request(r *rand.Rand) (p hone.Prediction, failed bool) {
	p = hone.Prediction{Route: hone.ByControl, Unit: u.name, Latency: 5 * time.Millisecond}
	if u.side == 0 {
		p.Route = hone.ByCanary
	}
	if r.Float64() < u.fails {
		failed = true
		p.Fault = []string{"v2: it failed", "v1: it failed"}[u.side]
		p.Route = hone.ByFallback
	}
	if r.Float64() < 0.05 {
		p.Latency = 50 * time.Millisecond
	}
	return p, failed
}

// once is the one-sided test of two rates at 2.5 %, the share of the errors' guard,
// looked at one time only.
func once(events, counts [2]float64) float64 {
	a, b := events[0]/counts[0], events[1]/counts[1]
	p := (events[0] + events[1]) / (counts[0] + counts[1])
	if z := (a - b) / math.Sqrt(p*(1-p)*(1/counts[0]+1/counts[1])); z > stat.NormalQuantile(0.975) {
		return counts[0]
	}
	return never
}

func newDuel() *monitor.Duel {
	sig := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}
	return monitor.NewDuel(hone.Loss{Kind: hone.ZeroOne}, 1, sig, sig)
}

// differ adds one labelled row: one version alone is wrong with the first
// probability, the other with the second.
func differ(d *monitor.Duel, r *rand.Rand, worse, better float64) {
	d.Add(drawn(r, worse, better))
}

func drawn(r *rand.Rand, worse, better float64) monitor.Row {
	row := monitor.Row{Label: "1", A: []float64{0.9}, B: []float64{0.9}, Weight: 1}
	switch x := r.Float64(); {
	case x < worse:
		row.A = []float64{0.1}
	case x < worse+better:
		row.B = []float64{0.1}
	}
	return row
}

func healthyCanaries(b *bar.Bench) error {
	const seeds = 2000
	for name, rate := range map[string]float64{"base_0.1": 0.001, "base_1": 0.01, "base_5": 0.05, "base_20": 0.2} {
		ends := each(seeds, canaryWorld{canary: rate, control: rate, weight: 0.5, requests: 2000, differ: 0.1}.play)
		b.Keep(name, "% rolled back", percent(ends, never-1))
	}
	b.Keep("base_5_tenth", "% rolled back", percent(each(seeds, canaryWorld{canary: 0.05, control: 0.05, weight: 0.1, requests: 500, differ: 0.1}.play), never-1))
	ends := each(seeds, canaryWorld{canary: 0.05, control: 0.05, weight: 0.5, requests: 2000, perUser: 10, differ: 0.1}.play)
	b.Keep("base_5_users", "% rolled back", percent(ends, never-1))
	b.Note("2,000 canaries each of 2,000 requests of their own and as many of the control (of 500 and nine times as many in base_5_tenth), looked at every 20 with all guards on; 5 %% of answers slow, labels at once, one of two versions wrong on 10 %% of rows")
	return nil
}

func harmfulCanaries(b *bar.Bench) error {
	const seeds = 1000
	half := canaryWorld{canary: 0.1, control: 0.05, weight: 0.5, requests: 4000}
	ends := each(seeds, half.play)
	b.Keep("requests_half", "canary requests", ends...)
	tenth := half
	tenth.weight = 0.1
	b.Keep("requests_tenth", "canary requests", each(seeds, tenth.play)...)
	beside := func(name string, w canaryWorld, ends []float64, by int) {
		w.fixed = by
		b.Keep("found_"+name, "%", percent(ends, float64(by)))
		b.Keep("fixed_"+name, "%", percent(each(seeds, w.play), never-1))
	}
	beside("by_500", half, ends, 500)
	beside("by_1000", half, ends, 1000)
	other := func(name string, canary, control float64, by int) {
		w := canaryWorld{canary: canary, control: control, weight: 0.5, requests: by}
		beside(name, w, each(seeds, w.play), by)
	}
	other("5_to_7.5_by_2000", 0.075, 0.05, 2000)
	other("5_to_6_by_4000", 0.06, 0.05, 4000)
	other("20_to_25_by_2000", 0.25, 0.20, 2000)
	b.Note("fixed is a one-sided test of two rates at 2.5 %%, looked at once, at that many canary requests: what looking all the time costs is the gap")
	return nil
}

// splits plays canaries that get another share of the users than planned.
func splits(b *bar.Bench) error {
	m := hone.Model{Name: "m", Rollout: hone.RolloutSpec{Strategy: "canary", Steps: []hone.Step{{Weight: 0.1, MinRequests: 1e9}}}}
	play := func(share float64, most int) func(*rand.Rand) float64 {
		return func(r *rand.Rand) float64 {
			roll := rollout.Begin(m, "v2", hone.Decision{}, time.Time{}, 0, "s")
			var h hone.Health
			for i := 1; i <= most; i++ {
				a := &h.Control
				if r.Float64() < share {
					a = &h.Canary
				}
				a.Units++
				a.Requests++
				if i%20 > 0 {
					continue
				}
				if _, action, _ := rollout.Advance(m, roll, h, time.Time{}, 0); action == rollout.Rollback {
					return float64(i)
				}
			}
			return never
		}
	}
	b.Keep("false", "%", percent(each(2000, play(0.1, 10_000)), never-1))
	eleven, fifteen := each(200, play(0.11, 40_000)), each(200, play(0.15, 10_000))
	b.Keep("units_10_to_11", "units", eleven...)
	b.Keep("found_10_to_11", "%", percent(eleven, never-1))
	b.Keep("units_10_to_15", "units", fifteen...)
	b.Keep("found_10_to_15", "%", percent(fifteen, never-1))
	b.Note("2,000 true splits of 10 %% over 10,000 users; medians of users until a false one is seen")
	return nil
}

// probation returns after how many labels of 3,000 a new champion was taken back; each
// row is as the one before with the probability stay.
func probation(worse, better, stay float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		w := hone.Watch{Model: "m", Version: "v2", Previous: "v1", Labels: 3000}
		d := newDuel()
		row := drawn(r, worse, better)
		for n := 1; !w.Over; n++ {
			if r.Float64() >= stay {
				row = drawn(r, worse, better)
			}
			if d.Add(row); n%10 > 0 {
				continue
			}
			var back bool
			if w, back = rollout.WatchStep(w, d.Paired()); back {
				return float64(n)
			}
		}
		return never
	}
}

func equalChampions(b *bar.Bench) error {
	const seeds = 2000
	for name, w := range map[string][2]float64{"alone": {0.1, 0}, "alike_0.5": {0.1, 0.5}, "alike_0.8": {0.1, 0.8}, "alike_0.95": {0.1, 0.95},
		"alone_differ_40": {0.2, 0}, "alike_0.5_differ_40": {0.2, 0.5}, "alike_0.8_differ_40": {0.2, 0.8}} {
		b.Keep(name, "% rolled back", percent(each(seeds, probation(w[0], w[0], w[1])), never-1))
	}
	b.Note("2,000 watches each of 3,000 labels, looked at every 10; one of the versions is wrong on 20 %% of rows, as often either; alike: the correlation of rows that follow each other. The constants of the likeness were chosen on other seeds")
	return nil
}

func worseChampions(b *bar.Bench) error {
	const seeds = 1000
	keep := func(name string, worse, better, stay float64) []float64 {
		ends := each(seeds, probation(worse, better, stay))
		b.Keep(name, "labels", ends...)
		return ends
	}
	ten := keep("plus_10", 0.1425, 0.0425, 0) // Errors of 15 % against 5 %, independent.
	b.Keep("plus_10_by_500", "% found", percent(ten, 500))
	more := keep("plus_10_from_10", 0.18, 0.08, 0)
	b.Keep("plus_10_from_10_by_500", "% found", percent(more, 500))
	keep("plus_5", 0.095, 0.045, 0)
	b.Keep("plus_2_found", "%", percent(keep("plus_2", 0.04, 0.02, 0), never-1))
	b.Keep("plus_10_alike_0.8_found", "%", percent(keep("plus_10_alike_0.8", 0.1425, 0.0425, 0.8), never-1))
	b.Note("medians of labels until a worse champion is taken back: errors of 15 against 5 %% (from 10: 20 against 10 %%), 10 against 5 %%, and 4 against 2 %%; a million stands for never in 3,000")
	return nil
}
