//go:build cgo

package onnx

import (
	"context"
	"errors"
	"fmt"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// minVersion is the oldest ONNX Runtime that knows the interface this is built for.
const minVersion = "1.24"

// runtimeEngine is ONNX Runtime, of which a process has one.
type runtimeEngine struct{ options *ort.SessionOptions }

// newEngine loads ONNX Runtime's shared library.
func newEngine(library string) (engine, error) {
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return nil, fmt.Errorf("load %s: %w; it must be ONNX Runtime %s or newer, for this machine", library, err, minVersion)
	}
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	// It shares the cores with what answers requests, as every model server does, and
	// keeps no memory for the next large batch.
	err = errors.Join(o.SetIntraOpNumThreads(1), o.SetInterOpNumThreads(1), o.SetCpuMemArena(false))
	if err != nil {
		return nil, err
	}
	return runtimeEngine{o}, nil
}

func (e runtimeEngine) describe(file string) (inputs, outputs []port, err error) {
	in, out, err := ort.GetInputOutputInfoWithOptions(file, e.options)
	if err != nil {
		return nil, nil, err
	}
	return ports(in), ports(out), nil
}

func ports(of []ort.InputOutputInfo) []port {
	kinds := map[ort.TensorElementDataType]string{ort.TensorElementDataTypeFloat: float32s, ort.TensorElementDataTypeDouble: float64s,
		ort.TensorElementDataTypeInt64: int64s, ort.TensorElementDataTypeString: strs}
	out := make([]port, len(of))
	for i, p := range of {
		out[i] = port{name: p.Name, tensor: p.OrtValueType == ort.ONNXTypeTensor, shape: p.Dimensions, kind: kinds[p.DataType]}
		switch {
		case !out[i].tensor:
			out[i].kind = strings.ToLower(strings.TrimPrefix(p.OrtValueType.String(), "ONNX_TYPE_"))
		case out[i].kind == "":
			out[i].kind = strings.ToLower(strings.TrimPrefix(p.DataType.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
		}
	}
	return out
}

func (e runtimeEngine) load(file string, inputs []port, output port) (session, error) {
	names := make([]string, len(inputs))
	for i, p := range inputs {
		names[i] = p.name
	}
	s, err := ort.NewDynamicAdvancedSession(file, names, []string{output.name}, e.options)
	if err != nil {
		return nil, err
	}
	return runtimeSession{s}, nil
}

type runtimeSession struct{ *ort.DynamicAdvancedSession }

func (s runtimeSession) run(ctx context.Context, inputs []tensor) ([]float64, []int64, error) {
	values := make([]ort.Value, 0, len(inputs))
	defer func() {
		for _, v := range values {
			_ = v.Destroy() // There is nothing to be done about memory that is not given back.
		}
	}()
	for _, in := range inputs {
		v, err := value(in)
		if err != nil {
			return nil, nil, err
		}
		values = append(values, v)
	}
	options, err := ort.NewRunOptions()
	if err != nil {
		return nil, nil, err
	}
	defer options.Destroy()
	over := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() { defer close(over); _ = options.Terminate() })
	out := []ort.Value{nil}
	err = s.RunWithOptions(values, out, options)
	if !unwatch() {
		<-over // The options must outlive who uses them.
	}
	if err != nil {
		return nil, nil, err
	}
	values = append(values, out[0])
	return floats(out[0])
}

// value makes a tensor of the runtime's.
func value(t tensor) (ort.Value, error) {
	switch shape := ort.NewShape(t.shape...); {
	case t.f32 != nil:
		return ort.NewTensor(shape, t.f32)
	case t.f64 != nil:
		return ort.NewTensor(shape, t.f64)
	case t.i64 != nil:
		return ort.NewTensor(shape, t.i64)
	default:
		v, err := ort.NewStringTensor(shape)
		if err != nil {
			return nil, err
		}
		if err := v.SetContents(t.str); err != nil {
			return nil, errors.Join(err, v.Destroy())
		}
		return v, nil
	}
}

// floats copies what a tensor of floats holds.
func floats(v ort.Value) ([]float64, []int64, error) {
	switch t := v.(type) {
	case *ort.Tensor[float64]:
		return append([]float64(nil), t.GetData()...), t.GetShape(), nil
	case *ort.Tensor[float32]:
		out := make([]float64, len(t.GetData()))
		for i, x := range t.GetData() {
			out[i] = float64(x)
		}
		return out, t.GetShape(), nil
	}
	return nil, nil, fmt.Errorf("the output holds no floats")
}
