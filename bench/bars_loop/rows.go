package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// world makes rows of numbers between 0 and 10, whose label is drawn by a
// logistic rule: nothing drifts.
type world struct {
	r     *rand.Rand
	width int
}

func newWorld(width int) *world {
	return &world{r: rand.New(rand.NewPCG(7, 11)), width: width}
}

// row returns features, of six digits as sensors and prices have them, and the
// label.
func (w *world) row() ([]float64, string) {
	x, z := make([]float64, w.width), 0.0
	for i := range x {
		x[i] = math.Round(w.r.Float64()*1e6) / 1e5
		z += (x[i] - 5) * math.Cos(float64(i))
	}
	if w.r.Float64() < 1/(1+math.Exp(-z)) {
		return x, "1"
	}
	return x, "0"
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// features of a model, as the configuration has them.
func (w *world) features() string {
	out := make([]string, w.width)
	for i := range out {
		out[i] = fmt.Sprintf("f%d: number", i)
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// object is a row as a JSON object.
func object(x []float64) string {
	out := make([]string, len(x))
	for i := range x {
		out[i] = fmt.Sprintf(`"f%d":%s`, i, number(x[i]))
	}
	return "{" + strings.Join(out, ",") + "}"
}

// history is a body of labelled rows, the first of them with the given number.
func (w *world) history(from, n int) []byte {
	var b strings.Builder
	b.WriteString(`{"rows":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		x, label := w.row()
		fmt.Fprintf(&b, `{"prediction_id":"h%d","time":"2026-01-01T%02d:%02d:%02dZ","features":%s,"label":%q}`,
			from+i, (from+i)/3600, (from+i)/60%60, (from+i)%60, object(x), label)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// short is a request of the short form.
func (w *world) short() []byte {
	x, _ := w.row()
	return []byte(`{"features":` + object(x) + "}")
}

// named is a request of the Open Inference Protocol with one input a feature.
func (w *world) named(n int) []byte {
	columns := make([][]string, w.width)
	for range n {
		x, _ := w.row()
		for i := range x {
			columns[i] = append(columns[i], number(x[i]))
		}
	}
	inputs := make([]string, w.width)
	for i := range inputs {
		inputs[i] = fmt.Sprintf(`{"name":"f%d","shape":[%d],"datatype":"FP64","data":[%s]}`, i, n, strings.Join(columns[i], ","))
	}
	return []byte(`{"inputs":[` + strings.Join(inputs, ",") + "]}")
}

// matrix is the same with all features in one input.
func (w *world) matrix(n int) []byte {
	var data []string
	for range n {
		x, _ := w.row()
		for i := range x {
			data = append(data, number(x[i]))
		}
	}
	return fmt.Appendf(nil, `{"inputs":[{"name":"input","shape":[%d,%d],"datatype":"FP64","data":[%s]}]}`, n, w.width, strings.Join(data, ","))
}

// many makes n requests to a path.
func many(n int, make1 func() []byte) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = make1()
	}
	return out
}
