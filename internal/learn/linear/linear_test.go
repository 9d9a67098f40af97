package linear_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/linear"
)

func TestLogisticFindsThePlane(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	f, y := sea(r, 4000, 8, 0)
	g, truth := sea(r, 4000, 8, 0)
	atLeast(t, "accuracy where the best is 1", accuracy(fit(t, f, y, nil), g, truth), 0.99)
	f, y = sea(r, 4000, 8, 0.1)
	atLeast(t, "accuracy where the best is 0.9", accuracy(fit(t, f, y, nil), g, truth), 0.98)
}

func TestLogisticIsCalibrated(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	f := numbers(20000, 4, r.NormFloat64)
	y := make([]float64, f.N)
	p := make([]float64, f.N)
	for i := range y {
		p[i] = 1 / (1 + math.Exp(2-f.Cols[0].Num[i]+0.5*f.Cols[1].Num[i]))
		if r.Float64() < p[i] {
			y[i] = 1
		}
	}
	out := predict(fit(t, f, y, nil), f)
	off := 0.0
	for i := range out {
		off += math.Abs(out[i]-p[i]) / float64(f.N)
	}
	if off > 0.02 {
		t.Errorf("probabilities are off by %.4f on average, want at most 0.02", off)
	}
}

func TestSoftmaxOnBlobs(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	draw := func(n int) (*frame.Frame, []float64) {
		f := numbers(n, 2, r.NormFloat64)
		y := make([]float64, n)
		for i := range y {
			c := r.IntN(4)
			y[i] = float64(c)
			f.Cols[0].Num[i] += 4 * float64(c%2)
			f.Cols[1].Num[i] += 4 * float64(c/2)
		}
		return f, y
	}
	f, y := draw(2000)
	g, truth := draw(4000)
	m := fit(t, f, y, softmax)
	if m.Width() != 4 {
		t.Fatalf("width %d, want 4", m.Width())
	}
	// The blobs overlap: the best is Φ(2)² = 0.955.
	atLeast(t, "accuracy", accuracy(m, g, truth), 0.94)
	out := predict(m, g)
	for i := range g.N {
		if sum := out[4*i] + out[4*i+1] + out[4*i+2] + out[4*i+3]; math.Abs(sum-1) > 1e-9 {
			t.Fatalf("row %d: probabilities sum to %v", i, sum)
		}
	}
}

func TestLeastSquaresFindsTheCoefficients(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	f := numbers(5000, 3, r.NormFloat64)
	y := make([]float64, f.N)
	for i := range y {
		y[i] = 1000 + 30*f.Cols[0].Num[i] - 20*f.Cols[1].Num[i] + 5*r.NormFloat64()
	}
	m := fit(t, f, y, leastSquares)
	g := numbers(4, 3, func() float64 { return 0 })
	for j := range 3 {
		g.Cols[j].Num[j+1] = 1
	}
	out := predict(m, g)
	for j, want := range []float64{30, -20, 0} {
		if got := out[j+1] - out[0]; math.Abs(got-want) > 1 {
			t.Errorf("coefficient %d is %.2f, want %v", j, got, want)
		}
	}
	if math.Abs(out[0]-1000) > 1.5 {
		t.Errorf("the constant is %.2f, want 1000", out[0])
	}
}

func TestInteractions(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	f := numbers(3000, 3, r.NormFloat64)
	y := make([]float64, f.N)
	for i := range y {
		if f.Cols[0].Num[i]*f.Cols[1].Num[i] > 0 {
			y[i] = 1
		}
	}
	m := fit(t, f, y, func(o *linear.Options) { o.Interactions = true })
	atLeast(t, "accuracy on a product", accuracy(m, f, y), 0.95)
}

func TestTextWithPlantedWords(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	f, y := reviews(r, 1500)
	g, truth := reviews(r, 1000)
	atLeast(t, "accuracy on texts", accuracy(fit(t, f, y, nil), g, truth), 0.97)
}

// Words that were never met in this form tell by their pieces.
func TestCharsSeeThroughEndings(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(13, 13))
	draw := func(n int) (*frame.Frame, []float64) {
		f := frame.New(frame.Schema{{Name: "text", Kind: frame.Text}}, n)
		y := make([]float64, n)
		for i := range y {
			c := r.IntN(2)
			y[i] = float64(c)
			f.Cols[0].Str[i] = fmt.Sprintf("%s%x and zorb%x", []string{"refund", "thank"}[c], r.Uint32(), r.Uint32())
		}
		return f, y
	}
	f, y := draw(1000)
	g, truth := draw(1000)
	m := fit(t, f, y, func(o *linear.Options) { o.CharsMin, o.CharsMax = 3, 4 })
	atLeast(t, "accuracy by pieces", accuracy(m, g, truth), 0.98)
	if a := accuracy(fit(t, f, y, nil), g, truth); a > 0.6 {
		t.Errorf("accuracy by words alone is %.3f: the test says nothing", a)
	}
}

func TestUnseenAndMissingValues(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	s := frame.Schema{{Name: "country", Kind: frame.Category}, {Name: "amount", Kind: frame.Number}}
	f := frame.New(s, 2000)
	y := make([]float64, f.N)
	for i := range y {
		// The class shows in the country, and in whether the amount is missing.
		y[i] = float64(r.IntN(2))
		f.Cols[0].Str[i] = []string{"de", "fr"}[(int(y[i])+r.IntN(4)/3)%2]
		if y[i] == 0 || r.IntN(2) == 0 {
			f.Cols[1].Num[i] = r.NormFloat64()
		}
	}
	m := fit(t, f, y, nil)
	g := frame.New(s, 4)
	copy(g.Cols[0].Str, []string{"atlantis", "de", "fr", ""})
	copy(g.Cols[1].Num, []float64{0, 0, 0, math.NaN()})
	out := predict(m, g)
	if !(out[1] < out[0] && out[0] < out[2]) {
		t.Errorf("an unseen country scores %.3f, not between %.3f and %.3f", out[0], out[1], out[2])
	}
	atLeast(t, "score of a missing amount", out[3], 0.85)
}

func TestWeights(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	f, y := sea(r, 2000, 8, 0)
	weights := make([]float64, f.N)
	for i := range y {
		weights[i] = 1
		if i%2 == 1 { // Every other label is wrong, and counts for nothing.
			y[i], weights[i] = 1-y[i], 0
		}
	}
	m, err := linear.Fit(f, y, weights, linear.Defaults(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, truth := sea(r, 2000, 8, 0)
	atLeast(t, "accuracy", accuracy(m, g, truth), 0.98)
}

func TestWarmStart(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	f, y := sea(r, 3000, 8, 0.05)
	g, later := sea(r, 3000, 8.3, 0.05)
	h, truth := sea(r, 4000, 8.3, 0)
	cold := fit(t, g, later, nil)
	warm, err := linear.Fit(g, later, nil, linear.Defaults(), fit(t, f, y, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !warm.WarmStarted || cold.WarmStarted {
		t.Errorf("warm started: %v and %v, want true and false", warm.WarmStarted, cold.WarmStarted)
	}
	if warm.Steps >= cold.Steps {
		t.Errorf("%d steps after a warm start, %d after a cold one", warm.Steps, cold.Steps)
	}
	atLeast(t, "accuracy after a warm start", accuracy(warm, h, truth), accuracy(cold, h, truth)-0.005)

	other, err := linear.Fit(g, later, nil, linear.Defaults(), fit(t, f, y, softmax), nil)
	if err != nil {
		t.Fatal(err)
	}
	if other.WarmStarted {
		t.Error("a logistic fit was started from a softmax")
	}
}

// The targets are standardised afresh, so the old weights must be taken over in
// the new unit, or a warm start would begin far off.
func TestWarmStartWithOtherMoments(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(10, 10))
	f := numbers(4000, 3, r.NormFloat64)
	y := make([]float64, f.N)
	var high []int
	var highY []float64
	for i := range y {
		y[i] = 500 + 100*f.Cols[0].Num[i] + 10*r.NormFloat64()
		if f.Cols[0].Num[i] > 1 {
			high, highY = append(high, i), append(highY, y[i])
		}
	}
	g := f.Pick(high)
	rmse := func(from *linear.Model) float64 {
		o := linear.Defaults()
		o.Task, o.Epochs, o.LearningRate = linear.LeastSquares, 1, 0.01
		m, err := linear.Fit(g, highY, nil, o, from, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, v := range predict(m, g) {
			sum += (v - highY[i]) * (v - highY[i]) / float64(g.N)
		}
		return math.Sqrt(sum)
	}
	warm, cold := rmse(fit(t, f, y, leastSquares)), rmse(nil)
	if warm > 11 || warm > cold/2 {
		t.Errorf("root mean square error %.1f after a warm start, %.1f after a cold one; the noise is 10", warm, cold)
	}
}

func TestPredictWhileOthersDo(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 11))
	f, y := sea(r, 500, 8, 0)
	m := fit(t, f, y, nil)
	want := predict(m, f)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i := range f.N {
				out := []float64{0}
				m.Predict(f.Slice(i, i+1), out)
				if out[0] != want[i] {
					t.Errorf("row %d: %v alone, %v among all", i, out[0], want[i])
					return
				}
			}
		})
	}
	wait.Wait()
}

// The stream's first tenth must be enough to say more than the larger class
// does about the rows that follow.
func TestElectricity(t *testing.T) {
	t.Parallel()
	f, y := electricity(t)
	tenth := f.N / 10
	m := fit(t, f.Slice(0, tenth), y[:tenth], nil)
	atLeast(t, "accuracy on the next 2000 rows", accuracy(m, f.Slice(tenth, tenth+2000), y[tenth:tenth+2000]), 0.70)
}

func electricity(t *testing.T) (*frame.Frame, []float64) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "data", "elec2.csv.gz")
	r, err := os.Open(path)
	if err != nil {
		t.Skipf("SKIPPED, the electricity stream is not here: %v", err)
	}
	defer r.Close()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	d := len(rows[0]) - 1
	s := make(frame.Schema, d)
	for j := range s {
		s[j] = frame.Field{Name: rows[0][j], Kind: frame.Number}
	}
	f := frame.New(s, len(rows)-1)
	y := make([]float64, f.N)
	for i, row := range rows[1:] {
		for j := range d {
			if err := f.Set(i, j, row[j]); err != nil {
				t.Fatal(err)
			}
		}
		if y[i], err = strconv.ParseFloat(row[d], 64); err != nil {
			t.Fatal(err)
		}
	}
	return f, y
}

func BenchmarkPredictOneRow(b *testing.B) {
	r := rand.New(rand.NewPCG(12, 12))
	f := numbers(1000, 20, r.NormFloat64)
	y := make([]float64, f.N)
	for i := range y {
		if f.Cols[0].Num[i] > 0 {
			y[i] = 1
		}
	}
	m, err := linear.Fit(f, y, nil, linear.Defaults(), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	one, out := f.Slice(0, 1), make([]float64, 1)
	b.ReportAllocs()
	for b.Loop() {
		m.Predict(one, out)
	}
}
