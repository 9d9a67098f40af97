package app_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hone"
	"hone/internal/app"
	"hone/internal/config"
	"hone/internal/loop"
	"hone/internal/stream"
	"hone/internal/train"
	"hone/internal/train/builtin"
	"hone/internal/train/machine"
	"hone/internal/train/traintest"
)

// held is a trainer that waits until it is let go or ended.
type held struct {
	train.Trainer
	letGo chan struct{}
	ended chan struct{} // Receives each training that was ended.
}

func (h held) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	report(train.Progress{Line: "waits"})
	report(train.Progress{Step: 3, Values: map[string]float64{"loss": 0.5}})
	select {
	case <-h.letGo:
		return h.Trainer.Train(ctx, job, report)
	case <-ctx.Done():
		h.ended <- struct{}{}
		return train.Result{}, context.Cause(ctx)
	}
}

// serving starts an app over a folder with the seams.
func serving(t *testing.T, dir string, seams app.Seams) *app.App {
	t.Helper()
	return servingAs(t, dir, strings.ReplaceAll(stressed, "LOG", "durable"), seams)
}

// servingAs starts an app with a configuration.
func servingAs(t *testing.T, dir, written string, seams app.Seams) *app.App {
	t.Helper()
	text := []byte(written)
	c, err := config.Parse("hone.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	c.Server.Data = filepath.Join(dir, "data")
	a, err := app.New(t.Context(), app.Options{Config: c, Text: text, Seams: seams})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Stop)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// await waits until a view of the model is as it should be.
func await(t *testing.T, a *app.App, what string, is func(loop.View) bool) {
	t.Helper()
	tick, late := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		v, err := a.Loop().View(model)
		if err != nil {
			t.Fatal(err)
		}
		if is(v) {
			return
		}
		select {
		case <-tick.C:
			a.Loop().Wake(model)
		case <-late:
			t.Fatalf("there is not %s: %s", what, v.Sentence)
		}
	}
}

func trains(v loop.View) bool {
	return v.Run != nil && v.Training != nil && v.Training.Step == 3 && len(v.Training.Lines) == 1 && v.Training.Lines[0] == "waits"
}

// TestCancelEndsTheTraining holds that who cancels a run ends its training, whose
// progress was shown till then.
func TestCancelEndsTheTraining(t *testing.T) {
	t.Parallel()
	s := &stress{t: t, dir: t.TempDir(), source: stream.NewSEA(7, nil, 0.05)}
	h := held{builtin.New(), make(chan struct{}), make(chan struct{}, 100)}
	a := serving(t, s.dir, app.Seams{Trainer: func(string, train.Trainer) train.Trainer { return h }})
	s.load(a)
	await(t, a, "a training with its progress", trains)
	if _, err := a.Loop().Act(t.Context(), model, loop.Act{Do: loop.Cancel, By: "ada", Run: "sea-1"}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-h.ended:
	default:
		t.Error("the run is closed and its training goes on")
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "data", "runs", "sea-1", "v1-twin.1.json"))
	if err != nil || !strings.Contains(string(b), `"state":"cancelled"`) {
		t.Errorf("it is known as %s (%v)", b, err)
	}
	v, err := a.Loop().View(model)
	if err != nil || v.Last == nil || v.Last.Ending != hone.Cancelled {
		t.Errorf("the run ended as %+v (%v)", v.Last, err)
	}
}

// searching is the configuration of a model that is trained by train, once there are
// rows enough to search on.
func searching(train string) string {
	return strings.NewReplacer("LOG", "durable", "    monitor:", "    dataset: {min_rows: 800}\n    train: "+train+"\n    monitor:").Replace(stressed)
}

// TestCancelEndsTheTrials holds that who cancels a run ends the trials of its search,
// also after the search was taken out of the configuration.
func TestCancelEndsTheTrials(t *testing.T) {
	t.Parallel()
	s := &stress{t: t, dir: t.TempDir(), source: stream.NewSEA(7, nil, 0.05)}
	var c traintest.Counter
	h := held{builtin.New(), make(chan struct{}), make(chan struct{}, 100)}
	a := servingAs(t, s.dir, searching("{trainer: linear, search: {trials: 20, parallel: 8}}"),
		app.Seams{Trainer: func(_ string, t train.Trainer) train.Trainer { return c.Count(h) }})
	s.load(a)
	s.load(a)
	l := &live{t: t, app: a}
	l.eventually("eight trials train", func() bool { a.Loop().Wake(model); return c.Begun() == 8 })
	if err := l.apply("ada", "", searching("{trainer: linear}")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Loop().Act(t.Context(), model, loop.Act{Do: loop.Cancel, By: "ada", Run: "sea-1"}); err != nil {
		t.Fatal(err)
	}
	if n := len(h.ended); n != 8 {
		t.Errorf("the run is closed, and %d of 8 trials are ended", n)
	}
}

// TestSearchPaysForProcessors holds that trials are priced by the time of processors
// that they take, where no trainer says what they cost.
func TestSearchPaysForProcessors(t *testing.T) {
	t.Parallel()
	searched := func(price, most string) hone.Searched {
		s := &stress{t: t, dir: t.TempDir(), source: stream.NewSEA(7, nil, 0.05)}
		a := servingAs(t, s.dir, searching("{trainer: linear, search: {trials: 4, max_cost: "+most+"}}\n    costs: {core_hour: "+price+"}"), app.Seams{})
		defer a.Stop()
		s.load(a)
		s.load(a)
		await(t, a, "a champion", func(v loop.View) bool { return v.Champion.ID == "v1" })
		v, err := a.Loop().View(model)
		if err != nil || v.Champion.Search == nil {
			t.Fatalf("its search is %+v (%v)", v.Champion.Search, err)
		}
		if s := v.Last.Spent; s == nil || !(s.Cost > v.Champion.Search.Cost) || !(s.CoreHours > 0) || s.Said != 0 {
			t.Errorf("the run cost %+v, and its search alone %v", s, v.Champion.Search.Cost)
		}
		return *v.Champion.Search
	}
	dear, cheap := searched("1000000000000", "1"), searched("0.000001", "1")
	if dear.Trials != 1 || !(dear.Cost > 1) || !strings.HasSuffix(dear.Stopped, " of 1 are spent") {
		t.Errorf("where an hour costs a trillion, the search came to %+v", dear)
	}
	if cheap.Trials != 4 || !(cheap.Cost > 0 && cheap.Cost < 1) || cheap.Stopped != "" {
		t.Errorf("where an hour costs a millionth, the search came to %+v", cheap)
	}
}

// charging is a trainer that charges two units for each training, and counts the trials
// among them, of which the third waits until it is let go or ended.
type charging struct {
	held
	begun *atomic.Int32
}

func (c charging) Train(ctx context.Context, job train.Job, report func(train.Progress)) (train.Result, error) {
	t := c.Trainer
	if strings.HasPrefix(filepath.Base(job.Dir), "search-") && c.begun.Add(1) == 3 {
		t = c.held
	}
	r, err := t.Train(ctx, job, report)
	if err == nil {
		r.Metrics[train.CostMetric] = 2
	}
	return r, err
}

// TestBudgetOutlivesHone stops Hone in the middle of a search: what its trials had cost
// is not forgotten, and none that was over is done again.
func TestBudgetOutlivesHone(t *testing.T) {
	t.Parallel()
	s := &stress{t: t, dir: t.TempDir(), source: stream.NewSEA(7, nil, 0.05)}
	c := charging{held{builtin.New(), make(chan struct{}), make(chan struct{}, 100)}, new(atomic.Int32)}
	text := searching("{trainer: linear, search: {trials: 20, max_cost: 7}}\n    costs: {core_hour: 0.000001}")
	seams := app.Seams{Trainer: func(string, train.Trainer) train.Trainer { return c }}
	a := servingAs(t, s.dir, text, seams)
	s.load(a)
	s.load(a)
	(&live{t: t, app: a}).eventually("the third trial waits", func() bool { a.Loop().Wake(model); return c.begun.Load() == 3 })
	a.Stop()
	a = servingAs(t, s.dir, text, seams)
	await(t, a, "a champion", func(v loop.View) bool { return v.Champion.ID == "v1" })
	v, err := a.Loop().View(model)
	if err != nil || v.Champion.Search == nil {
		t.Fatalf("its search is %+v (%v)", v.Champion.Search, err)
	}
	found := v.Champion.Search
	if found.Trials != 3 || found.Cost != 6 || found.Stopped != "another trial would cost about 2, and 6 of 7 are spent" {
		t.Errorf("the search came to %+v", found)
	}
	// Three trials, the twin and the version, and what was trained on permuted labels.
	if s := v.Last.Spent; s == nil || s.Said < 10 || s.Cost < s.Said {
		t.Errorf("the run cost %+v", s)
	}
	if n := c.begun.Load(); n != 4 {
		t.Errorf("%d trials began, want three, and the third again", n)
	}
}

// TestTrainingOutlivesHone stops Hone while an engine that goes on without it is
// training: the next Hone follows that training, and begins none.
func TestTrainingOutlivesHone(t *testing.T) {
	t.Parallel()
	s := &stress{t: t, dir: t.TempDir(), source: stream.NewSEA(7, nil, 0.05)}
	var c traintest.Counter
	h := held{builtin.New(), make(chan struct{}), make(chan struct{}, 100)}
	elsewhere := machine.New(machine.Options{Dir: t.TempDir(), Trainers: map[string]train.Trainer{"linear": c.Count(h)}})
	defer elsewhere.Stop()
	seams := app.Seams{Engine: func(string, train.Engine) train.Engine { return elsewhere }}
	a := serving(t, s.dir, seams)
	s.load(a)
	await(t, a, "a training with its progress", trains)
	a.Stop()
	a = serving(t, s.dir, seams)
	await(t, a, "the same training with its progress", trains)
	if n := c.Begun(); n != 1 {
		t.Fatalf("%d trainings began, want 1", n)
	}
	close(h.letGo)
	await(t, a, "a champion", func(v loop.View) bool { return v.Champion.ID == "v1" })
	if len(h.ended) > 0 {
		t.Error("the training was ended")
	}
}

// deaf is an engine that cannot be reached to cancel anything.
type deaf struct{ train.Engine }

var errDeaf = errors.New("the engine does not answer")

func (deaf) Cancel(context.Context, train.Name) error { return errDeaf }

// TestRunStaysOpenWhileItsTrainingMayGoOn holds that a run is not closed over a
// training that could not be ended.
func TestRunStaysOpenWhileItsTrainingMayGoOn(t *testing.T) {
	t.Parallel()
	s := &stress{t: t, dir: t.TempDir(), source: stream.NewSEA(7, nil, 0.05)}
	h := held{builtin.New(), make(chan struct{}), make(chan struct{}, 100)}
	a := serving(t, s.dir, app.Seams{Trainer: func(string, train.Trainer) train.Trainer { return h },
		Engine: func(_ string, e train.Engine) train.Engine { return deaf{e} }})
	s.load(a)
	await(t, a, "a training with its progress", trains)
	if _, err := a.Loop().Act(t.Context(), model, loop.Act{Do: loop.Cancel, By: "ada", Run: "sea-1"}); !errors.Is(err, errDeaf) {
		t.Errorf("got %v", err)
	}
	await(t, a, "the same run, which trains", trains)
}
