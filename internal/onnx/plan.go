package onnx

import (
	"fmt"
	"slices"
	"strings"

	"hone"
	"hone/internal/frame"
	"hone/internal/predictor"
)

// plan says how rows become what a model takes, and what it gives scores.
type plan struct {
	signature hone.Signature
	inputs    []input
	output    port
	// columns holds, for each column of an output that has one a class, the index of
	// that class in the signature.
	columns []int
	named   bool // The manifest names them.
}

// input is one input of the model with what it is given.
type input struct {
	port
	features []int            // Their places in the signature: all, or one.
	codes    []map[string]int // By feature, the numbers of a category's names; nil for values as they are.
}

// newPlan fits a model to its manifest. What does not fit is refused in a sentence
// for the person who exported it.
func newPlan(m predictor.Manifest, inputs, outputs []port) (plan, error) {
	p := plan{signature: m.Signature}
	var mapping predictor.ONNX
	if m.ONNX != nil {
		mapping = *m.ONNX
	}
	codes := make([]map[string]int, len(m.Signature.Features))
	for name, list := range mapping.Categories {
		of := make(map[string]int, len(list))
		for i, c := range list {
			of[c] = i
		}
		codes[m.Signature.Features.Index(name)] = of
	}
	if len(inputs) == 0 {
		return p, fmt.Errorf("the model takes no input")
	}
	features := m.Signature.Features
	whole := len(inputs) == 1 && (len(features) > 1 || inputs[0].name != features[0].Name)
	for _, in := range inputs {
		add := p.addFeature
		if whole {
			add = p.addMatrix
		}
		if err := add(in, codes); err != nil {
			return p, err
		}
	}
	for i, of := range codes {
		if of != nil && !slices.ContainsFunc(p.inputs, func(in input) bool { return slices.Contains(in.features, i) }) {
			return p, fmt.Errorf("onnx.categories has numbers for %q, which the model does not take: remove them", features[i].Name)
		}
	}
	return p, p.setOutput(mapping, outputs)
}

// addMatrix takes the one input of all features, a column each.
func (p *plan) addMatrix(in port, codes []map[string]int) error {
	features := p.signature.Features
	switch {
	case !in.decimal():
		return fmt.Errorf("the model's only input %s is not named as a feature, so it is given all of them, and must take floats of the shape [rows, %d]", in, len(features))
	case len(in.shape) != 2 || in.shape[1] != -1 && in.shape[1] != int64(len(features)):
		return fmt.Errorf("the model's only input %s does not fit the %d features of the signature: its shape must be [rows, %d]", in, len(features), len(features))
	}
	if err := anyRows(in); err != nil {
		return err
	}
	to := input{port: in, codes: codes}
	for i, f := range features {
		switch {
		case f.Kind == frame.Text:
			return fmt.Errorf("the feature %q is a text, and the model's only input takes numbers: export the model with one input a feature, each named as its feature", f.Name)
		case f.Kind == frame.Category && codes[i] == nil:
			return fmt.Errorf("the feature %q is a category, and the model's only input takes numbers: list its names in onnx.categories, in the order of the numbers that the model was trained on", f.Name)
		}
		to.features = append(to.features, i)
	}
	p.inputs = append(p.inputs, to)
	return nil
}

// addFeature takes an input that is one feature. One that the model has no input for
// is not used.
func (p *plan) addFeature(in port, codes []map[string]int) error {
	i := p.signature.Features.Index(in.name)
	if i < 0 {
		return fmt.Errorf("the model's input %s is no feature: export it with one input a feature, each named as its feature, or with one for all", in)
	}
	f := p.signature.Features[i]
	flat := len(in.shape) == 1 || len(in.shape) == 2 && (in.shape[1] == 1 || in.shape[1] == -1)
	if !in.tensor || !flat {
		return fmt.Errorf("the model's input %s is one feature, and its shape must be [rows, 1]", in)
	}
	if err := anyRows(in); err != nil {
		return err
	}
	number := in.decimal() || in.kind == int64s
	switch {
	case !number && in.kind != strs:
		return fmt.Errorf("the model's input %s must take float, double, int64 or string", in)
	case f.Kind == frame.Number && !number:
		return fmt.Errorf("the model's input %s takes names, and the feature is a number", in)
	case f.Kind == frame.Text && number:
		return fmt.Errorf("the model's input %s takes numbers, and the feature is a text", in)
	case f.Kind == frame.Category && number && codes[i] == nil:
		return fmt.Errorf("the model's input %s takes numbers, and the feature is a category: list its names in onnx.categories, in the order of the numbers that the model was trained on", in)
	case f.Kind == frame.Category && !number && codes[i] != nil:
		return fmt.Errorf("the model's input %s takes names: remove %q from onnx.categories", in, in.name)
	}
	p.inputs = append(p.inputs, input{port: in, features: []int{i}, codes: codes[i : i+1]})
	return nil
}

// anyRows refuses an input that takes so many rows and no others.
func anyRows(in port) error {
	if in.shape[0] != -1 {
		return fmt.Errorf("the model's input %s is for a fixed number of rows: export it with a first dimension of any size", in)
	}
	return nil
}

// setOutput chooses the output that holds the scores. What a model says of its shape
// need not be so, since nothing holds an exporter to it: the first rows show it.
func (p *plan) setOutput(m predictor.ONNX, outputs []port) error {
	var found, floats []port
	for _, o := range outputs {
		if o.name == m.Output {
			found = append(found, o)
		}
		if o.decimal() {
			floats = append(floats, o)
		}
	}
	const zipmap = "export it with options={id(model): {'zipmap': False}}"
	bags := slices.ContainsFunc(outputs, func(o port) bool { return !o.tensor })
	switch {
	case m.Output == "" && len(floats) == 0 && bags:
		return fmt.Errorf("the model gives its scores as a list of maps, %s: %s", list(outputs), zipmap)
	case m.Output == "" && len(floats) != 1:
		return fmt.Errorf("which of the model's outputs holds the scores is not clear: name one of floats in onnx.output; there are %s", list(outputs))
	case m.Output != "" && len(found) == 0:
		return fmt.Errorf("the model has no output %q, as onnx.output says; there are %s", m.Output, list(outputs))
	case m.Output != "" && !found[0].tensor:
		return fmt.Errorf("the model's output %s is no tensor: %s", found[0], zipmap)
	case m.Output != "" && !found[0].decimal():
		return fmt.Errorf("the model's output %s holds no floats", found[0])
	case m.Output == "":
		found = floats
	}
	p.output = found[0]
	classes := m.Classes
	if p.named = len(classes) > 0; !p.named {
		classes = p.signature.Classes
	}
	for _, c := range classes {
		p.columns = append(p.columns, slices.Index(p.signature.Classes, c))
	}
	return nil
}

// pick says, for each column of an output with k of them, at which of a row's scores
// it goes; -1 for nowhere.
func (p *plan) pick(k int) ([]int, error) {
	switch {
	case k == 1 && p.named && p.signature.Task == hone.Binary:
		return nil, fmt.Errorf("onnx.classes names the columns of the output %s, which is a single one, the positive class: remove it", p.output)
	case k == 1 && p.signature.Width() == 1:
		return []int{0}, nil
	case p.signature.Task == hone.Regression:
		return nil, fmt.Errorf("the model's output %s has %d numbers a row, and a regression has one", p.output, k)
	case k != len(p.columns):
		return nil, fmt.Errorf("the model's output %s has %d scores a row, and %d classes are named: %s", p.output, k, len(p.columns), p.classes())
	case p.signature.Task == hone.Multiclass:
		return p.columns, nil
	}
	to := make([]int, k)
	for i, class := range p.columns {
		to[i] = class - 1 // The positive class is the score, the negative none.
	}
	return to, nil
}

func (p *plan) classes() string {
	names := make([]string, len(p.columns))
	for i, c := range p.columns {
		names[i] = p.signature.Classes[c]
	}
	return fmt.Sprintf("%q", names)
}

func list(ports []port) string {
	all := make([]string, len(ports))
	for i, p := range ports {
		all[i] = p.String()
	}
	return strings.Join(all, ", ")
}
