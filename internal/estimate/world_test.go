package estimate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"hone/internal/estimate"
	"hone/internal/frame"
)

var schema = frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "z", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}

// rows are drawn from a world in which the model knows x but not z, so that it is
// wrong about how sure it may be where z is high. Shift moves x and z.
type rows struct {
	f        *frame.Frame
	score, y []float64
}

func draw(r *rand.Rand, n int, shift float64) rows {
	out := rows{f: frame.New(schema, n)}
	for i := range n {
		x, z := r.NormFloat64()+shift, r.NormFloat64()+shift
		out.f.Cols[0].Num[i], out.f.Cols[1].Num[i] = x, z
		out.f.Cols[2].Str[i] = fmt.Sprintf("c%d", r.IntN(5))
		y := 0.0
		if r.Float64() < 1/(1+math.Exp(-1.5*x-z)) {
			y = 1
		}
		out.score, out.y = append(out.score, 1/(1+math.Exp(-2*x))), append(out.y, y)
	}
	return out
}

func (w rows) accuracy() float64 {
	right := 0.0
	for i, s := range w.score {
		if (s >= 0.5) == (w.y[i] == 1) {
			right++
		}
	}
	return right / float64(len(w.y))
}

// TestIntervalsHold compares what is estimated with what is realised, without and
// with a shift of the inputs.
func TestIntervalsHold(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a simulation")
	}
	f := func(shift float64, weighted bool, least float64) {
		t.Helper()
		const worlds = 40
		held, sum := 0, 0.0
		for seed := range uint64(worlds) {
			r := rand.New(rand.NewPCG(seed, 11))
			before, now := draw(r, 2000, 0), draw(r, 1000, shift)
			bins := estimate.NewBins(before.f)
			known := estimate.Known{Scores: before.score, Outcomes: before.y, Shift: estimate.Shift(bins.Table(before.f), bins.Table(now.f))}
			got := estimate.Binary(known, now.score, 0.5, nil)
			if got.Unknown != "" {
				t.Fatalf("shift %v: unknown: %s", shift, got.Unknown)
			}
			if got.Weighted != weighted && shift > 0 {
				t.Errorf("shift %v, seed %d: weighted %v, covered %.3f", shift, seed, got.Weighted, known.Shift.Covered)
			}
			m, truth := got.Metrics[0], now.accuracy()
			if m.Lower <= truth && truth <= m.Upper {
				held++
			}
			sum += (m.Value - truth) / worlds
		}
		if share := float64(held) / worlds; share < least || math.Abs(sum) > 0.012 {
			t.Errorf("shift %v: %.3f of the intervals hold what is realised, want %v; the mean error is %.4f", shift, share, least, sum)
		}
	}
	f(0, false, 0.9)
	f(0.5, true, 0.88)
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	before, far := draw(r, 1000, 0), draw(r, 1000, 6)
	bins := estimate.NewBins(before.f)
	f := func(known estimate.Known, want string) {
		t.Helper()
		if got := estimate.Binary(known, far.score, 0.5, nil); !strings.Contains(got.Unknown, want) || got.Metrics != nil {
			t.Errorf("got %q, want %q", got.Unknown, want)
		}
	}
	f(estimate.Known{Scores: before.score[:150], Outcomes: before.y[:150]}, "there are 150, and 200 are needed")
	f(estimate.Known{Scores: before.score, Outcomes: make([]float64, 1000)}, "one class")
	f(estimate.Known{Scores: before.score, Outcomes: before.y, Shift: estimate.Shift(bins.Table(before.f), bins.Table(far.f))}, "no like among the labelled rows")
}

// TestValues estimates an error that the inputs tell, after they have moved to
// where it is larger.
func TestValues(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a simulation")
	}
	const worlds = 20
	held, off, moved := 0, 0.0, 0.0
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 9))
		size := func(f *frame.Frame) (out []float64, mean float64) {
			for i := range f.N {
				e := math.Abs(r.NormFloat64()) * (1 + math.Abs(f.Cols[0].Num[i]))
				out, mean = append(out, e), mean+e/float64(f.N)
			}
			return out, mean
		}
		before, now := draw(r, 3000, 0), draw(r, 1000, 0.5)
		bins := estimate.NewBins(before.f)
		a, b := bins.Table(before.f), bins.Table(now.f)
		known, was := size(before.f)
		_, truth := size(now.f)
		got := estimate.Values("mae", a, known, estimate.Shift(a, b), b)
		if got.Unknown != "" || len(got.Metrics) != 1 {
			t.Fatalf("got %+v", got)
		}
		m := got.Metrics[0]
		if m.Lower <= truth && truth <= m.Upper {
			held++
		}
		off, moved = off+(m.Value-truth)/worlds, moved+(truth-was)/worlds
	}
	if held < 17 || math.Abs(off) > moved/3 {
		t.Errorf("%d of %d intervals hold; the mean error is %.4f, after a move of %.4f", held, worlds, off, moved)
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a simulation")
	}
	found, wrong := 0, 0
	const worlds = 40
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 2))
		w := draw(r, 3000, 0)
		bins := estimate.NewBins(w.f)
		table, group := bins.Table(w.f), make([]int, w.f.N)
		loss, calm := make([]float64, w.f.N), make([]float64, w.f.N)
		for i := range group {
			group[i] = i / 20
			rate := 0.1
			if w.f.Cols[2].Str[i] == "c3" && w.f.Cols[0].Num[i] > 0 {
				rate = 0.35
			}
			if r.Float64() < rate {
				loss[i] = 1
			}
			if r.Float64() < 0.1 {
				calm[i] = 1
			}
		}
		if got := estimate.Worst(table, loss, group); len(got) > 0 && strings.Contains(got[0].Rule, "country = c3") && got[0].Lower > 0 {
			found++
		}
		if got := estimate.Worst(table, calm, group); len(got) > 0 {
			wrong++
		}
	}
	if found < 36 || wrong > 2 {
		t.Errorf("the worst slice is found in %d of %d worlds, and one that is not there in %d", found, worlds, wrong)
	}
}
