package loop

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/evaluate"
	"hone/internal/frame"
	"hone/internal/train"
)

const (
	// quickTraining is how long a training may have taken for a second one, on
	// permuted labels, to be worth it unasked.
	quickTraining = 10 * time.Second
	// permutedName is the folder of the twin, and its name among versions.
	permutedName = "permuted"
)

// wantsPermuted tells whether a twin is trained on permuted labels: where the owner
// asks, and where a built-in learner does it in no time.
func (k *keeper) wantsPermuted(run hone.Run) bool {
	for _, g := range k.model.Gates {
		if g.Metric == "permuted_twin" {
			return true
		}
	}
	return k.model.Train.Trainer == "linear" && time.Duration(run.Took[hone.Training]) < quickTraining
}

// permute has the twin answer the rows that the evidence got last. A twin that
// cannot be trained, or does not answer, is no reason to end the run: the evidence
// says why there is none.
func (k *keeper) permute(ctx context.Context, run hone.Run, ev *evaluate.Evidence, rows *frame.Frame) error {
	if ev.Shuffled != nil && ev.Shuffled.Fault != "" || ev.Shuffled == nil && (len(ev.Looks) > 0 || !k.wantsPermuted(run)) {
		return nil
	}
	v, err := k.o.Control.Version(ctx, k.model.Name, run.Twin)
	if err != nil {
		return err
	}
	scores, err := k.askPermuted(ctx, run, v, rows)
	if err == nil {
		return ev.AddShuffled(evaluate.Side{Version: permutedName, Signature: v.Signature, Scores: scores})
	}
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

// askPermuted trains the twin if that was not done, and asks it.
func (k *keeper) askPermuted(ctx context.Context, run hone.Run, v hone.Version, rows *frame.Frame) (hone.Scores, error) {
	dir := filepath.Join(k.runDir(run), permutedName)
	for _, made := range []string{"model", filepath.Join("output", "model")} {
		if _, err := os.Stat(filepath.Join(dir, permutedName, made)); err == nil {
			return k.o.Registry.Score(ctx, k.model.Name, filepath.Join(dir, permutedName, made), rows)
		}
	}
	ds, c, err := k.thaw(ctx, run)
	if err != nil {
		return hone.Scores{}, err
	}
	made, err := k.fitPermuted(ctx, run, v, ds, c.Train, dir)
	if err != nil {
		return hone.Scores{}, err
	}
	return k.o.Registry.Score(ctx, k.model.Name, made, rows)
}

// fitPermuted trains as fit does, but on labels that were dealt out anew, and never
// from the champion, who knows the true ones. What is whole is put in place.
func (k *keeper) fitPermuted(ctx context.Context, run hone.Run, v hone.Version, ds hone.Dataset, rows dataset.Rows, dir string) (string, error) {
	engine, ok := k.o.Engines[k.model.Train.Trainer]
	if !ok {
		return "", &hone.Error{Code: hone.Invalid, Message: "there is no trainer " + k.model.Train.Trainer, Hint: "use linear or command"}
	}
	labels, weights := shuffled(rows, ds.Recipe.Seed)
	rows.Labels, rows.Weights = labels, weights
	work := filepath.Join(dir, "work")
	if err := errors.Join(freshDir(dir), freshDir(work)); err != nil {
		return "", err
	}
	made, err := engine.Train(ctx, train.Job{
		Model: k.model, Signature: v.Signature, Rows: rows.Frame, Labels: labels, Targets: rows.Targets(v.Signature), Weights: weights,
		Params: k.model.Train.Params, Dir: work, Seed: uint64(run.Number),
	}, func(train.Progress) {})
	if err != nil {
		return "", err
	}
	under, err := filepath.Rel(work, made.Dir)
	if err != nil {
		return "", err
	}
	whole := filepath.Join(dir, permutedName)
	return filepath.Join(whole, under), os.Rename(work, whole)
}

// shuffled deals out labels anew, each with its weight: how rare a label is stays
// as it was.
func shuffled(rows dataset.Rows, seed uint64) ([]string, []float64) {
	labels, weights := slices.Clone(rows.Labels), slices.Clone(rows.Weights)
	rand.New(rand.NewPCG(seed, 0x7065726d)).Shuffle(len(labels), func(i, j int) {
		labels[i], labels[j] = labels[j], labels[i]
		if weights != nil {
			weights[i], weights[j] = weights[j], weights[i]
		}
	})
	return labels, weights
}
