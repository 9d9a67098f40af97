package monitor_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"hone"
	"hone/internal/frame"
	"hone/internal/monitor"
)

func advance(t *testing.T, m *monitor.Monitor, now time.Time) monitor.Step {
	t.Helper()
	step, err := m.Advance(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// journal gives each label a delay and numbers them as they come.
func journal(os []hone.Outcome, delay func() time.Duration) {
	for i := range os {
		os[i].LabelTime = os[i].Time.Add(delay())
	}
	slices.SortStableFunc(os, func(a, b hone.Outcome) int { return a.LabelTime.Compare(b.LabelTime) })
	for i := range os {
		os[i].LabelSeq = int64(i + 1)
	}
}

func upTo(limit time.Duration, r *rand.Rand) func() time.Duration {
	return func() time.Duration { return time.Duration(r.Int64N(int64(limit))) }
}

func wantTicks(t *testing.T, what string, got, want *monitor.Monitor) {
	t.Helper()
	if !reflect.DeepEqual(got.Ticks(), want.Ticks()) || got.Labels() != want.Labels() || len(want.Ticks()) == 0 {
		t.Errorf("%s: %d ticks of %d labels, want %d of %d, bit for bit", what, len(got.Ticks()), got.Labels(), len(want.Ticks()), want.Labels())
	}
	end := noon.Add(1e6 * time.Hour)
	if a, b := got.Signals(end), want.Signals(end); !reflect.DeepEqual(a, b) {
		t.Errorf("%s: the signals are %v, want %v", what, a, b)
	}
}

// TestSplitsDoNotMatter feeds one log in 50 random ways: pages of any size, and
// Advance at any moment by which all labels that had come were handed over.
func TestSplitsDoNotMatter(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 1, 4000)
	r := rand.New(rand.NewPCG(1, 1))
	log := w.serve(3000)
	end := log[len(log)-1].Time.Add(time.Hour)
	w.model.Label.Delay = hone.Duration(10 * time.Minute)
	journal(log, upTo(20*time.Minute, r)) // Half of them later than they should.
	want := w.monitor(t)
	want.Outcomes(log)
	advance(t, want, end)
	if want.Labels() != len(log) {
		t.Fatalf("%d of %d labels count", want.Labels(), len(log))
	}
	for range 50 {
		m, at := w.monitor(t), 0
		for now := noon; now.Before(end); now = now.Add(upTo(15*time.Minute, r)()) {
			from := at
			for at < len(log) && !log[at].LabelTime.After(now) {
				at++
			}
			for page := range slices.Chunk(log[from:at], 1+r.IntN(300)) {
				m.Outcomes(page)
			}
			advance(t, m, now)
		}
		m.Outcomes(log[at:])
		advance(t, m, end)
		wantTicks(t, "split", m, want)
	}
}

// TestSplitsDoNotMatterWithoutDelay holds the same at any moment at all where
// labels count as they come, and whatever times their senders claim.
func TestSplitsDoNotMatterWithoutDelay(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 2, 0)
	r := rand.New(rand.NewPCG(2, 2))
	log := w.serve(1500)
	end := log[len(log)-1].Time.Add(2 * time.Hour)
	journal(log, upTo(time.Hour, r))
	for i := range log { // Labels that claim to be older than they are.
		if r.IntN(3) == 0 {
			log[i].LabelTime = log[i].LabelTime.Add(-upTo(time.Hour, r)())
		}
	}
	want := w.monitor(t)
	want.Outcomes(log)
	advance(t, want, end)
	for range 50 {
		m := w.monitor(t)
		for rest := log; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 400))
			m.Outcomes(rest[:n])
			rest = rest[n:]
			advance(t, m, noon.Add(upTo(3*time.Hour, r)()))
		}
		advance(t, m, end)
		wantTicks(t, "split", m, want)
	}
}

// TestMaturity holds that no label counts before its prediction has the age of
// the label delay, and each as soon as it has.
func TestMaturity(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 3, 0)
	const delay = time.Hour
	w.model.Label.Delay = hone.Duration(delay)
	r := rand.New(rand.NewPCG(3, 3))
	log := w.serve(600)
	journal(log, upTo(2*delay, r))
	m := w.monitor(t)
	m.Outcomes(log)
	seen := map[hone.PredictionID]bool{}
	for now := noon; now.Before(noon.Add(4 * time.Hour)); now = now.Add(7 * time.Minute) {
		next := m.NextMature()
		step := advance(t, m, now)
		if len(step.Mature) > 0 != (!next.IsZero() && !next.After(now)) {
			t.Fatalf("%d matured by %v, and the next was due at %v", len(step.Mature), now, next)
		}
		for _, o := range step.Mature {
			if o.Time.Add(delay).After(now) || o.LabelTime.After(now) || o.Mature.After(now) || seen[o.ID] {
				t.Fatalf("at %v a label of %v of a prediction of %v counts", now, o.LabelTime, o.Time)
			}
			seen[o.ID] = true
		}
		due := 0
		for _, o := range log {
			if !o.Time.Add(delay).After(now) && !o.LabelTime.After(now) {
				due++
			}
		}
		if len(seen) != due || m.Labels() != due {
			t.Fatalf("at %v %d labels count (Labels says %d), want %d", now, len(seen), m.Labels(), due)
		}
	}
	if len(seen) != len(log) || !m.NextMature().IsZero() {
		t.Errorf("%d of %d labels counted; the next is due at %v", len(seen), len(log), m.NextMature())
	}
	if at := monitor.MatureAt(log[0], 0); at != log[0].LabelTime {
		t.Errorf("without a delay a label of %v is mature at %v", log[0].LabelTime, at)
	}
}

// TestArrivalOrder holds that the order in which labels come does not matter as
// long as they come before they count.
func TestArrivalOrder(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 4, 3500)
	const delay = 2 * time.Hour
	w.model.Label.Delay = hone.Duration(delay)
	log := w.serve(2000)
	end := noon.Add(24 * time.Hour)
	var want *monitor.Monitor
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(4, seed))
		other := slices.Clone(log)
		journal(other, upTo(delay/8, r))
		if seed%2 == 1 { // All at one moment, in no order, numbered as they come.
			for i := range other {
				other[i].LabelTime = noon.Add(delay / 2)
			}
		}
		m := w.monitor(t)
		m.Outcomes(other)
		advance(t, m, end)
		if want == nil {
			want = m
		}
		if !reflect.DeepEqual(m.Ticks(), want.Ticks()) || len(m.Ticks()) != 10 {
			t.Errorf("seed %d: %d ticks, and other ones than in another order", seed, len(m.Ticks()))
		}
	}
	// Of one maturity, the journal's number decides, not the order of the calls.
	for i := range log {
		log[i].Time, log[i].LabelTime, log[i].LabelSeq = noon.Add(time.Second), noon.Add(time.Minute), int64(i)
	}
	a, b := w.monitor(t), w.monitor(t)
	a.Outcomes(log)
	slices.Reverse(log)
	b.Outcomes(log)
	advance(t, a, end)
	advance(t, b, end)
	wantTicks(t, "reversed", b, a)
}

// TestWhatCounts holds that each labelled row counts once, and none that the
// champion was trained on.
func TestWhatCounts(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 5, 0)
	log := w.serve(600)
	w.version.TrainedUntil = log[199].Time // The row itself is out.
	for i := range log[:100] {
		log[300+i].Effect = []hone.Effect{hone.Corrected, hone.Contradicted, hone.Repeated, hone.Early}[i%4]
	}
	m := w.monitor(t)
	m.Outcomes(log)
	step := advance(t, m, noon.Add(time.Hour))
	if m.Labels() != 300 || len(step.Mature) != 300 {
		t.Errorf("%d labels count, %d of them told; want 300", m.Labels(), len(step.Mature))
	}
	if !slices.IsSortedFunc(step.Mature, func(a, b hone.Outcome) int { return cmp.Compare(a.LabelSeq, b.LabelSeq) }) {
		t.Error("they are not in their order")
	}
	if again := advance(t, m, noon.Add(2*time.Hour)); len(again.Mature) != 0 || again.Ticked {
		t.Errorf("told twice: %d", len(again.Mature))
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	f := func(tick, trained, want int) {
		t.Helper()
		w := newSEA(t, 6, 0)
		w.model.Monitor.Tick, w.version.TrainedRows = tick, trained
		m := w.monitor(t)
		if got := m.TickRows(); got != want {
			t.Errorf("tick %d, %d trained rows: got %d, want %d", tick, trained, got, want)
		}
		log := w.serve(3*want - 1)
		m.Outcomes(log)
		if step := advance(t, m, noon.Add(time.Hour)); !step.Ticked || len(m.Ticks()) != 2 {
			t.Errorf("%d rows: ticked %v, %d ticks", len(log), step.Ticked, len(m.Ticks()))
		}
		m.Outcomes(w.serve(1))
		if step := advance(t, m, noon.Add(time.Hour)); !step.Ticked || len(m.Ticks()) != 3 {
			t.Errorf("one more: ticked %v, %d ticks", step.Ticked, len(m.Ticks()))
		}
		if step := advance(t, m, noon.Add(time.Hour)); step.Ticked {
			t.Error("ticked without a new label")
		}
		for i, k := range m.Ticks() {
			wrong := 0.0
			for _, o := range log[i*want : min((i+1)*want, len(log))] {
				wrong += w.model.Loss.Of(w.version.Signature, o.Scores, w.version.Signature.Target(o.Label), 0)
			}
			if i < 2 && (k.Loss != wrong || k.At != log[(i+1)*want-1].Time) || k.N != want || k.Gain != k.Loss-k.Probe {
				t.Errorf("tick %d is %+v; the champion lost %v", i, k, wrong)
			}
		}
	}
	f(100, 3000, 100)
	f(0, 3000, 200)
	f(0, 40000, 400)
	f(0, 800, 80)
	f(0, 100, 20)
	f(0, 0, 200)
}

// TestScorer holds that rows that another version answered are asked again, and
// that a champion that cannot be asked loses no label.
func TestScorer(t *testing.T) {
	t.Parallel()
	w := newSEA(t, 7, 0)
	log := w.serve(1000)
	end := noon.Add(time.Hour)
	want := w.monitor(t)
	want.Outcomes(log)
	all := advance(t, want, end)

	for i := range log {
		switch i % 4 {
		case 0:
			log[i].Version, log[i].Scores = "v0", []float64{0.123}
		case 1:
			log[i].Version, log[i].Route, log[i].Scores = "", hone.Imported, nil
		case 2:
			log[i].Scores = nil
		}
	}
	calls := 0
	broken := errors.New("not now")
	m, err := monitor.New(w.model, w.version, w.ref, frame.Decoder{}, func(_ context.Context, f *frame.Frame) (hone.Scores, error) {
		if calls++; calls%3 == 0 {
			return hone.Scores{}, broken
		}
		return w.score(f), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Outcomes(log)
	var told []hone.Outcome
	ticked, failures := false, 0
	for range 100 {
		step, err := m.Advance(t.Context(), end)
		if err == nil {
			told, ticked = append(told, step.Mature...), ticked || step.Ticked
			continue
		}
		if !errors.Is(err, broken) || len(step.Mature) > 0 {
			t.Fatalf("got %v with %d outcomes", err, len(step.Mature))
		}
		failures++
	}
	if failures == 0 || !ticked || len(told) != len(all.Mature) {
		t.Errorf("%d failures, ticked %v, %d outcomes told; want %d", failures, ticked, len(told), len(all.Mature))
	}
	if !reflect.DeepEqual(m.Ticks(), want.Ticks()) {
		t.Errorf("the ticks are %+v, want %+v", m.Ticks(), want.Ticks())
	}
}

// bound is the lower bound of the best stretch of newest ticks.
func bound(ticks []hone.Tick) float64 {
	best, gain, variance := 0.0, 0.0, 0.0
	for i, k := range slices.Backward(ticks) {
		gain, variance = gain+k.Gain, variance+k.Var
		if len(ticks)-i >= 3 {
			best = max(best, gain-math.Sqrt(variance))
		}
	}
	return best
}

// TestRecoverableLoss holds that after an abrupt change the loss that a retrain
// would win back grows with the rows, and that there is none where nothing
// changed.
func TestRecoverableLoss(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		w := newSEA(t, 20+seed, 3000+2000)
		m := w.monitor(t)
		var grown []float64
		for range 6 {
			m.Outcomes(w.serve(1000))
			advance(t, m, noon.Add(24*time.Hour))
			grown = append(grown, bound(m.Ticks()))
		}
		// Of the 2000 rows before the change; then the new concept moves the label
		// of a fifth of the rows.
		if grown[1] > 10 || grown[3] < 100 || !slices.IsSorted(grown[1:]) || grown[5] < 400 {
			t.Errorf("seed %d: the bound grew as %.0f", seed, grown)
		}

		w = newSEA(t, 40+seed, 0)
		m = w.monitor(t)
		most := 0.0
		for range 30 {
			m.Outcomes(w.serve(200))
			advance(t, m, noon.Add(24*time.Hour))
			most = max(most, bound(m.Ticks()))
		}
		if most > 25 {
			t.Errorf("seed %d: nothing changed, and %.0f of 6000 rows could be won back", seed, most)
		}
	}
}
