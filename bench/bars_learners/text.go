package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hone/bench/bar"
	"hone/internal/frame"
	"hone/internal/learn/encode"
	"hone/internal/learn/linear"
)

// textBars are about the linear learner on words.
var textBars = []bar.Measured{
	{Bar: bar.Bar{ID: "linear_text", Of: []string{"internal/learn/linear", "internal/learn/encode", "internal/frame"},
		About: "18,000 documents of 20 classes, some 100 words each, learned in 5 epochs from hashed words: processor time, encoding included; and the accuracy on 4,000 others, with that of scikit-learn's SGDClassifier (log_loss, 5 epochs) from the same hashed features.",
		Limits: []bar.Limit{
			{Series: "cpu", Unit: "s", Of: bar.Median, Under: 2},
			{Series: "behind", Unit: "points", Of: bar.Median, Under: 1, AtMost: true},
		}, Also: []string{"accuracy", "sgd_accuracy", "sgd_cpu"}}, Measure: words},
}

const (
	textClasses = 20
	hashBits    = 18
)

// documents draws texts: a quarter of the words are of the class, and the rest are
// everybody's.
func documents(n int, seed uint64) (*frame.Frame, []float64) {
	r := rand.New(rand.NewPCG(seed, 20))
	all, own := rand.NewZipf(r, 1.1, 10, 60_000), rand.NewZipf(r, 1.1, 20, 3000)
	f := frame.New(frame.Schema{{Name: "text", Kind: frame.Text}}, n)
	y := make([]float64, n)
	var b strings.Builder
	for i := range n {
		class := r.IntN(textClasses)
		y[i] = float64(class)
		b.Reset()
		for range 40 + r.IntN(120) {
			switch u := r.Float64(); {
			case u < 0.08:
				fmt.Fprintf(&b, "c%dw%d ", class, own.Uint64())
			case u < 0.25: // Words of another class, too.
				fmt.Fprintf(&b, "c%dw%d ", r.IntN(textClasses), own.Uint64())
			default:
				fmt.Fprintf(&b, "w%d ", all.Uint64())
			}
		}
		f.Cols[0].Str[i] = b.String()
	}
	return f, y
}

// words lets both sides learn the same documents.
func words(b *bar.Bench) error {
	train, y := documents(18_000, 1)
	test, truth := documents(4000, 2)
	e := encode.Fit(train, encode.Options{HashBits: hashBits})
	for name, set := range map[string]struct {
		f *frame.Frame
		y []float64
	}{"train": {train, y}, "test": {test, truth}} {
		if err := writeDocuments(b.Work, name, e, set.f, set.y); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(b.Work, "peers.py"), peersProgram, 0o600); err != nil {
		return err
	}
	python, err := bar.Python(b.Work, "sklearn", "scikit-learn==1.9.1", "numpy==2.4.6")
	if err != nil {
		return err
	}
	var cpu, accuracy, behind, sgd, sgdCPU []float64
	for range 5 {
		start := bar.OwnCPU()
		m, err := linear.Fit(train, y, nil, textOptions(), nil, nil)
		if err != nil {
			return err
		}
		cpu = append(cpu, (bar.OwnCPU() - start).Seconds())
		out := make([]float64, test.N*textClasses)
		m.Predict(test, out)
		right := 0.0
		for i, y := range truth {
			if answer(out[i*textClasses:][:textClasses]) == y {
				right++
			}
		}
		var theirs struct {
			CPU      float64 `json:"cpu"`
			Accuracy float64 `json:"accuracy"`
		}
		if err := run(b.Work, &theirs, python, "peers.py", "text", b.Work); err != nil {
			return fail("scikit-learn", err)
		}
		accuracy, sgd = append(accuracy, 100*right/float64(test.N)), append(sgd, points(theirs.Accuracy))
		behind, sgdCPU = append(behind, sgd[len(sgd)-1]-accuracy[len(accuracy)-1]), append(sgdCPU, theirs.CPU)
	}
	b.Keep("cpu", "s", cpu...)
	b.Keep("behind", "points", behind...)
	b.Keep("accuracy", "%", accuracy...)
	b.Keep("sgd_accuracy", "%", sgd...)
	b.Keep("sgd_cpu", "s", sgdCPU...)
	return nil
}

func textOptions() linear.Options {
	o := linear.Defaults()
	o.Task, o.Classes, o.Epochs, o.HashBits = linear.Softmax, textClasses, 5, hashBits
	return o
}

// writeDocuments leaves the encoded rows as the peer reads them.
func writeDocuments(dir, name string, e *encode.Encoder, f *frame.Frame, y []float64) error {
	var idx []int32
	var values, slots, ends []float64
	for row := range f.N {
		idx, values = e.Append(f, row, idx, values)
		ends = append(ends, float64(len(idx)))
	}
	for _, at := range idx {
		slots = append(slots, float64(at))
	}
	if err := os.WriteFile(filepath.Join(dir, "width"), []byte(strconv.Itoa(e.Width())), 0o600); err != nil {
		return err
	}
	for kind, xs := range map[string][]float64{"ends": ends, "slots": slots, "values": values, "y": y} {
		if err := writeFloats(filepath.Join(dir, name+"."+kind+".f64"), xs); err != nil {
			return err
		}
	}
	return nil
}
