package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
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
		About: "18,000 documents of 20 classes, some 100 words each, learned in 5 epochs from hashed words: processor time, encoding included, in a process of its own; and the accuracy on 4,000 others, with that of scikit-learn's SGDClassifier (log_loss, 5 epochs) from the same hashed features, which are handed to it encoded.",
		Limits: []bar.Limit{
			{Series: "cpu", Unit: "s", Of: bar.Median, Under: 2},
			{Series: "behind", Unit: "points", Of: bar.Median, Under: 1, AtMost: true},
		}, Also: []string{"accuracy", "sgd_accuracy", "sgd_cpu"}}, Measure: words},
}

const (
	trainTexts  = 18_000
	testTexts   = 4000
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

// learnedText is what each side says of its fit.
type learnedText struct {
	CPU      float64 `json:"cpu"` // Seconds.
	Accuracy float64 `json:"accuracy"`
}

// words lets both sides learn the same documents, in turn.
func words(b *bar.Bench) error {
	python, self, err := prepareText(b.Work)
	if err != nil {
		return err
	}
	var cpu, accuracy, behind, sgd, sgdCPU []float64
	for range 5 {
		var ours, theirs learnedText
		if err := run(b.Work, &ours, self, "text"); err != nil {
			return fail("hone", err)
		}
		if err := run(b.Work, &theirs, python, "peers.py", "text", b.Work); err != nil {
			return fail("scikit-learn", err)
		}
		cpu, sgdCPU = append(cpu, ours.CPU), append(sgdCPU, theirs.CPU)
		accuracy, sgd = append(accuracy, points(ours.Accuracy)), append(sgd, points(theirs.Accuracy))
		behind = append(behind, points(theirs.Accuracy-ours.Accuracy))
	}
	b.Keep("cpu", "s", cpu...)
	b.Keep("behind", "points", behind...)
	b.Keep("accuracy", "%", accuracy...)
	b.Keep("sgd_accuracy", "%", sgd...)
	b.Keep("sgd_cpu", "s", sgdCPU...)
	return nil
}

// prepareText leaves the documents as the peer reads them, and its program.
func prepareText(work string) (python, self string, err error) {
	train, y := documents(trainTexts, 1)
	e := encode.Fit(train, encode.Options{HashBits: hashBits})
	if err := writeDocuments(work, "train", e, train, y); err != nil {
		return "", "", err
	}
	test, truth := documents(testTexts, 2)
	if err := writeDocuments(work, "test", e, test, truth); err != nil {
		return "", "", err
	}
	if err := os.WriteFile(filepath.Join(work, "peers.py"), peersProgram, 0o600); err != nil {
		return "", "", err
	}
	if self, err = os.Executable(); err != nil {
		return "", "", err
	}
	python, err = bar.Python(work, "sklearn", "scikit-learn==1.9.1", "numpy==2.4.6")
	return python, self, err
}

// textAlone is Hone's side of words.
func textAlone([]string) error {
	train, y := documents(trainTexts, 1)
	runtime.GC() // What drawing left behind is no part of the fit.
	start := bar.OwnCPU()
	m, err := linear.Fit(train, y, nil, textOptions(), nil, nil)
	if err != nil {
		return err
	}
	used := learnedText{CPU: (bar.OwnCPU() - start).Seconds()}
	test, truth := documents(testTexts, 2)
	out := make([]float64, test.N*textClasses)
	m.Predict(test, out)
	for i, y := range truth {
		if answer(out[i*textClasses:][:textClasses]) == y {
			used.Accuracy += 1 / float64(test.N)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(used)
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
