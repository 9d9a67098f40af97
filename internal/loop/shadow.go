package loop

import (
	"context"
	"fmt"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/frame"
)

const (
	// shadowPage is how many logged predictions a shadow is asked about before anything
	// else is looked at, shadowTime how long it may take, and mostFaults how many of
	// them it is let fail on.
	shadowPage = 500
	shadowTime = 10 * time.Second
	mostFaults = 20
	// mostShadowed bounds a step: what a restart has to ask again.
	mostShadowed = 20_000
)

// shadowing tells whether a candidate is to be asked about what others answered: the
// model is served elsewhere, and its rollout stands at a shadow.
func (k *keeper) shadowing() bool {
	return k.names != nil && k.run != nil && k.run.Rollout != nil && k.run.State == hone.Shadowing
}

// shadowLogged asks the candidate about what the champion answered elsewhere. The
// scores are kept nowhere: whoever reads the log of the step again asks again, and
// counts anew, so that each prediction counts once.
func (k *keeper) shadowLogged(ctx context.Context, ps []hone.Prediction) error {
	if !k.shadowing() {
		return nil
	}
	room := mostShadowed - k.arms.Health().Canary.Requests
	var asked []hone.Prediction
	var rows [][]byte
	for _, p := range ps {
		if p.Seq > k.run.Rollout.From && p.Route == hone.ByChampion && len(rows) < room {
			asked, rows = append(asked, p), append(rows, p.Features)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, k.run.Rollout.Version)
	if err != nil {
		return err
	}
	f, err := frame.Decoder{Target: v.Signature.Features, Schemas: k.schemas}.Frame(rows)
	if err != nil {
		return fmt.Errorf("read logged predictions of %s: %w", k.model.Name, err)
	}
	served, err := k.servedScores(ctx, asked, f)
	if err != nil {
		return err
	}
	for i := 0; i < len(asked); i += shadowPage {
		end := min(i+shadowPage, len(asked))
		for j, s := range k.askShadow(ctx, v.ID, f.Slice(i, end)) {
			p := asked[i+j]
			s.ID, s.Time, s.Version, s.Served = p.ID, p.Time, v.ID, served[i+j]
			k.arms.Shadow(s, v.Signature, k.champion.Signature.Answer(s.Served))
		}
	}
	return ctx.Err()
}

// servedScores are what the champion answered: as logged, or, where that was not told,
// by Hone's own copy.
func (k *keeper) servedScores(ctx context.Context, ps []hone.Prediction, f *frame.Frame) ([][]float64, error) {
	out := make([][]float64, len(ps))
	var missing []int
	for i, p := range ps {
		if out[i] = p.Scores; len(p.Scores) != k.champion.Signature.Width() {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	got, err := k.ask(k.champion.ID)(ctx, f.Pick(missing))
	if err != nil {
		return nil, fmt.Errorf("ask champion %s of %s: %w", k.champion.ID, k.model.Name, err)
	}
	for j, i := range missing {
		out[i] = got.Row(j)
	}
	return out, nil
}

// askShadow asks about some rows at once and, where that fails, about each by itself:
// one bad row is one fault. Rows behind too many faults are not asked about, and do
// not count.
func (k *keeper) askShadow(ctx context.Context, v hone.VersionID, f *frame.Frame) []hone.ShadowScore {
	limited, cancel := context.WithTimeout(ctx, shadowTime)
	defer cancel()
	out := make([]hone.ShadowScore, f.N)
	watch := clock.Start()
	got, err := k.ask(v)(limited, f)
	took := watch.Elapsed() / time.Duration(f.N)
	if err == nil {
		for i := range out {
			out[i].Scores, out[i].Latency = got.Row(i), took
		}
		return out
	}
	faults := 0
	for i := range out {
		if faults == mostFaults || ctx.Err() != nil {
			return out[:i]
		}
		out[i] = k.askOne(ctx, v, f.Slice(i, i+1))
		if out[i].Fault != "" {
			faults++
		}
	}
	return out
}

func (k *keeper) askOne(ctx context.Context, v hone.VersionID, f *frame.Frame) (s hone.ShadowScore) {
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	watch := clock.Start()
	got, err := k.ask(v)(limited, f)
	s.Latency = watch.Elapsed()
	if err != nil {
		s.Fault = err.Error()
		return s
	}
	s.Scores = got.Row(0)
	return s
}
