// Package onnx serves the model of an artefact of the format onnx by ONNX Runtime,
// over the Open Inference Protocol. Starting, containing and restarting it is left to
// predictor.
package onnx

import (
	"context"
	"fmt"
	"strings"
)

// The types of a tensor's elements that are fed or read, in ONNX's words.
const (
	float32s = "float"
	float64s = "double"
	int64s   = "int64"
	strs     = "string"
)

// port is an input or output of a model.
type port struct {
	name   string
	kind   string  // Of its elements, or what it is in the place of a tensor.
	tensor bool    // No sequence, map or the like.
	shape  []int64 // Of a tensor; -1 is any size.
}

func (p port) decimal() bool { return p.tensor && (p.kind == float32s || p.kind == float64s) }

func (p port) String() string {
	if !p.tensor {
		return fmt.Sprintf("%q (%s)", p.name, p.kind)
	}
	return fmt.Sprintf("%q (%s %s)", p.name, p.kind, strings.ReplaceAll(fmt.Sprint(p.shape), "-1", "?"))
}

// tensor is what one input is given: the slice of its kind is set.
type tensor struct {
	shape []int64
	f32   []float32
	f64   []float64
	i64   []int64
	str   []string
}

// session is a model that is loaded. It is safe for concurrent use.
type session interface {
	// run gives the inputs to the model, in the order of the plan, and returns what
	// its output holds, row by row. It ends early when ctx does, where the model lets it.
	run(ctx context.Context, inputs []tensor) (values []float64, shape []int64, err error)
}

// engine loads models.
type engine interface {
	// describe lists what the model in a file takes and gives.
	describe(file string) (inputs, outputs []port, err error)
	load(file string, inputs []port, output port) (session, error)
}
