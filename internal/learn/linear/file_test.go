package linear_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/linear"
)

func marshal(t testing.TB, m *linear.Model) []byte {
	t.Helper()
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEqualSeedsGiveEqualBytes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	f, y := reviews(r, 400)
	f.Schema = append(f.Schema, frame.Field{Name: "x", Kind: frame.Number})
	f.Cols = append(f.Cols, frame.Column{Num: numbers(f.N, 1, r.NormFloat64).Cols[0].Num})
	a := marshal(t, fit(t, f, y, nil))
	if !bytes.Equal(a, marshal(t, fit(t, f, y, nil))) {
		t.Error("equal fits differ")
	}
	if bytes.Equal(a, marshal(t, fit(t, f, y, func(o *linear.Options) { o.Seed = 2 }))) {
		t.Error("another seed gives the same model")
	}
}

func TestMarshalKeepsThePredictions(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	f, y := sea(r, 300, 8, 0.1)
	for _, change := range []func(*linear.Options){nil, softmax, leastSquares} {
		m := fit(t, f, y, change)
		b := marshal(t, m)
		back, err := linear.Unmarshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(predict(m, f), predict(back, f)) {
			t.Errorf("%s: predictions differ after a round trip", m.Options().Task)
		}
		if !bytes.Equal(b, marshal(t, back)) || !slices.Equal(m.Schema(), back.Schema()) || m.Steps != back.Steps {
			t.Errorf("%s: the model differs after a round trip", m.Options().Task)
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(3, 3)), 300, 8, 0.1)
	good := string(marshal(t, fit(t, f, y, nil)))
	try := func(b, want string) {
		t.Helper()
		_, err := linear.Unmarshal([]byte(b))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	weights := good[strings.Index(good, `"weights":"`)+len(`"weights":"`):]
	try("", "read linear model")
	try(`{}`, "format")
	try(`{"format":"hone.linear.1"}`, "task")
	try(good[:len(good)/2], "read linear model")
	try(strings.Replace(good, weights, weights[4:], 1), "bytes of weights")
	try(strings.Replace(good, weights[:8], "//////9/", 1), "weight 0 is not finite")
	try(strings.Replace(good, `"kind":"number"`, `"kind":"image"`, 1), "not known")
	try(strings.Replace(good, `"target_sd":1`, `"target_sd":0`, 1), "spread")
}

func FuzzUnmarshal(f *testing.F) {
	g, y := sea(rand.New(rand.NewPCG(4, 4)), 60, 8, 0.1)
	for _, task := range []linear.Task{linear.Logistic, linear.Softmax, linear.LeastSquares} {
		o := linear.Defaults()
		o.Task = task
		m, err := linear.Fit(g, y, nil, o, nil, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(marshal(f, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := linear.Unmarshal(b)
		if err != nil {
			return
		}
		h := frame.New(m.Schema(), 2)
		for i := range h.Cols {
			if h.Schema[i].Kind == frame.Number {
				h.Cols[i].Num[0] = 3
			} else {
				h.Cols[i].Str[0] = "a b"
			}
		}
		for _, v := range predict(m, h) {
			if v-v != 0 {
				t.Fatalf("a model that was accepted scores %v", v)
			}
		}
	})
}

func TestFitRefuses(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(5, 5)), 50, 8, 0.1)
	with := func(i int, v float64) []float64 {
		out := slices.Clone(y)
		out[i] = v
		return out
	}
	try := func(f *frame.Frame, y, weights []float64, change func(*linear.Options), want string) {
		t.Helper()
		o := linear.Defaults()
		if change != nil {
			change(&o)
		}
		_, err := linear.Fit(f, y, weights, o, nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	try(f.Slice(0, 0), nil, nil, nil, "no rows")
	try(frame.New(nil, 50), y, nil, nil, "no features")
	try(f, y[:49], nil, nil, "49 targets for 50 rows")
	try(f, y, []float64{1}, nil, "1 weights for 50 rows")
	try(f, make([]float64, 50), nil, nil, "at least two classes")
	try(f, make([]float64, 50), nil, softmax, "at least two classes")
	try(f, with(7, -1), nil, softmax, "row 7: target -1 is no class")
	try(f, with(7, 1.5), nil, softmax, "row 7: target 1.5")
	try(f, with(7, 2), nil, nil, "row 7: target 2")
	try(f, with(7, 3), nil, func(o *linear.Options) { o.Task, o.Classes = linear.Softmax, 3 }, "there are 3 classes")
	try(f, with(7, math.NaN()), nil, leastSquares, "row 7: target NaN")
	try(f, with(7, math.NaN()), nil, nil, "row 7: target NaN")
	try(f, y, with(7, -1), nil, "row 7: weight -1")
	try(f, y, make([]float64, 50), nil, "every row has weight 0")
	try(f, y, nil, func(o *linear.Options) { o.Task = "ranking" }, `task "ranking" is not known`)
	try(f, y, nil, func(o *linear.Options) { o.LearningRate = math.NaN() }, "learning_rate")
	try(f, y, nil, func(o *linear.Options) { o.L1 = -1 }, "l1 -1")
	try(f, y, nil, func(o *linear.Options) { o.CharsMax = 3 }, "chars is 0 to 3")
	texts := frame.New(frame.Schema{{Name: "text", Kind: frame.Text}}, 50)
	try(texts, with(7, 8), nil, func(o *linear.Options) { softmax(o); o.HashBits = 24 }, "lower hash_bits")
}

func TestReport(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(6, 6)), 1000, 8, 0.05)
	var steps []int
	var losses []float64
	m, err := linear.Fit(f, y, nil, linear.Defaults(), nil, func(step int, loss float64) bool {
		steps, losses = append(steps, step), append(losses, loss)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	n := len(steps)
	if n < 3 || !slices.IsSorted(steps) || steps[n-1] != m.Steps || losses[n-1] != m.Loss || losses[n-1] > losses[0] {
		t.Errorf("steps %v with losses %v, then a model of %d steps and loss %v", steps, losses, m.Steps, m.Loss)
	}
	if _, err := linear.Fit(f, y, nil, linear.Defaults(), nil, func(int, float64) bool { return false }); !errors.Is(err, linear.ErrStopped) {
		t.Errorf("got %v, want ErrStopped", err)
	}
}

func TestConstantTargetAndAbsurdNumbers(t *testing.T) {
	t.Parallel()
	f := numbers(100, 2, func() float64 { return 0 })
	f.Cols[1].Num[3], f.Cols[1].Num[4] = 1e308, -1e308
	y := make([]float64, f.N)
	for i := range y {
		y[i] = 42
	}
	for _, v := range predict(fit(t, f, y, leastSquares), f) {
		if math.Abs(v-42) > 1e-6 {
			t.Fatalf("a constant target of 42 is predicted as %v", v)
		}
	}
}

func TestOptionsFrom(t *testing.T) {
	t.Parallel()
	o, err := linear.OptionsFrom(map[string]any{
		"epochs": 7, "learning_rate": 0.5, "l1": 0.25, "l2": 0, "chars": "3-5", "hash_bits": int64(10), "batch": 16.0,
		"bigrams": true, "squares": false, "interactions": true,
	})
	want := linear.Options{
		Task: linear.Logistic, Epochs: 7, LearningRate: 0.5, HashBits: 10, Batch: 16,
		L1: 0.25, Bigrams: true, CharsMin: 3, CharsMax: 5, Interactions: true, Seed: 1,
	}
	if err != nil || o != want {
		t.Errorf("got %+v, %v", o, err)
	}
	if o, err := linear.OptionsFrom(nil); err != nil || o != linear.Defaults() {
		t.Errorf("no parameters: got %+v, %v", o, err)
	}
	for v, want := range map[any][2]int{0: {}, 3: {3, 3}, 4.0: {4, 4}, "2-8": {2, 8}, "5": {5, 5}} {
		if o, err := linear.OptionsFrom(map[string]any{"chars": v}); err != nil || [2]int{o.CharsMin, o.CharsMax} != want {
			t.Errorf("chars: %v: got %d to %d, %v", v, o.CharsMin, o.CharsMax, err)
		}
	}
	bad := func(key string, v any, want string) {
		t.Helper()
		_, err := linear.OptionsFrom(map[string]any{key: v})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v: got %v, want an error with %q", key, v, err, want)
		}
	}
	bad("epoch", 3, `did you mean "epochs"?`)
	bad("learningRate", 3, `did you mean "learning_rate"?`)
	bad("L2", 3, `did you mean "l2"?`)
	bad("l1", -1, "from 0 to 100")
	bad("char", 3, `did you mean "chars"?`)
	for _, v := range []any{1, 9, 2.5, -3, "3-", "5-3", "0-3", true, "many", nil} {
		bad("chars", v, "from 2 to 8")
	}
	bad("epochs", 0, "from 1 to 10000")
	bad("epochs", 2.5, "whole number")
	bad("epochs", "3", "whole number")
	bad("learning_rate", math.NaN(), "wants a number")
	bad("squares", 1, "true or false")
}
