package linear_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/linear"
)

// numbers returns a frame of n rows of d numbers drawn by draw.
func numbers(n, d int, draw func() float64) *frame.Frame {
	s := make(frame.Schema, d)
	for j := range s {
		s[j] = frame.Field{Name: fmt.Sprintf("x%d", j), Kind: frame.Number}
	}
	f := frame.New(s, n)
	for i := range n {
		for j := range d {
			f.Cols[j].Num[i] = draw()
		}
	}
	return f
}

// sea is the SEA world: three numbers from 0 to 10, class 1 where the first two
// sum to at most theta; a share of the labels is flipped.
func sea(r *rand.Rand, n int, theta, noise float64) (*frame.Frame, []float64) {
	f := numbers(n, 3, func() float64 { return 10 * r.Float64() })
	y := make([]float64, n)
	for i := range y {
		if (f.Cols[0].Num[i]+f.Cols[1].Num[i] <= theta) != (r.Float64() < noise) {
			y[i] = 1
		}
	}
	return f, y
}

// reviews are texts of common words, some with a word that tells their class.
func reviews(r *rand.Rand, n int) (*frame.Frame, []float64) {
	f := frame.New(frame.Schema{{Name: "text", Kind: frame.Text}}, n)
	y := make([]float64, n)
	planted := [2][]string{{"awful", "broken", "refund"}, {"lovely", "perfect", "thanks"}}
	for i := range n {
		words := make([]string, 12)
		for j := range words {
			words[j] = fmt.Sprintf("word%d", r.IntN(3000))
		}
		c := r.IntN(2)
		y[i] = float64(c)
		words[r.IntN(12)] = planted[c][r.IntN(3)]
		f.Cols[0].Str[i] = strings.Join(words, " ")
	}
	return f, y
}

func fit(t *testing.T, f *frame.Frame, y []float64, change func(*linear.Options)) *linear.Model {
	t.Helper()
	o := linear.Defaults()
	if change != nil {
		change(&o)
	}
	m, err := linear.Fit(f, y, nil, o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func softmax(o *linear.Options)      { o.Task = linear.Softmax }
func leastSquares(o *linear.Options) { o.Task = linear.LeastSquares }

func predict(m *linear.Model, f *frame.Frame) []float64 {
	out := make([]float64, f.N*m.Width())
	m.Predict(f, out)
	return out
}

// accuracy of the likelier class.
func accuracy(m *linear.Model, f *frame.Frame, y []float64) float64 {
	out, k := predict(m, f), m.Width()
	right := 0.0
	for i := range y {
		row, answer := out[i*k:(i+1)*k], 0
		if k == 1 && row[0] >= 0.5 {
			answer = 1
		} else if k > 1 {
			answer = slices.Index(row, slices.Max(row))
		}
		if float64(answer) == y[i] {
			right++
		}
	}
	return right / float64(len(y))
}

func atLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(got >= want) {
		t.Errorf("%s: got %.4f, want at least %.4f", what, got, want)
	}
}
