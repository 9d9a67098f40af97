package loop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
// the champion. The same log gives the same snapshots, of the same names.
type pupil struct {
	k        *keeper
	learner  *continuous.Learner
	champion hone.Version
	learned  int       // Labels since the training.
	until    time.Time // The newest row among them.
	at       int       // How many were learned when it was frozen last.
	frozen   snapshot
	due      []snapshot                      // Those that are not known to be stored.
	named    map[hone.VersionID]hone.Version // All snapshots of the model by now.
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
	named, err := k.o.Registry.Snapshots(ctx, k.model.Name)
	if err != nil {
		return err
	}
	b, err := k.o.Blobs.Get(k.champion.Learner)
	if err == nil {
		var l *continuous.Learner
		if l, err = continuous.Read(b, k.champion.Signature); err == nil {
			k.pupil = &pupil{k: k, learner: l, champion: k.champion, named: named,
				learned: k.champion.Learned, at: k.champion.Learned, until: k.champion.TrainedUntil}
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
	v := p.champion
	v.Learner = digestOf(b)
	v.ID = p.name(v.Learner)
	v.Parent, v.Trainer, v.Search, v.Sandbox, v.Metrics, v.Params = p.champion.ID, continuousTrainer, nil, nil, nil, nil
	v.TrainedRows += p.learned - p.champion.Learned
	v.Learned, v.TrainedUntil, v.Created = p.learned, p.until, p.k.o.Clock.Now()
	p.frozen = snapshot{v, m, b}
	p.due, p.named[v.ID] = append(p.due, p.frozen), v
	return nil
}

// name is that of the snapshot of what is known now, whose state has a digest. The
// labels since the training tell it apart from the others of its reign. Where another
// reign has made one after as many labels, which were not the same, it gets a second
// number. The one that is there already, from the same champion and of the same state,
// is this one: the log was read again.
func (p *pupil) name(state string) hone.VersionID {
	first := string(trained(p.champion.ID)) + snapshotMark + strconv.Itoa(p.learned)
	for n, id := 2, hone.VersionID(first); ; n++ {
		v, taken := p.named[id]
		if !taken || v.Parent == p.champion.ID && v.Learner == state {
			return id
		}
		id = hone.VersionID(fmt.Sprintf("%s-%d", first, n))
	}
}

// trained is the version that a snapshot goes back to, which was trained, or what is given
// where it is no snapshot.
func trained(id hone.VersionID) hone.VersionID {
	root, _, _ := strings.Cut(string(id), snapshotMark)
	return hone.VersionID(root)
}

// digestOf is the name under which blobs keep what is given.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
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
	sentence := fmt.Sprintf("%s has learned %d labels since %s was trained.", v.ID, v.Learned, trained(v.ID))
	return k.commit(ctx, hone.Change{Version: &v, Event: hone.Event{Action: "version.snapshot", Version: v.ID, Sentence: sentence, Data: marshal(v)}})
}

var _ monitor.Learner = (*pupil)(nil)
