package gbdt_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/gbdt"
)

func TestFit(t *testing.T) {
	t.Parallel()
	f := func(task gbdt.Task, most float64) {
		t.Helper()
		m := fit(t, world(15_000, 1, task), options(task, 100), gbdt.Extra{})
		if got := loss(m, world(10_000, 2, task)); !(got < most) {
			t.Errorf("%s: a loss of %.3f on fresh rows, want under %.3f", task, got, most)
		}
	}
	// The best that can be known are 0.405 nats, 0.36 nats and a variance of 1; always
	// answering the mean has 0.69, 1.1 and 860.
	f(gbdt.Logistic, 0.46)
	f(gbdt.Softmax, 0.47)
	f(gbdt.LeastSquares, 45)
}

func TestThreadsDoNotMatter(t *testing.T) {
	t.Parallel()
	for _, task := range []gbdt.Task{gbdt.Logistic, gbdt.Softmax, gbdt.LeastSquares} {
		s, held := world(10_000, 3, task), world(2000, 4, task)
		var first []byte
		for _, threads := range []int{0, 1, 2, 3, 8} {
			o := options(task, 10)
			o.Threads, o.RowFraction, o.RowEvery, o.ColumnFraction, o.EarlyStopping = threads, 0.8, 2, 0.7, 5
			b, err := fit(t, s, o, gbdt.Extra{Held: &held}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = b
			}
			if !bytes.Equal(b, first) {
				t.Errorf("%s: %d threads grew another model", task, threads)
			}
		}
		o := options(task, 10)
		o.Seed, o.RowFraction, o.RowEvery = 2, 0.8, 1
		if b, _ := fit(t, s, o, gbdt.Extra{}).Marshal(); bytes.Equal(b, first) {
			t.Errorf("%s: another seed grew the same model", task)
		}
	}
}

// Rounding must be right on average: sums of many rows, and of rows whose
// derivatives differ by many orders, are near what they would be unrounded.
func TestHeavyTails(t *testing.T) {
	t.Parallel()
	s := world(20_000, 5, gbdt.LeastSquares)
	s.Targets[17] = 1e7
	s.Weights = make([]float64, s.Rows.N)
	for i := range s.Weights {
		s.Weights[i] = 1
	}
	s.Weights[17] = 1e-9
	with := fit(t, s, options(gbdt.LeastSquares, 200), gbdt.Extra{})
	if got := loss(with, world(10_000, 6, gbdt.LeastSquares)); !(got < 45) {
		t.Errorf("beside one row that is far off the loss is %.1f, want under 45", got)
	}
}

func TestWeights(t *testing.T) {
	t.Parallel()
	s := world(6000, 8, gbdt.Logistic)
	var twice gbdt.Set
	twice.Rows = frame.New(s.Rows.Schema, 0)
	s.Weights = make([]float64, s.Rows.N)
	for i := range s.Weights {
		s.Weights[i] = float64(i % 3)
		for range i % 3 {
			twice.Rows.Append(s.Rows.Slice(i, i+1))
			twice.Targets = append(twice.Targets, s.Targets[i])
		}
	}
	o := options(gbdt.Logistic, 30)
	o.MinRows = 0 // Rows that count for nothing are rows.
	o.MinHessian, o.CatRows, o.CatSmooth = 5, 1, 0
	fresh := world(5000, 9, gbdt.Logistic)
	a, b := fit(t, s, o, gbdt.Extra{}), fit(t, twice, o, gbdt.Extra{})
	if x, y := loss(a, fresh), loss(b, fresh); math.Abs(x-y) > 0.01 {
		t.Errorf("rows of weight 2 give a loss of %.4f, rows that stand there twice %.4f", x, y)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	s := gbdt.Set{Rows: frame.New(frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "c", Kind: frame.Category}}, 2000)}
	for i := range s.Rows.N {
		if i%2 == 0 {
			s.Rows.Cols[0].Num[i], s.Rows.Cols[1].Str[i] = 3, "a"
		}
		s.Targets = append(s.Targets, float64(i%2))
	}
	m := fit(t, s, options(gbdt.Logistic, 50), gbdt.Extra{})
	if out := predict(m, s); !(out[0] < 0.02) || !(out[1] > 0.98) {
		t.Errorf("what is missing tells all: got %v and %v", out[0], out[1])
	}
	// What was never missing goes with most rows; an unknown value counts as missing.
	s = world(4000, 10, gbdt.Logistic)
	m = fit(t, s, options(gbdt.Logistic, 20), gbdt.Extra{})
	odd := gbdt.Set{Rows: frame.New(s.Rows.Schema, 2)}
	odd.Rows.Cols[0].Str[1] = "never seen"
	if out := predict(m, odd); out[0] != out[1] || !(out[0] > 0 && out[0] < 1) {
		t.Errorf("got %v for a missing and an unknown value", out)
	}
}

// Infinite values, a column with a value in one of very many rows, and rows that a
// model is certain of, and wrong.
func TestExtremes(t *testing.T) {
	t.Parallel()
	s := gbdt.Set{Rows: frame.New(frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "rare", Kind: frame.Number}}, 100_001)}
	for i := range s.Rows.N {
		s.Rows.Cols[0].Num[i] = math.Inf(i%2*2 - 1)
		if i%3 == 0 {
			s.Rows.Cols[0].Num[i] = 0
		}
		s.Targets = append(s.Targets, float64(i%2))
	}
	s.Rows.Cols[1].Num[77_777] = 5
	o := options(gbdt.Logistic, 30)
	o.LearningRate = 1
	certain := fit(t, s, o, gbdt.Extra{})
	if out := predict(certain, s); !(out[1] > 0.99) || !(out[2] < 0.01) || math.Abs(out[3]-0.5) > 0.01 {
		t.Errorf("got %v, %v and %v", out[1], out[2], out[3])
	}
	b, err := certain.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := gbdt.Unmarshal(b, nil); err != nil || !slices.Equal(predict(back, s), predict(certain, s)) {
		t.Errorf("it is read as another model: %v", err)
	}
	for i := range s.Targets {
		s.Targets[i] = 1 - s.Targets[i]
	}
	on := fit(t, s, o, gbdt.Extra{From: certain})
	raw := make([]float64, s.Rows.N)
	on.Raw(s.Rows, raw)
	for i, z := range raw {
		if z-z != 0 {
			t.Fatalf("row %d comes to %v", i, z)
		}
	}
}

func TestConstant(t *testing.T) {
	t.Parallel()
	f := func(task gbdt.Task, y []float64, want ...float64) {
		t.Helper()
		s := gbdt.Set{Rows: frame.New(frame.Schema{{Name: "x", Kind: frame.Number}, {Name: "note", Kind: frame.Text}}, len(y)), Targets: y}
		m := fit(t, s, options(task, 5), gbdt.Extra{})
		for i, x := range predict(m, s)[:len(want)] {
			if math.Abs(x-want[i]) > 1e-9 {
				t.Errorf("%s of %v: got %v, want %v", task, y, x, want[i])
			}
		}
	}
	f(gbdt.Logistic, []float64{0, 0, 1, 0}, 0.25)
	f(gbdt.Logistic, []float64{1, 1}, 1)
	f(gbdt.Softmax, []float64{0, 2, 2, 2}, 0.25, 0, 0.75)
	f(gbdt.LeastSquares, []float64{1, 2, 6}, 3)
}

func TestEarlyStopping(t *testing.T) {
	t.Parallel()
	for _, task := range []gbdt.Task{gbdt.Logistic, gbdt.Softmax} {
		s, held := world(1500, 11, task), world(1500, 12, task)
		o := options(task, 150)
		all := fit(t, s, o, gbdt.Extra{})
		o.EarlyStopping = 10
		var losses []float64
		early := fit(t, s, o, gbdt.Extra{Held: &held, Report: func(_ int, loss float64) bool { losses = append(losses, loss); return true }})
		kept, k := early.Trees(), early.Width()
		if len(losses) != kept/k+10 || slices.Min(losses) != losses[kept/k-1] || early.Loss != losses[kept/k-1] {
			t.Errorf("%s: %d trees kept after %d iterations; the loss is %v of %v", task, kept, len(losses), early.Loss, losses)
		}
		if got := loss(early, held); math.Abs(got-early.Loss) > 1e-9 || !(got < loss(all, held)) {
			t.Errorf("%s: it says a loss of %v held out; it has %v, and %v with all trees", task, early.Loss, got, loss(all, held))
		}
	}
}

func TestWarmStart(t *testing.T) {
	t.Parallel()
	for _, task := range []gbdt.Task{gbdt.Logistic, gbdt.Softmax, gbdt.LeastSquares} {
		s := world(5000, 13, task)
		first := fit(t, s, options(task, 20), gbdt.Extra{})
		next := world(5000, 14, task)
		for i := range next.Rows.N / 2 {
			next.Rows.Cols[0].Str[i] = "new value"
		}
		on := fit(t, next, options(task, 20), gbdt.Extra{From: first})
		if !on.WarmStarted || on.Trees() != 2*first.Trees() || !(loss(on, next) < loss(first, next)) {
			t.Errorf("%s: %v, %d trees after %d; loss %v after %v", task, on.WarmStarted, on.Trees(), first.Trees(), loss(on, next), loss(first, next))
		}
		if got := loss(on, next); math.Abs(got-on.Loss) > 1e-9*got {
			t.Errorf("%s: it says a loss of %v; it has %v", task, on.Loss, got)
		}
	}
	other := world(3000, 15, gbdt.Logistic)
	other.Rows.Schema = slices.Clone(other.Rows.Schema)
	other.Rows.Schema[1].Name = "renamed"
	first := fit(t, world(3000, 15, gbdt.Logistic), options(gbdt.Logistic, 5), gbdt.Extra{})
	if m := fit(t, other, options(gbdt.Logistic, 5), gbdt.Extra{From: first}); m.WarmStarted || m.Trees() != 5 {
		t.Errorf("other features: warm start %v with %d trees", m.WarmStarted, m.Trees())
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	_, err := gbdt.Fit(world(500, 16, gbdt.Logistic), options(gbdt.Logistic, 5), gbdt.Extra{Report: func(n int, _ float64) bool { return n < 2 }})
	if !errors.Is(err, gbdt.ErrStopped) {
		t.Errorf("got %v", err)
	}
}

// With so many features that not every leaf can keep its histogram, trees are grown
// as far as ever.
func TestManyFeatures(t *testing.T) {
	t.Parallel()
	const n, columns = 1500, 12_000
	s := gbdt.Set{Rows: frame.New(nil, 0)}
	for c := range columns {
		s.Rows.Schema = append(s.Rows.Schema, frame.Field{Name: "x" + strconv.Itoa(c), Kind: frame.Number})
	}
	s.Rows = frame.New(s.Rows.Schema, n)
	r := rand.New(rand.NewPCG(40, 1))
	for i := range n {
		sum := 0.0
		for c := range columns {
			s.Rows.Cols[c].Num[i] = float64(r.IntN(5))
			if c < 6 {
				sum += s.Rows.Cols[c].Num[i] * float64(c+1)
			}
		}
		s.Targets = append(s.Targets, sum)
	}
	b, err := fit(t, s, options(gbdt.LeastSquares, 1), gbdt.Extra{}).Marshal()
	if err != nil || !strings.Contains(string(b), "num_leaves=31\n") {
		t.Errorf("no tree of 31 leaves: %v", err)
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	s := world(5000, 17, gbdt.Logistic)
	o := options(gbdt.Logistic, 1)
	o.Depth = 2
	b, err := fit(t, s, o, gbdt.Extra{}).Marshal()
	if err != nil || !strings.Contains(string(b), "num_leaves=4\n") {
		t.Errorf("no tree of 4 leaves at depth 2: %v", err)
	}
}

func TestFitRefuses(t *testing.T) {
	t.Parallel()
	f := func(want string, change func(*gbdt.Set, *gbdt.Options, *gbdt.Extra)) {
		t.Helper()
		s, o, x := world(50, 18, gbdt.Logistic), options(gbdt.Logistic, 5), gbdt.Extra{}
		change(&s, &o, &x)
		if _, err := gbdt.Fit(s, o, x); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f("no rows", func(s *gbdt.Set, _ *gbdt.Options, _ *gbdt.Extra) {
		s.Rows, s.Targets = frame.New(s.Rows.Schema, 0), nil
	})
	f("50 rows, 49 targets", func(s *gbdt.Set, _ *gbdt.Options, _ *gbdt.Extra) { s.Targets = s.Targets[1:] })
	f("row 7 is 2; it is 0 or 1", func(s *gbdt.Set, _ *gbdt.Options, _ *gbdt.Extra) { s.Targets[7] = 2 })
	f("row 7 is 1.5, no class", func(s *gbdt.Set, o *gbdt.Options, _ *gbdt.Extra) { s.Targets[7], o.Task = 1.5, gbdt.Softmax })
	f("row 7 is 1, no class", func(s *gbdt.Set, o *gbdt.Options, _ *gbdt.Extra) {
		clear(s.Targets)
		s.Targets[7], o.Task, o.Classes = 1, gbdt.Softmax, 1
	})
	f("one class", func(s *gbdt.Set, o *gbdt.Options, _ *gbdt.Extra) { clear(s.Targets); o.Task = gbdt.Softmax })
	f("row 7 is NaN", func(s *gbdt.Set, o *gbdt.Options, _ *gbdt.Extra) {
		s.Targets[7], o.Task = math.NaN(), gbdt.LeastSquares
	})
	f("row 7 is -1; it is from 0", func(s *gbdt.Set, _ *gbdt.Options, _ *gbdt.Extra) {
		s.Weights = slices.Repeat([]float64{1}, 50)
		s.Weights[7] = -1
	})
	f("all weights are 0", func(s *gbdt.Set, _ *gbdt.Options, _ *gbdt.Extra) { s.Weights = make([]float64, 50) })
	f(`task "ranking" is not known`, func(_ *gbdt.Set, o *gbdt.Options, _ *gbdt.Extra) { o.Task = "ranking" })
	f("num_leaves is 1; it is from 2", func(_ *gbdt.Set, o *gbdt.Options, _ *gbdt.Extra) { o.Leaves = 1 })
	f("learning_rate is NaN", func(_ *gbdt.Set, o *gbdt.Options, _ *gbdt.Extra) { o.LearningRate = math.NaN() })
	f("rows held out: there are no rows", func(s *gbdt.Set, _ *gbdt.Options, x *gbdt.Extra) {
		x.Held = &gbdt.Set{Rows: frame.New(s.Rows.Schema, 0)}
	})
	f("rows held out: their features are other ones", func(s *gbdt.Set, _ *gbdt.Options, x *gbdt.Extra) {
		x.Held = &gbdt.Set{Rows: frame.New(s.Rows.Schema[:3], 1), Targets: []float64{0}}
	})
}
