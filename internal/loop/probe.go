package loop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/dataset"
	"hone/internal/learn/residual/planted"
	"hone/internal/say"
)

const (
	// A test of a probe works for so long at a time, and rests for three times as long:
	// it has time, and what answers requests has not.
	stint, rests = 5 * time.Millisecond, 3
	// testRetry is when one that failed is tried again.
	testRetry = time.Minute
)

// tested is what the test of a version's probe came to.
type tested struct {
	version hone.Version
	power   planted.Power
	untold  string // Why it cannot be tested.
	err     error
}

// testProbe tests the probe of the champion beside the loop, where that is not done: no
// run waits for it. A simulation does it at once, so that it tells one story.
func (k *keeper) testProbe(ctx context.Context, now time.Time) error {
	if k.ref == nil || k.ref.Power != nil || k.testing != nil || k.o.Passive || now.Before(k.testAgain) {
		return nil
	}
	w, v := k.worker(), k.champion
	if k.o.Inline {
		return k.tookTest(ctx, w.test(ctx, v, nil))
	}
	testCtx, stop := context.WithCancel(ctx)
	done := make(chan tested, 1)
	k.testing, k.stopTest = done, stop
	go func() { done <- w.test(testCtx, v, resting(testCtx, w.o.Clock)) }()
	return nil
}

// resting lets a work that calls it now and then be idle for most of the time, until
// ctx is over.
func resting(ctx context.Context, c clock.Clock) func() bool {
	watch := clock.Start()
	return func() bool {
		if worked := watch.Elapsed(); worked >= stint {
			select {
			case <-ctx.Done():
			case <-c.After(rests * worked):
			}
			watch = clock.Start()
		}
		return ctx.Err() == nil
	}
}

// test tests on the rows that a version learned whether its probe would see losses like
// theirs.
func (k *keeper) test(ctx context.Context, v hone.Version, rest func() bool) (t tested) {
	t.version, t.power.Always = v, k.model.Train.Continuous > 0
	rows, err := k.learnedBy(ctx, v)
	if e, known := hone.AsError(err); known && e.Code != hone.Unavailable {
		t.untold = e.Message
		return t
	}
	if t.err = err; err != nil {
		return t
	}
	sig, loss, targets := v.Signature, k.model.Loss, told(v.Signature, rows)
	prices := loss.Prices(rows.Frame)
	t.power = planted.Test(planted.Data{
		Rows: rows.Frame, Targets: targets, Weights: rows.Weights, Task: string(sig.Task), Width: sig.Width(), Rest: rest, Always: t.power.Always,
		Loss: func(row int, scores []float64) float64 { return loss.Of(sig, scores, targets[row], prices[row]) },
		Answers: func(some []int) []float64 {
			scores, err := k.ask(trained(v.ID))(ctx, rows.Frame.Pick(some))
			t.err = errors.Join(t.err, err)
			return scores.V
		},
	}, 1)
	t.err = errors.Join(t.err, ctx.Err())
	return t
}

// told are the targets of rows, NaN where there is no label.
func told(sig hone.Signature, rows dataset.Rows) []float64 {
	targets := rows.Targets(sig)
	for i, l := range rows.Labels {
		if l == "" {
			targets[i] = math.NaN()
		}
	}
	return targets
}

// learnedBy returns the rows that a version learned: those of its dataset, or where it
// has none any more, or never had, what the log has of that time.
func (k *keeper) learnedBy(ctx context.Context, v hone.Version) (dataset.Rows, error) {
	if v.Dataset != "" {
		ds, c, err := k.thaw(ctx, hone.Run{Dataset: v.Dataset})
		if err == nil && v.TrainedRows-v.Learned > ds.Train { // It was trained again on all rows.
			return dataset.Join(c.Train, c.Holdout), nil
		}
		if e, known := hone.AsError(err); err == nil || !known || e.Code == hone.Unavailable {
			return c.Train, err
		}
		k.log.InfoContext(ctx, "rows to test the probe by are taken from the log", "version_id", v.ID, "error", err)
	}
	rows, err := k.readLog(ctx, k.o.Clock.Now())
	if err != nil {
		return dataset.Rows{}, err
	}
	learned, _ := rows.part(v.TrainedUntil)
	return learned, nil
}

// tookTest takes over what a test came to. One that failed, or cannot be kept, is done
// again after a while.
func (k *keeper) tookTest(ctx context.Context, t tested) (err error) {
	if k.stopTest != nil {
		k.stopTest()
	}
	k.testing, k.stopTest = nil, nil
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if t.err == nil {
		err = k.keepTest(ctx, t)
	} else {
		k.log.WarnContext(ctx, "probe not tested", "version_id", t.version.ID, "error", t.err, "again_after", testRetry)
	}
	if err != nil || t.err != nil {
		k.testAgain = k.o.Clock.Now().Add(testRetry)
	}
	return err
}

// keepTest keeps what a test came to with its version, and goes by it.
func (k *keeper) keepTest(ctx context.Context, t tested) error {
	v, err := k.o.Control.Version(ctx, t.version.Model, t.version.ID)
	if err != nil {
		return err
	}
	found := marshal(t.power)
	if v.Tested, err = k.o.Blobs.Put(found); err != nil {
		return err
	}
	if err := k.commit(ctx, hone.Change{Version: &v, Event: hone.Event{Action: "version.tested", Version: v.ID, Sentence: t.say(), Data: found}}); err != nil {
		return err
	}
	if v.ID == k.champion.ID {
		k.sees(v.Tested, t.power)
	}
	return nil
}

// sees takes over how much the champion's probe sees. Where that takes trees, or the probe
// gains where nothing has changed, the log of the reign is read again: what was found
// before that was known is not the same.
func (k *keeper) sees(digest string, p planted.Power) {
	ref := *k.ref
	ref.Power = &p
	k.ref, k.champion.Tested = &ref, digest
	if k.pupil != nil {
		k.pupil.champion.Tested = digest
	}
	k.stale = k.stale || p.NeedsTrees() || p.Inborn > 0
	k.looked = false // A blind probe's schedule takes over.
}

// readPower reads what the test of the champion's probe came to, if it is over.
// References of older versions have it themselves.
func (k *keeper) readPower() error {
	if k.champion.Tested == "" {
		return nil
	}
	raw, err := k.o.Blobs.Get(k.champion.Tested)
	if err != nil {
		return fmt.Errorf("read how the probe of %s %s was tested: %w", k.model.Name, k.champion.ID, err)
	}
	p := planted.Power{}
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("read how the probe of %s %s was tested: %w", k.model.Name, k.champion.ID, err)
	}
	k.ref.Power = &p
	return nil
}

// say puts it in one sentence.
func (t tested) say() string {
	v, p := t.version.ID, t.power
	switch {
	case t.untold != "":
		return fmt.Sprintf("The probe of %s cannot be tested: %s.", v, t.untold)
	case p.Blind():
		return fmt.Sprintf("The probe of %s sees %s of losses planted to test it: too little to tell whether a retrain would pay.", v, say.Percent(p.Seen()))
	case p.Rows == 0 && !p.NeedsTrees():
		return fmt.Sprintf("No losses could be planted to test the probe of %s.", v)
	case p.NeedsTrees() && p.Plants == 0:
		return fmt.Sprintf("No losses could be planted to test the probe of %s, and trees join it.", v)
	case p.NeedsTrees():
		return fmt.Sprintf("The probe of %s, which trees join, sees %s of losses planted to test it.", v, say.Percent(p.Seen()))
	}
	return fmt.Sprintf("The probe of %s sees %s of losses planted to test it.", v, say.Percent(p.Seen()))
}

// endTest ends a test under way, and waits for it. It is begun anew where it is wanted.
func (k *keeper) endTest() {
	if k.testing == nil {
		return
	}
	k.stopTest()
	<-k.testing
	k.testing, k.stopTest = nil, nil
}
