package onnx

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
)

var (
	mixed = frame.Schema{{Name: "a", Kind: frame.Number}, {Name: "shop", Kind: frame.Category}, {Name: "note", Kind: frame.Text}}
	pair  = mixed[:2]
	shops = map[string][]string{"shop": {"A", "B"}}
	// probabilities is the usual output of a classifier with two classes.
	probabilities = []port{in("label", int64s, -1), in("p", float32s, -1, 2)}
)

func in(name, kind string, shape ...int64) port {
	return port{name: name, kind: kind, tensor: true, shape: shape}
}

// manifest is one of a binary model.
func manifest(s frame.Schema, o predictor.ONNX) predictor.Manifest {
	return predictor.Manifest{Format: "onnx", ONNX: &o,
		Signature: hone.Signature{Task: hone.Binary, Features: s, Classes: []string{"no", "yes"}, Threshold: 0.5}}
}

func TestPlanRefusesInputs(t *testing.T) {
	t.Parallel()
	f := func(s frame.Schema, categories map[string][]string, want string, inputs ...port) {
		t.Helper()
		_, err := newPlan(manifest(s, predictor.ONNX{Categories: categories}), inputs, probabilities)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", list(inputs), err, want)
		}
	}
	f(pair, shops, "", in("X", float32s, -1, 2))
	f(pair, shops, "", in("X", float64s, -1, -1))
	f(pair[:1], nil, "", in("X", float32s, -1, 1))
	f(pair, nil, "takes no input")
	f(pair, shops, "for a fixed number of rows", in("X", float32s, 1, 2))
	f(pair, shops, "must be [rows, 2]", in("X", float32s, -1, 3))
	f(pair, shops, "must be [rows, 2]", in("X", float32s, -1))
	f(pair, shops, "must take floats", in("X", int64s, -1, 2))
	f(pair, shops, "must take floats", port{name: "X", kind: "sequence"})
	f(pair, nil, `"shop" is a category, and the model's only input takes numbers`, in("X", float32s, -1, 2))
	f(mixed, shops, `"note" is a text`, in("X", float32s, -1, 3))

	f(mixed, nil, "", in("note", strs, -1, 1), in("a", float32s, -1, 1), in("shop", strs, -1))
	f(mixed, shops, "", in("a", int64s, -1, -1), in("shop", int64s, -1, 1))
	f(pair[:1], nil, "", in("a", float64s, -1))
	f(mixed, nil, `"b" (float [? 1]) is no feature`, in("a", float32s, -1, 1), in("b", float32s, -1, 1))
	f(mixed, nil, "for a fixed number of rows", in("a", float32s, 1), in("note", strs, -1))
	f(mixed, nil, "must be [rows, 1]", in("a", float32s, -1, 2), in("note", strs, -1))
	f(mixed, nil, "must be [rows, 1]", in("a", float32s), in("note", strs, -1))
	f(mixed, nil, "must take float, double, int64 or string", in("a", "int8", -1), in("note", strs, -1))
	f(mixed, nil, "the feature is a number", in("a", strs, -1), in("note", strs, -1))
	f(mixed, nil, "the feature is a text", in("a", float32s, -1), in("note", float32s, -1))
	f(mixed, nil, "list its names in onnx.categories", in("a", float32s, -1), in("shop", int64s, -1))
	f(mixed, shops, `remove "shop" from onnx.categories`, in("a", float32s, -1), in("shop", strs, -1))
	f(mixed, shops, "which the model does not take", in("a", float32s, -1), in("note", strs, -1))
}

func TestPlanChoosesAnOutput(t *testing.T) {
	t.Parallel()
	bags := port{name: "bags", kind: "sequence"}
	f := func(task hone.Task, o predictor.ONNX, want string, outputs ...port) {
		t.Helper()
		m := manifest(pair[:1], o)
		switch m.Signature.Task = task; task {
		case hone.Multiclass:
			m.Signature.Classes = []string{"low", "middle", "high"}
		case hone.Regression:
			m.Signature.Classes = nil
		}
		_, err := newPlan(m, []port{in("X", float32s, -1, 1)}, outputs)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s, %+v, %s: got %v, want %q", task, o, list(outputs), err, want)
		}
	}
	f(hone.Binary, predictor.ONNX{}, "", probabilities...)
	f(hone.Binary, predictor.ONNX{}, "", in("p", float64s, -1))
	f(hone.Binary, predictor.ONNX{}, "", in("p", float32s, -1, 1))
	f(hone.Binary, predictor.ONNX{}, "", in("p", float32s, -1, -1))
	f(hone.Binary, predictor.ONNX{}, "", in("p", float32s, 1, 3)) // What is said of the shape is not believed.
	f(hone.Binary, predictor.ONNX{Output: "p"}, "", in("p", float32s, -1, 2), in("q", float32s, -1, 2))
	f(hone.Multiclass, predictor.ONNX{Classes: []string{"high", "low"}}, "", in("p", float32s, -1, 2))
	f(hone.Regression, predictor.ONNX{}, "", in("y", float32s, -1, 1), bags)
	f(hone.Binary, predictor.ONNX{}, "zipmap", in("label", int64s, -1), bags)
	f(hone.Binary, predictor.ONNX{Output: "bags"}, "zipmap", in("p", float32s, -1, 2), bags)
	f(hone.Binary, predictor.ONNX{}, "name one of floats in onnx.output", in("p", float32s, -1, 2), in("q", float32s, -1, 2))
	f(hone.Binary, predictor.ONNX{}, "name one of floats in onnx.output", in("label", int64s, -1))
	f(hone.Binary, predictor.ONNX{Output: "r"}, `no output "r"`, probabilities...)
	f(hone.Binary, predictor.ONNX{Output: "label"}, "holds no floats", probabilities...)
}

func newTestPlan(t *testing.T, m predictor.Manifest, outputs []port, inputs ...port) plan {
	t.Helper()
	p, err := newPlan(m, inputs, outputs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFill(t *testing.T) {
	t.Parallel()
	rows := frame.New(mixed, 3)
	copy(rows.Cols[0].Num, []float64{1.5, math.NaN(), -2})
	copy(rows.Cols[1].Str, []string{"B", "A", "C"})
	copy(rows.Cols[2].Str, []string{"x", "", "z"})
	f := func(p plan, rows *frame.Frame, want ...tensor) {
		t.Helper()
		got, err := p.fill(rows)
		if err != nil || len(got) != len(want) {
			t.Fatalf("got %v, %v", got, err)
		}
		for i := range want {
			// NaN is not itself, so they are compared as they are written.
			if !slices.Equal(got[i].shape, want[i].shape) || written(got[i].f32) != written(want[i].f32) ||
				written(got[i].f64) != written(want[i].f64) || !reflect.DeepEqual(got[i].i64, want[i].i64) || !reflect.DeepEqual(got[i].str, want[i].str) {
				t.Errorf("input %d: got %+v, want %+v", i, got[i], want[i])
			}
		}
	}
	nan := math.NaN()
	two := &frame.Frame{Schema: pair, N: 3, Cols: rows.Cols[:2]}
	f(newTestPlan(t, manifest(pair, predictor.ONNX{Categories: shops}), probabilities, in("X", float64s, -1, 2)), two,
		tensor{shape: []int64{3, 2}, f64: []float64{1.5, 1, nan, 0, -2, nan}})
	f(newTestPlan(t, manifest(mixed, predictor.ONNX{Categories: shops}), probabilities, in("shop", int64s, -1, 1), in("a", float32s, -1), in("note", strs, -1, 1)), rows,
		tensor{shape: []int64{3, 1}, i64: []int64{1, 0, -1}}, tensor{shape: []int64{3}, f32: []float32{1.5, float32(nan), -2}},
		tensor{shape: []int64{3, 1}, str: []string{"x", "", "z"}})
	whole := newTestPlan(t, manifest(pair[:1], predictor.ONNX{}), probabilities, in("a", int64s, -1, 1))
	for _, x := range []float64{1.5, nan, 1e17, math.Inf(1)} {
		rows := frame.New(pair[:1], 1)
		rows.Cols[0].Num[0] = x
		if _, err := whole.fill(rows); err == nil || !strings.Contains(err.Error(), "whole numbers only") {
			t.Errorf("%v as a whole number: %v", x, err)
		}
	}
}

func written[T float32 | float64](v []T) string {
	var out []string
	for _, x := range v {
		out = append(out, frame.FormatNumber(float64(x)))
	}
	return strings.Join(out, " ")
}

func TestScores(t *testing.T) {
	t.Parallel()
	one := []port{in("X", float32s, -1, 1)}
	three := manifest(pair[:1], predictor.ONNX{Classes: []string{"high", "low"}})
	three.Signature.Task, three.Signature.Classes = hone.Multiclass, []string{"low", "middle", "high"}
	turned := manifest(pair[:1], predictor.ONNX{Classes: []string{"yes", "no"}})
	open := []port{in("p", float32s, -1, -1)}
	f := func(m predictor.Manifest, v []float64, shape []int64, want ...float64) {
		t.Helper()
		p := newTestPlan(t, m, open, one...)
		if got, err := p.scores(v, shape, 2); err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	plain := manifest(pair[:1], predictor.ONNX{})
	f(plain, []float64{.9, .1, .4, .6}, []int64{2, 2}, .1, .6)
	f(turned, []float64{.9, .1, .4, .6}, []int64{2, 2}, .9, .4)
	f(plain, []float64{.9, .1}, []int64{2, 1}, .9, .1)
	f(plain, []float64{.9, .1}, []int64{2}, .9, .1)
	f(three, []float64{.9, .1, .4, .6}, []int64{2, 2}, .1, 0, .9, .6, 0, .4)
	value := manifest(pair[:1], predictor.ONNX{})
	value.Signature.Task, value.Signature.Classes = hone.Regression, nil
	f(value, []float64{7, -8}, []int64{2, 1}, 7, -8)

	refused := func(m predictor.Manifest, want string, shape ...int64) {
		t.Helper()
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		p := newTestPlan(t, m, open, one...)
		if got, err := p.scores(make([]float64, n), shape, 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("shape %v: got %v, %v; want %q", shape, got, err, want)
		}
	}
	refused(plain, "shape [] for 2 rows")
	refused(plain, "shape [4] for 2 rows", 4)
	refused(plain, "shape [1 2] for 2 rows", 1, 2)
	refused(plain, "shape [2 1 2] for 2 rows", 2, 1, 2)
	refused(plain, "3 scores a row, and 2 classes", 2, 3)
	refused(turned, "remove it", 2, 1)
	refused(three, "1 scores a row, and 2 classes", 2)
	refused(value, "a regression has one", 2, 2)
	p := newTestPlan(t, plain, open, one...)
	if _, err := p.scores([]float64{1}, []int64{2, 1}, 2); err == nil {
		t.Error("one number was taken for two")
	}
}
