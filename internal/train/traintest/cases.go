package traintest

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/predictor"
	"hone/internal/train"
)

func submitAndFetch(w *world) {
	n, j := name("fraud-1", 1), w.job(Quick, "bern")
	w.want(n, train.Unknown)
	w.submit(n, j)
	if heard := w.follow(n, 0); len(heard) == 0 {
		w.Error("it reported nothing")
	}
	if s := w.want(n, train.Finished); s.Inputs != j.Inputs {
		w.Errorf("its inputs are %q, want %q", s.Inputs, j.Inputs)
	}
	r, err := w.e.Result(w.ctx, n)
	if err != nil {
		w.Fatal(err)
	}
	if m, err := predictor.ReadManifest(r.Dir); err != nil || !reflect.DeepEqual(m.Signature, j.Signature) {
		w.Errorf("its artefact is of %+v (%v)", m.Signature, err)
	}
	if len(r.Metrics) == 0 {
		w.Error("it has no metrics")
	}
}

func submitTwice(w *world) {
	n, slow := name("fraud-1", 1), w.job(Slow, "bern")
	w.submit(n, slow)
	w.begun(n)
	w.submit(n, slow)
	w.want(n, train.Running)
	if err := w.e.Cancel(w.ctx, n); err != nil {
		w.Fatal(err)
	}
	w.submit(n, slow)
	w.want(n, train.Cancelled)
	m, quick := name("fraud-2", 1), w.job(Quick, "bern")
	w.submit(m, quick)
	heard := w.follow(m, 0)
	w.submit(m, quick)
	w.want(m, train.Finished)
	if again := w.follow(m, 0); !slices.Equal(heard, again) {
		w.Errorf("submitted again it reported %q, before %q", again, heard)
	}
	if got := w.Begun(); got != 2 {
		w.Errorf("%d trainings began, want 2", got)
	}
	quick.Inputs = "others"
	if err := w.e.Submit(w.ctx, m, quick); code(err) != hone.Conflict {
		w.Errorf("its name for other inputs: got %v", err)
	}
}

func names(w *world) {
	j := w.job(Quick, "bern")
	for _, n := range []train.Name{{}, {Run: "fraud-1", Part: "v1"}, {Run: "../x", Part: "v1", Attempt: 1}, {Run: "fraud-1", Part: "v1/../../..", Attempt: 1}, {Run: "fraud-1", Part: ".", Attempt: 1}} {
		if err := w.e.Submit(w.ctx, n, j); code(err) != hone.Invalid {
			w.Errorf("%q: got %v", n, err)
		}
	}
	n := name("fraud-1", 1)
	if _, err := w.e.Follow(w.ctx, n, 0, func(train.Progress) {}); code(err) != hone.NotFound {
		w.Errorf("follow what nobody submitted: got %v", err)
	}
	if _, err := w.e.Result(w.ctx, n); code(err) != hone.Unavailable {
		w.Errorf("the result of what nobody submitted: got %v", err)
	}
	if err := w.e.Cancel(w.ctx, n); err != nil {
		w.Errorf("cancel what nobody submitted: got %v", err)
	}
	w.want(n, train.Unknown)
	j.Model.Train.Trainer = "none"
	if err := w.e.Submit(w.ctx, n, j); code(err) != hone.Invalid {
		w.Errorf("a trainer that there is not: got %v", err)
	}
}

func followFrom(w *world) {
	n := name("fraud-1", 1)
	w.submit(n, w.job(Slow, "bern"))
	first, at, err := hear(w.ctx, w.e, n, 0, 1)
	if err != nil || at != len(first) {
		w.Fatalf("%d reports up to %d: %v", len(first), at, err)
	}
	if err := w.e.Cancel(w.ctx, n); err != nil {
		w.Fatal(err)
	}
	rest, all := w.follow(n, at), w.follow(n, 0)
	if !slices.Equal(append(first, rest...), all) {
		w.Errorf("in two parts it reported %q and %q, at once %q", first, rest, all)
	}
	if more := w.follow(n, len(all)); len(more) > 0 {
		w.Errorf("behind the last it reported %q", more)
	}
}

func cancelled(w *world) {
	n := name("fraud-1", 1)
	w.submit(n, w.job(Slow, "bern"))
	w.begun(n)
	followed := make(chan error)
	go func() {
		_, _, err := hear(w.ctx, w.e, n, 0, 1<<30)
		followed <- err
	}()
	for range 2 { // A second time it is over.
		if err := w.e.Cancel(w.ctx, n); err != nil {
			w.Error(err)
		}
	}
	if err := <-followed; err != nil {
		w.Errorf("who followed it heard %v", err)
	}
	w.want(n, train.Cancelled)
	if _, err := w.e.Result(w.ctx, n); code(err) != hone.Unavailable {
		w.Errorf("its result: got %v", err)
	}
	w.restart()
	w.want(n, train.Cancelled)
}

func checkpoint(w *world) {
	if !w.Checkpoints {
		w.Skip("the trainer writes no checkpoint")
	}
	end := func(n train.Name) {
		w.begun(n)
		if err := w.e.Cancel(w.ctx, n); err != nil {
			w.Fatal(err)
		}
	}
	j := w.job(Slow, "bern")
	w.submit(name("fraud-1", 1), j)
	end(name("fraud-1", 1))
	w.submit(name("fraud-1", 2), j)
	w.follow(name("fraud-1", 2), 0)
	r, err := w.e.Result(w.ctx, name("fraud-1", 2))
	if err != nil || r.Metrics["from_checkpoint"] == 0 {
		w.Errorf("the second attempt: got %v, %v", r, err)
	}
	w.submit(name("fraud-2", 1), j)
	end(name("fraud-2", 1))
	j.Inputs = "others"
	w.submit(name("fraud-2", 2), j) // Which finds none, and so does not end.
	end(name("fraud-2", 2))
}

func restartAfter(w *world) {
	done, wrong := name("fraud-1", 1), name("fraud-2", 1)
	quick, broken := w.job(Quick, "bern"), w.job(Broken, "bern")
	w.submit(done, quick)
	w.submit(wrong, broken)
	heard, said := w.follow(done, 0), w.follow(wrong, 0)
	before, err := w.e.Result(w.ctx, done)
	if err != nil {
		w.Fatal(err)
	}
	w.restart()
	w.want(done, train.Finished)
	w.want(wrong, train.Failed)
	if after, err := w.e.Result(w.ctx, done); err != nil || !reflect.DeepEqual(before, after) {
		w.Errorf("the result was %v and is %v (%v)", before, after, err)
	}
	w.fails(wrong, hone.Invalid, w.LastWords)
	if again := w.follow(done, 0); !slices.Equal(heard, again) {
		w.Errorf("it reported %q, and then %q", heard, again)
	}
	if again := w.follow(wrong, 1); !slices.Equal(said[min(1, len(said)):], again) {
		w.Errorf("it reported %q, and from 1 on %q", said, again)
	}
	w.submit(done, quick)
	w.submit(wrong, broken)
	if got := w.Begun(); got != 2 {
		w.Errorf("%d trainings began, want 2", got)
	}
}

func restartAmid(w *world) {
	n, j := name("fraud-1", 1), w.job(Slow, "bern")
	w.submit(n, j)
	w.begun(n)
	w.restart()
	if s := w.want(n, train.Running, train.Lost); s.State == train.Running {
		w.submit(n, j)
		if err := w.e.Cancel(w.ctx, n); err != nil {
			w.Fatal(err)
		}
	}
	w.submit(n, j)
	w.want(n, train.Cancelled, train.Lost)
	next := name("fraud-1", 2)
	w.submit(next, j)
	if w.Checkpoints {
		w.follow(next, 0)
		if r, err := w.e.Result(w.ctx, next); err != nil || r.Metrics["from_checkpoint"] == 0 {
			w.Errorf("the next attempt: got %v, %v", r, err)
		}
	}
	w.begun(next)
	if err := w.e.Cancel(w.ctx, next); err != nil {
		w.Error(err)
	}
	if got := w.Begun(); got != 2 {
		w.Errorf("%d trainings began, want 2", got)
	}
}

// twoEngines lets the next process look at what the last one's engine still does.
func twoEngines(w *world) {
	n, j := name("fraud-1", 1), w.job(Slow, "bern")
	w.submit(n, j)
	w.begun(n)
	other, stop := w.Open()
	defer stop()
	if s, err := other.State(w.ctx, n); err != nil || s.State != train.Running || s.Inputs != j.Inputs {
		w.Errorf("the other says %v, %v", s, err)
	}
	if err := other.Submit(w.ctx, n, j); err != nil {
		w.Error(err)
	}
	if err := other.Submit(w.ctx, name("fraud-1", 2), j); code(err) != hone.Conflict {
		w.Errorf("a second attempt beside the first: got %v", err)
	}
	followed := make(chan error)
	go func() {
		heard, _, err := hear(w.ctx, other, n, 0, 1<<30)
		if len(heard) == 0 {
			w.Error("the other heard nothing")
		}
		followed <- err
	}()
	if err := w.e.Cancel(w.ctx, n); err != nil {
		w.Error(err)
	}
	if err := <-followed; err != nil {
		w.Error(err)
	}
	if s, err := other.State(w.ctx, n); err != nil || s.State != train.Cancelled {
		w.Errorf("the other says %v, %v", s, err)
	}
}

func broken(w *world) {
	n := name("fraud-1", 1)
	w.submit(n, w.job(Broken, "bern"))
	w.follow(n, 0)
	w.want(n, train.Failed)
	w.fails(n, hone.Invalid, w.LastWords)
}

func limits(w *world) {
	for _, kind := range []Kind{Late, Hungry, Wordy} {
		w.Run(string(kind), func(t *testing.T) {
			sub := *w
			sub.T = t
			n := name("fraud-"+string(kind), 1)
			sub.submit(n, sub.job(kind, "bern"))
			sub.follow(n, 0)
			sub.want(n, train.Failed)
			switch kind {
			case Late:
				sub.fails(n, hone.Unavailable, "longer than")
			case Hungry:
				sub.fails(n, hone.TooLarge, "memory")
			case Wordy:
				if _, err := sub.e.Result(sub.ctx, n); code(err) == hone.Invalid { // The system refused to write, and the trainer says so.
					sub.fails(n, hone.Invalid, "file too large")
					return
				}
				sub.fails(n, hone.TooLarge, "over its limit")
			}
		})
	}
}

// took holds that the time of processors is told of each attempt that is over, however
// it ended, and is still known after a restart.
func took(w *world) {
	done, ended := name("fraud-1", 1), name("fraud-2", 1)
	w.submit(done, w.job(Quick, "bern"))
	w.follow(done, 0)
	w.submit(ended, w.job(Slow, "bern"))
	w.begun(ended)
	if s := w.want(ended, train.Running); s.Processor != 0 {
		w.Errorf("while it runs it is said to have taken %v", s.Processor)
	}
	if err := w.e.Cancel(w.ctx, ended); err != nil {
		w.Fatal(err)
	}
	a, b := w.want(done, train.Finished), w.want(ended, train.Cancelled)
	if a.Processor <= 0 || a.Processor > patience || b.Processor <= 0 || b.Processor > patience {
		w.Errorf("they took %v and %v", a.Processor, b.Processor)
	}
	w.restart()
	if again := w.want(done, train.Finished); again != a {
		w.Errorf("after a restart it is %+v, before %+v", again, a)
	}
}

func onlyItsRows(w *world) {
	n := name("fraud-1", 1)
	w.submit(n, w.job(Quick, "bern"))
	w.follow(n, 0)
	w.holds(n, "bern", heldOut)
}

func twoAtOnce(w *world) {
	places := []string{"bern", "lima", "oslo"}
	for _, p := range places {
		w.submit(name(p, 1), w.job(Quick, p))
	}
	for i, p := range places {
		w.follow(name(p, 1), 0)
		w.holds(name(p, 1), p, places[(i+1)%3], places[(i+2)%3])
	}
}

// holds checks which places an artefact shows.
func (w *world) holds(n train.Name, place string, others ...string) {
	w.Helper()
	r, err := w.e.Result(w.ctx, n)
	if err != nil {
		w.Fatal(err)
	}
	var all strings.Builder
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(r.Dir, e.Name()))
		if err != nil {
			w.Fatal(err)
		}
		all.Write(b)
	}
	if !strings.Contains(all.String(), place) {
		w.Errorf("the artefact of %s does not show %s", n, place)
	}
	for _, o := range others {
		if strings.Contains(all.String(), o) {
			w.Errorf("the artefact of %s shows %s", n, o)
		}
	}
}

func code(err error) hone.Code {
	if e, ok := hone.AsError(err); ok {
		return e.Code
	}
	return ""
}
