package builtin

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/gbdt"
	"hone/internal/predictor"
	"hone/internal/train"
	"hone/internal/train/params"
)

// manyTrees is how often the trees of one training may be gone on from: each answer
// costs more with every one.
const manyTrees = 10

// trees is the learner gbdt.
type trees struct {
	params.Trees
	o     gbdt.Options
	from  *gbdt.Model
	late  bool // Early stopping was asked for.
	stops int  // The trees after which it stopped; 0 while it has not.
}

func newTrees(job train.Job, report func(train.Progress)) (learner, error) {
	read, err := params.ReadTrees(job.Params)
	if err != nil {
		return nil, invalid(err, "mend train.params")
	}
	t, o := &trees{Trees: read}, read.Options
	if !t.Seeded {
		o.Seed = job.Seed
	}
	o.Threads = runtime.GOMAXPROCS(0)
	switch job.Signature.Task {
	case hone.Binary:
		o.Task = gbdt.Logistic
	case hone.Multiclass:
		o.Task, o.Classes = gbdt.Softmax, len(job.Signature.Classes)
	case hone.Regression:
		o.Task = gbdt.LeastSquares
	default:
		return nil, unlearned(job)
	}
	if !slices.ContainsFunc(job.Signature.Features, func(f frame.Field) bool { return f.Kind != frame.Text }) {
		return nil, invalid(errors.New("the trainer gbdt reads numbers and categories, and every feature is a text"), "use the trainer linear, or one of your own")
	}
	t.o, t.late = o, o.EarlyStopping > 0
	if t.Warm != params.Parameters {
		t.from = previous(job, report, predictor.ReadTrees)
	}
	if t.from != nil && t.Warm == params.Continue && t.from.Trees() > (manyTrees-1)*o.Iterations*t.from.Width() {
		report(train.Progress{Line: fmt.Sprintf("began anew: the champion has %d trees already", t.from.Trees())})
		t.from = nil
	}
	return t, nil
}

func (t *trees) held() bool { return t.late && t.stops == 0 && !t.refits() }

func (t *trees) threads() int { return t.o.Threads }

func (t *trees) refits() bool { return t.from != nil && t.Warm == params.Refit }

func (t *trees) fit(r rows, late *rows, report func(int, float64) bool) (model, error) {
	set := gbdt.Set{Rows: r.Frame, Targets: r.targets, Weights: r.weights}
	if t.refits() {
		if m, err := gbdt.Refit(t.from, set, t.Decay, t.o.Threads); err == nil {
			return m, nil
		}
	}
	o, x := t.o, gbdt.Extra{Report: report}
	if !t.refits() { // Leaves that cannot be refitted are grown anew.
		x.From = t.from
	}
	switch {
	case t.stops > 0:
		o.Iterations, o.EarlyStopping = t.stops, 0
	case t.late && late != nil:
		x.Held = &gbdt.Set{Rows: late.Frame, Targets: late.targets, Weights: late.weights}
	default:
		o.EarlyStopping = 0
	}
	m, err := gbdt.Fit(set, o, x)
	if errors.Is(err, gbdt.ErrStopped) {
		return nil, errStopped
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (t *trees) settle(m model) {
	if !t.late || t.refits() {
		return
	}
	fit, before := m.(*gbdt.Model), 0
	if fit.WarmStarted {
		before = t.from.Trees()
	}
	t.stops = max(1, (fit.Trees()-before)/fit.Width())
}

func (t *trees) about(m model) (map[string]float64, string) {
	fit := m.(*gbdt.Model)
	said := ""
	if t.from != nil && !fit.WarmStarted {
		said = anew
	}
	return map[string]float64{"train_loss": fit.Loss, "trees": float64(fit.Trees()), "warm_start": number(fit.WarmStarted)}, said
}
