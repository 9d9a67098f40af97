package builtin

import (
	"errors"
	"fmt"
	"slices"

	"hone"
	"hone/internal/learn/linear"
	"hone/internal/predictor"
	"hone/internal/train"
)

// linearLearner is the learner linear.
type linearLearner struct {
	o    linear.Options
	from *linear.Model
}

func newLinear(job train.Job, report func(train.Progress)) (learner, error) {
	o, err := linear.OptionsFrom(job.Params)
	if err != nil {
		return nil, invalid(err, "mend train.params")
	}
	o.Seed = job.Seed
	switch job.Signature.Task {
	case hone.Binary:
		o.Task = linear.Logistic
	case hone.Multiclass:
		o.Task, o.Classes = linear.Softmax, len(job.Signature.Classes)
	case hone.Regression:
		o.Task = linear.LeastSquares
	default:
		return nil, unlearned(job)
	}
	return &linearLearner{o, previous(job, report, predictor.ReadLinear)}, nil
}

func (l *linearLearner) held() bool   { return false }
func (l *linearLearner) settle(model) {}
func (l *linearLearner) threads() int { return 1 }

func (l *linearLearner) fit(r rows, _ *rows, report func(int, float64) bool) (model, error) {
	m, err := linear.Fit(r.Frame, r.targets, r.weights, l.o, l.from, report)
	if errors.Is(err, linear.ErrStopped) {
		return nil, errStopped
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (l *linearLearner) about(m model) (map[string]float64, string) {
	fit := m.(*linear.Model)
	said := ""
	if l.from != nil && !fit.WarmStarted {
		said = anew
	}
	metrics := map[string]float64{"train_loss": fit.Loss, "steps": float64(fit.Steps), "warm_start": number(fit.WarmStarted)}
	if fit.Options().L1 > 0 {
		metrics["nonzero_weights"] = float64(fit.Nonzero())
	}
	return metrics, said
}

// anew says why a training did not go on from the champion.
const anew = "began anew: the champion's features, classes or parameters are other ones"

// previous returns the champion's model to begin from, or nil. A champion that
// cannot be read is no reason not to train its successor.
func previous[T any](job train.Job, report func(train.Progress), read func(dir string) (*T, hone.Signature, error)) *T {
	if job.Previous == "" {
		return nil
	}
	m, sig, err := read(job.Previous)
	if err != nil {
		report(train.Progress{Line: "began anew: " + err.Error()})
		return nil
	}
	if !slices.Equal(sig.Classes, job.Signature.Classes) {
		report(train.Progress{Line: anew})
		return nil
	}
	return m
}

func unlearned(job train.Job) error {
	return invalid(fmt.Errorf("the trainer %s knows no task %q", job.Model.Train.Trainer, job.Signature.Task), "use the trainer command")
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
