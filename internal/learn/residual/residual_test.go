package residual_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/residual"
)

func TestNoDriftNoGain(t *testing.T) {
	t.Parallel()
	quiet(t, 30, func(seed uint64) *world { return binary(seed, 6000, 6000, 0) }, zeroOne)
}

func TestAbruptDriftIsFound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		w := binary(seed, 8000, 6000, 0.8)
		w.finds(t, 6000, 0.6, zeroOne)
	}
}

// blobs is a world of four classes round the corners of a square, known to the
// champion by their posterior. From a row on two classes change their names.
func blobs(seed uint64, n, from int) *world {
	r := rand.New(rand.NewPCG(seed, 2))
	w := newWorld(r, n, 4, 4, residual.Multiclass)
	for i := range n {
		c := r.IntN(4)
		w.f.Cols[0].Num[i] += 4 * 1.5 * float64(2*(c%2)-1)
		w.f.Cols[1].Num[i] += 4 * 1.5 * float64(2*(c/2)-1)
		p := w.scores[4*i : 4*i+4]
		for k := range p {
			p[k] = sigmoid(3*w.x(i, 0)*float64(2*(k%2)-1)) * sigmoid(3*w.x(i, 1)*float64(2*(k/2)-1))
		}
		w.y[i] = float64(c)
		w.best[i] = zeroOne(p, w.y[i])
		if i >= from && c < 2 {
			w.y[i] = float64(1 - c)
		}
	}
	return w
}

func TestNoDriftNoGainInClasses(t *testing.T) {
	t.Parallel()
	quiet(t, 30, func(seed uint64) *world { return blobs(seed, 6000, 6000) }, zeroOne)
}

func TestSwappedClassesAreFound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		blobs(seed, 8000, 6000).finds(t, 6000, 0.6, zeroOne)
	}
}

// values is a regression world with a spread of 100 about 1000, whose third
// coefficient changes from a row on.
func values(seed uint64, n, from int) *world {
	r := rand.New(rand.NewPCG(seed, 3))
	w := newWorld(r, n, 6, 1, residual.Regression)
	w.o.TargetSD = 100
	for i := range n {
		w.scores[i] = 1000 + 70*w.x(i, 0) - 60*w.x(i, 1)
		now := w.scores[i]
		if i >= from {
			now += 40 * w.x(i, 2)
		}
		w.y[i] = now + 40*r.NormFloat64()
		w.best[i] = squared([]float64{now}, w.y[i])
	}
	return w
}

func TestNoDriftNoGainInValues(t *testing.T) {
	t.Parallel()
	// A row loses 1600 on average: the limit is again 30 rows' worth.
	quiet(t, 30*1600, func(seed uint64) *world { return values(seed, 6000, 6000) }, squared)
}

func TestChangedCoefficientIsFound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		values(seed, 8000, 6000).finds(t, 6000, 0.6, squared)
	}
}

// names is a binary world in which only a category and a word tell anything, and
// what they tell turns round at a row.
func names(seed uint64, n, from int) *world {
	r := rand.New(rand.NewPCG(seed, 4))
	w := newWorld(r, n, 1, 1, residual.Binary)
	w.o.Schema = append(w.o.Schema, frame.Field{Name: "c", Kind: frame.Category}, frame.Field{Name: "t", Kind: frame.Text})
	f := frame.New(w.o.Schema, n)
	f.Cols[0] = w.f.Cols[0]
	w.f = f
	for i := range n {
		c, word := r.IntN(6), r.IntN(2)
		f.Cols[1].Str[i] = fmt.Sprint("country", c)
		f.Cols[2].Str[i] = fmt.Sprintf("word%d and %s", r.IntN(200), []string{"refund", "thanks"}[word])
		a := float64(c) - 2.5 + 2*float64(2*word-1)
		now := a
		if i >= from {
			now = a - 4*float64(2*word-1)
		}
		w.scores[i] = sigmoid(a)
		if r.Float64() < sigmoid(now) {
			w.y[i] = 1
		}
		w.best[i] = zeroOne([]float64{sigmoid(now)}, w.y[i])
	}
	return w
}

func TestDriftInNamesIsFound(t *testing.T) {
	t.Parallel()
	quiet(t, 30, func(seed uint64) *world { return names(seed, 6000, 6000) }, zeroOne)
	for seed := range uint64(5) {
		names(seed, 8000, 6000).finds(t, 6000, 0.6, zeroOne)
	}
}

func TestUnknownClassesAreTestedAndNotLearned(t *testing.T) {
	t.Parallel()
	w := binary(1, 1200, 0, 0.8)
	a, b := residual.New(w.o), residual.New(w.o)
	for i := range 600 {
		w.y[i] = -1
	}
	s := w.run(a, 0, 600, zeroOne)
	if s[0].N != tick || s[0].Champion != tick || s[0].Gain != 0 {
		t.Errorf("rows of an unknown class give %+v", s[0])
	}
	for i := range 600 {
		w.y[i] = math.NaN()
	}
	if s := w.run(b, 0, 600, zeroOne); s[0] != (residual.Sums{}) {
		t.Errorf("rows without a target give %+v", s[0])
	}
	x, y := w.run(a, 600, 1200, zeroOne), w.run(b, 600, 1200, zeroOne)
	for i := range x {
		if x[i] != y[i] {
			t.Errorf("tick %d: %+v and %+v; something was learned from rows to be left out", i, x[i], y[i])
		}
	}
}

// However bad the data, the sums stay finite and the probe recovers.
func TestHostileRows(t *testing.T) {
	t.Parallel()
	for _, w := range []*world{binary(1, 8000, 6000, 0.8), blobs(1, 8000, 6000), values(1, 8000, 6000)} {
		loss := zeroOne
		if w.o.Task == residual.Regression {
			loss = squared
		}
		h := newWorld(rand.New(rand.NewPCG(9, 9)), 900, len(w.o.Schema), w.o.Width, w.o.Task)
		bad := []float64{math.NaN(), math.Inf(1), 1e308, -1e308, 0}
		for i := range h.f.N {
			for j := range h.f.Cols {
				h.f.Cols[j].Num[i] = bad[(i+j)%5]
			}
			h.y[i] = []float64{0, 1, -1, math.NaN(), 1e150}[i%5]
			for c := range h.o.Width {
				h.scores[i*h.o.Width+c] = []float64{0, 1, math.NaN(), 1e150, -3, 0.5, 0.2}[(i+c)%7]
			}
		}
		p := residual.New(w.o)
		for i, s := range h.run(p, 0, h.f.N, loss) {
			if s.Gain-s.Gain != 0 || s.Var-s.Var != 0 && s.Gain == 0 {
				t.Errorf("%s: tick %d of hostile rows gives %+v", w.o.Task, i, s)
			}
		}
		ticks := w.run(p, 6000, 8000, loss)
		if _, gain := bound(ticks); !(gain > 0.1*w.recoverable(6000, 8000, loss)) {
			t.Errorf("%s: after hostile rows the gain is %v of %v", w.o.Task, gain, w.recoverable(6000, 8000, loss))
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	w := binary(1, 600, 0, 0.8)
	p := residual.New(w.o)
	loss := func(row int, scores []float64) float64 { return zeroOne(scores, w.y[row]) }
	if n := testing.AllocsPerRun(20, func() { p.Batch(w.f, w.scores, w.y, loss) }); n != 0 {
		t.Errorf("%v allocations in %d rows", n, w.f.N)
	}
}

func BenchmarkBatch(b *testing.B) {
	w := binary(1, 20, 0, 0.8)
	p := residual.New(w.o)
	loss := func(row int, scores []float64) float64 { return zeroOne(scores, w.y[row]) }
	b.ReportAllocs()
	for b.Loop() {
		p.Batch(w.f, w.scores, w.y, loss)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*w.f.N), "ns/row")
}
