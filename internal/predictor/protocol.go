package predictor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"hone"
	"hone/internal/frame"
)

// appendRequest writes the rows as an inference request of the Open Inference
// Protocol v2: one tensor of shape [N] a feature, FP64 for numbers, BYTES for
// names and text. JSON has no NaN, so a missing number is null, and servers must
// read it as missing; a missing name is the empty string. One output is asked for.
func appendRequest(b []byte, f *frame.Frame, output string) []byte {
	b = append(b, `{"inputs":[`...)
	for i, field := range f.Schema {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = appendText(b, field.Name)
		b = append(b, `,"shape":[`...)
		b = strconv.AppendInt(b, int64(f.N), 10)
		if field.Kind == frame.Number {
			b = append(b, `],"datatype":"FP64","data":[`...)
			b = appendNumbers(b, f.Cols[i].Num)
		} else {
			b = append(b, `],"datatype":"BYTES","data":[`...)
			for row, s := range f.Cols[i].Str {
				if row > 0 {
					b = append(b, ',')
				}
				b = appendText(b, s)
			}
		}
		b = append(b, `]}`...)
	}
	b = append(b, `],"outputs":[{"name":`...)
	return append(appendText(b, output), `}]}`...)
}

func appendNumbers(b []byte, v []float64) []byte {
	for row, x := range v {
		if row > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendFloat(b, x, 'g', -1, 64)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // A string always can be.
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// outputName is the tensor that holds the scores.
func outputName(s hone.Signature) string {
	if s.Task == hone.Regression {
		return "value"
	}
	return "score"
}

type reply struct {
	Outputs []tensor `json:"outputs"`
}

type tensor struct {
	Name     string          `json:"name"`
	Shape    []int           `json:"shape"`
	Datatype string          `json:"datatype"`
	Data     json.RawMessage `json:"data"`
}

// readReply takes the scores of n rows out of an inference response. Whatever
// is not exactly what the signature promises is an error: a wrong score is worse
// than none.
func readReply(body []byte, s hone.Signature, n int) (hone.Scores, error) {
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		return hone.Scores{}, fmt.Errorf("the answer is not JSON of the Open Inference Protocol: %w", err)
	}
	name := outputName(s)
	for _, t := range r.Outputs {
		if t.Name == name {
			return t.scores(s, n)
		}
	}
	return hone.Scores{}, fmt.Errorf("the answer has no output %q among its %d", name, len(r.Outputs))
}

func (t tensor) scores(s hone.Signature, n int) (hone.Scores, error) {
	width := s.Width()
	if t.Datatype != "FP64" && t.Datatype != "FP32" {
		return hone.Scores{}, fmt.Errorf("output %q has datatype %q, not FP64", t.Name, t.Datatype)
	}
	flat := len(t.Shape) == 1 && t.Shape[0] == n && width == 1
	square := len(t.Shape) == 2 && t.Shape[0] == n && t.Shape[1] == width
	if !flat && !square {
		return hone.Scores{}, fmt.Errorf("output %q has shape %v; %d rows with %d scores each were asked for", t.Name, t.Shape, n, width)
	}
	v, err := flatten(t.Data)
	if err != nil {
		return hone.Scores{}, fmt.Errorf("output %q: %w", t.Name, err)
	}
	if len(v) != n*width {
		return hone.Scores{}, fmt.Errorf("output %q holds %d numbers, its shape says %d", t.Name, len(v), n*width)
	}
	if err := checkScores(s, v); err != nil {
		return hone.Scores{}, err
	}
	return hone.Scores{Width: width, V: v}, nil
}

// flatten reads numbers that are flat, in row-major order, or nested by row.
func flatten(data []byte) ([]float64, error) {
	// The decoder reads null as 0, which would be a score out of nowhere.
	if bytes.Contains(data, []byte("null")) {
		return nil, fmt.Errorf("a score is null")
	}
	var v []float64
	if json.Unmarshal(data, &v) == nil {
		return v, nil
	}
	var rows [][]float64
	if err := json.Unmarshal(data, &rows); err != nil {
		return nil, fmt.Errorf("its data are not numbers: %w", err)
	}
	v = nil
	for _, row := range rows {
		v = append(v, row...)
	}
	return v, nil
}

// checkScores refuses what is not finite and, for classes, what is not a
// probability.
func checkScores(s hone.Signature, v []float64) error {
	const slack = 1e-6 // Of servers that count in single precision.
	width := s.Width()
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("the score of row %d is not finite", i/width)
		}
		if s.Task == hone.Regression {
			continue
		}
		if x < -slack || x > 1+slack {
			return fmt.Errorf("the score %v of row %d is no probability", x, i/width)
		}
		v[i] = min(max(x, 0), 1)
	}
	return nil
}
