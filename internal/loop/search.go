package loop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/train"
	"hone/internal/train/search"
)

const (
	judgedShare = 0.2 // Of the training rows, the newest, on which trials are judged.
	judgedLeast = 100 // Rows under which nothing is searched.
	tie         = 1e-6
)

// hunt is a search for params under way.
type hunt struct {
	*keeper
	run   hone.Run
	job   train.Job // As it would be with the configured params.
	of    hone.DatasetID
	from  string // The champion that it begins from.
	spec  hone.Search
	space search.Space
	learn dataset.Rows
	judge dataset.Rows
	rng   *rand.Rand
	begun time.Time

	past  []search.Trial // That were judged, with the values that were tried.
	given float64        // To all trials: of what halving gives little, else one each.
	found hone.Searched  // With the best so far; Found is nil while none was judged.
}

// search chooses the params of a training by trials on its rows, and says how. Each
// trial is a training under a name of its own, so that a search that was ended goes on
// with what it had.
func (k *keeper) search(ctx context.Context, run hone.Run, job train.Job, rows dataset.Rows, of hone.DatasetID, champion string) (map[string]any, *hone.Searched, error) {
	spec := k.model.Train.Search
	from := rows.Len() - int(judgedShare*float64(rows.Len()))
	if spec == nil || rows.Len()-from < judgedLeast {
		return job.Params, nil, nil
	}
	h := &hunt{keeper: k, run: run, job: job, of: of, from: champion, spec: *spec, begun: k.o.Clock.Now(),
		learn: rows.Slice(0, from), judge: rows.Slice(from, rows.Len()),
		rng: rand.New(rand.NewPCG(job.Seed, 0x73656172)), found: hone.Searched{Method: spec.Method, Rows: rows.Len() - from, Configured: math.NaN(), Loss: math.Inf(1)}}
	var err error
	if h.space, err = search.SpaceFrom(spec.Space); len(spec.Space) == 0 {
		h.space, err = search.Usual(k.model.Train.Trainer), nil
	}
	if err == nil && spec.Method == "halving" {
		err = h.halve(ctx)
	} else if err == nil {
		err = h.follow(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	if h.found.Found == nil {
		return nil, nil, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("none of %d trials of the search could be trained and asked", h.found.Failed), Hint: "look at the run's log, or take train.search out"}
	}
	if math.IsNaN(h.found.Configured) { // It failed, or was no trial.
		h.found.Configured = h.found.Loss
	}
	return h.with(h.found.Found), &h.found, nil
}

// with is the configured params with some others in their place.
func (h *hunt) with(values map[string]any) map[string]any {
	out := maps.Clone(h.job.Params)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, values)
	return out
}

// first are what is tried before anything is drawn: what is configured, and what the
// champion was found to be best with.
func (h *hunt) first() []search.Values {
	out := []search.Values{{}}
	if c := h.champion; c.Search != nil && c.Trainer == h.model.Train.Trainer && len(c.Search.Found) > 0 {
		known := search.Values{}
		for _, p := range h.space {
			if v, ok := c.Search.Found[p.Name]; ok {
				known[p.Name] = v
			}
		}
		out = append(out, known)
	}
	return out
}

// follow draws each trial by what came of those before.
func (h *hunt) follow(ctx context.Context) error {
	queue := h.first()
	for tried := 0; tried < h.spec.Trials; {
		n := h.room(h.spec.Trials-tried, 1)
		if n == 0 {
			return nil
		}
		var turn []search.Values
		for len(turn) < n {
			switch {
			case len(queue) > 0:
				turn, queue = append(turn, queue[0]), queue[1:]
			case h.spec.Method == "random":
				turn = append(turn, h.space.Random(h.rng))
			default:
				turn = append(turn, h.space.Suggest(h.past, h.rng))
			}
		}
		losses, err := h.try(ctx, tried, turn, 1)
		if err != nil {
			return err
		}
		for i, loss := range losses {
			h.take(turn[i], loss)
		}
		tried += len(turn)
	}
	return nil
}

// halve gives all trials little, and the best third of them three times as much. What
// is configured comes along, to be compared with at the end.
func (h *hunt) halve(ctx context.Context) error {
	name, most := search.Resource(h.model.Train.Trainer)
	if h.spec.Resource != "" {
		name = h.spec.Resource
	}
	if x, ok := h.job.Params[name].(float64); ok {
		most = int(x)
	}
	turn, space := h.first(), h.space.Without(name)
	turn = turn[:min(len(turn), h.spec.Trials)]
	for _, v := range turn {
		delete(v, name)
	}
	for len(turn) < h.spec.Trials {
		turn = append(turn, space.Random(h.rng))
	}
	plan := search.Halving{Least: max(1, most/9), Most: most, Keep: 3}
	begun := 0
	for _, much := range plan.Rounds() {
		before := h.found
		h.found.Found, h.found.Loss = nil, math.Inf(1) // Little tells less than more.
		losses, err := h.round(ctx, begun, turn, name, much)
		if err != nil {
			return err
		}
		if h.found.Stopped != "" {
			if before.Found != nil { // What was given the same is compared, or nothing.
				h.found.Found, h.found.Loss, h.found.Configured = before.Found, before.Loss, before.Configured
			}
			return nil
		}
		begun += len(turn)
		turn = onward(turn, plan.Kept(losses))
	}
	return nil
}

// onward are those of a turn that go on into the next round: those that were kept, and
// the first, which is what is configured.
func onward(turn []search.Values, kept []int) (next []search.Values) {
	for i, v := range turn {
		if i == 0 || slices.Contains(kept, i) {
			next = append(next, v)
		}
	}
	return next
}

// round gives so much of a param to each trial of a turn.
func (h *hunt) round(ctx context.Context, begun int, turn []search.Values, name string, much int) (losses []float64, err error) {
	for from := 0; from < len(turn); from = len(losses) {
		n := h.room(len(turn)-from, float64(much))
		if n == 0 {
			return losses, nil
		}
		part := turn[from : from+n]
		given := make([]search.Values, len(part))
		for i, v := range part {
			given[i] = maps.Clone(v)
			given[i][name] = float64(much)
		}
		got, err := h.try(ctx, begun+from, given, float64(much))
		if err != nil {
			return nil, err
		}
		for i, loss := range got {
			h.take(part[i], loss)
		}
		losses = append(losses, got...)
	}
	return losses, nil
}

// take notes what a trial came to.
func (h *hunt) take(v search.Values, loss float64) {
	if len(v) == 0 && !math.IsInf(loss, 0) {
		h.found.Configured = loss
	}
	if len(v) > 0 {
		h.past = append(h.past, search.Trial{Values: v, Loss: loss})
	}
	if loss < h.found.Loss {
		h.found.Loss, h.found.Found = loss, v
	}
}

// try trains and judges some trials at a time, each with so much. One that cannot be
// trained or asked loses without bound; what is no fault of its own ends the search.
func (h *hunt) try(ctx context.Context, begun int, turn []search.Values, much float64) ([]float64, error) {
	losses, costs, errs := make([]float64, len(turn)), make([]float64, len(turn)), make([]error, len(turn))
	var wait sync.WaitGroup
	for i, v := range turn {
		wait.Go(func() { losses[i], costs[i], errs[i] = h.trial(ctx, begun+i, v) })
	}
	wait.Wait()
	for i, err := range errs {
		h.found.Cost += costs[i]
		h.given += much
		e, known := hone.AsError(err)
		switch {
		case err == nil:
			h.found.Trials++
		case ctx.Err() != nil || !known || e.Code != hone.Invalid:
			return nil, err
		default:
			losses[i] = math.Inf(1)
			h.found.Failed++
		}
		h.tail.report(train.Progress{Line: h.told(begun+i, turn[i], losses[i], errs[i])})
	}
	return losses, nil
}

func (h *hunt) told(n int, v search.Values, loss float64, err error) string {
	what := "the configured params"
	if len(v) > 0 {
		what = string(marshal(v))
	}
	if err != nil {
		return fmt.Sprintf("trial %d of the search, %s, failed: %v", n+1, what, err)
	}
	return fmt.Sprintf("trial %d of the search, %s, loses %.4g a row", n+1, what, loss)
}

// trial is the declared loss of a row, where two are equal the log loss decides, and
// what it cost, whatever came of it.
func (h *hunt) trial(ctx context.Context, n int, v search.Values) (loss, cost float64, err error) {
	params := h.with(v)
	inputs := h.inputs(h.of, h.job.Signature, h.from, params)
	made, err := h.trained(ctx, h.run, searchPart(n), inputs, func() (train.Job, error) {
		job := h.job
		job.Params, job.Rows, job.Labels, job.Weights = params, h.learn.Frame, h.learn.Labels, h.learn.Weights
		job.Targets = h.learn.Targets(job.Signature)
		return job, nil
	}, func(train.Progress) {})
	took, unknown := h.took(ctx, searchPart(n), inputs)
	cost = took.cost(h.model.Costs)
	if err = cmp.Or(err, unknown); err != nil {
		return 0, cost, err
	}
	scores, err := h.o.Registry.Score(ctx, h.model.Name, made.Dir, h.judge.Frame)
	if err != nil {
		return 0, cost, errors.Join(err, ctx.Err())
	}
	return h.loss(scores), cost, nil
}

// took is the bill of the attempts at a trial.
func (h *hunt) took(ctx context.Context, part, inputs string) (bill, error) {
	engine, err := h.engine()
	if err != nil {
		return bill{}, err
	}
	b, _, err := h.bill(ctx, engine, train.Name{Run: h.run.ID, Part: part}, inputs)
	return b, err
}

func (h *hunt) loss(scores hone.Scores) float64 {
	loss := meanLoss(h.model.Loss, h.job.Signature, scores, h.judge)
	if h.job.Signature.Task != hone.Regression {
		loss += tie * min(meanLoss(hone.Loss{Kind: hone.Log}, h.job.Signature, scores, h.judge), 100)
	}
	return loss
}

// clearTrials removes what the trials of a run that is closed were given and made.
func (k *keeper) clearTrials(run hone.Run) {
	left, err := filepath.Glob(filepath.Join(k.runDir(run), trial+"*"))
	for _, name := range left {
		err = errors.Join(err, os.RemoveAll(name))
	}
	if err != nil {
		k.log.Warn("trials of a search not removed", "run_id", run.ID, "error", err)
	}
}
