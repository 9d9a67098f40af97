package onnx

import (
	"fmt"
	"math"

	"hone/internal/frame"
)

// fill makes what the model's inputs are given of rows.
func (p *plan) fill(rows *frame.Frame) ([]tensor, error) {
	out := make([]tensor, len(p.inputs))
	for i, in := range p.inputs {
		t := &out[i]
		t.shape = []int64{int64(rows.N), int64(len(in.features))}[:len(in.shape)]
		if in.kind == strs {
			t.str = rows.Cols[in.features[0]].Str
			continue
		}
		v := make([]float64, rows.N*len(in.features))
		for k, feature := range in.features {
			in.column(v[k:], rows.Cols[feature], k)
		}
		if err := t.set(in, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// column writes the k-th feature of every row, as many apart as there are features.
func (in input) column(v []float64, c frame.Column, k int) {
	step, codes := len(in.features), in.codes[k]
	if codes == nil {
		for row, x := range c.Num {
			v[row*step] = x
		}
		return
	}
	for row, name := range c.Str {
		v[row*step] = math.NaN()
		if code, ok := codes[name]; ok {
			v[row*step] = float64(code)
		}
	}
}

// set stores numbers as the input's kind.
func (t *tensor) set(in input, v []float64) error {
	switch in.kind {
	case float64s:
		t.f64 = v
	case float32s:
		t.f32 = make([]float32, len(v))
		for i, x := range v {
			t.f32[i] = float32(x)
		}
	default:
		t.i64 = make([]int64, len(v))
		for i, x := range v {
			switch {
			case math.IsNaN(x) && in.codes[0] != nil:
				t.i64[i] = -1
			case x != math.Trunc(x) || math.Abs(x) > 1<<53:
				return fmt.Errorf("%q is %v in row %d, and the model takes whole numbers only; export it with a float input", in.name, x, i)
			default:
				t.i64[i] = int64(x)
			}
		}
	}
	return nil
}

// scores reads what the model gave for n rows.
func (p *plan) scores(values []float64, shape []int64, n int) ([]float64, error) {
	rank := len(shape)
	if rank == 0 || rank > 2 || shape[0] != int64(n) {
		return nil, fmt.Errorf("the model's output %s came with the shape %v for %d rows", p.output, shape, n)
	}
	k := 1
	if rank == 2 {
		k = int(shape[1])
	}
	if len(values) != n*k {
		return nil, fmt.Errorf("the model's output %s came with %d numbers for the shape %v", p.output, len(values), shape)
	}
	to, err := p.pick(k)
	if err != nil {
		return nil, err
	}
	width := p.signature.Width()
	out := make([]float64, n*width)
	for row := range n {
		for col, at := range to {
			if at >= 0 {
				out[row*width+at] = values[row*k+col]
			}
		}
	}
	return out, nil
}

// first is what the model is warmed by: zeros, and names that it knows.
func (p *plan) first() *frame.Frame {
	const rows = 2 // One would not show that the output has a score for each.
	f := frame.New(p.signature.Features, rows)
	for i := range f.Cols {
		clear(f.Cols[i].Num)
	}
	for _, in := range p.inputs {
		for k, codes := range in.codes {
			for name, code := range codes {
				if code == 0 {
					copy(f.Cols[in.features[k]].Str, []string{name, name})
				}
			}
		}
	}
	return f
}
