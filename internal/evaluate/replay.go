package evaluate

import (
	"context"
	"math"
	"slices"
	"time"

	"hone"
	"hone/internal/clock"
)

// warmUp is the number of requests that are answered before time is taken.
const warmUp = 20

// slowRatio is how many times the champion's slowest hundredth an answer may
// take before it counts as slow.
const slowRatio = 1.25

// Interleave has both versions answer the same n requests by turns, so that
// whatever else the machine does slows both alike, and returns how long they
// took. The functions answer request i, from 0 to n−1; champ may be nil. Faults
// are the candidate's, those of the warm-up included; an answer that failed has
// no latency. A cancelled context ends it early; Requests says how many were
// done. Memory is the caller's to add.
func Interleave(ctx context.Context, cand, champ func(i int) error, n int) hone.Replay {
	var r hone.Replay
	candidate, champion := timed{ask: cand}, timed{ask: champ}
	for i := 0; i < min(warmUp, n) && ctx.Err() == nil; i++ {
		candidate.answer(ctx, i)
		champion.answer(ctx, i)
	}
	candidate.took, champion.took = nil, nil
	for i := 0; i < n && ctx.Err() == nil; i++ {
		// Take turns in going first: the second finds the caches warm.
		if i%2 == 0 {
			candidate.answer(ctx, i)
			champion.answer(ctx, i)
		} else {
			champion.answer(ctx, i)
			candidate.answer(ctx, i)
		}
		r.Requests++
	}
	r.Faults, r.Fault = candidate.faults, candidate.fault
	r.CandidateP50, r.Candidate = quantiles(candidate.took)
	r.ChampionP50, r.Champion = quantiles(champion.took)
	limit := time.Duration(slowRatio * float64(r.Champion))
	r.Slow, r.ChampionSlow = over(candidate.took, limit), over(champion.took, limit)
	return r
}

// over counts the answers that took longer than a limit, where there is one.
func over(took []time.Duration, limit time.Duration) (n int) {
	for _, d := range took {
		if limit > 0 && d > limit {
			n++
		}
	}
	return n
}

// timed is one version under replay.
type timed struct {
	ask    func(i int) error
	took   []time.Duration
	faults int
	fault  string // The first.
}

// answer asks for one request. What fails because the replay was cancelled is no
// fault of the version.
func (t *timed) answer(ctx context.Context, i int) {
	if t.ask == nil {
		return
	}
	watch := clock.Start()
	err := t.ask(i)
	elapsed := watch.Elapsed()
	switch {
	case err == nil:
		t.took = append(t.took, elapsed)
	case ctx.Err() == nil:
		t.faults++
		if t.fault == "" {
			t.fault = err.Error()
		}
	}
}

func quantiles(d []time.Duration) (p50, p99 time.Duration) {
	if len(d) == 0 {
		return 0, 0
	}
	slices.Sort(d)
	at := func(q float64) time.Duration { return d[max(0, int(math.Ceil(q*float64(len(d))))-1)] }
	return at(0.5), at(0.99)
}
