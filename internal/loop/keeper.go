package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/monitor"
	"hone/internal/trigger"
)

// page is how many rows of the log are read at a time.
const page = 5000

// keeper keeps one model. Its fields belong to one goroutine, but for view,
// requests, gone and ejected, or to whoever holds it between two steps.
type keeper struct {
	o     Options
	model hone.Model
	log   *slog.Logger

	requests chan request
	view     atomic.Pointer[View]
	end      func()        // Ends the keeper's goroutine; nil where it has none.
	gone     chan struct{} // Closed once the model is no longer kept.

	aliases  map[hone.Alias]hone.VersionID
	champion hone.Version // ID is empty while there is none.
	ref      *monitor.Reference
	monitor  *monitor.Monitor
	watch    *hone.Watch
	duel     *duel  // Of the rollout under way.
	vigil    *duel  // Of the probation.
	bias     string // Of the labels that the champion was trained on.
	arms     *monitor.Arms
	formers  []*former // Champions before, asked about the rows of this reign.
	pupil    *pupil    // What learns them as they come, if anything does.
	// estimated is what is expected of the newest window while its labels lack.
	estimated []hone.Signal
	// joint is what all features of the newest window that was looked at tell together.
	joint   []hone.Signal
	run     *hone.Run // The open run, if any.
	runs    []hone.Run
	schemas map[uint32]frame.Schema

	cursor cursor
	// replaying is set while the log of the reign so far, up to goal, is read
	// again: nothing is decided on what is past.
	replaying bool
	// stale is set while the log of the reign is to be read again, because the
	// configuration has changed.
	stale     bool
	goal      cursor
	presuming bool         // There are more predictions whose lack of a label counts.
	found     monitor.Step // Since the last decision.

	intake      *monitor.Intake // What came, while there is no champion.
	trainable   int             // Labels that count, while there is no champion.
	unripe      []time.Time     // When those will count that do not yet.
	lastLabel   time.Time
	spoke       time.Time // When the newest label arrived.
	presumedDue time.Time // When the first prediction behind cursor.presumed counts, while there is no champion.
	asked       asked
	answered    bool // A label that was asked for has come.
	manual      *trigger.Manual
	decision    hone.Decision
	recorded    hone.Decision // The last that was saved.
	looked      bool          // Triggers were looked at since the last start.
	schedule    time.Time
	again       time.Time // When time alone may change the decision.
	heard       heard
	incident    *hone.Incident // The newest, open or not.
	silent      bool           // No prediction has come for longer than usual.
	reported    time.Time      // The end of the last week whose report is kept.
	reportAgain time.Time      // When it is tried again; zero unless it failed.

	work    chan result // Of the stage under way; nil when none is.
	stop    context.CancelFunc
	tail    *progress
	retryAt time.Time
	// holding is set while the step under way is held for want of traffic.
	holding bool
	// unsure is set while what is known here may not be what is stored.
	unsure bool
	// unapplied is set while the gateway has not taken the newest plan.
	unapplied bool

	mu      sync.Mutex
	ejected map[hone.VersionID]string
	wake    chan struct{}

	post  post
	names *names // What the log names, where the model is served elsewhere; else nil.
	fund  *fund  // That the model shares with others.

	testing   chan tested // Of the probe, beside the loop; nil when none is under way.
	stopTest  context.CancelFunc
	testAgain time.Time // Not before, after a failure.

	measuring   chan *measurement // Under way beside the loop; nil when none is.
	stopMeasure context.CancelFunc
	remeasured  bool      // The probation was, since it was last judged.
	seen        *sighting // What the rollout's step was last judged by.
}

// cursor is how far the log has been read.
type cursor struct{ predictions, labels, shadows, presumed, opinions int64 }

// request is an act, or the wish to hold the keeper until release is closed.
type request struct {
	act     Act
	answer  chan answer
	release chan struct{}
}

type answer struct {
	sentence string
	err      error
}

func newKeeper(o Options, m hone.Model, f *fund) *keeper {
	k := &keeper{
		o: o, model: m, fund: f, log: o.Log.With("model", m.Name),
		requests: make(chan request), gone: make(chan struct{}), ejected: map[hone.VersionID]string{}, wake: make(chan struct{}, 1), tail: &progress{},
	}
	k.view.Store(&View{Model: m, Sentence: m.Name + " is starting."})
	return k
}

// resume reads where the model stands and applies its plan.
func (k *keeper) resume(ctx context.Context) error {
	if err := k.reread(ctx); err != nil {
		return err
	}
	if k.run != nil {
		k.log.InfoContext(ctx, "run resumed", "run_id", k.run.ID, "state", k.run.State)
	}
	return k.refresh(ctx)
}

// look reads the log up to its end and moves nothing.
func (k *keeper) look(ctx context.Context) error {
	now := k.o.Clock.Now()
	if _, err := k.read(ctx, now); err != nil {
		return err
	}
	if err := k.hear(ctx, now); err != nil {
		return err
	}
	return k.refresh(ctx)
}

// reign begins the watch on whoever is champion now.
func (k *keeper) reign(ctx context.Context) (err error) {
	name := k.model.Name
	if err := fault.At(fault.Reign); err != nil {
		return err
	}
	if k.aliases, err = k.o.Control.Aliases(ctx, name); err != nil {
		return err
	}
	if k.schemas, err = k.o.Hints.Schemas(ctx, name); err != nil {
		return err
	}
	k.closeDuel()
	k.closeRivals()
	k.pupil = nil
	k.vigil, k.remeasured, k.seen = nil, false, nil
	k.monitor, k.ref, k.champion, k.arms = nil, nil, hone.Version{}, nil
	k.estimated, k.joint, k.intake = nil, nil, nil
	k.cursor, k.looked, k.replaying, k.found = cursor{}, false, false, monitor.Step{}
	k.again, k.heard.streaks, k.heard.replayed = time.Time{}, nil, true
	k.names = newNames(k.model)
	id := k.aliases[hone.Champion]
	if id == "" {
		k.trainable, k.unripe, k.presumedDue, k.stale = 0, nil, time.Time{}, false
		k.intake = monitor.NewIntake(k.model.Features)
		return nil
	}
	if k.champion, err = k.o.Control.Version(ctx, name, id); err != nil {
		return err
	}
	raw, err := k.o.Blobs.Get(k.champion.Reference)
	if err != nil {
		return fmt.Errorf("read the reference of %s %s: %w", name, id, err)
	}
	if k.ref, err = monitor.ParseReference(raw); err != nil {
		return err
	}
	if err := k.readPower(); err != nil {
		return err
	}
	if k.watch, err = k.o.Control.Watch(ctx, name); err != nil {
		return err
	}
	if err := k.findCursor(ctx); err != nil {
		return err
	}
	if k.goal.predictions, k.goal.labels, _, err = k.o.Events.LastSeq(ctx, name); err != nil {
		return err
	}
	k.replaying = true
	k.monitor, err = monitor.New(k.model, k.champion, k.ref, frame.Decoder{Schemas: k.schemas}, k.ask(id))
	if err != nil {
		return err
	}
	k.stale = false
	if k.reused() {
		k.monitor.After(k.watch.Since)
	}
	if err := errors.Join(k.openRivals(ctx), k.openPupil(ctx)); err != nil {
		return err
	}
	if err := k.hearBefore(ctx); err != nil {
		return err
	}
	if err := k.openVigil(ctx); err != nil {
		return err
	}
	return k.openDuel(ctx)
}

// reused tells whether the champion had served before, and came back without training.
func (k *keeper) reused() bool {
	return k.watch != nil && k.watch.Reused && k.watch.Version == k.champion.ID
}

// findCursor sets where the log of this reign begins: predictions from the
// moment the champion took the traffic, labels from what it was trained on.
// With a label delay, labels that had come but did not count yet lie further
// back, so all of them are read; and where the lack of a label counts, predictions
// from what the champion was trained on.
func (k *keeper) findCursor(ctx context.Context) error {
	if k.watch != nil {
		k.cursor.predictions = k.watch.From
	}
	var ds hone.Dataset
	if k.champion.Dataset != "" {
		var err error
		if ds, err = k.o.Control.Dataset(ctx, k.champion.Dataset); err != nil {
			return err
		}
	}
	k.bias = dataset.Bias(ds.Checks)
	if k.model.Label.Infers() {
		// Senders' clocks may be a minute ahead of arrival.
		presumed, err := k.firstSince(ctx, k.champion.TrainedUntil.Add(-time.Minute))
		k.cursor.presumed = presumed
		if k.reused() {
			k.cursor.presumed = max(presumed, k.watch.From)
		}
		return err
	}
	if k.reused() { // Rows before it came back do not count.
		k.cursor.labels = k.watch.FromFeedback
		return nil
	}
	if k.model.Label.Delay > 0 || k.champion.Dataset == "" {
		return nil
	}
	k.cursor.labels = ds.Recipe.Feedback
	return nil
}

// ask returns a scorer of one version. Rows of another schema, because the
// model's features have changed since, are mapped by name.
func (k *keeper) ask(id hone.VersionID) monitor.Scorer {
	return func(ctx context.Context, rows *frame.Frame) (hone.Scores, error) {
		p, release, err := k.o.Pool.Acquire(ctx, k.model.Name, id)
		if err != nil {
			return hone.Scores{}, err
		}
		defer release()
		if own := p.Signature().Features; own.Fingerprint() != rows.Schema.Fingerprint() {
			mapped := frame.New(own, rows.N)
			mapped.Remap(0, rows)
			rows = mapped
		}
		return p.Predict(ctx, rows)
	}
}

// keep turns the loop until ctx ends.
func (k *keeper) keep(ctx context.Context) {
	defer k.endWork()
	defer k.endTest()
	defer k.endMeasure()
	defer k.closeRivals()
	defer k.recallParcel()
	for {
		changed := k.o.Hints.Changed(k.model.Name)
		before := k.position()
		err := k.step(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := k.untilNext()
		if k.position() != before {
			wait = 0
		}
		if err != nil {
			k.log.ErrorContext(ctx, "loop step failed", "error", err)
			wait = 2 * time.Second
		}
		select {
		case r := <-k.requests: // A person comes first, however much there is to read.
			k.serve(ctx, r)
			continue
		default:
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-k.wake:
		case <-k.o.Clock.After(wait):
		case r := <-k.work:
			if err := k.finish(ctx, r); err != nil && ctx.Err() == nil {
				k.log.ErrorContext(ctx, "stage failed to commit", "error", err)
			}
		case err := <-k.post.work:
			if err := k.delivered(ctx, err); err != nil && ctx.Err() == nil {
				k.log.ErrorContext(ctx, "delivery failed to commit", "error", err)
			}
		case t := <-k.testing:
			if err := k.tookTest(ctx, t); err != nil && ctx.Err() == nil {
				k.log.ErrorContext(ctx, "test of the probe failed to commit", "error", err)
			}
		case m := <-k.measuring:
			if err := k.tookMeasure(ctx, m); err != nil && ctx.Err() == nil {
				k.log.ErrorContext(ctx, "measurement failed to commit", "error", err)
			}
		case r := <-k.requests:
			k.serve(ctx, r)
		}
	}
}

func (k *keeper) serve(ctx context.Context, r request) {
	if r.release != nil {
		select {
		case <-r.release:
		case <-ctx.Done():
		}
		return
	}
	sentence, err := k.act(ctx, r.act)
	r.answer <- answer{sentence, err}
}

// settle steps until nothing moves any more.
func (k *keeper) settle(ctx context.Context) error {
	for range 50 {
		before := k.position()
		if err := k.step(ctx); err != nil {
			return err
		}
		if k.position() == before {
			return nil
		}
	}
	return errors.New("the loop does not come to rest")
}

// position tells two steps apart that moved something.
func (k *keeper) position() string {
	s := fmt.Sprint(k.cursor, k.champion.ID)
	if k.run != nil {
		s += fmt.Sprint(k.run.ID, k.run.State)
		if k.run.Rollout != nil {
			s += fmt.Sprint(k.run.Rollout.Step)
		}
	}
	return s
}

// step reads what is new, and takes the model as far as it goes now.
func (k *keeper) step(ctx context.Context) error {
	now := k.o.Clock.Now()
	if k.unsure {
		if err := k.reread(ctx); err != nil {
			return errors.Join(fmt.Errorf("take up where the store stands: %w", err), k.refresh(ctx))
		}
	}
	if k.unapplied {
		if err := k.apply(ctx); err != nil {
			return err
		}
	}
	if err := k.testProbe(ctx, now); err != nil {
		return err
	}
	if k.stale {
		if err := k.reign(ctx); err != nil {
			return err
		}
	}
	found, err := k.read(ctx, now)
	if err != nil {
		return err
	}
	if err := k.keepSnapshots(ctx); err != nil {
		return err
	}
	if k.replaying {
		return k.refresh(ctx)
	}
	if found.Drift {
		k.expect(ctx, now)
		k.watchJoint(ctx, now)
	}
	if found.Ticked {
		if err := k.receive(ctx, false); err != nil {
			return err
		}
	}
	if found.Ticked || found.Drift {
		err := k.o.Records.SaveSignals(ctx, k.signals(now))
		if e, ok := hone.AsError(err); ok && e.Code == hone.Unavailable {
			// On a full disk the guards below matter more than the record.
			k.log.WarnContext(ctx, "signals not kept", "error", err)
		} else if err != nil {
			return err
		}
	}
	if err := k.guardWatch(ctx, now); err != nil {
		return err
	}
	if err := k.hear(ctx, now); err != nil {
		return err
	}
	if err := k.turn(ctx, now, found); err != nil {
		return err
	}
	if err := k.deliver(ctx, now); err != nil {
		k.log.ErrorContext(ctx, "plan not delivered", "error", err)
	}
	k.weekly(ctx, now)
	return k.refresh(ctx)
}

// turn drives the open run, or looks whether one is due. What was found while the
// log of the reign was read again was looked at before.
func (k *keeper) turn(ctx context.Context, now time.Time, found monitor.Step) error {
	look := (found.Ticked || found.Drift) && !k.heard.replayed
	k.heard.replayed = false
	silent := false
	if k.monitor != nil {
		_, silent = k.monitor.Silence(now)
	}
	if look || silent != k.silent {
		k.silent = silent
		if err := k.alarm(ctx, now); err != nil {
			return err
		}
	}
	switch {
	case k.run != nil:
		if err := k.merge(ctx, now, look); err != nil {
			return err
		}
		return k.drive(ctx, now, found)
	case k.due(now, found):
		return k.decide(ctx, now, look)
	}
	return nil
}

// untilNext is how long nothing is to be done unless something changes.
func (k *keeper) untilNext() time.Duration {
	now := k.o.Clock.Now()
	wait := idle
	sooner := func(t time.Time) {
		if d := t.Sub(now); !t.IsZero() && d < wait {
			wait = max(d, time.Millisecond)
		}
	}
	if k.monitor != nil {
		sooner(k.monitor.NextMature())
	}
	if k.monitor == nil && k.trainable > 0 && k.run == nil {
		sooner(now.Add(time.Second))
	}
	if k.run != nil && k.run.Rollout != nil {
		sooner(now.Add(time.Second))
	}
	if k.run != nil && k.retryAt.After(now) {
		sooner(k.retryAt)
	}
	for _, at := range k.unripe {
		sooner(at)
	}
	sooner(k.post.next)
	if k.run == nil { // What falls due meanwhile waits for the run's end.
		sooner(k.schedule)
		sooner(k.again)
	}
	return wait
}

func (k *keeper) close() {
	k.recallParcel()
	k.endWork()
	k.endTest()
	k.endMeasure()
	k.closeDuel()
	k.closeRivals()
}
