package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hone"
	"hone/internal/dataset"
	"hone/internal/fault"
	"hone/internal/frame"
	"hone/internal/learn/linear"
	"hone/internal/monitor"
	"hone/internal/predictor"
	"hone/internal/train/continuous"
)

// snapshotMark stands in the name of a snapshot between the version that it was begun
// from and the labels learned since.
const snapshotMark = "-s"

// pupil learns the labels of a reign as they come. Its newest snapshot is a rival of
// the champion. The same log gives the same snapshots.
type pupil struct {
	k        *keeper
	learner  *continuous.Learner
	champion hone.Version
	learned  int       // Labels since the training.
	until    time.Time // The newest row among them.
	at       int       // How many were learned when it was frozen last.
	frozen   snapshot
	due      []snapshot // Those that are not known to be stored.
}

// snapshot is what a pupil knew at a moment.
type snapshot struct {
	version hone.Version // ID is empty while there is none.
	model   *linear.Model
	state   []byte
}

// teach begins what goes on learning from the rows that a version was trained on, where
// the model wants it. That it cannot be begun does not stop the run.
func (k *keeper) teach(ctx context.Context, v hone.Version, rows dataset.Rows) (hone.Version, error) {
	if k.model.Train.Continuous == 0 {
		return v, nil
	}
	params := map[string]any{}
	if k.model.Train.Trainer == "linear" {
		params = v.Params
	}
	known := rows.Pick(labelled(v.Signature, rows.Targets(v.Signature)))
	limited, end := context.WithTimeout(ctx, time.Duration(k.model.Train.Limits.Time))
	defer end()
	l, err := continuous.Begin(limited, v.Signature, continuous.Rows{Frame: known.Frame, Targets: known.Targets(v.Signature), Weights: known.Weights}, params)
	if ctx.Err() != nil {
		return v, ctx.Err()
	}
	if err != nil {
		k.log.WarnContext(ctx, "no learning goes on beside this version", "version_id", v.ID, "error", err)
		return v, nil
	}
	b, err := l.Marshal()
	if err != nil {
		return v, err
	}
	v.Learner, err = k.o.Blobs.Put(b)
	return v, err
}

// labelled are the rows that something can be learned from.
func labelled(sig hone.Signature, targets []float64) (out []int) {
	for i, y := range targets {
		if sig.Tells(y) {
			out = append(out, i)
		}
	}
	return out
}

// openPupil takes up what goes on learning beside the champion.
func (k *keeper) openPupil(ctx context.Context) error {
	if k.model.Train.Continuous == 0 || k.champion.Learner == "" {
		return nil
	}
	b, err := k.o.Blobs.Get(k.champion.Learner)
	if err == nil {
		var l *continuous.Learner
		if l, err = continuous.Read(b, k.champion.Signature); err == nil {
			k.pupil = &pupil{k: k, learner: l, champion: k.champion, learned: k.champion.Learned, at: k.champion.Learned, until: k.champion.TrainedUntil}
			k.monitor.Beside(k.pupil)
			return nil
		}
	}
	k.log.WarnContext(ctx, "no learning goes on beside the champion", "version_id", k.champion.ID, "error", err)
	return nil
}

// Version is the newest snapshot.
func (p *pupil) Version() hone.Version { return p.frozen.version }

// Ask asks the newest snapshot.
func (p *pupil) Ask(_ context.Context, rows *frame.Frame) (hone.Scores, error) {
	s := hone.Scores{Width: p.champion.Signature.Width()}
	s.V = make([]float64, rows.N*s.Width)
	p.frozen.model.Predict(rows, s.V)
	return s, nil
}

// Learn learns rows, and freezes what is known then where as many labels as are wanted
// have come since the last time.
func (p *pupil) Learn(rows *frame.Frame, labels []string, weights []float64, newest time.Time) error {
	p.learned += p.learner.Learn(rows, labels, weights)
	if newest.After(p.until) {
		p.until = newest
	}
	if p.learned-p.at < p.k.model.Train.Continuous {
		return nil
	}
	p.at = p.learned
	m, err := p.learner.Freeze()
	if err != nil {
		p.k.log.Warn("no learning goes on beside the champion", "version_id", p.champion.ID, "error", err)
		return err
	}
	b, err := p.learner.Marshal()
	if err != nil {
		return err
	}
	from, _, _ := strings.Cut(string(p.champion.ID), snapshotMark)
	v := p.champion
	v.ID = hone.VersionID(from + snapshotMark + strconv.Itoa(p.learned))
	v.Parent, v.Trainer, v.Search, v.Sandbox, v.Metrics, v.Params = p.champion.ID, continuousTrainer, nil, nil, nil, nil
	v.TrainedRows += p.learned - p.champion.Learned
	v.Learned, v.TrainedUntil, v.Created = p.learned, p.until, p.k.o.Clock.Now()
	p.frozen = snapshot{v, m, b}
	p.due = append(p.due, p.frozen)
	return nil
}

// continuousTrainer made the snapshots.
const continuousTrainer = "continuous"

// keepSnapshots stores the snapshots that fell due, each as a version.
func (k *keeper) keepSnapshots(ctx context.Context) error {
	for p := k.pupil; p != nil && len(p.due) > 0 && !k.o.Passive; p.due = p.due[1:] {
		if err := k.keepSnapshot(ctx, p.due[0]); err != nil {
			return err
		}
	}
	return nil
}

// keepSnapshot stores a snapshot, unless the log was read again and it is there.
func (k *keeper) keepSnapshot(ctx context.Context, s snapshot) error {
	v := s.version
	_, err := k.o.Control.Version(ctx, v.Model, v.ID)
	if e, ok := hone.AsError(err); !ok || e.Code != hone.NotFound {
		return err
	}
	dir := filepath.Join(k.o.Dir, "runs", v.Model+"-"+continuousTrainer)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := predictor.WriteLinear(dir, v.Signature, s.model); err != nil {
		return err
	}
	if v, err = k.o.Registry.Seal(dir, v); err != nil {
		return err
	}
	if v.Learner, err = k.o.Blobs.Put(s.state); err != nil {
		return err
	}
	if err := fault.At(fault.Profile); err != nil {
		return err
	}
	sentence := fmt.Sprintf("%s has learned %d labels since %s was trained.", v.ID, v.Learned, strings.Split(string(v.ID), snapshotMark)[0])
	return k.commit(ctx, hone.Change{Version: &v, Event: hone.Event{Action: "version.snapshot", Version: v.ID, Sentence: sentence, Data: marshal(v)}})
}

var _ monitor.Learner = (*pupil)(nil)
