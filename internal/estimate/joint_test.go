package estimate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hone/internal/estimate"
	"hone/internal/frame"
)

// jointly draws rows of eight numbers and two names, of which the first two numbers
// are correlated by rho; alike is how much of each row is that of the row before.
func jointly(r *rand.Rand, n int, rho, alike float64) *frame.Frame {
	var schema frame.Schema
	for i := range 8 {
		schema = append(schema, frame.Field{Name: fmt.Sprint("x", i), Kind: frame.Number})
	}
	schema = append(schema, frame.Field{Name: "a", Kind: frame.Category}, frame.Field{Name: "b", Kind: frame.Category})
	f := frame.New(schema, n)
	state := make([]float64, 10)
	for i := range state {
		state[i] = r.NormFloat64()
	}
	for row := range n {
		for i := range state {
			state[i] = alike*state[i] + math.Sqrt(1-alike*alike)*r.NormFloat64()
		}
		for i := range 8 {
			f.Cols[i].Num[row] = state[i]
		}
		f.Cols[1].Num[row] = rho*state[0] + math.Sqrt(1-rho*rho)*state[1]
		for i := range 2 {
			f.Cols[8+i].Str[row] = fmt.Sprint("c", int(2*math.Abs(state[8+i])))
		}
	}
	return f
}

func tell(before, now *frame.Frame) estimate.Told {
	bins := estimate.NewBins(before)
	return estimate.Tell(bins.Table(before), bins.Table(now))
}

// TestTellCalm holds that rows of one world are hardly ever told apart, also where
// they follow each other closely.
func TestTellCalm(t *testing.T) {
	t.Parallel()
	for _, alike := range []float64{0, 0.5} {
		low, auc := 0, 0.0
		const windows = 60
		for seed := range uint64(windows) {
			r := rand.New(rand.NewPCG(seed, 41))
			rows := jointly(r, 20_000, 0.5, alike)
			var some []int
			for i := range 1500 {
				some = append(some, i*rows.N/1500)
			}
			got := tell(rows.Pick(some), jointly(r, 600, 0.5, alike))
			auc += got.AUC / windows
			if got.P < 0.01 {
				low++
			}
		}
		// 0.6 are expected; more than 4 come once in three thousand.
		if low > 4 || math.Abs(auc-0.5) > 0.01 {
			t.Errorf("alike %v: %d of %d windows have p < 0.01, mean AUC %.3f", alike, low, windows, auc)
		}
	}
}

// TestTellFlip holds that a correlation that turns round is seen though no column
// changes, and that the two columns are named.
func TestTellFlip(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 42))
		got := tell(jointly(r, 3000, 0.5, 0), jointly(r, 1000, -0.5, 0))
		by := map[string]bool{}
		for _, c := range got.By {
			by[c.Column] = true
		}
		if got.P > 1e-6 || got.AUC < 0.6 || got.Lower > got.AUC || got.Upper < got.AUC || len(by) == 0 || !by["x0"] || !by["x1"] {
			t.Errorf("seed %d: %+v", seed, got)
		}
		if c := got.By[0].Column; c != "x0" && c != "x1" {
			t.Errorf("seed %d: %s tells most", seed, c)
		}
	}
}

// TestTellNames holds that names are seen together as well.
func TestTellNames(t *testing.T) {
	t.Parallel()
	schema := frame.Schema{{Name: "a", Kind: frame.Category}, {Name: "b", Kind: frame.Category}, {Name: "x", Kind: frame.Number}}
	make := func(r *rand.Rand, n, turn int) *frame.Frame {
		f := frame.New(schema, n)
		for i := range n {
			a := r.IntN(4)
			b := (a + turn) % 4
			if r.IntN(2) == 0 {
				b = r.IntN(4)
			}
			f.Cols[0].Str[i], f.Cols[1].Str[i], f.Cols[2].Num[i] = fmt.Sprint(a), fmt.Sprint(b), r.Float64()
		}
		return f
	}
	r := rand.New(rand.NewPCG(1, 43))
	got := tell(make(r, 3000, 0), make(r, 1000, 2))
	if got.P > 1e-6 || len(got.By) != 2 {
		t.Errorf("turned: %+v", got)
	}
}

// TestTellOdd holds that nothing fails where nothing varies.
func TestTellOdd(t *testing.T) {
	t.Parallel()
	schema := frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "a", Kind: frame.Category}}
	got := tell(frame.New(schema, 300), frame.New(schema, 200))
	if got.P != 1 || got.AUC != 0.5 || got.Lower != 0 || got.Upper != 1 {
		t.Errorf("all missing: %+v", got)
	}
	full := frame.New(schema, 300)
	for i := range full.N {
		full.Cols[0].Num[i], full.Cols[1].Str[i] = 1, "a"
	}
	if got := tell(frame.New(schema, 300), full); got.AUC < 0.99 || got.P > 1e-6 {
		t.Errorf("all missing before: %+v", got)
	}
}
