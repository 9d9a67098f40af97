package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"hone"
	"hone/bench/bar"
	"hone/internal/gate"
	"hone/internal/monitor"
	"hone/internal/rollout"
	"hone/internal/stat"
)

var gateBars = []bar.Measured{
	{Bar: bar.Bar{ID: "gate_strict_worthless", Of: []string{"internal/stat", "internal/gate", "internal/evaluate", "internal/monitor", "internal/rollout"},
		About: "2,000 histories of 50 candidates that are no better than the champion: the share of histories in which strict evidence ever promotes one. Rows are independent, by users, or alike in time.",
		Limits: []bar.Limit{
			{Series: "independent", Unit: "% of histories", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "users", Unit: "% of histories", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "alike_in_time", Unit: "% of histories", Of: bar.Max, Under: 5, AtMost: true},
		}}, Measure: worthless},
	{Bar: bar.Bar{ID: "gate_strict_power", Of: []string{"internal/stat", "internal/gate", "internal/evaluate", "internal/monitor", "internal/rollout"},
		About: "Candidates better by two points that differ on 5, 10 and 20 % of rows: the share proven within 2.5 times the rows of a test with a fixed sample. Beside it, what that test finds.",
		Limits: []bar.Limit{
			{Series: "differ_5", Unit: "% found", Of: bar.Max, Over: 80},
			{Series: "differ_10", Unit: "% found", Of: bar.Max, Over: 80},
			{Series: "differ_20", Unit: "% found", Of: bar.Max, Over: 80},
		}, Also: []string{"fixed_sample_5", "fixed_sample_10", "fixed_sample_20", "rows_5", "rows_10", "rows_20"}}, Measure: gatePower},
	{Bar: bar.Bar{ID: "gate_balanced", Of: []string{"internal/stat", "internal/gate", "internal/evaluate", "internal/monitor", "internal/rollout"},
		About: "Balanced evidence: candidates 10 points worse that still serve after 200 rows held out and 300 of the watch, and equal ones that the watch takes back.",
		Limits: []bar.Limit{
			{Series: "worse_survives", Unit: "%", Of: bar.Max, Under: 5, AtMost: true},
			{Series: "equal_rolled_back", Unit: "%", Of: bar.Max, Under: 2, AtMost: true},
		}, Also: []string{"worse_passes_gate", "worse_survives_watch_alone", "equal_rejected_by_gate"}}, Measure: balanced},
}

const (
	gateSeed  = 20261122 // Of what is reported; constants were chosen on others.
	histories = 2000
	perLook   = 200  // Rows that come between two looks.
	longest   = 2600 // Rows, more than the gate waits for where 5 % differ.
)

// pairedWorld draws paired differences: a candidate that differs from the champion
// on a share of the rows and is better by a gain.
type pairedWorld struct {
	differ, gain float64
	// users: rows belong to users of 1 to 10 rows, far from each other in time, and
	// all rows of one that differ fall the same way.
	users bool
	// alike is the serial correlation of which way the rows fall.
	alike float64
}

// draw returns the differences of n rows, how far each can be off, and their users.
func (w pairedWorld) draw(rng *rand.Rand, n int) (diffs, reach []float64, units []string) {
	diffs, reach = make([]float64, n), make([]float64, n)
	better := (w.differ + w.gain) / 2 / w.differ // Of the rows that differ.
	var lean []float64
	if w.users {
		units = make([]string, n)
		for u := 0; len(lean) < n; u++ {
			way, who := sign(rng.Float64() < better), strconv.Itoa(u)
			for range 1 + rng.IntN(10) {
				lean = append(lean, way)
				units[min(len(lean), n)-1] = who
			}
		}
		rng.Shuffle(n, func(i, j int) { lean[i], lean[j], units[i], units[j] = lean[j], lean[i], units[j], units[i] })
	}
	way := sign(rng.Float64() < better)
	for i := range n {
		if rng.Float64() >= w.alike {
			way = sign(rng.Float64() < better)
		}
		if rng.Float64() >= w.differ {
			continue
		}
		reach[i], diffs[i] = 1, -way
		if w.users {
			diffs[i] = -lean[i]
		}
	}
	return diffs, reach, units
}

func sign(up bool) float64 {
	if up {
		return 1
	}
	return -1
}

// strictModel is judged on wrong answers.
var strictModel = hone.Model{Name: "m", Task: hone.Binary, Loss: hone.Loss{Kind: hone.ZeroOne}, Evidence: hone.Strict}

// healthy is a replay that nothing is wrong with.
var healthy = hone.Replay{Requests: 300, Candidate: time.Millisecond, Champion: time.Millisecond, CandidateP50: time.Millisecond, ChampionP50: time.Millisecond,
	CandidateMem: 1 << 20, ChampionMem: 1 << 20}

// lookedAt judges the k-th candidate at every look until the gate rules, or until
// most rows (0: as long as the gate waits), and says after how many rows it did.
func lookedAt(w pairedWorld, rng *rand.Rand, k, most int) (hone.Ruling, int) {
	if most == 0 {
		most = longest
	}
	diffs, reach, units := w.draw(rng, most)
	var looks []int
	for n := perLook; n < most; n += perLook {
		looks = append(looks, n)
	}
	blocks, first := stat.Blocks(most, units, looks)
	run := hone.Run{Champion: "v1", Decision: hone.Decision{Trigger: hone.OnSchedule}}
	p := hone.Paired{Bound: 1}
	sum, squares := 0.0, 0.0
	for i, n := range append(looks, most) {
		for _, d := range diffs[p.N:n] {
			sum, squares = sum+d, squares+d*d
		}
		p.N, p.Reach = n, squares/float64(n)
		p.Better, p.Worse, p.Clusters = stat.ClusterBets(diffs[:n], reach[:n], blocks[:n], first)
		p.Diff, p.Lower, p.Upper = stat.MeanInterval(sum, squares, n, 0.05)
		p.Candidate, p.Champion = 0.3+p.Diff, 0.3
		e := hone.Evaluation{Candidate: "v2", Champion: "v1", Loss: p, Trivial: 0.5, Replay: healthy, Look: i + 1, Trial: k}
		verdicts := gate.Judge(strictModel, run, e, k, nil)
		if r := gate.Rule(strictModel, verdicts, n >= gate.Deadline(strictModel, e)); r != hone.Hold {
			return r, n
		}
	}
	return hone.Hold, most
}

// inParallel counts how many of n trials come true, each with a seed of its own.
func inParallel(n int, stream uint64, trial func(rng *rand.Rand) bool) float64 {
	came := make([]bool, n)
	bar.Parallel(n, func(i int) { came[i] = trial(rand.New(rand.NewPCG(gateSeed+uint64(i), stream))) })
	return percentOf(came)
}

func percentOf(came []bool) float64 {
	total := 0
	for _, yes := range came {
		if yes {
			total++
		}
	}
	return 100 * float64(total) / float64(len(came))
}

// worthless counts the histories of 50 candidates that are no better than the
// champion in which any is promoted.
func worthless(b *bar.Bench) error {
	for stream, w := range map[uint64]pairedWorld{1: {differ: 0.05}, 2: {differ: 0.05, users: true}, 3: {differ: 0.05, alike: 0.8}} {
		name := map[uint64]string{1: "independent", 2: "users", 3: "alike_in_time"}[stream]
		b.Keep(name, "% of histories", inParallel(histories, stream, func(rng *rand.Rand) bool {
			for k := 1; k <= 50; k++ {
				if r, _ := lookedAt(w, rng, k, 0); r == hone.Promote {
					return true
				}
			}
			return false
		}))
	}
	b.Note("%d histories of 50 candidates that differ on 5 %% of the rows and are equal, looked at every %d rows; users of 1 to 10 rows that all fall the same way; rows whose way repeats with 0.8", histories, perLook)
	return nil
}

// gatePower counts how often a gain of two points is proven within 2.5 times the rows
// of a fixed sample, and how often that sample proves it.
func gatePower(b *bar.Bench) error {
	for i, differ := range []float64{0.05, 0.1, 0.2} {
		w := pairedWorld{differ: differ, gain: 0.02}
		fixed := stat.NeedForMean(w.gain, differ-w.gain*w.gain)
		var mu sync.Mutex
		var rows []float64
		found := inParallel(histories, uint64(10+i), func(rng *rand.Rand) bool {
			r, n := lookedAt(w, rng, 1, int(2.5*float64(fixed)))
			mu.Lock()
			defer mu.Unlock()
			if r == hone.Promote {
				rows = append(rows, float64(n)/float64(fixed))
			}
			return r == hone.Promote
		})
		once := inParallel(histories, uint64(20+i), func(rng *rand.Rand) bool {
			diffs, _, _ := w.draw(rng, fixed)
			flips, gains := 0, 0
			for _, d := range diffs {
				if d > 0 {
					flips++
				}
				if d < 0 {
					gains++
				}
			}
			return gains > flips && stat.McNemar(flips, gains) < 0.1 // One side of 5 %.
		})
		slices.Sort(rows)
		name := fmt.Sprintf("%.0f", 100*differ)
		b.Keep("differ_"+name, "% found", found)
		b.Keep("fixed_sample_"+name, "% found by one exact test", once)
		var deciles []float64
		for d := 1; d < 10 && len(rows) > 0; d++ {
			deciles = append(deciles, rows[d*len(rows)/10])
		}
		if len(deciles) > 0 {
			b.Keep("rows_"+name, "times the fixed sample, where found", deciles...)
		}
	}
	return nil
}

// balancedWorld draws what both versions get wrong on one row.
func balancedWorld(rng *rand.Rand, worse float64) (candidate, champion float64) {
	const both, alone = 0.1, 0.1 // Errors that they share, and each one's own.
	switch u := rng.Float64(); {
	case u < both:
		return 1, 1
	case u < both+alone:
		return 0, 1
	case u < both+2*alone+worse:
		return 1, 0
	}
	return 0, 0
}

// balanced counts the candidates ten points worse that are still there after 500
// labelled rows, 200 held out and 300 of the watch, and the equal ones that the
// watch of 3,000 rows rolls back.
func balanced(b *bar.Bench) error {
	m := strictModel
	m.Evidence = hone.Balanced
	run := hone.Run{Champion: "v1", Decision: hone.Decision{Trigger: hone.OnLoss}}
	passes := func(rng *rand.Rand, worse float64) bool {
		const n = 200
		diffs, squares, a, c := 0.0, 0.0, 0.0, 0.0
		for range n {
			x, y := balancedWorld(rng, worse)
			a, c, diffs, squares = a+x/n, c+y/n, diffs+x-y, squares+(x-y)*(x-y)
		}
		p := hone.Paired{N: n, Bound: 1, Candidate: a, Champion: c, Better: 1, Worse: 1, Reach: squares / n}
		p.Diff, p.Lower, p.Upper = stat.MeanInterval(diffs, squares, n, 0.05)
		e := hone.Evaluation{Candidate: "v2", Champion: "v1", Loss: p, Trivial: 0.5, Replay: healthy, Look: 1, Trial: 1}
		return gate.Rule(m, gate.Judge(m, run, e, 1, nil), false) == hone.Promote
	}
	kept := func(rng *rand.Rand, worse float64, labels int) bool {
		sig := hone.Signature{Task: hone.Binary, Classes: []string{"0", "1"}, Threshold: 0.5}
		duel := monitor.NewDuel(m.Loss, 1, sig, sig)
		w := hone.Watch{Model: "m", Version: "v2", Previous: "v1", Labels: 3000}
		for range labels {
			x, y := balancedWorld(rng, worse)
			duel.Add(monitor.Row{Label: "0", A: []float64{x}, B: []float64{y}, Weight: 1})
			var back bool
			if w, back = rollout.WatchStep(w, duel.Paired()); back {
				return false
			}
		}
		return true
	}
	b.Keep("worse_survives", "%", inParallel(histories, 31, func(rng *rand.Rand) bool { return passes(rng, 0.1) && kept(rng, 0.1, 300) }))
	b.Keep("equal_rolled_back", "%", inParallel(histories, 32, func(rng *rand.Rand) bool { return !kept(rng, 0, 3000) }))
	b.Keep("worse_passes_gate", "% pass 200 rows held out", inParallel(histories, 33, func(rng *rand.Rand) bool { return passes(rng, 0.1) }))
	b.Keep("worse_survives_watch_alone", "% survive 500 rows of the watch", inParallel(histories, 34, func(rng *rand.Rand) bool { return kept(rng, 0.1, 500) }))
	b.Keep("equal_rejected_by_gate", "% on 200 rows held out", inParallel(histories, 35, func(rng *rand.Rand) bool { return !passes(rng, 0) }))
	return nil
}
