package rig

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// World makes rows of numbers between 0 and 10, whose label is drawn by a
// logistic rule: nothing drifts.
type World struct {
	r     *rand.Rand
	width int
}

// NewWorld returns a world of so many features.
func NewWorld(width int) *World {
	return &World{r: rand.New(rand.NewPCG(7, 11)), width: width}
}

// Row returns features, of six digits as sensors and prices have them, and the
// label.
func (w *World) Row() ([]float64, string) {
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

// Features of a model, as the configuration has them.
func (w *World) Features() string {
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

// History is a body of labelled rows, the first of them with the given number.
func (w *World) History(from, n int) []byte {
	var b strings.Builder
	b.WriteString(`{"rows":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		x, label := w.Row()
		fmt.Fprintf(&b, `{"prediction_id":"h%d","time":"2026-01-01T%02d:%02d:%02dZ","features":%s,"label":%q}`,
			from+i, (from+i)/3600, (from+i)/60%60, (from+i)%60, object(x), label)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// Short is a request of the short form.
func (w *World) Short() []byte {
	x, _ := w.Row()
	return []byte(`{"features":` + object(x) + "}")
}

// Named is a request of the Open Inference Protocol with one input a feature.
func (w *World) Named(n int) []byte {
	columns := make([][]string, w.width)
	for range n {
		x, _ := w.Row()
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

// Matrix is the same with all features in one input.
func (w *World) Matrix(n int) []byte {
	var data []string
	for range n {
		x, _ := w.Row()
		for i := range x {
			data = append(data, number(x[i]))
		}
	}
	return fmt.Appendf(nil, `{"inputs":[{"name":"input","shape":[%d,%d],"datatype":"FP64","data":[%s]}]}`, n, w.width, strings.Join(data, ","))
}

// Many makes n requests to a path.
func Many(n int, make1 func() []byte) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = make1()
	}
	return out
}
