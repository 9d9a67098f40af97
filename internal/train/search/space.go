package search

import (
	"fmt"
	"maps"
	"slices"

	"hone/internal/say"
)

// Usual is the space of a built-in trainer's parameters, or nil.
func Usual(trainer string) Space {
	switch trainer {
	case "gbdt":
		return Space{
			{Name: "num_iterations", From: 30, To: 400, Log: true, Whole: true},
			{Name: "num_leaves", From: 4, To: 127, Log: true, Whole: true},
			{Name: "learning_rate", From: 0.02, To: 0.3, Log: true},
			{Name: "min_data_in_leaf", From: 5, To: 200, Log: true, Whole: true},
			{Name: "feature_fraction", From: 0.5, To: 1},
			{Name: "lambda_l2", From: 1e-3, To: 30, Log: true},
		}
	case "linear":
		return Space{
			{Name: "epochs", From: 5, To: 60, Log: true, Whole: true},
			{Name: "learning_rate", From: 0.01, To: 0.5, Log: true},
			{Name: "l2", From: 1e-7, To: 1e-2, Log: true},
		}
	}
	return nil
}

// Resource is the parameter of a built-in trainer that says how much it does, with
// what it has by default.
func Resource(trainer string) (name string, most int) {
	switch trainer {
	case "gbdt":
		return "num_iterations", 100
	case "linear":
		return "epochs", 30
	}
	return "", 0
}

// Without is the space without one parameter.
func (s Space) Without(name string) Space {
	return slices.DeleteFunc(slices.Clone(s), func(p Param) bool { return p.Name == name })
}

// SpaceFrom reads a space as a configuration has it: by parameter {from, to, log,
// whole} or {choices}. The error says what would do.
func SpaceFrom(written map[string]any) (Space, error) {
	var s Space
	for _, name := range slices.Sorted(maps.Keys(written)) {
		fields, ok := written[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("parameter %q wants {from: 0.01, to: 0.3} or {choices: [a, b]}", name)
		}
		p := Param{Name: name}
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if err := p.set(key, fields[key]); err != nil {
				return nil, err
			}
		}
		s = append(s, p)
	}
	return s, s.Check()
}

func (p *Param) set(key string, v any) error {
	ok := false
	switch key {
	case "from":
		p.From, ok = v.(float64)
	case "to":
		p.To, ok = v.(float64)
	case "log":
		p.Log, ok = v.(bool)
	case "whole":
		p.Whole, ok = v.(bool)
	case "choices":
		p.Choices, ok = v.([]any)
		ok = ok && len(p.Choices) > 0 && !slices.ContainsFunc(p.Choices, unlike)
	default:
		keys := []string{"from", "to", "log", "whole", "choices"}
		hint := ""
		if near := say.Nearest(key, keys); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return fmt.Errorf("parameter %q: unknown key %q%s", p.Name, key, hint)
	}
	if !ok {
		return fmt.Errorf("parameter %q: %s cannot be %v", p.Name, key, v)
	}
	return nil
}

// unlike tells what cannot be chosen: what holds more.
func unlike(v any) bool {
	switch v.(type) {
	case string, float64, bool:
		return false
	}
	return true
}
