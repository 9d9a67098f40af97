package frame_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"hone/internal/frame"
)

var schema = frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}, {Name: "note", Kind: frame.Text}}

// table makes a frame of three rows with some values missing.
func table(t *testing.T) *frame.Frame {
	t.Helper()
	f := frame.New(schema, 3)
	for row, values := range [][]any{{1.5, "CH", "hello"}, {nil, "", "grüezi"}, {-3, "FR", nil}} {
		for col, v := range values {
			if err := f.Set(row, col, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

func cells(f *frame.Frame) (out [][]any) {
	for row := range f.N {
		var line []any
		for col := range f.Schema {
			line = append(line, f.Value(row, col))
		}
		out = append(out, line)
	}
	return out
}

func wantCells(t *testing.T, f *frame.Frame, want [][]any) {
	t.Helper()
	if got := cells(f); f.N != len(want) || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d rows %v, want %v", f.N, got, want)
	}
}

func TestNewIsMissing(t *testing.T) {
	t.Parallel()
	wantCells(t, frame.New(schema, 2), [][]any{{nil, nil, nil}, {nil, nil, nil}})
	wantCells(t, frame.New(schema, 0), nil)
	f := frame.New(frame.Schema{{Name: "a", Kind: frame.Number}, {Name: "b", Kind: frame.Number}}, 2)
	f.Cols[0].Num = append(f.Cols[0].Num, 9) // Must not run into the next column.
	if !math.IsNaN(f.Cols[1].Num[0]) {
		t.Error("columns share capacity")
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"amount": 0, "note": 2, "Amount": -1, "": -1} {
		if got := schema.Index(name); got != want {
			t.Errorf("%q is at %d, want %d", name, got, want)
		}
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	f := func(col int, v, want any) {
		t.Helper()
		g := frame.New(schema, 1)
		if err := g.Set(0, col, v); err != nil {
			t.Errorf("%T %v: %v", v, v, err)
		}
		if got := g.Value(0, col); got != want {
			t.Errorf("%T %v: got %v, want %v", v, v, got, want)
		}
	}
	f(0, 2.5, 2.5)
	f(0, 7, 7.0)
	f(0, int64(-7), -7.0)
	f(0, true, 1.0)
	f(0, false, 0.0)
	f(0, " 1e3 ", 1000.0)
	f(0, nil, nil)
	f(0, math.Inf(-1), nil)
	f(0, math.NaN(), nil)
	f(0, "-Inf", nil)
	for _, gone := range []string{"", "  ", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"} {
		f(0, gone, nil)
	}
	f(1, "CH", "CH")
	f(1, " CH ", " CH ")
	f(1, "NA", "NA") // Namibia.
	f(1, "?", "?")
	f(1, 1.0, "1")
	f(1, 1, "1")
	f(1, int64(1), "1")
	f(1, 0.25, "0.25")
	f(1, math.Copysign(0, -1), "0")
	f(1, true, "true")
	f(1, nil, nil)
	f(1, "", nil)
	f(2, "two words", "two words")
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	f := func(col int, v any, want ...string) {
		t.Helper()
		g := table(t)
		before := g.Value(0, col)
		err := g.Set(0, col, v)
		if err == nil || g.Value(0, col) != before {
			t.Errorf("%v: got %v, and the cell is %v", v, err, g.Value(0, col))
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v does not say %q", err, w)
			}
		}
	}
	f(0, "twelve", `"amount"`, "wants a number", "twelve")
	f(0, []int{1}, `"amount"`, "[]int")
	f(0, "1,5", `"amount"`)
	f(0, "1e999", `"amount"`)
	f(1, map[string]any{"a": 1}, `"country"`, "wants a string")
	f(2, []string{strings.Repeat("x", 1000)}, `"note"`, "…")
	g := frame.New(schema, 1)
	if err := g.Set(0, 2, []string{strings.Repeat("x", 1000)}); len(err.Error()) > 200 {
		t.Errorf("the message has %d bytes", len(err.Error()))
	}
}

func TestSliceSharesMemory(t *testing.T) {
	t.Parallel()
	f := table(t)
	g := f.Slice(1, 3)
	wantCells(t, g, [][]any{{nil, nil, "grüezi"}, {-3.0, "FR", nil}})
	g.Cols[0].Num[0], g.Cols[1].Str[1] = 8, "IT"
	wantCells(t, f, [][]any{{1.5, "CH", "hello"}, {8.0, nil, "grüezi"}, {-3.0, "IT", nil}})
	wantCells(t, f.Slice(2, 2), nil)
}

func TestPickCopies(t *testing.T) {
	t.Parallel()
	f := table(t)
	g := f.Pick([]int{2, 0, 2})
	want := [][]any{{-3.0, "FR", nil}, {1.5, "CH", "hello"}, {-3.0, "FR", nil}}
	wantCells(t, g, want)
	f.Cols[0].Num[2], f.Cols[1].Str[0] = 100, "changed"
	wantCells(t, g, want)
	wantCells(t, f.Pick(nil), nil)
}

func TestAppendCopies(t *testing.T) {
	t.Parallel()
	f := frame.New(schema, 0)
	g := table(t)
	f.Append(g)
	f.Append(g.Slice(0, 1))
	g.Cols[0].Num[0] = 100
	wantCells(t, f, [][]any{{1.5, "CH", "hello"}, {nil, nil, "grüezi"}, {-3.0, "FR", nil}, {1.5, "CH", "hello"}})
	part := table(t)
	head := part.Slice(0, 1)
	head.Append(part.Slice(2, 3))
	wantCells(t, head, [][]any{{1.5, "CH", "hello"}, {-3.0, "FR", nil}})
}

// TestAppendToSliceLeavesRest holds that a slice that grows does not write over
// the rows behind it.
func TestAppendToSliceLeavesRest(t *testing.T) {
	t.Parallel()
	f := table(t)
	head := f.Slice(0, 1)
	head.Append(f.Slice(2, 3))
	wantCells(t, f, cells(table(t)))
}

func TestRemap(t *testing.T) {
	t.Parallel()
	newer := frame.Schema{{Name: "note", Kind: frame.Text}, {Name: "amount", Kind: frame.Category}, {Name: "age", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}
	f := frame.New(newer, 5)
	f.Remap(1, table(t))
	other := frame.New(frame.Schema{{Name: "country", Kind: frame.Text}}, 3) // Of another kind.
	other.Remap(0, table(t))
	wantCells(t, other, [][]any{{nil}, {nil}, {nil}})
	wantCells(t, f, [][]any{{nil, nil, nil, nil}, {"hello", nil, nil, "CH"}, {"grüezi", nil, nil, nil}, {nil, nil, nil, "FR"}, {nil, nil, nil, nil}})
}

func TestParseAndFormatNumber(t *testing.T) {
	t.Parallel()
	f := func(x float64, want string) {
		t.Helper()
		got := frame.FormatNumber(x)
		back, ok := frame.ParseNumber(got)
		if got != want || !ok || back != x {
			t.Errorf("%v: got %q, which reads as %v %v; want %q", x, got, back, ok, want)
		}
	}
	f(1, "1")
	f(-0.5, "-0.5")
	f(math.Copysign(0, -1), "0")
	f(100000000, "100000000")
	f(1e14, "100000000000000")
	f(1e15, "1e+15")
	f(math.Nextafter(0.3, 1), "0.30000000000000004")
	f(math.SmallestNonzeroFloat64, "5e-324")
	if _, ok := frame.ParseNumber("12 apples"); ok {
		t.Error("apples are no number")
	}
}
