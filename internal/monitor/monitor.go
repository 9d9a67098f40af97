package monitor

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/learn/residual"
)

// probeBatch is the number of labelled rows that the probe tests and then
// trains on together.
const probeBatch = 20

// maxTicks bounds the ticks that are remembered.
const maxTicks = 2000

// Scorer asks the champion about rows that it did not serve itself.
type Scorer func(ctx context.Context, rows *frame.Frame) (hone.Scores, error)

// Monitor folds a model's log, from the moment on which its champion began to
// serve, into signals. The same log gives the same state, bit for bit, whatever
// the pages in which it is read and the moments at which Advance is called: as
// long as every label that arrived by then has been handed to Outcomes before,
// and every prediction that Presume would take to Presume. Labels count in the
// order in which they mature, which is never before they arrived: what their
// senders say of the time does not let one go before another that has counted. It
// is not safe for concurrent use.
type Monitor struct {
	model   hone.Model
	version hone.Version
	ref     *Reference
	decoder frame.Decoder
	scorer  Scorer
	probe   *residual.Probe
	rivals  []Rival
	after   time.Time // Rows up to then do not count.

	windows *windows
	drift   Drift
	traffic traffic

	waiting matureQueue
	bySeq   map[int64]*waiting // Of waiting, where a label may be corrected before it counts.
	arrived time.Time          // When the newest label came.
	absence absence
	pulse   pulse
	flow    flow
	batch   []hone.Outcome
	owed    Step // What was found since an Advance last succeeded.
	ticks   []hone.Tick
	tick    hone.Tick
	quality *quality
	losses  *level
	scores  *level
	labels  labelCount
}

// Step is what an Advance found.
type Step struct {
	Ticked bool           // Enough labels came to look at the triggers again.
	Drift  bool           // A window of predictions was judged.
	Mature []hone.Outcome // Outcomes that began to count, in their order.
}

// labelCount counts labels by what they did.
type labelCount struct {
	mature int       // Mature and later than what the champion was trained on.
	lacks  int       // Of these, those that have no label, whose absence counts.
	delays []float64 // The newest, in seconds.
	last   time.Time
	served time.Time // When the newest prediction that has counted was served.
}

// New begins a watch on a version that has become champion.
func New(m hone.Model, v hone.Version, ref *Reference, d frame.Decoder, s Scorer) (*Monitor, error) {
	if len(ref.Features) != len(v.Signature.Features) {
		return nil, fmt.Errorf("reference of %s %s has %d features, its signature %d", m.Name, v.ID, len(ref.Features), len(v.Signature.Features))
	}
	d.Target = v.Signature.Features
	losses, scores, err := newLevels(m, v.Signature, ref)
	if err != nil {
		return nil, err
	}
	return &Monitor{
		model: m, version: v, ref: ref, decoder: d, scorer: s, after: v.TrainedUntil,
		probe:   newProbe(v.Signature, ref),
		windows: newWindows(ref, v.Signature, m.Monitor),
		drift:   Drift{Unknown: "no window of predictions is full yet", P: 1},
		quality: newQuality(m, v.Signature),
		losses:  losses,
		scores:  scores,
		bySeq:   map[int64]*waiting{},
		absence: absence{spec: m.Label, told: map[int64]said{}},
	}, nil
}

// newProbe is the probe of a version, with trees where it was found to need them.
func newProbe(sig hone.Signature, ref *Reference) *residual.Probe {
	mean, sd := ref.Means()
	o := residual.Options{Schema: sig.Features, Mean: mean, SD: sd, Width: sig.Width(), Task: string(sig.Task), TargetSD: ref.TargetSD}
	return ref.power().Probe(o)
}

// Predictions counts served answers, in the order of the log.
func (m *Monitor) Predictions(ps []hone.Prediction) (judged bool, err error) {
	served := ps
	if slices.ContainsFunc(ps, func(p hone.Prediction) bool { return p.Route == hone.Imported }) {
		served = slices.DeleteFunc(slices.Clone(ps), func(p hone.Prediction) bool { return p.Route == hone.Imported })
	}
	for len(served) > 0 {
		n, w := m.windows.take(served)
		if err := m.count(served[:n], w); err != nil {
			return judged, err
		}
		served = served[n:]
		for {
			d, over := m.windows.judged()
			if !over {
				break
			}
			d.follow(m.drift)
			m.drift, judged = d, true
		}
	}
	return judged, nil
}

// count takes predictions of one window; nil is one that is over.
func (m *Monitor) count(ps []hone.Prediction, w *window) error {
	rows := make([][]byte, 0, len(ps))
	scores := make([][]float64, 0, len(ps))
	at := make([]time.Time, 0, len(ps))
	users := make([]string, 0, len(ps))
	for _, p := range ps {
		rows = append(rows, p.Features)
		at = append(at, p.Time)
		users = append(users, p.Unit)
		if p.Version != m.version.ID {
			p.Scores = nil
		}
		scores = append(scores, p.Scores)
	}
	f, err := m.decoder.Frame(rows)
	if err != nil {
		return fmt.Errorf("read predictions of %s: %w", m.model.Name, err)
	}
	for _, p := range ps {
		if p.Route != hone.Imported {
			m.traffic.add(p, m.version.ID)
			m.pulse.prediction(p.Received)
			m.flow.add(p.Received)
		}
		m.windows.reach(p.Time)
	}
	for _, s := range scores {
		if x, ok := levelOf(m.version.Signature, s); ok {
			m.scores.add(x)
		}
	}
	if w != nil {
		w.add(f, at, users, scores)
	}
	return nil
}

// maxBack is how far back arrivals may go and still count as no later than the one
// before: beyond, a clock had been far ahead, and was set right.
const maxBack = 24 * time.Hour

// Outcomes takes labels as they came, in the order of the journal. They count
// once they are mature; one that is corrected before counts as corrected.
func (m *Monitor) Outcomes(os []hone.Outcome) {
	delay := time.Duration(m.model.Label.Delay)
	for _, o := range os {
		if at := arrival(o); at.After(m.arrived) || m.arrived.Sub(at) > maxBack {
			m.arrived = at
		}
		if !o.Asked {
			m.pulse.label(m.arrived)
			m.absence.hear(m.arrived)
		}
		if m.absence.spec.Infers() { // It counts with its prediction.
			o.Mature = m.arrived
			heap.Push(&m.waiting, &waiting{Outcome: o})
			continue
		}
		if o.Effect != hone.Joined {
			m.amend(o)
			continue
		}
		o.Mature = MatureAt(o, delay)
		if o.Mature.Before(m.arrived) {
			o.Mature = m.arrived
		}
		m.push(&waiting{Outcome: o})
	}
}

// amend lets a correction, or a second label that differs, act on a label that
// does not count yet. A row that has counted stays as it was; the dataset takes
// the corrected label.
func (m *Monitor) amend(o hone.Outcome) {
	if w := m.bySeq[o.Seq]; w != nil && w.Mature.After(m.arrived) {
		w.Label, w.aside = o.Label, o.Effect == hone.Contradicted
	}
}

func (m *Monitor) push(w *waiting) {
	heap.Push(&m.waiting, w)
	if w.Mature.After(m.arrived) {
		m.bySeq[w.Seq] = w
	}
}

func (m *Monitor) take() waiting {
	w := heap.Pop(&m.waiting).(*waiting)
	delete(m.bySeq, w.Seq)
	return *w
}

// arrival is when Hone had a label; what does not say so came when it says that
// the truth was known.
func arrival(o hone.Outcome) time.Time {
	if o.LabelReceived.IsZero() {
		return o.LabelTime
	}
	return o.LabelReceived
}

// MatureAt is when an outcome begins to count: when its label came, or when its
// prediction reached the label delay, whichever is later.
func MatureAt(o hone.Outcome, delay time.Duration) time.Time {
	at := o.Time.Add(delay)
	if o.LabelTime.After(at) {
		return o.LabelTime
	}
	return at
}

// Advance lets what has become mature by now count. When the champion cannot be
// asked it fails, and nothing is lost: the next call goes on where it stopped.
func (m *Monitor) Advance(ctx context.Context, now time.Time) (Step, error) {
	if err := m.fold(ctx); err != nil {
		return Step{}, err
	}
	for {
		o, ok := m.next(now)
		if !ok {
			break
		}
		if !o.Time.After(m.after) {
			continue // The champion may have been trained on it.
		}
		m.owed.Mature = append(m.owed.Mature, o)
		m.labels.add(o)
		m.batch = append(m.batch, o)
		if err := m.fold(ctx); err != nil {
			return Step{}, err
		}
	}
	step := m.owed
	m.owed = Step{}
	return step, nil
}

// fold counts the batch once it is full.
func (m *Monitor) fold(ctx context.Context) error {
	if len(m.batch) < probeBatch {
		return nil
	}
	if err := m.learn(ctx); err != nil {
		return err
	}
	m.owed.Ticked = m.closeTick() || m.owed.Ticked
	return nil
}

func (l *labelCount) add(o hone.Outcome) {
	l.mature++
	l.last = o.Mature
	if o.Time.After(l.served) {
		l.served = o.Time
	}
	if o.Inferred {
		l.lacks++
	}
	if o.Route == hone.Imported || o.Inferred || o.Asked {
		return
	}
	d := o.LabelTime.Sub(o.Time).Seconds()
	if len(l.delays) < qualityWindow {
		l.delays = append(l.delays, d)
		return
	}
	l.delays[l.mature%qualityWindow] = d
}

// learn counts one batch: the champion's loss, and what the probe would have
// saved of it, tested before it is trained.
func (m *Monitor) learn(ctx context.Context) error {
	rows, scores, err := m.score(ctx, m.batch)
	if err != nil {
		return err
	}
	sig, loss := m.version.Signature, m.model.Loss
	targets, weights := make([]float64, rows.N), make([]float64, rows.N)
	prices := loss.Prices(rows)
	flat, lost := make([]float64, 0, rows.N*sig.Width()), make([]float64, rows.N)
	for i, o := range m.batch {
		targets[i] = sig.Target(o.Label)
		flat = append(flat, scores[i]...)
		weights[i] = o.Weight()
		lost[i] = loss.Of(sig, scores[i], targets[i], prices[i])
		m.losses.add(lost[i])
		m.quality.add(scored{loss: lost[i], target: targets[i], scores: scores[i], weight: weights[i]}, rows, i)
	}
	sums := m.probe.Batch(rows, flat, targets, func(row int, s []float64) float64 {
		return weights[row] * loss.Of(sig, s, targets[row], prices[row])
	})
	m.contest(ctx, rows, lost, prices, weights)
	next := m.tick
	next.N += sums.N
	next.Gain += sums.Gain - m.ref.power().Lacked(targets, weights)
	next.Var += sums.Var
	next.Loss += sums.Champion
	next.Probe += sums.Probe
	if finite(next.Gain, next.Var, next.Loss, next.Probe) { // Else a label is absurd, such as 1e300.
		m.tick = next
	}
	m.tick.At = m.batch[len(m.batch)-1].Mature
	m.batch = m.batch[:0]
	return nil
}

// score returns the rows of a batch with the champion's scores: those that were
// served, and new ones for rows that another version answered.
func (m *Monitor) score(ctx context.Context, batch []hone.Outcome) (*frame.Frame, [][]float64, error) {
	bytes := make([][]byte, len(batch))
	scores := make([][]float64, len(batch))
	var missing []int
	for i, o := range batch {
		bytes[i] = o.Features
		if o.Version == m.version.ID && len(o.Scores) == m.version.Signature.Width() {
			scores[i] = o.Scores
			continue
		}
		missing = append(missing, i)
	}
	rows, err := m.decoder.Frame(bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read labelled rows of %s: %w", m.model.Name, err)
	}
	if len(missing) == 0 {
		return rows, scores, nil
	}
	got, err := m.scorer(ctx, rows.Pick(missing))
	if err != nil {
		return nil, nil, fmt.Errorf("ask champion %s of %s: %w", m.version.ID, m.model.Name, err)
	}
	for k, i := range missing {
		scores[i] = got.Row(k)
	}
	return rows, scores, nil
}

// TickRows is the number of labelled rows in a tick of this champion.
func (m *Monitor) TickRows() int {
	if m.model.Monitor.Tick > 0 {
		return m.model.Monitor.Tick
	}
	return TickRows(m.version.TrainedRows)
}

// Ticks are of as many rows as these bounds allow.
const (
	fewRows   = 20  // The probe moves after so many.
	usualRows = 200 // Of a version of which it is not known what it was trained on, too.
)

// TickRows is the number of labelled rows in a tick of a champion that was trained on so
// many: a tenth of them, so that where labels are few no decision waits for more than a
// version is made of, but from 20 to 200; and a hundredth at the least.
func TickRows(trained int) int {
	if trained <= 0 {
		return usualRows
	}
	return max(fewRows, min(trained/10, usualRows), trained/100)
}

func (m *Monitor) closeTick() bool {
	if m.tick.N < m.TickRows() {
		return false
	}
	m.ticks = append(m.ticks, m.tick)
	if len(m.ticks) > maxTicks {
		m.ticks = m.ticks[len(m.ticks)-maxTicks:]
	}
	m.tick = hone.Tick{}
	return true
}

// Ticks are the finished ticks since the champion began to serve, oldest first.
func (m *Monitor) Ticks() []hone.Tick { return m.ticks }

// Drift is the verdict on the last whole window, and how full the next one is.
func (m *Monitor) Drift() (Drift, int) {
	d := m.drift
	if !d.Since.IsZero() {
		d.Damage = m.damage(d.Since)
	}
	d.Sentence = d.say()
	return d, m.windows.filling()
}

// Labels is the number of mature labels that the champion was not trained on.
func (m *Monitor) Labels() int { return m.labels.mature }

// LabelsLack tells whether no prediction of the last whole window, or of a later
// time, has counted with its label: what these are worth can only be estimated.
func (m *Monitor) LabelsLack() bool {
	return !m.drift.From.IsZero() && m.labels.served.Before(m.drift.From)
}

// NextMature is when the next waiting label begins to count; zero if none waits.
func (m *Monitor) NextMature() time.Time {
	if m.waiting.Len() == 0 {
		return time.Time{}
	}
	return m.waiting[0].Mature
}

// SlowLatency is the time from which an answer counts as slow: a quarter, and at
// least a millisecond, over the champion's 95th percentile. It is 0 before 100
// answers.
func (m *Monitor) SlowLatency() time.Duration {
	if m.traffic.latency.N() < 100 {
		return 0
	}
	p95 := m.traffic.latency.Quantile(0.95)
	return p95 + max(p95/4, time.Millisecond)
}

// waiting is a label that does not count yet.
type waiting struct {
	hone.Outcome
	aside bool // Labels contradict each other: the row does not count.
}

// matureQueue orders labels by when they count, then by the journal.
type matureQueue []*waiting

func (q matureQueue) Len() int { return len(q) }
func (q matureQueue) Less(i, j int) bool {
	if !q[i].Mature.Equal(q[j].Mature) {
		return q[i].Mature.Before(q[j].Mature)
	}
	if q[i].LabelSeq != q[j].LabelSeq {
		return q[i].LabelSeq < q[j].LabelSeq
	}
	return q[i].Seq < q[j].Seq // A label that was asked for counts with that of another row.
}
func (q matureQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *matureQueue) Push(x any)   { *q = append(*q, x.(*waiting)) }
func (q *matureQueue) Pop() any {
	old := *q
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return w
}
