package trees_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/residual"
	"hone/internal/learn/residual/trees"
)

// world is rows with a champion's scores, which from a row on go wrong.
type world struct {
	o      residual.Options
	f      *frame.Frame
	scores []float64
	y      []float64
}

func newWorld(task string, n, width int) *world {
	w := &world{o: residual.Options{Task: task, Width: width}, f: &frame.Frame{}, y: make([]float64, n), scores: make([]float64, n*width)}
	for c := range 6 {
		w.o.Schema = append(w.o.Schema, frame.Field{Name: fmt.Sprint("x", c), Kind: frame.Number})
	}
	w.f = frame.New(w.o.Schema, n)
	return w
}

// chequered answers by two signs; from a row on another pair of features decides.
func chequered(seed uint64, n, from int) *world {
	r := rand.New(rand.NewPCG(seed, 3))
	w := newWorld(residual.Binary, n, 1)
	for i := range n {
		for c := range w.f.Cols {
			w.f.Cols[c].Num[i] = r.NormFloat64()
		}
		x := func(c int) bool { return w.f.Cols[c].Num[i] > 0 }
		w.scores[i] = 0.1 + 0.8*flag(x(0) != x(1))
		now := x(0) != x(1)
		if i >= from {
			now = x(2) != x(3)
		}
		w.y[i] = flag(now != (r.Float64() < 0.1))
	}
	return w
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (w *world) probe(strong bool) *residual.Probe {
	p := residual.New(w.o)
	if strong {
		p.Join(trees.New(w.o))
	}
	return p
}

// follow lets a probe take rows [from, to) in pieces of a size.
func (w *world) follow(p *residual.Probe, from, to, size int) (all residual.Sums) {
	k := max(1, w.o.Width)
	for at := from; at < to; at += size {
		end := min(at+size, to)
		y := w.y[at:end]
		s := p.Batch(w.f.Slice(at, end), w.scores[at*k:end*k], y, func(row int, s []float64) float64 {
			if w.o.Task == residual.Regression {
				return math.Abs(s[0] - y[row])
			}
			if w.o.Task == residual.Multiclass {
				best := 0
				for c := range s {
					if s[c] > s[best] {
						best = c
					}
				}
				return flag(best != int(y[row]))
			}
			return flag((s[0] > 0.5) != (y[row] == 1))
		})
		all.N, all.Gain, all.Var = all.N+s.N, all.Gain+s.Gain, all.Var+s.Var
	}
	return all
}

// A change that no linear residual can follow is seen with trees, and hardly without.
func TestSeesWhatLinearDoesNot(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		w := chequered(seed, 7000, 3000)
		plain, strong := w.probe(false), w.probe(true)
		w.follow(plain, 0, 4000, 20)
		w.follow(strong, 0, 4000, 20)
		// The champion is right in half of the rows now, and could be in nine of ten.
		a, b := w.follow(plain, 4000, 7000, 20), w.follow(strong, 4000, 7000, 20)
		if a.Gain > 0.05*0.4*3000 || b.Gain < 0.1*0.4*3000 || b.Gain < 10*math.Sqrt(b.Var) && b.Gain < 5*a.Gain {
			t.Errorf("seed %d: gain %v without trees and %v with them, of %v", seed, a.Gain, b.Gain, 0.4*3000)
		}
	}
}

// Where nothing changes they gain nothing that would pay for a retrain, and lose little.
func TestQuiet(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		w := chequered(seed, 8000, 8000)
		s := w.follow(w.probe(true), 0, 8000, 20)
		if s.Gain-math.Sqrt(s.Var) > 10 || s.Gain < -40 {
			t.Errorf("seed %d: %+v", seed, s)
		}
	}
}

// However the rows are spread over calls, the sums are the same to the last bit.
func TestPages(t *testing.T) {
	t.Parallel()
	w := chequered(7, 5000, 2000)
	want := w.follow(w.probe(true), 0, 5000, 20)
	for _, size := range []int{1, 7, 640, 5000} {
		if got := w.follow(w.probe(true), 0, 5000, size); got.N != want.N || got.Gain != want.Gain || got.Var != want.Var {
			t.Errorf("in pieces of %d: %+v, want %+v", size, got, want)
		}
	}
}

// A value whose champion has gone wrong in a corner.
func TestValues(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 9))
	w := newWorld(residual.Regression, 6000, 1)
	w.o.TargetSD = 50
	for i := range w.y {
		for c := range w.f.Cols {
			w.f.Cols[c].Num[i] = r.NormFloat64()
		}
		w.scores[i] = 1000 + 50*w.f.Cols[0].Num[i]
		w.y[i] = w.scores[i] + 5*r.NormFloat64()
		if (w.f.Cols[1].Num[i] > 0) != (w.f.Cols[2].Num[i] > 0) {
			w.y[i] += 60
		} else {
			w.y[i] -= 60
		}
	}
	w.y[100], w.y[200], w.y[300] = 1e300, math.Inf(1), math.NaN() // Absurd, and no harm.
	p := w.probe(true)
	w.follow(p, 0, 3000, 20)
	if s := w.follow(p, 3000, 6000, 20); s.Gain < 0.5*60*3000 {
		t.Errorf("gain %v of %v", s.Gain, 60*3000)
	}
}

// Classes, one of which the champion does not know; and more of them than trees follow.
func TestClasses(t *testing.T) {
	t.Parallel()
	for _, width := range []int{4, 40} {
		r := rand.New(rand.NewPCG(1, uint64(width)))
		w := newWorld(residual.Multiclass, 4000, width)
		for i := range w.y {
			for c := range w.f.Cols {
				w.f.Cols[c].Num[i] = r.NormFloat64()
			}
			y := i % width
			for c := range width {
				w.scores[i*width+c] = 0.2 / float64(width-1)
			}
			w.scores[i*width+y] = 0.8
			if y < 2 && (w.f.Cols[1].Num[i] > 0) != (w.f.Cols[2].Num[i] > 0) {
				y = 1 - y
			}
			w.y[i] = float64(y)
			if i%100 == 0 {
				w.y[i] = -1
			}
		}
		p := w.probe(true)
		w.follow(p, 0, 2000, 20)
		s := w.follow(p, 2000, 4000, 20)
		if width == 4 && s.Gain < 0.5*2000/4 || s.N != 1980 && s.N != 2000 || math.IsNaN(s.Gain) {
			t.Errorf("%d classes: %+v", width, s)
		}
	}
}

// A probe with a guest says that it cannot be stored.
func TestNotStored(t *testing.T) {
	t.Parallel()
	if _, err := chequered(1, 10, 10).probe(true).Marshal(); err == nil {
		t.Error("it was stored without its trees")
	}
}

func BenchmarkRow(b *testing.B) {
	w := chequered(1, 20_000, 5000)
	b.ResetTimer()
	for range b.N {
		w.follow(w.probe(true), 0, 20_000, 20)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/20_000, "µs/row")
}
