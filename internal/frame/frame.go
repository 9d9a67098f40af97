// Package frame holds rows of features as columns, and the bytes in which one
// row is logged as it was served. What the columns mean is left to others.
package frame

import (
	"fmt"
	"math"
)

// Kind says how a feature is read: as a number, as one of few names, or as
// free text.
type Kind string

// The kinds of feature.
const (
	Number   Kind = "number"
	Category Kind = "category"
	Text     Kind = "text"
)

// Field is one named feature.
type Field struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// Schema is the ordered list of a model's features.
type Schema []Field

// Index returns the position of the named field, or -1.
func (s Schema) Index(name string) int {
	for i := range s {
		if s[i].Name == name {
			return i
		}
	}
	return -1
}

// Column holds one feature of every row: Num for numbers, where NaN is missing,
// and Str for categories and text, where the empty string is missing.
type Column struct {
	Num []float64
	Str []string
}

// Frame is a table of N rows, one Column a field of its Schema. The zero Frame
// has no columns and no rows.
type Frame struct {
	Schema Schema
	N      int
	Cols   []Column
}

// New returns a frame of n rows in which every value is missing.
func New(s Schema, n int) *Frame {
	f := &Frame{Schema: s, N: n, Cols: make([]Column, len(s))}
	numbers := 0
	for i := range s {
		if s[i].Kind == Number {
			numbers++
		}
	}
	num := make([]float64, numbers*n)
	for i := range num {
		num[i] = math.NaN()
	}
	str := make([]string, (len(s)-numbers)*n)
	for i := range s {
		if s[i].Kind == Number {
			f.Cols[i].Num, num = num[:n:n], num[n:]
		} else {
			f.Cols[i].Str, str = str[:n:n], str[n:]
		}
	}
	return f
}

// Slice returns rows [from, to) and shares their memory with f. Appending to it
// copies them first.
func (f *Frame) Slice(from, to int) *Frame {
	g := &Frame{Schema: f.Schema, N: to - from, Cols: make([]Column, len(f.Cols))}
	for i, c := range f.Cols {
		if c.Num != nil {
			g.Cols[i].Num = c.Num[from:to:to]
		} else {
			g.Cols[i].Str = c.Str[from:to:to]
		}
	}
	return g
}

// Pick returns a copy of the given rows, in the given order.
func (f *Frame) Pick(rows []int) *Frame {
	g := New(f.Schema, len(rows))
	for i, c := range f.Cols {
		for to, from := range rows {
			if c.Num != nil {
				g.Cols[i].Num[to] = c.Num[from]
			} else if c.Str != nil {
				g.Cols[i].Str[to] = c.Str[from]
			}
		}
	}
	return g
}

// Append adds a copy of the rows of g, whose schema must equal that of f.
func (f *Frame) Append(g *Frame) {
	for i := range f.Cols {
		f.Cols[i].Num = append(f.Cols[i].Num, g.Cols[i].Num...)
		f.Cols[i].Str = append(f.Cols[i].Str, g.Cols[i].Str...)
	}
	f.N += g.N
}

// Set stores v, a number, a string, a bool or nil, in one cell. It fails when v
// cannot be read as the column's kind, and names the field.
func (f *Frame) Set(row, col int, v any) error {
	kind := f.Schema[col].Kind
	if kind == Number {
		x, ok := number(v)
		if !ok {
			return fmt.Errorf("feature %q wants a number, got %s", f.Schema[col].Name, show(v))
		}
		f.Cols[col].Num[row] = x
		return nil
	}
	s, ok := text(v)
	if !ok {
		return fmt.Errorf("feature %q wants a string, got %s", f.Schema[col].Name, show(v))
	}
	f.Cols[col].Str[row] = s
	return nil
}

// Value returns one cell as a float64, a string, or nil where it is missing.
func (f *Frame) Value(row, col int) any {
	if f.Schema[col].Kind == Number {
		if x := f.Cols[col].Num[row]; !math.IsNaN(x) {
			return x
		}
		return nil
	}
	if s := f.Cols[col].Str[row]; s != "" {
		return s
	}
	return nil
}
