package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hone"
)

// table is what a server gave: width numbers for each of its rows.
type table struct {
	width int
	v     []float64
}

// arrange puts the numbers of n rows into the order of the signature.
func (t table) arrange(sig hone.Signature, classes []string, n int) (hone.Scores, error) {
	width := sig.Width()
	if classes == nil {
		classes = sig.Classes
	}
	out := hone.Scores{Width: width, V: t.v}
	switch {
	case t.width*n != len(t.v):
		return out, fmt.Errorf("it gave %d numbers for %d rows", len(t.v), n)
	case sig.Task == hone.Binary && t.width == 1:
		if classes[1] != sig.Classes[1] { // What is scored is the negative class.
			for i, x := range t.v {
				out.V[i] = 1 - x
			}
		}
		return out, nil
	case sig.Task == hone.Binary && t.width == 2:
		out.V = make([]float64, n)
		at := slices.Index(classes, sig.Classes[1])
		for i := range out.V {
			out.V[i] = t.v[2*i+at]
		}
		return out, nil
	case t.width != width:
		return out, fmt.Errorf("it gave %d numbers a row where %d are wanted", t.width, width)
	case sig.Task != hone.Multiclass || slices.Equal(classes, sig.Classes):
		return out, nil
	}
	out.V = make([]float64, len(t.v))
	for k, c := range sig.Classes {
		at := slices.Index(classes, c)
		for i := range n {
			out.V[i*width+k] = t.v[i*width+at]
		}
	}
	return out, nil
}

// shaped tells how many numbers each of n rows has in a tensor of this shape.
func shaped[T int | int64](shape []T, n int) (width int, err error) {
	switch {
	case len(shape) == 1 && shape[0] == T(n):
		return 1, nil
	case len(shape) == 2 && shape[0] == T(n) && shape[1] > 0 && shape[1] <= maxWidth:
		return int(shape[1]), nil
	}
	return 0, fmt.Errorf("has the shape %v, and %d rows were asked for", shape[:min(len(shape), 8)], n)
}

// maxWidth is the most numbers that one row is given.
const maxWidth = 100_000

// numbers reads n rows of numbers out of JSON: flat, or nested by row.
func numbers(v any, n int) (table, error) {
	list, ok := v.([]any)
	if !ok {
		if n == 1 {
			list = []any{v} // One row may stand alone.
		} else {
			return table{}, fmt.Errorf("there is %s where the scores of %d rows should be", kind(v), n)
		}
	}
	if _, nested := first(list).([]any); n == 1 && len(list) > 1 && !nested {
		list = []any{v}
	}
	if len(list) != n {
		return table{}, fmt.Errorf("it scores %d rows, and %d were asked for", len(list), n)
	}
	t := table{width: 1, v: make([]float64, 0, n)}
	for i, item := range list {
		row, nested := item.([]any)
		if !nested {
			row = []any{item}
		}
		if i == 0 {
			t.width = len(row)
		}
		if len(row) != t.width || t.width == 0 || t.width > maxWidth {
			return table{}, fmt.Errorf("row %d has %d scores, the first has %d", i, len(row), t.width)
		}
		for _, cell := range row {
			text, ok := cell.(json.Number)
			x, err := strconv.ParseFloat(text.String(), 64)
			if !ok || err != nil {
				return table{}, fmt.Errorf("the score of row %d is %s", i, kind(cell))
			}
			t.v = append(t.v, x)
		}
	}
	return t, nil
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func kind(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "a boolean"
	case json.Number:
		return "the number " + cut(string(x))
	case []any:
		return "a list"
	}
	return "an object"
}

// pointer leads to a place in JSON as RFC 6901 has it; "*" leads to each item of a
// list.
type pointer []string

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

func newPointer(text string) (pointer, error) {
	if text == "" {
		return nil, nil
	}
	var p pointer
	stars := 0
	for i, token := range strings.Split(text, "/") {
		rest := strings.NewReplacer("~0", "", "~1", "").Replace(token)
		if i == 0 && token != "" || strings.Contains(rest, "~") {
			return nil, refuse("write /predictions, or /predictions/*/score", "upstream.answer %.60q is no JSON pointer", text)
		}
		if token == "*" {
			stars++
		}
		if i > 0 {
			p = append(p, token)
		}
	}
	if stars > 1 || len(p) > maxDeep {
		return nil, refuse("the rows are one list", `upstream.answer %.60q has more than one "*", or is too long`, text)
	}
	return p, nil
}

// find returns what p leads to, a list where there is a "*" on the way.
func (p pointer) find(v any) (any, error) {
	for i, token := range p {
		switch x := v.(type) {
		case []any:
			if token == "*" {
				return p[i+1:].each(x)
			}
			at, err := strconv.Atoi(token)
			if err != nil || at < 0 || at >= len(x) || strconv.Itoa(at) != token {
				return nil, fmt.Errorf("a list of %d has no item %.40q", len(x), token)
			}
			v = x[at]
		case map[string]any:
			next, ok := x[unescape.Replace(token)]
			if !ok {
				return nil, fmt.Errorf("an object has no key %.40q", unescape.Replace(token))
			}
			v = next
		default:
			return nil, fmt.Errorf("there is %s where %.40q should be found", kind(v), token)
		}
	}
	return v, nil
}

func (p pointer) each(items []any) (any, error) {
	out := make([]any, len(items))
	for i, item := range items {
		var err error
		if out[i], err = p.find(item); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	return out, nil
}

// flat reads the data of a tensor: numbers in row-major order, flat or nested.
func flat(v any, out []float64) ([]float64, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("its data are no list")
	}
	for _, item := range list {
		var err error
		switch x := item.(type) {
		case json.Number:
			var y float64
			if y, err = strconv.ParseFloat(x.String(), 64); err == nil {
				out = append(out, y)
			}
		case []any:
			out, err = flat(x, out)
		default:
			err = fmt.Errorf("a score is %s", kind(item))
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
