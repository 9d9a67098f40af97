package residual_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/residual"
)

const tick = 300 // Rows.

// world is a stream: features, what the champion scores, what is true, and the
// loss of the best answer to each row.
type world struct {
	o      residual.Options
	f      *frame.Frame
	scores []float64
	y      []float64
	best   []float64
}

// newWorld draws n rows of d standard normal numbers.
func newWorld(r *rand.Rand, n, d, width int, task string) *world {
	w := &world{o: residual.Options{Width: width, Task: task, TargetSD: 1}}
	for j := range d {
		w.o.Schema = append(w.o.Schema, frame.Field{Name: fmt.Sprint("x", j), Kind: frame.Number})
		w.o.Mean, w.o.SD = append(w.o.Mean, 50), append(w.o.SD, 4)
	}
	w.f = frame.New(w.o.Schema, n)
	for i := range n {
		for j := range d {
			w.f.Cols[j].Num[i] = 50 + 4*r.NormFloat64()
		}
	}
	w.scores, w.y, w.best = make([]float64, n*width), make([]float64, n), make([]float64, n)
	return w
}

// x is a feature of a row in standard deviations.
func (w *world) x(row, j int) float64 { return (w.f.Cols[j].Num[row] - 50) / 4 }

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// binary is a logistic world of ten numbers whose champion is right until the
// row from which the plane turns by angle.
func binary(seed uint64, n, from int, angle float64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(r, n, 10, 1, residual.Binary)
	for i := range n {
		a := w.x(i, 0) + w.x(i, 1)
		now := a
		if i >= from {
			now = math.Cos(angle)*a + math.Sin(angle)*(w.x(i, 2)+w.x(i, 3))
		}
		w.scores[i] = sigmoid(3 * a)
		if r.Float64() < sigmoid(3*now) {
			w.y[i] = 1
		}
		w.best[i] = zeroOne([]float64{sigmoid(3 * now)}, w.y[i])
	}
	return w
}

func zeroOne(scores []float64, y float64) float64 {
	answer := 0
	if len(scores) == 1 && scores[0] >= 0.5 {
		answer = 1
	}
	for c := range scores {
		if scores[c] > scores[answer%len(scores)] {
			answer = c
		}
	}
	if float64(answer) == y {
		return 0
	}
	return 1
}

func squared(scores []float64, y float64) float64 { return (scores[0] - y) * (scores[0] - y) }

// run feeds the world's rows [from, to) to a probe, a tick at a time.
func (w *world) run(p *residual.Probe, from, to int, loss func([]float64, float64) float64) []residual.Sums {
	var out []residual.Sums
	for at := from; at < to; at += tick {
		end := min(at+tick, to)
		out = append(out, p.Batch(w.f.Slice(at, end), w.scores[at*w.o.Width:end*w.o.Width], w.y[at:end],
			func(row int, scores []float64) float64 { return loss(scores, w.y[at+row]) }))
	}
	return out
}

// bound is the best lower bound of the gain over all suffixes of at least three
// ticks, and the gain over that suffix.
func bound(ticks []residual.Sums) (lower, gain float64) {
	lower = math.Inf(-1)
	d, v := 0.0, 0.0
	for k := 1; k <= len(ticks); k++ {
		t := ticks[len(ticks)-k]
		d, v = d+t.Gain, v+t.Var
		if k >= 3 && d-math.Sqrt(v) > lower {
			lower, gain = d-math.Sqrt(v), d
		}
	}
	return lower, gain
}

// highest is the highest bound at any tick.
func highest(ticks []residual.Sums) float64 {
	top := math.Inf(-1)
	for k := range ticks {
		b, _ := bound(ticks[:k+1])
		top = math.Max(top, b)
	}
	return top
}

// recoverable is what the best answers would have saved over the champion's in
// rows [from, to).
func (w *world) recoverable(from, to int, loss func([]float64, float64) float64) float64 {
	sum := 0.0
	for i := from; i < to; i++ {
		sum += loss(w.scores[i*w.o.Width:(i+1)*w.o.Width], w.y[i]) - w.best[i]
	}
	return sum
}

// finds checks that the suffix gain in the 2000 rows after a change finds the
// share of what could be recovered.
func (w *world) finds(t *testing.T, change int, share float64, loss func([]float64, float64) float64) {
	t.Helper()
	p := residual.New(w.o)
	ticks := w.run(p, 0, change, loss)
	ticks = append(ticks, w.run(p, change, change+2000, loss)...)
	_, gain := bound(ticks)
	most := w.recoverable(change, change+2000, loss)
	t.Logf("gain %.1f of %.1f", gain, most)
	if !(most > 0 && gain >= share*most) {
		t.Errorf("the suffix gain is %.1f, want at least %.0f %% of %.1f", gain, 100*share, most)
	}
}

// quiet checks that no suffix of a stream without drift looks recoverable.
func quiet(t *testing.T, limit float64, draw func(seed uint64) *world, loss func([]float64, float64) float64) {
	t.Helper()
	worst := math.Inf(-1)
	for seed := range uint64(20) {
		w := draw(seed)
		worst = math.Max(worst, highest(w.run(residual.New(w.o), 0, w.f.N, loss)))
	}
	t.Logf("highest bound %.1f", worst)
	if worst >= limit {
		t.Errorf("the bound rises to %.1f without drift, want under %v", worst, limit)
	}
}
