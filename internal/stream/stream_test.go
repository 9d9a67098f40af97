package stream_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"hone/internal/frame"
	"hone/internal/stream"
)

// take makes n rows.
func take(s stream.Stream, n int) (*frame.Frame, []string) {
	f := frame.New(s.Schema(), n)
	labels := make([]string, n)
	for i := range labels {
		labels[i] = s.Next(f, i)
	}
	return f, labels
}

func at(steps ...int) func(int) int {
	return func(i int) int { return steps[min(i/1000, len(steps)-1)] }
}

var makers = map[string]func(seed uint64) stream.Stream{
	"sea":        func(seed uint64) stream.Stream { return stream.NewSEA(seed, at(0, 3, 1), 0.1) },
	"agrawal":    func(seed uint64) stream.Stream { return stream.NewAgrawal(seed, at(0, 3, 6), 0.05) },
	"hyperplane": func(seed uint64) stream.Stream { return stream.NewHyperplane(seed, 7, 0.001, 0.05) },
	"covariate":  func(seed uint64) stream.Stream { return stream.NewCovariate(seed, 1500) },
}

func TestDeterministic(t *testing.T) {
	t.Parallel()
	for name, start := range makers {
		f, a := take(start(5), 3000)
		g, b := take(start(5), 3000)
		if !slices.Equal(a, b) || !slices.EqualFunc(f.EncodeRows(), g.EncodeRows(), bytes.Equal) {
			t.Errorf("%s: the same seed made other rows", name)
		}
		h, c := take(start(6), 3000)
		if slices.Equal(a, c) || bytes.Equal(f.EncodeRow(nil, 0), h.EncodeRow(nil, 0)) {
			t.Errorf("%s: another seed made the same rows", name)
		}
		if share := ones(a); share < 0.2 || share > 0.8 {
			t.Errorf("%s: a share of %v of the labels is 1", name, share)
		}
		for i := range f.N {
			for j := range f.Schema {
				if f.Value(i, j) == nil {
					t.Fatalf("%s: row %d has no %s", name, i, f.Schema[j].Name)
				}
			}
		}
	}
}

// ones is the share of labels that are 1.
func ones(labels []string) (share float64) {
	for _, l := range labels {
		if l == "1" {
			share += 1 / float64(len(labels))
		}
	}
	return share
}

// The rows of a stream may go into any rows of a frame.
func TestNextFillsTheRowItIsGiven(t *testing.T) {
	t.Parallel()
	for name, start := range makers {
		want, labels := take(start(1), 50)
		s := start(1)
		f := frame.New(s.Schema(), 2)
		for i := range labels {
			if l := s.Next(f, 1); l != labels[i] || !bytes.Equal(f.EncodeRow(nil, 1), want.EncodeRow(nil, i)) {
				t.Fatalf("%s: row %d differs", name, i)
			}
		}
		if f.Value(0, 0) != nil {
			t.Errorf("%s: another row was written to", name)
		}
	}
}

func TestSEA(t *testing.T) {
	t.Parallel()
	const n = 8000
	variant := func(i int) int { return i / 2000 }
	f, labels := take(stream.NewSEA(3, variant, 0), n)
	noisy, flipped := take(stream.NewSEA(3, variant, 0.1), n)
	thresholds := []float64{8, 9, 7, 9.5}
	differ := 0
	for i, l := range labels {
		want := "0"
		if f.Cols[0].Num[i]+f.Cols[1].Num[i] > thresholds[i/2000] {
			want = "1"
		}
		if l != want {
			t.Fatalf("row %d: label %s, want %s", i, l, want)
		}
		if !bytes.Equal(f.EncodeRow(nil, i), noisy.EncodeRow(nil, i)) {
			t.Fatalf("row %d: noise moved the features", i)
		}
		if flipped[i] != l {
			differ++
		}
		for j := range 3 {
			if x := f.Cols[j].Num[i]; x < 0 || x >= 10 {
				t.Fatalf("row %d: f%d is %v", i, j, x)
			}
		}
	}
	if share := float64(differ) / n; math.Abs(share-0.1) > 0.015 {
		t.Errorf("noise 0.1 flipped %v", share)
	}
}

// Half a turn makes every label the other one, a whole turn none; between, the
// classes stay equally frequent.
func TestHyperplaneTurns(t *testing.T) {
	t.Parallel()
	const n = 2000
	f, labels := take(stream.NewHyperplane(9, 4, 0, 0), n)
	if share := ones(labels); math.Abs(share-0.5) > 0.05 {
		t.Errorf("share of 1: %v", share)
	}
	differ := func(speed, noise float64) float64 {
		g, other := take(stream.NewHyperplane(9, 4, speed, noise), n)
		if !slices.EqualFunc(f.EncodeRows(), g.EncodeRows(), bytes.Equal) {
			t.Errorf("speed %v and noise %v moved the features", speed, noise)
		}
		count := 0
		for i := n - 200; i < n; i++ {
			if labels[i] != other[i] {
				count++
			}
		}
		return float64(count) / 200
	}
	if d := differ(math.Pi/n, 0); d < 0.9 {
		t.Errorf("half a turn: only %v of the labels differ", d)
	}
	if d := differ(2*math.Pi/n, 0); d > 0.2 {
		t.Errorf("a whole turn: %v of the labels differ", d)
	}
	if d := differ(math.Pi/2/n, 0); d < 0.3 || d > 0.7 {
		t.Errorf("a quarter of a turn: %v of the labels differ", d)
	}
	if d := differ(0, 0.2); math.Abs(d-0.2) > 0.1 {
		t.Errorf("noise 0.2: %v of the labels differ", d)
	}
}

// What was the right probability before the shift is right after it, bin by bin;
// the loss of the rule stays; and three features move by 2 to 4 deviations.
func TestCovariateIsHarmless(t *testing.T) {
	t.Parallel()
	const n = 40_000
	f, labels := take(stream.NewCovariate(11, n/2), n)
	probability := func(i int) float64 {
		x := func(j int) float64 { return f.Cols[j].Num[i] }
		return 1 / (1 + math.Exp(-(2*x(0) - x(1) + 1.5*x(2) - x(3) + 0.5*x(4))))
	}
	half := func(from int) (calibration [10][2]float64, wrong float64) {
		for i := from; i < from+n/2; i++ {
			p, y := probability(i), 0.0
			if labels[i] == "1" {
				y = 1
			}
			bin := &calibration[min(int(p*10), 9)]
			bin[0] += y - p
			bin[1]++
			if (p >= 0.5) != (y == 1) {
				wrong++
			}
		}
		return calibration, wrong / (n / 2)
	}
	before, lossBefore := half(0)
	after, lossAfter := half(n / 2)
	for b := range before {
		for name, bin := range map[string][2]float64{"before": before[b], "after": after[b]} {
			if off := math.Abs(bin[0]); bin[1] < 300 || off > 4*0.5*math.Sqrt(bin[1]) {
				t.Errorf("bin %d %s the shift: %v labels of 1 too many among %v", b, name, bin[0], bin[1])
			}
		}
	}
	if math.Abs(lossBefore-lossAfter) > 0.015 {
		t.Errorf("the loss of the rule went from %v to %v", lossBefore, lossAfter)
	}
	for j, want := range []float64{2, 4, 0, 0, 0, 3} {
		mean := func(v []float64) (m float64) {
			for _, x := range v {
				m += x / float64(len(v))
			}
			return m
		}
		if moved := mean(f.Cols[j].Num[n/2:]) - mean(f.Cols[j].Num[:n/2]); math.Abs(moved-want) > 0.05 {
			t.Errorf("x%d moved by %v, want %v", j, moved, want)
		}
	}
}

// A logistic model that learned before the shift stays as good behind it.
func TestCovariateLeavesALinearModelRight(t *testing.T) {
	t.Parallel()
	const n = 20_000
	f, labels := take(stream.NewCovariate(12, n/2), n)
	w := make([]float64, len(f.Cols)+1)
	score := func(i int) float64 {
		z := w[len(f.Cols)]
		for j := range f.Cols {
			z += w[j] * f.Cols[j].Num[i]
		}
		return z
	}
	for i := range n / 2 {
		y := float64(labels[i][0] - '0')
		g := (y - 1/(1+math.Exp(-score(i)))) * 2 / math.Sqrt(100+float64(i))
		for j := range f.Cols {
			w[j] += g * f.Cols[j].Num[i]
		}
		w[len(f.Cols)] += g
	}
	wrong := func(from, to int) (share float64) {
		for i := from; i < to; i++ {
			if (score(i) >= 0) != (labels[i] == "1") {
				share += 1 / float64(to-from)
			}
		}
		return share
	}
	before, after := wrong(0, n/2), wrong(n/2, n)
	if before > 0.25 || after > before+0.03 {
		t.Errorf("the share of wrong answers went from %v to %v", before, after)
	}
}

func TestConstructorsRefuse(t *testing.T) {
	t.Parallel()
	f := func(name string, call func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s was taken", name)
			}
		}()
		call()
	}
	f("noise 2", func() { stream.NewSEA(1, nil, 2) })
	f("perturbation NaN", func() { stream.NewAgrawal(1, nil, math.NaN()) })
	f("one dimension", func() { stream.NewHyperplane(1, 1, 0, 0) })
	f("variant 4", func() { take(stream.NewSEA(1, func(int) int { return 4 }, 0), 1) })
	f("function 10", func() { take(stream.NewAgrawal(1, func(int) int { return 10 }, 0), 1) })
}
