package table_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"hone"
	"hone/internal/frame"
	"hone/internal/table"
)

// sample is a frame whose columns are not in the order of their names, with
// what is hard to write.
func sample(n int) (*frame.Frame, []table.Extra) {
	f := frame.New(frame.Schema{{Name: "z", Kind: frame.Number}, {Name: "a.b", Kind: frame.Category}, {Name: "note, long", Kind: frame.Text}}, n)
	label, score, times := make([]string, n), make([]float64, n), make([]int64, n)
	for i := range n {
		if i%7 != 3 {
			f.Cols[0].Num[i] = math.Sqrt(float64(i)) * math.Pow(-10, float64(i%40))
		}
		if i%5 != 1 {
			f.Cols[1].Str[i] = fmt.Sprint("é;", i%11)
		}
		if i%3 != 0 {
			f.Cols[2].Str[i] = fmt.Sprintf(" said \"%d\",\n\r\nthen |\t left ", i)
		}
		label[i] = fmt.Sprint(i % 2)
		score[i] = float64(i) / 3
		times[i] = 1_700_000_000_123_456 + int64(i)*1_000_001
	}
	return f, []table.Extra{{Name: "label", Strings: label}, {Name: "Score", Numbers: score}, {Name: "at", Times: times}}
}

func save(t testing.TB, name string, write func(io.Writer) error) string {
	t.Helper()
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := write(w); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("%s: equal input gave other bytes", name)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, a.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParquetRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, 70_000} { // The last is more than a row group.
		f, extra := sample(n)
		path := save(t, "x.parquet", func(w io.Writer) error { return table.WriteParquet(w, f, extra) })
		g, more, err := table.ReadParquet(path, f.Schema)
		if err != nil {
			t.Fatal(err)
		}
		if n == 70_000 && slices.EqualFunc(f.EncodeRows(), g.EncodeRows(), bytes.Equal) && reflect.DeepEqual(extra, more) {
			continue // Quicker than to compare and explain.
		}
		if d := cmp.Diff(f, g, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%d rows: the frame changed: %.500s", n, d)
		}
		if d := cmp.Diff(extra, more, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%d rows: the extras changed: %.500s", n, d)
		}
	}
}

// What was written can be read row by row too, from each format alike.
func TestReadWhatWasWritten(t *testing.T) {
	t.Parallel()
	f, extra := sample(300)
	names := []string{"z", "a.b", "note, long", "label", "Score", "at"}
	for _, path := range []string{
		save(t, "x.parquet", func(w io.Writer) error { return table.WriteParquet(w, f, extra) }),
		save(t, "x.csv", func(w io.Writer) error { return table.WriteCSV(w, f, extra) }),
	} {
		r := open(t, path)
		if !reflect.DeepEqual(r.Columns(), names) {
			t.Fatalf("%s: columns %q", path, r.Columns())
		}
		rows, bad, err := all(r)
		if err != nil || len(bad) > 0 || len(rows) != f.N {
			t.Fatalf("%s: %d rows, %v, %v", path, len(rows), bad, err)
		}
		g := frame.New(f.Schema, f.N)
		for i, rec := range rows {
			for j := range f.Schema {
				if err := g.Set(i, j, rec.Values[j]); err != nil {
					t.Fatal(err)
				}
			}
			if at, ok := table.ParseTime(rec.Values[5]); !ok || at.UnixMicro() != extra[2].Times[i] {
				t.Fatalf("%s row %d: time %v is not %d", path, i, rec.Values[5], extra[2].Times[i])
			}
		}
		if d := cmp.Diff(f, g, cmpopts.EquateNaNs()); d != "" {
			t.Errorf("%s: the frame changed: %.500s", path, d)
		}
	}
}

func TestWriteOneColumn(t *testing.T) {
	t.Parallel()
	f := frame.New(frame.Schema{{Name: "a", Kind: frame.Category}}, 3)
	f.Cols[0].Str[1] = "x"
	rows, bad, err := all(open(t, save(t, "x.csv", func(w io.Writer) error { return table.WriteCSV(w, f, nil) })))
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	wantRows(t, rows, []any{""}, []any{"x"}, []any{""})
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	f := frame.New(frame.Schema{{Name: "a", Kind: frame.Number}}, 2)
	for _, write := range []func(io.Writer, *frame.Frame, []table.Extra) error{table.WriteParquet, table.WriteCSV} {
		err := write(io.Discard, f, []table.Extra{{Name: "a", Strings: []string{"1", "2"}}})
		if e, ok := hone.AsError(err); !ok || e.Code != hone.Invalid || !strings.Contains(e.Message, `"a"`) {
			t.Errorf("a name twice: %v", err)
		}
		if err := write(io.Discard, f, []table.Extra{{Name: "b", Strings: []string{"1"}}}); err == nil {
			t.Error("a short column was written")
		}
	}
}

// The types that other programs write.
func TestParquetTypes(t *testing.T) {
	t.Parallel()
	type inner struct {
		X int32 `parquet:"x"`
	}
	type row struct {
		Flag  bool     `parquet:"flag"`
		Small int32    `parquet:"small"`
		Big   int64    `parquet:"big"`
		Huge  uint64   `parquet:"huge"`
		Ms    int64    `parquet:"ms,timestamp(millisecond)"`
		Day   int32    `parquet:"day,date"`
		Money int64    `parquet:"money,decimal(2:18)"`
		UUID  [16]byte `parquet:"uuid,uuid"`
		Raw   []byte   `parquet:"raw"`
		Tags  []string `parquet:"tags,list"`
		In    inner    `parquet:"in"`
		None  *float64 `parquet:"none,optional"`
		NaN   float32  `parquet:"nan"`
	}
	path := save(t, "x.parquet", func(w io.Writer) error {
		return parquet.Write(w, []row{{true, -5, 1<<60 + 1, 1<<64 - 1, 1_700_000_000_123, 19_000, -12345, [16]byte{0xab, 15: 1}, []byte{0xff, 0},
			[]string{"p", "q"}, inner{7}, nil, float32(math.NaN())}, {}})
	})
	r := open(t, path)
	rows, bad, err := all(r)
	if err != nil || len(bad) > 0 || len(rows) != 2 {
		t.Fatal(len(rows), bad, err)
	}
	want := map[string]any{"flag": true, "small": -5.0, "big": "1152921504606846977", "huge": "18446744073709551615",
		"ms": "2023-11-14T22:13:20.123Z", "day": "2022-01-08", "money": -123.45, "uuid": "ab000000-0000-0000-0000-000000000001",
		"raw": "ff00", "tags": `["p","q"]`, "in.x": 7.0, "none": nil, "nan": nil}
	got := map[string]any{}
	for i, name := range r.Columns() {
		got[name] = rows[0].Values[i]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A Parquet file with any byte changed gives rows or an error, never a crash.
func TestDamagedParquet(t *testing.T) {
	t.Parallel()
	f, extra := sample(20)
	var b bytes.Buffer
	if err := table.WriteParquet(&b, f, extra); err != nil {
		t.Fatal(err)
	}
	failed := 0
	path := filepath.Join(t.TempDir(), "x.parquet")
	for i := 0; i < b.Len(); i += 3 {
		content := bytes.Clone(b.Bytes())
		content[i] ^= byte(1 << (i % 8))
		if i%2 == 0 {
			content = append(content[:i:i], content[min(i+11, len(content)):]...)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := table.ReadParquet(path, f.Schema); err != nil {
			failed++
		}
		r, err := table.Open(path)
		if err != nil {
			continue
		}
		all(r)
		r.Close()
	}
	if failed == 0 {
		t.Error("no damage was noticed")
	}
}

// The file was written by pyarrow, from two rows of its usual types, snappy.
func TestParquetOfPyarrow(t *testing.T) {
	t.Parallel()
	r := open(t, filepath.Join("testdata", "pyarrow.parquet"))
	want := []string{"i", "c", "t", "day", "l", "st.a", "dec", "b", "f", "u8", "h", "lg"}
	if got := r.Columns(); !reflect.DeepEqual(got, want) {
		t.Fatalf("columns %q, want %q", got, want)
	}
	rows, bad, err := all(r)
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	wantRows(t, rows,
		[]any{1.0, "x", "2024-02-29T12:00:00.000005Z", "2024-02-29", "[1,2]", 1.0, -1.25, true, 1.5, 255.0, -1.5, "é"},
		[]any{nil, "y", nil, nil, "[]", nil, nil, nil, nil, nil, 1.0 / (1 << 24), nil})
}
