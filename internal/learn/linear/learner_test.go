package linear_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/linear"
)

func learn(t testing.TB, f *frame.Frame, y []float64, change func(*linear.Options)) *linear.Learner {
	t.Helper()
	o := linear.Defaults()
	if change != nil {
		change(&o)
	}
	l, err := linear.Learn(f, y, nil, o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func update(t testing.TB, l *linear.Learner, f *frame.Frame, y, weights []float64) float64 {
	t.Helper()
	loss, err := l.Update(f, y, weights)
	if err != nil {
		t.Fatal(err)
	}
	return loss
}

func frozen(t testing.TB, l *linear.Learner) *linear.Model {
	t.Helper()
	m, err := l.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func reread(t testing.TB, l *linear.Learner) *linear.Learner {
	t.Helper()
	b, err := l.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := linear.UnmarshalLearner(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, again) {
		t.Error("the bytes of a learner differ after a round trip")
	}
	return back
}

func penalised(o *linear.Options) { o.L1 = 0.001 }

func TestLearnIsFit(t *testing.T) {
	t.Parallel()
	f, y := reviews(rand.New(rand.NewPCG(1, 1)), 400)
	if !bytes.Equal(marshal(t, fit(t, f, y, nil)), marshal(t, frozen(t, learn(t, f, y, nil)))) {
		t.Error("a learner's model is not what Fit returns")
	}
}

// Going on from stored bytes must be going on, to the last bit.
func TestALearnerGoesOnAfterAStop(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	for _, change := range []func(*linear.Options){nil, softmax, leastSquares, penalised} {
		f, y := reviews(r, 200)
		whole := learn(t, f, y, change)
		stopped := reread(t, whole)
		for i := range 5 {
			g, later := reviews(r, 70) // With words that neither has met.
			weights := make([]float64, g.N)
			for j := range weights {
				weights[j] = float64(j % 3)
			}
			a, b := update(t, whole, g, later, weights), update(t, stopped, g, later, weights)
			if a != b {
				t.Fatalf("update %d: loss %v, and %v after a stop", i, a, b)
			}
			stopped = reread(t, stopped)
		}
		if m := frozen(t, whole); !bytes.Equal(marshal(t, m), marshal(t, frozen(t, stopped))) {
			t.Errorf("%s: a learner that was stopped ends as another model", m.Options().Task)
		}
	}
}

// On a stream that does not change, learning as labels come must end near the fit of
// all rows at once.
func TestUpdatesApproachTheFullFit(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	f, y := sea(r, 12000, 8, 0.1)
	g, truth := sea(r, 4000, 8, 0)
	full := fit(t, f, y, nil)
	l := learn(t, f.Slice(0, 300), y[:300], nil)
	first := frozen(t, l)
	for at := 300; at < f.N; at += 100 {
		update(t, l, f.Slice(at, at+100), y[at:at+100], nil)
	}
	last := frozen(t, l)
	want, off := predict(full, g), [2]float64{}
	for n, m := range []*linear.Model{first, last} {
		for i, p := range predict(m, g) {
			off[n] += math.Abs(p-want[i]) / float64(g.N)
		}
	}
	if off[1] > 0.03 || off[1] > off[0] {
		t.Errorf("scores are %.4f from those of the full fit, %.4f at the beginning; want at most 0.03", off[1], off[0])
	}
	atLeast(t, "accuracy", accuracy(last, g, truth), accuracy(full, g, truth)-0.02)
}

func TestUpdateLearnsNewWords(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	f, y := reviews(r, 500)
	for _, change := range []func(*linear.Options){nil, softmax, penalised} {
		l := learn(t, f, y, change)
		g, later := reviews(r, 500)
		for i := range g.N {
			g.Cols[0].Str[i] = []string{"dreadful ", "splendid "}[int(later[i])] + "parcel"
		}
		update(t, l, g, later, nil)
		atLeast(t, "accuracy on words that came later", accuracy(frozen(t, l), g, later), 1)
	}
}

func TestUpdateWeighsRows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	f, y := sea(r, 200, 8, 0)
	g, later := sea(r, 4000, 8, 0)
	weights := make([]float64, g.N)
	for i := range later {
		if weights[i] = float64((i + 1) % 2); weights[i] == 0 { // Wrong, and counts for nothing.
			later[i] = 1 - later[i]
		}
	}
	h, truth := sea(r, 2000, 8, 0)
	l := learn(t, f, y, nil)
	update(t, l, g, later, weights)
	atLeast(t, "accuracy", accuracy(frozen(t, l), h, truth), 0.97)

	before := marshal(t, frozen(t, l))
	if loss := update(t, l, f.Slice(0, 0), nil, nil); loss != 0 || !bytes.Equal(before, marshal(t, frozen(t, l))) {
		t.Error("no rows have changed the learner")
	}
	if loss := update(t, l, f, y, make([]float64, f.N)); loss != 0 {
		t.Errorf("rows without weight have a loss of %v", loss)
	}
	a, b := reread(t, l), reread(t, l)
	ones, few := make([]float64, g.N), make([]float64, g.N)
	for i := range ones {
		ones[i], few[i] = 1, 0.001
	}
	update(t, a, g.Slice(0, 100), later[:100], ones[:100])
	update(t, b, g.Slice(0, 100), later[:100], few[:100])
	if move(t, l, a, h) < 3*move(t, l, b, h) {
		t.Errorf("rows of weight 1 move scores by %v, of weight 0.001 by %v", move(t, l, a, h), move(t, l, b, h))
	}
}

// move is how far the scores of two learners are apart.
func move(t *testing.T, a, b *linear.Learner, f *frame.Frame) float64 {
	t.Helper()
	sum, from := 0.0, predict(frozen(t, a), f)
	for i, p := range predict(frozen(t, b), f) {
		sum += math.Abs(p - from[i])
	}
	return sum
}

func TestUpdateAfterAConstant(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	f := numbers(1000, 2, r.NormFloat64)
	y := make([]float64, f.N)
	for i := range y {
		y[i] = 5000
		if i >= 100 {
			y[i] += 300 * f.Cols[0].Num[i]
		}
	}
	l := learn(t, f.Slice(0, 100), y[:100], leastSquares)
	for range 10 {
		update(t, l, f.Slice(100, 1000), y[100:], nil)
	}
	if e := effects(frozen(t, l), 2); math.Abs(e[0]-300) > 15 || math.Abs(e[1]) > 15 {
		t.Errorf("the numbers count for %v, want 300 and 0", e)
	}
}

// Models are asked while their learner goes on.
func TestModelsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	f, y := reviews(rand.New(rand.NewPCG(7, 7)), 400)
	l := learn(t, f, y, softmax)
	m := frozen(t, l)
	want := predict(m, f)
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for range 5 {
				if !slices.Equal(want, predict(m, f)) {
					t.Error("a model scores other than before")
				}
			}
		})
	}
	for range 5 {
		update(t, l, f, y, nil)
		frozen(t, l)
	}
	wait.Wait()
	if slices.Equal(want, predict(frozen(t, l), f)) {
		t.Error("the learner has learned nothing")
	}
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(8, 8)), 100, 8, 0.1)
	try := func(change func(*linear.Options), f *frame.Frame, y, weights []float64, want string) {
		t.Helper()
		g, known := sea(rand.New(rand.NewPCG(9, 9)), 100, 8, 0.1)
		l := learn(t, g, known, change)
		before, _ := l.Marshal()
		if _, err := l.Update(f, y, weights); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
		if after, _ := l.Marshal(); !bytes.Equal(before, after) {
			t.Errorf("%s: the learner has changed", want)
		}
	}
	odd := slices.Clone(y)
	odd[7] = 2
	far := slices.Clone(y)
	far[7] = 1e9
	try(nil, nil, nil, nil, "other features")
	try(nil, numbers(100, 2, rand.Float64), y, nil, "other features")
	try(nil, f, y[:99], nil, "99 targets for 100 rows")
	try(nil, f, y, y[:99], "99 weights for 100 rows")
	try(nil, f, odd, nil, "row 7: target 2")
	try(softmax, f, odd, nil, "row 7: target 2; there are 2 classes")
	try(leastSquares, f, far, nil, "row 7: target 1e+09 is more than 10000 standard deviations")
	try(nil, f, y, append(make([]float64, 99), math.Inf(1)), "row 99: weight +Inf")
}

func TestUnmarshalLearnerRefuses(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(10, 10)), 100, 8, 0.1)
	b, err := learn(t, f, y, penalised).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	try := func(b, want string) {
		t.Helper()
		_, err := linear.UnmarshalLearner([]byte(b))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	in := func(field, from, to string) string {
		at := strings.Index(good, `"`+field+`":`)
		return good[:at] + strings.Replace(good[at:], from, to, 1)
	}
	try("", "read linear learner")
	try(string(marshal(t, fit(t, f, y, nil))), "format")
	try(good[:len(good)/2], "read linear learner")
	try(in("steps", ":", ":-"), "steps over")
	try(in("total_weight", ":100", ":0"), "steps over")
	try(in("target_sd", ":1", ":0"), "spread")
	try(in("task", "logistic", "ranking"), `task "ranking" is not known`)
	try(in("l1", ":0.001", ":0"), "do not fit")
	try(in("slots", `:"`, `:"!`), "base64")
	try(in("slots", `:"BgAA`, `:"BQAA`), "do not fit")
	try(in("born", `:"AAAA`, `:"////`), "met later than now")
	try(in("cells", `:"`, `:"AACAfwAA`), "read linear learner")
}

// A learner whose sums have left what a number holds is not stored: it could not be
// read again.
func TestDivergedIsNotStored(t *testing.T) {
	t.Parallel()
	f, y := sea(rand.New(rand.NewPCG(3, 3)), 32, 8, 0.1) // One batch.
	b, err := learn(t, f, y, penalised).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	if err := json.Unmarshal(b, &stored); err != nil {
		t.Fatal(err)
	}
	stored["options"].(map[string]any)["learning_rate"] = 1e-42
	if b, err = json.Marshal(stored); err != nil {
		t.Fatal(err)
	}
	l, err := linear.UnmarshalLearner(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Update(f, y, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Marshal(); err == nil || !strings.Contains(err.Error(), "diverged") {
		t.Errorf("got %v, want an error with %q", err, "diverged")
	}
}

func FuzzUnmarshalLearner(f *testing.F) {
	r := rand.New(rand.NewPCG(11, 11))
	g, y := sea(r, 60, 8, 0.1)
	for _, change := range []func(*linear.Options){nil, softmax, leastSquares, penalised} {
		b, err := learn(f, g, y, change).Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := linear.UnmarshalLearner(b)
		if err != nil {
			return
		}
		if _, err := l.Update(g, y, nil); err != nil {
			return
		}
		if _, err := l.Marshal(); err == nil { // Else it has diverged.
			reread(t, l)
		}
	})
}
