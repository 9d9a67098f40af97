package loop

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/train"
)

const (
	// quickTraining is how long the trainings of twins may take for them to be worth
	// it unasked.
	quickTraining = 10 * time.Second
	// permutedName is the name of the twins among versions.
	permutedName = "permuted"
	// mostTwins bounds the trainings: with more classes there is one.
	mostTwins = 10
)

// twins is how many are trained for what they know by luck to be told from what they
// know: one for each class, or two for numbers.
func twins(s hone.Signature) int {
	switch n := len(s.Classes); {
	case s.Task == hone.Regression:
		return 2
	case n <= mostTwins:
		return n
	}
	return 1
}

// wantsPermuted tells whether twins are trained on permuted labels: where the owner
// asks, and where a built-in learner does it in no time.
func (k *keeper) wantsPermuted(run hone.Run, s hone.Signature) bool {
	for _, g := range k.model.Gates {
		if g.Metric == "permuted_twin" {
			return true
		}
	}
	return run.Decision.Reuse == "" && k.model.Train.BuiltIn() && time.Duration(run.Took[hone.Training]) < quickTraining/time.Duration(twins(s))
}

// permute has the twins answer the rows that the evidence got last. That they cannot
// be trained, or do not answer, is no reason to end the run: the evidence says why
// there are none.
func (k *keeper) permute(ctx context.Context, run hone.Run, ev *evaluate.Evidence, rows *frame.Frame) error {
	if ev.Shuffled != nil && ev.Shuffled.Fault != "" || ev.Shuffled == nil && len(ev.Looks) > 0 {
		return nil
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, run.Twin)
	if err != nil || ev.Shuffled == nil && !k.wantsPermuted(run, v.Signature) {
		return err
	}
	sides := make([]evaluate.Side, twins(v.Signature))
	for i := range sides {
		sides[i] = evaluate.Side{Version: permutedName, Signature: v.Signature}
		if sides[i].Scores, err = k.askPermuted(ctx, run, v, i, rows); err != nil {
			return k.noTwin(ctx, run, ev, err)
		}
	}
	return ev.AddShuffled(sides)
}

// noTwin keeps why there is no twin; what this machine did is tried again.
func (k *keeper) noTwin(ctx context.Context, run hone.Run, ev *evaluate.Evidence, err error) error {
	if _, disk := errors.AsType[*fs.PathError](err); disk || ctx.Err() != nil {
		return err
	}
	k.log.WarnContext(ctx, "twin of permuted labels failed", "run_id", run.ID, "error", err)
	why := "it failed, and the server's log says how."
	if e, ok := hone.AsError(err); ok {
		why = e.Message
	}
	ev.NoShuffled(why)
	return nil
}

// askPermuted trains a twin if that was not done, and asks it. It is trained as fit
// does, but never from the champion, who knows the true labels.
func (k *keeper) askPermuted(ctx context.Context, run hone.Run, v hone.Version, turn int, rows *frame.Frame) (hone.Scores, error) {
	made, err := k.trained(ctx, run, permutedPart(turn), k.inputs(run.Dataset, v.Signature, "", v.Params), func() (train.Job, error) {
		ds, c, err := k.thaw(ctx, run)
		if err != nil {
			return train.Job{}, err
		}
		rows := shuffled(c.Train, v.Signature, ds.Recipe.Seed, turn)
		return train.Job{
			Model: k.model, Signature: v.Signature, Rows: rows.Frame, Labels: rows.Labels, Targets: rows.Targets(v.Signature), Weights: rows.Weights,
			Params: v.Params, Seed: uint64(run.Number),
		}, nil
	}, func(train.Progress) {})
	if err != nil {
		return hone.Scores{}, err
	}
	return k.o.Registry.Score(ctx, k.model.Name, made.Dir, rows)
}

// shuffled deals out labels anew, each with its weight, so that how rare a label is
// stays as it was; then it turns every class into the one so many further on, or
// mirrors numbers at their mean.
func shuffled(rows dataset.Rows, s hone.Signature, seed uint64, turn int) dataset.Rows {
	labels, weights := slices.Clone(rows.Labels), slices.Clone(rows.Weights)
	rand.New(rand.NewPCG(seed, 0x7065726d)).Shuffle(len(labels), func(i, j int) {
		labels[i], labels[j] = labels[j], labels[i]
		if weights != nil {
			weights[i], weights[j] = weights[j], weights[i]
		}
	})
	rows.Labels, rows.Weights = labels, weights
	if turn == 0 {
		return rows
	}
	mean, targets, shares := 0.0, rows.Targets(s), rows.Shares()
	for i, y := range targets {
		mean += shares[i] * y
	}
	for i, y := range targets {
		if s.Task == hone.Regression {
			labels[i] = frame.FormatNumber(2*mean - y)
			continue
		}
		labels[i] = s.Classes[(int(y)+turn)%len(s.Classes)]
	}
	return rows
}
