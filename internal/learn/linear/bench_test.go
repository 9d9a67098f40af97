package linear_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"hone/internal/frame"
	"hone/internal/learn/linear"
)

// topics are texts of some 100 words in 20 classes: a quarter of the words are of
// some class, and the rest are everybody's.
func topics(n int) (*frame.Frame, []float64) {
	r := rand.New(rand.NewPCG(13, 13))
	all, own := rand.NewZipf(r, 1.1, 10, 60_000), rand.NewZipf(r, 1.1, 20, 3000)
	f := frame.New(frame.Schema{{Name: "text", Kind: frame.Text}}, n)
	y := make([]float64, n)
	for i := range n {
		class := r.IntN(20)
		y[i] = float64(class)
		words := make([]string, 100)
		for j := range words {
			switch u := r.Float64(); {
			case u < 0.08:
				words[j] = fmt.Sprintf("c%dw%d", class, own.Uint64())
			case u < 0.25:
				words[j] = fmt.Sprintf("c%dw%d", r.IntN(20), own.Uint64())
			default:
				words[j] = fmt.Sprintf("w%d", all.Uint64())
			}
		}
		f.Cols[0].Str[i] = strings.Join(words, " ")
	}
	return f, y
}

// One operation learns 18,000 texts of 20 classes, once or in 5 epochs: what an epoch
// costs is a quarter of the difference, and the rest is encoding.
func BenchmarkFitText(b *testing.B) {
	f, y := topics(18_000)
	o := linear.Defaults()
	o.Task, o.Classes, o.HashBits = linear.Softmax, 20, 18
	for _, o.Epochs = range []int{1, 5} {
		b.Run(fmt.Sprintf("epochs=%d", o.Epochs), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := linear.Fit(f, y, nil, o, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
