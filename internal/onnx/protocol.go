package onnx

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"hone"
	"hone/internal/frame"
)

// request is an inference request of the Open Inference Protocol v2, as predictor
// writes it: one tensor of shape [N] a feature.
type request struct {
	ID     string `json:"id"`
	Inputs []struct {
		Name     string          `json:"name"`
		Shape    []int           `json:"shape"`
		Datatype string          `json:"datatype"`
		Data     json.RawMessage `json:"data"`
	} `json:"inputs"`
}

// readRequest reads the rows of a request, which must have every feature of the
// schema and no other.
func readRequest(body []byte, s frame.Schema) (*frame.Frame, string, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, "", fmt.Errorf("the request is not JSON of the Open Inference Protocol: %w", err)
	}
	if len(r.Inputs) != len(s) {
		return nil, r.ID, fmt.Errorf("the request has %d inputs, and the model %d features", len(r.Inputs), len(s))
	}
	f := &frame.Frame{Schema: s, Cols: make([]frame.Column, len(s))}
	for k, in := range r.Inputs {
		i := s.Index(in.Name)
		if i < 0 || f.Cols[i].Num != nil || f.Cols[i].Str != nil {
			return nil, r.ID, fmt.Errorf("the input %q is no feature, or there twice", in.Name)
		}
		n, err := readColumn(&f.Cols[i], s[i].Kind, in.Datatype, in.Data)
		if err != nil {
			return nil, r.ID, fmt.Errorf("input %q: %w", in.Name, err)
		}
		if k > 0 && n != f.N || len(in.Shape) != 1 || in.Shape[0] != n {
			return nil, r.ID, fmt.Errorf("the input %q has %d values for the shape %v; each must have the shape [rows]", in.Name, n, in.Shape)
		}
		f.N = n
	}
	if f.N == 0 {
		return nil, r.ID, fmt.Errorf("the request has no rows")
	}
	return f, r.ID, nil
}

func readColumn(c *frame.Column, kind frame.Kind, datatype string, data json.RawMessage) (int, error) {
	want := "FP64"
	if kind != frame.Number {
		want = "BYTES"
	}
	if datatype != want {
		return 0, fmt.Errorf("its datatype is %q, not %s", datatype, want)
	}
	if kind == frame.Number {
		v, err := readNumbers(string(data))
		c.Num = v
		return len(v), err
	}
	c.Str = []string{}
	err := json.Unmarshal(data, &c.Str)
	return len(c.Str), err
}

// readNumbers reads a flat list, which is known to be JSON; null is missing.
func readNumbers(list string) ([]float64, error) {
	inside, ok := strings.CutPrefix(strings.TrimSpace(list), "[")
	if !ok {
		return nil, fmt.Errorf("its data are no list")
	}
	inside = strings.TrimSuffix(inside, "]")
	v := make([]float64, 0, strings.Count(inside, ",")+1)
	for word := range strings.SplitSeq(inside, ",") {
		switch word = strings.TrimSpace(word); {
		case word == "null":
			v = append(v, math.NaN())
		case word == "" && len(v) == 0:
		default:
			x, err := strconv.ParseFloat(word, 64)
			if err != nil {
				return nil, fmt.Errorf("%.40q is no number", word)
			}
			v = append(v, x)
		}
	}
	return v, nil
}

// appendReply writes the scores of n rows as the answer to a request.
func appendReply(b []byte, id string, s hone.Signature, n int, scores []float64) ([]byte, error) {
	name, width := "score", s.Width()
	if s.Task == hone.Regression {
		name = "value"
	}
	b = append(b, `{"model_name":"model",`...)
	if id != "" {
		quoted, _ := json.Marshal(id) // A string always can be.
		b = append(append(append(b, `"id":`...), quoted...), ',')
	}
	b = fmt.Appendf(b, `"outputs":[{"name":%q,"shape":[%d`, name, n)
	if s.Task == hone.Multiclass {
		b = fmt.Appendf(b, `,%d`, width)
	}
	b = append(b, `],"datatype":"FP64","data":[`...)
	for i, x := range scores {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("the model gave %v for row %d", x, i/width)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, x, 'g', -1, 64)
	}
	return append(b, `]}]}`...), nil
}
