package loop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"hone"
	"hone/internal/train"
	"hone/internal/train/search"
)

// engine is where the model trains.
func (k *keeper) engine() (train.Engine, error) {
	if e, ok := k.o.Engines[k.model.Train.Trainer]; ok {
		return e, nil
	}
	return nil, &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("there is no trainer %q", k.model.Train.Trainer), Hint: "use linear, gbdt or command"}
}

// inputs names what a part of a run is trained from. Rows are named by their
// dataset, and by the part.
func (k *keeper) inputs(ds hone.DatasetID, s hone.Signature, champion string, params map[string]any) string {
	spec := k.model.Train
	sum := sha256.Sum256(marshal([]any{ds, s, spec.Trainer, spec.Command, params, spec.Calibration, champion}))
	return hex.EncodeToString(sum[:])
}

// trained returns what the training of a part of the run came to. Whether it was
// done, or still goes on, is asked of the engine: this process may not be the one
// that began it. Only where no attempt at the same is running or done does the
// next one begin; a failure that would come again is not tried again.
func (k *keeper) trained(ctx context.Context, run hone.Run, part, inputs string, job func() (train.Job, error), report func(train.Progress)) (train.Result, error) {
	engine, err := k.engine()
	if err != nil {
		return train.Result{}, err
	}
	n := train.Name{Run: run.ID, Part: part}
	for ctx.Err() == nil {
		n.Attempt++
		s, err := engine.State(ctx, n)
		switch same := s.Inputs == inputs; {
		case err != nil:
			return train.Result{}, fmt.Errorf("ask how %s stands: %w", n, err)
		case s.State == train.Unknown:
			j, err := job()
			if j.Inputs = inputs; err == nil {
				err = engine.Submit(ctx, n, j)
			}
			if err != nil {
				return train.Result{}, err
			}
			return followed(ctx, engine, n, report)
		case same && (s.State == train.Running || s.State == train.Finished):
			return followed(ctx, engine, n, report)
		case s.State == train.Running: // The configuration has changed since.
			if err := engine.Cancel(ctx, n); err != nil {
				return train.Result{}, err
			}
		case same && s.State == train.Failed:
			if err := hopeless(ctx, engine, n); err != nil {
				return train.Result{}, err
			}
		}
	}
	return train.Result{}, context.Cause(ctx)
}

// hopeless returns why an attempt failed, if the next one would fail so too.
func hopeless(ctx context.Context, engine train.Engine, n train.Name) error {
	_, err := engine.Result(ctx, n)
	if e, ok := hone.AsError(err); ok && e.Code != hone.Unavailable {
		return err
	}
	return nil
}

// followed waits for the end of an attempt, and fetches what it made. If the
// context ends before, the attempt goes on.
func followed(ctx context.Context, engine train.Engine, n train.Name, report func(train.Progress)) (train.Result, error) {
	if _, err := engine.Follow(ctx, n, 0, report); err != nil {
		return train.Result{}, fmt.Errorf("follow the training: %w", err)
	}
	return engine.Result(ctx, n)
}

// callOff cancels whatever still trains for a run that is closing.
func (k *keeper) callOff(ctx context.Context, run hone.Run) error {
	if !slices.Contains([]hone.State{hone.Training, hone.Evaluating, hone.Deciding}, run.State) {
		return nil
	}
	parts, err := k.parts(ctx, run)
	if err != nil {
		return err
	}
	var failed []error
	for _, engine := range k.o.Engines {
		for _, part := range parts {
			_, err := callOff(ctx, engine, train.Name{Run: run.ID, Part: part})
			failed = append(failed, err)
		}
		failed = append(failed, callOffTrials(ctx, engine, run.ID))
	}
	return errors.Join(failed...)
}

// callOffTrials cancels what still trains of a run's search. How many trials that has
// begun is asked of the engine, since the configuration may be another by now. They have
// their numbers in turn, but for those that were to begin at the same time.
func callOffTrials(ctx context.Context, engine train.Engine, run hone.RunID) error {
	for n, missing := 0, 0; missing < search.MostParallel; n++ {
		begun, err := callOff(ctx, engine, train.Name{Run: run, Part: searchPart(n)})
		if err != nil {
			return err
		}
		if missing++; begun {
			missing = 0
		}
	}
	return nil
}

// callOff cancels the attempt at a part that is running, if there is one, and tells
// whether there ever was one.
func callOff(ctx context.Context, engine train.Engine, n train.Name) (begun bool, err error) {
	for ; ; begun = true {
		n.Attempt++
		s, err := engine.State(ctx, n)
		if err != nil || s.State == train.Unknown {
			return begun, err
		}
		if s.State == train.Running {
			if err := engine.Cancel(ctx, n); err != nil {
				return begun, fmt.Errorf("cancel the training %s: %w", n, err)
			}
		}
	}
}

// permutedPart names the training of a twin on permuted labels.
func permutedPart(turn int) string { return "permuted-" + strconv.Itoa(turn) }

// trial begins the name of the training of a trial of a search.
const trial = "search-"

func searchPart(n int) string { return trial + strconv.Itoa(n+1) }
