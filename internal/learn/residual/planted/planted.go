// Package planted tests a probe before it is relied on: it plants losses that a retrain
// would surely win back, and measures how much of them the probe sees. What follows
// where that is little is left to others.
package planted

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
	"hone/internal/learn/residual"
	"hone/internal/learn/residual/trees"
)

const (
	most   = 5000 // Newest rows that the test is made of,
	least  = 400  // and the fewest.
	tries  = 12   // Losses that are tried at most,
	enough = 6    // and planted.
	ahead  = 0.4  // Share of the rows on which the probe only learns: they do not count.
	sure   = 3    // Standard errors by which a planted loss is one.
	wide   = 1000 // Features up to which the one that matters most is looked for.
	piece  = 100  // Rows between two rests.
)

// Both were chosen on simulated worlds.
const (
	better = 0.25 // Trees are needed where they see so much more.
	blind  = 0.3  // A probe that sees less of planted losses cannot tell.
	fewest = 2    // Plants that tell something.
)

// Power is how much of planted losses a probe saw. The zero value is of no test.
type Power struct {
	// Plants is how many losses were planted; 0 where none could be.
	Plants int `json:"plants"`
	// Rows are those on which each was looked for, after those that the probe learned
	// from first; 0 where there was no test.
	Rows int `json:"rows"`
	// Planted is the mean of the losses that a successor would have won back, a row, in
	// units of the loss.
	Planted float64 `json:"planted"`
	// Plain is the share of it that the linear probe saw, from 0 to 1, on average over
	// the plants, and Trees what it saw together with trees: over the first plants, as
	// many as it took to know whether trees are needed; 0 where that was none.
	Plain float64 `json:"plain"`
	Trees float64 `json:"trees"`
	// Always is set where trees join whatever they see more: see Data.
	Always bool `json:"always,omitempty"`
	// Inborn is what the probe gains over the version itself, for a weight of one, on rows
	// that it learned from: see Inborn.
	Inborn float64 `json:"inborn,omitempty"`
}

// NeedsTrees tells whether the probe sees clearly more together with trees, or has them
// always, or whether that could not be tested though there were rows: a version that
// learned two worlds at once, say, from whose rows nobody learns anything.
func (p Power) NeedsTrees() bool {
	return p.Always || p.Rows > 0 && (p.Plants < fewest || p.Trees >= p.Plain+better)
}

// Seen is the share that the probe sees, with trees where it needs them.
func (p Power) Seen() float64 {
	if p.NeedsTrees() {
		return max(p.Plain, p.Trees)
	}
	return p.Plain
}

// Blind tells whether that is too little to tell anything by.
func (p Power) Blind() bool { return p.Plants >= fewest && p.Seen() < blind }

// Probe is one with these options, which trees join where it needs them.
func (p Power) Probe(o residual.Options) *residual.Probe {
	probe := residual.New(o)
	if p.NeedsTrees() {
		probe.Join(trees.New(o))
	}
	return probe
}

// Lacked is what the probe gains on rows of these weights though nothing has changed. Rows
// whose target is NaN do not count, and nil weights count all the same.
func (p Power) Lacked(targets, weights []float64) (gain float64) {
	for i, y := range targets {
		switch {
		case math.IsNaN(y):
		case weights == nil:
			gain += p.Inborn
		default:
			gain += p.Inborn * weights[i]
		}
	}
	return gain
}

// Data is what a version was trained on, in the order of time.
type Data struct {
	Rows *frame.Frame
	// Targets are 0 or 1, the index of a class, or the value. Rows whose target is
	// anything else are passed over.
	Targets []float64
	Weights []float64 // How much each row counts; nil counts all the same.
	Task    string    // One of residual's.
	Width   int       // Scores of a row.
	// Loss of a row under some scores, in the units that the probe counts in. It may not
	// keep the slice.
	Loss func(row int, scores []float64) float64
	// Answers are the version's own scores of some rows, Width each; nil where it cannot
	// be asked. It is needed for Inborn alone.
	Answers func(rows []int) []float64
	// Always lets trees join the probe of this version and of those that go back to it: a
	// learner that goes on learning beside it is of a simpler kind than the version, and may
	// take over, so that what it cannot say is to be seen.
	Always bool
	// Rest is called between pieces of the work, each of some milliseconds, and returns
	// when the next may begin. Once it returns false the test is given up. Nil never rests.
	Rest func() bool
}

// Test trains stand-ins for a champion that has gone stale, and one for its retrained
// successor, on half of the newest 5,000 rows, and lets the probe follow each stale one
// over the other half: what the successor loses less there is known, and the share of it
// that the probe gained is its power. A stale one has either not seen a region of the
// features that matter most (a half-space, a corner, some categories), or has learned
// rows in which two features stand for each other, or one is turned round: so what it
// lacks has the shape of the data's own. Equal arguments give equal results. Texts are
// passed over, and where nothing else matters no loss is planted. A test that was given
// up is none.
func Test(d Data, seed uint64) Power {
	t := begin(d, seed)
	if t == nil {
		return Power{Always: d.Always}
	}
	out := t.power()
	if d.Answers != nil && !t.ended {
		out.Inborn = Inborn(d, seed, out.NeedsTrees())
	}
	if !t.rest() {
		return Power{}
	}
	return out
}

// power is how much of planted losses the probe sees.
func (t *test) power() Power {
	out := Power{Rows: t.late.N - t.from, Always: t.Always}
	var plants []stale
	for i := 0; i < tries && len(plants) < enough; i++ {
		s, ok := t.plant(i)
		if !ok {
			continue
		}
		plants = append(plants, s)
		out.Planted += s.lost / float64(out.Rows)
		out.Plain += t.seen(s, nil)
	}
	if n := float64(len(plants)); n > 0 {
		out.Plants, out.Planted, out.Plain = len(plants), out.Planted/n, out.Plain/n
		out.Trees = t.withTrees(plants, out.Plain+better)
	}
	return out
}

// withTrees is the mean share that the probe sees together with trees. It goes through
// no more plants than it takes to know on which side of need that lies, and of blind
// where it is over need: trees take most of the test's time.
func (t *test) withTrees(plants []stale, need float64) float64 {
	sum, n := 0.0, float64(len(plants))
	for i, s := range plants {
		left := n - float64(i)
		most, least := (sum+left)/n, sum/n
		if len(plants) >= fewest && (most < need || least >= need && (least >= blind || most < blind)) {
			return sum / max(1, float64(i))
		}
		sum += t.seen(s, trees.New(t.options))
	}
	return sum / n
}

// test is one under way.
type test struct {
	Data
	random      *rand.Rand
	early, late *frame.Frame
	// Targets of early and late, and weights of early.
	learned, come, weights []float64
	at                     []int // Rows of late among those of Data.
	from                   int   // The first row of late that counts.
	options                residual.Options
	fresh                  []float64 // Scores of the successor on late.
	matter                 []int     // Features, those that matter most first.
	ended                  bool      // It was given up.
}

// rest lets others work, and tells whether the test goes on.
func (t *test) rest() bool {
	t.ended = t.ended || t.Rest != nil && !t.Rest()
	return !t.ended
}

// stale is a champion that lacks something.
type stale struct {
	scores []float64 // On late.
	lost   float64   // More than its successor.
}

// begin is nil where there is nothing to plant in.
func begin(d Data, seed uint64) *test {
	d.Width = max(d.Width, 1)
	t := &test{Data: d, random: rand.New(rand.NewPCG(seed, 5417))}
	rows := d.draw(t.random)
	if len(rows) < least {
		return nil
	}
	t.part(rows[:len(rows)/2], rows[len(rows)/2:])
	m, err := t.fit(t.early, t.learned, t.weights)
	if err != nil {
		return nil
	}
	t.fresh = make([]float64, t.late.N*d.Width)
	m.Predict(t.late, t.fresh)
	if t.rank(m); len(t.matter) == 0 {
		return nil
	}
	return t
}

// draw takes the newest rows with a target, in an order that tells nothing of time.
func (d Data) draw(r *rand.Rand) (rows []int) {
	for i := d.Rows.N - 1; i >= 0 && len(rows) < most; i-- {
		if d.fits(d.Targets[i]) && (d.Weights == nil || d.Weights[i] > 0) {
			rows = append(rows, i)
		}
	}
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

func (d Data) fits(y float64) bool {
	switch d.Task {
	case residual.Regression:
		return math.Abs(y) <= 1e15
	case residual.Multiclass:
		return y >= 0 && y < float64(d.Width) && y == math.Trunc(y)
	}
	return y == 0 || y == 1
}

func (t *test) part(early, late []int) {
	t.early, t.late, t.at = t.Rows.Pick(early), t.Rows.Pick(late), late
	for _, r := range early {
		t.learned = append(t.learned, t.Targets[r])
		if t.Weights != nil {
			t.weights = append(t.weights, t.Weights[r])
		}
	}
	for _, r := range late {
		t.come = append(t.come, t.Targets[r])
	}
	t.from = int(float64(t.late.N) * ahead)
	t.options = residual.OptionsOf(t.early, t.learned, t.Width, t.Task)
}

// fit trains a stand-in.
func (t *test) fit(f *frame.Frame, y, w []float64) (*gbdt.Model, error) {
	o := gbdt.Defaults()
	o.Iterations, o.Leaves, o.LearningRate, o.Bins = 25, 15, 0.15, 63
	switch t.Task {
	case residual.Multiclass:
		o.Task, o.Classes, o.Iterations = gbdt.Softmax, t.Width, max(4, 50/t.Width)
	case residual.Regression:
		o.Task = gbdt.LeastSquares
	}
	return gbdt.Fit(gbdt.Set{Rows: f, Targets: y, Weights: w}, o, gbdt.Extra{Report: func(int, float64) bool { return t.rest() }})
}

// rank finds the features that matter: those without whose values the successor
// answers most differently.
func (t *test) rank(m *gbdt.Model) {
	moved := map[int]float64{}
	got := make([]float64, len(t.fresh))
	for c := range t.late.Schema[:min(wide, len(t.late.Schema))] {
		if t.late.Schema[c].Kind == frame.Text || !t.rest() {
			continue
		}
		order := t.random.Perm(t.late.N)
		if !m.Asks(c) {
			continue
		}
		m.Predict(with(t.late, c, picked(t.late.Cols[c], order)), got)
		for i := range got {
			moved[c] += math.Abs(got[i] - t.fresh[i])
		}
		if moved[c] > 0 {
			t.matter = append(t.matter, c)
		}
	}
	slices.SortStableFunc(t.matter, func(a, b int) int { return cmp.Compare(moved[b], moved[a]) })
}

// plant trains a stale stand-in in the i-th way, where that plants a loss for sure.
func (t *test) plant(i int) (s stale, ok bool) {
	rows, kept := t.spoil(i)
	y, w := t.learned, t.weights
	if kept != nil {
		y, w = chosen(y, kept), chosen(w, kept)
	}
	m, err := t.fit(rows, y, w)
	if err != nil {
		return s, false
	}
	s.scores = make([]float64, len(t.fresh))
	m.Predict(t.late, s.scores)
	k, squares := t.Width, 0.0
	for row := t.from; row < t.late.N; row++ {
		if d := t.loss(row, s.scores[row*k:][:k]) - t.loss(row, t.fresh[row*k:][:k]); d-d == 0 {
			s.lost += d
			squares += d * d
		}
	}
	return s, s.lost > sure*math.Sqrt(squares)
}

func chosen(xs []float64, rows []int) []float64 {
	if xs == nil {
		return nil
	}
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = xs[r]
	}
	return out
}

// loss of a row of late, as much as it counts.
func (t *test) loss(row int, scores []float64) float64 { return t.weighted(t.at[row], scores) }

// weighted is the loss of a row, as much as it counts.
func (d Data) weighted(row int, scores []float64) float64 { return d.weight(row) * d.Loss(row, scores) }

func (d Data) weight(row int) float64 {
	if d.Weights == nil {
		return 1
	}
	return d.Weights[row]
}

// seen lets a probe follow a stale one, and returns the share of what it lost that the
// probe gained.
func (t *test) seen(s stale, guest residual.Guest) float64 {
	p := residual.New(t.options)
	if guest != nil {
		p.Join(guest)
	}
	follow := func(from, to int) float64 {
		return p.Batch(t.late.Slice(from, to), s.scores[from*t.Width:to*t.Width], t.come[from:to], func(row int, scores []float64) float64 {
			return t.loss(from+row, scores)
		}).Gain
	}
	gain := 0.0
	for from, to := 0, 0; from < t.late.N && t.rest(); from = to {
		to = min(from+piece, t.late.N)
		if from < t.from {
			to = min(to, t.from)
		}
		if g := follow(from, to); from >= t.from {
			gain += g
		}
	}
	return min(max(gain/s.lost, 0), 1)
}
