// Package traintest holds what every engine of trainings must do. How an engine
// comes to its trainings is left to the tests that run it.
package traintest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/train"
)

// Kind is what a job does.
type Kind string

// The kinds.
const (
	Quick  Kind = "quick"  // Reports, and ends with an artefact that shows the places in its rows.
	Slow   Kind = "slow"   // Reports, and goes on until it is ended; at once done where there is a checkpoint.
	Broken Kind = "broken" // Fails, and says why.
	Late   Kind = "late"   // Runs into its limit of time.
	Hungry Kind = "hungry" // Runs into its limit of memory.
	Wordy  Kind = "wordy"  // Runs into its limit of output.
)

// Place is where engines stand: a folder of this machine, a cluster.
type Place struct {
	// Open returns an engine over the place, and what ends it as the end of its
	// process does.
	Open func() (e train.Engine, stop func())
	// Make gives a job what makes it one of a kind: the trainer, parameters, limits.
	// It returns why there is none, for a trainer that has no such limit.
	Make func(k Kind, j *train.Job) (lacks string)
	// Begun counts the trainings that began here, Together how many of one run there
	// ever were at once.
	Begun, Together func() int
	// LastWords are what a broken one says.
	LastWords string
	// Checkpoints tells that the trainer writes some: a slow one that finds one ends
	// with the metric from_checkpoint.
	Checkpoints bool
}

// patience bounds each wait: machines that run tests are busy.
const patience = 2 * time.Minute

// Run holds engines to what train.Engine promises, each case in a place of its own.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		run  func(*world)
	}{
		{"submit and fetch", submitAndFetch},
		{"submit twice", submitTwice},
		{"names", names},
		{"follow from a position", followFrom},
		{"cancel", cancelled},
		{"a retry finds the checkpoint", checkpoint},
		{"restart when it is over", restartAfter},
		{"restart while it runs", restartAmid},
		{"two engines over one place", twoEngines},
		{"a failure says why", broken},
		{"limits", limits},
		{"what it took", took},
		{"only its rows", onlyItsRows},
		{"two at once", twoAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			w := &world{T: t, Place: place(t), ctx: ctx}
			w.restart()
			defer func() { w.stop() }()
			c.run(w)
			if n := w.Together(); n > 1 {
				t.Errorf("%d trainings of one run went on at once", n)
			}
		})
	}
}

// world is one case's place, with the engine that is open there.
type world struct {
	*testing.T
	Place
	ctx  context.Context
	e    train.Engine
	stop func()
}

func (w *world) restart() {
	w.Helper()
	if w.stop != nil {
		w.stop()
	}
	w.e, w.stop = w.Open()
}

var features = frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "place", Kind: frame.Category}}

// job makes a training on rows that all lie in a place, cut off a frame whose rest
// lies elsewhere, as a holdout is.
func (w *world) job(k Kind, place string) train.Job {
	w.Helper()
	const n, all = 60, 80
	rows := frame.New(features, all)
	j := train.Job{
		Model: hone.Model{Name: "fraud", Task: hone.Binary, Label: hone.LabelSpec{Name: "is_fraud"},
			Train: hone.TrainSpec{CSV: true, Limits: hone.Limits{Time: hone.Duration(patience), Memory: 4 << 30, Output: 32 << 20}}},
		Signature: hone.Signature{Task: hone.Binary, Features: features, Classes: []string{"0", "1"}, Threshold: 0.5},
		Rows:      rows.Slice(0, n), Inputs: string(k) + " in " + place, Seed: 7,
	}
	for i := range all {
		rows.Cols[0].Num[i], rows.Cols[1].Str[i] = math.Sin(float64(i)), heldOut
		if i < n {
			rows.Cols[1].Str[i] = place
			j.Labels, j.Targets = append(j.Labels, j.Signature.Classes[i%2]), append(j.Targets, float64(i%2))
		}
	}
	if lacks := w.Make(k, &j); lacks != "" {
		w.Skip(lacks)
	}
	return j
}

const heldOut = "held-out-of-training"

func name(run string, attempt int) train.Name {
	return train.Name{Run: hone.RunID(run), Part: "v1-twin", Attempt: attempt}
}

func (w *world) submit(n train.Name, j train.Job) {
	w.Helper()
	if err := w.e.Submit(w.ctx, n, j); err != nil {
		w.Fatalf("submit %s: %v", n, err)
	}
}

func (w *world) want(n train.Name, states ...train.State) train.Status {
	w.Helper()
	s, err := w.e.State(w.ctx, n)
	if err != nil {
		w.Fatal(err)
	}
	for _, state := range states {
		if s.State == state {
			return s
		}
	}
	w.Fatalf("%s is %q, want one of %q", n, s.State, states)
	return s
}

// follow hears an attempt out from a position on.
func (w *world) follow(n train.Name, from int) []string {
	w.Helper()
	heard, at, err := hear(w.ctx, w.e, n, from, math.MaxInt)
	if err != nil || at != from+len(heard) {
		w.Fatalf("%d reports of %s from %d on, up to %d: %v", len(heard), n, from, at, err)
	}
	return heard
}

// begun waits for the first report of an attempt.
func (w *world) begun(n train.Name) {
	w.Helper()
	if heard, _, err := hear(w.ctx, w.e, n, 0, 1); len(heard) == 0 {
		w.Fatalf("nothing was heard of %s: %v", n, err)
	}
}

var errEnough = errors.New("enough was heard")

// hear follows an attempt until so many reports were heard, or to its end.
func hear(ctx context.Context, e train.Engine, n train.Name, from, enough int) (heard []string, at int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	at, err = e.Follow(ctx, n, from, func(p train.Progress) {
		if heard = append(heard, fmt.Sprint(p)); len(heard) >= enough {
			cancel(errEnough)
		}
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return heard, at, err
}

// fails checks how an attempt is said to have failed.
func (w *world) fails(n train.Name, code hone.Code, words string) {
	w.Helper()
	_, err := w.e.Result(w.ctx, n)
	e, ok := hone.AsError(err)
	if !ok || e.Code != code || e.Hint == "" || !strings.Contains(e.Message, words) {
		w.Errorf("%s failed with %v, want %s with %q", n, err, code, words)
	}
}
