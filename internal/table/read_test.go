package table_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hone"
	"hone/internal/table"
)

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func open(t testing.TB, path string) *table.Reader {
	t.Helper()
	r, err := table.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// all reads to the end, and returns the error that ended the reading, if it was
// not io.EOF.
func all(r *table.Reader) (rows []table.Record, bad []*table.BadRow, err error) {
	for {
		rec, err := r.Next()
		var b *table.BadRow
		switch {
		case errors.As(err, &b):
			bad = append(bad, b)
		case err == io.EOF:
			return rows, bad, nil
		case err != nil:
			return rows, bad, err
		default:
			rows = append(rows, rec)
		}
	}
}

func wantRows(t *testing.T, rows []table.Record, want ...[]any) {
	t.Helper()
	var got [][]any
	for _, r := range rows {
		got = append(got, r.Values)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got rows %q, want %q", got, want)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	f := func(name, content string, columns []string, want ...[]any) {
		t.Helper()
		r := open(t, write(t, name, content))
		rows, bad, err := all(r)
		if err != nil || len(bad) > 0 {
			t.Fatalf("%s %q: %v %v", name, content, bad, err)
		}
		if !reflect.DeepEqual(r.Columns(), columns) {
			t.Errorf("%q: columns %q, want %q", content, r.Columns(), columns)
		}
		wantRows(t, rows, want...)
	}
	ab := []string{"a", "b"}
	f("x.csv", "a,b\n1,2\n", ab, []any{"1", "2"})
	f("X.CSV", "a,b\r\n1,2\r\n\r\n3, 4 ", ab, []any{"1", "2"}, []any{"3", " 4 "})
	f("x.csv", "\ufeffa,b\n1,2", ab, []any{"1", "2"})
	f("x.csv", "a;b\n1,5;2,5\n", ab, []any{"1,5", "2,5"})
	f("x.csv", "a|b\n,|,\n", ab, []any{",", ","})
	f("x.csv", "a\tb\n1,1\t2\n", ab, []any{"1,1", "2"})
	f("x.tsv", "a\tb,c\n1\t2\n", []string{"a", "b,c"}, []any{"1", "2"})
	f("x.csv", "a , ,\n1,2,3\n", []string{"a", "column_2", "column_3"}, []any{"1", "2", "3"})
	f("x.csv", "a\n\"\"\n", []string{"a"}, []any{""})
	f("x.csv", "a,b\n\"x \"\"y\"\"\n\r\nz\",\"\"\n5\" pipe,2\"\n", ab,
		[]any{"x \"y\"\n\r\nz", ""}, []any{"5\" pipe", "2\""})
	f("x.csv.gz", zipped(t, "a,b\n1,2\n")+zipped(t, "3,4\n"), ab, []any{"1", "2"}, []any{"3", "4"})
	f("x.csv", zipped(t, "\ufeffa,b\n1,2\n"), ab, []any{"1", "2"})
	f("x.csv.gz", "a,b\n1,2\n", ab, []any{"1", "2"})
	f("x.csv", "a,b\n", ab)
}

func TestCSVBadRows(t *testing.T) {
	t.Parallel()
	content := "a,b\n" + // 1
		"1,2\n" +
		"1,2,3\n" + // 3: too many
		"\"x\ny\",2\n" + // 4 and 5
		"only\n" + // 6: too few
		"\n" +
		"\"x\"y,2\n" + // 8: text behind the quote
		"3,4\n" +
		"\xff,2\n" + // 10: not UTF-8
		"\"open,2\n" + // 11: never closed
		"5,6\n" + // 12: must not be swallowed
		"7,8\n"
	rows, bad, err := all(open(t, write(t, "x.csv", content)))
	if err != nil {
		t.Fatal(err)
	}
	wantRows(t, rows, []any{"1", "2"}, []any{"x\ny", "2"}, []any{"3", "4"}, []any{"5", "6"}, []any{"7", "8"})
	var lines []int
	for _, r := range rows {
		lines = append(lines, r.Line)
	}
	if want := []int{2, 4, 9, 12, 13}; !reflect.DeepEqual(lines, want) {
		t.Errorf("rows stand on lines %v, want %v", lines, want)
	}
	want := []table.BadRow{
		{Line: 3, Reason: "3 cells where the header has 2", Raw: "1,2,3"},
		{Line: 6, Reason: "1 cell where the header has 2", Raw: "only"},
		{Line: 8, Reason: "text behind the closing quote of cell 1", Raw: "\"x\"y,2"},
		{Line: 10, Reason: "text that is not valid UTF-8", Raw: "?,2"},
		{Line: 11, Reason: "a quote that is never closed", Raw: "\"open,2"},
	}
	checkBad(t, bad, want)
}

func checkBad(t *testing.T, got []*table.BadRow, want []table.BadRow) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("no bad row where %+v was wanted", want[i])
		case i >= len(want):
			t.Errorf("unwanted bad row %+v", *got[i])
		case *got[i] != want[i]:
			t.Errorf("got bad row %+v, want %+v", *got[i], want[i])
		}
	}
}

// A quote that opens on one line and is closed wrongly on another costs the
// first line only.
func TestCSVQuoteResynchronises(t *testing.T) {
	t.Parallel()
	rows, bad, err := all(open(t, write(t, "x.csv", "a,b\n\"1,2\n3,4\n5,\"6\"\n7,8\n")))
	if err != nil {
		t.Fatal(err)
	}
	wantRows(t, rows, []any{"3", "4"}, []any{"5", "6"}, []any{"7", "8"})
	checkBad(t, bad, []table.BadRow{{Line: 2, Reason: "text behind the closing quote of cell 1", Raw: "\"1,2"}})
}

// Each of these lines opens a quote again, and none closes it: to read on to the
// end of the file from each would take hours.
func TestCSVHostileQuotesTakeLinearTime(t *testing.T) {
	t.Parallel()
	const n = 300_000
	rows, bad, err := all(open(t, write(t, "x.csv", "a,b\n"+strings.Repeat("a\",\"\n", n))))
	if err != nil || len(rows) != 0 || len(bad) != n {
		t.Errorf("%d rows, %d bad, %v; want %d bad", len(rows), len(bad), err, n)
	}
}

func TestLongLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 17<<19)
	f := func(name, content string, want ...table.BadRow) {
		t.Helper()
		rows, bad, err := all(open(t, write(t, name, content)))
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		checkBad(t, bad, want)
	}
	raw := long[:1024]
	f("x.csv", "a,b\n1,2\n"+long+",2\n3,4\n", table.BadRow{Line: 3, Reason: "the line is longer than 16 MiB", Raw: raw})
	f("x.csv.gz", zipped(t, "a,b\n1,2\n3,4\n"+long), table.BadRow{Line: 4, Reason: "the line is longer than 16 MiB", Raw: raw})
	f("x.csv", "a,b\n\"1,2\n"+long+"\n3,4\n5,6\n",
		table.BadRow{Line: 2, Reason: "a quote that is never closed", Raw: "\"1,2"},
		table.BadRow{Line: 3, Reason: "the line is longer than 16 MiB", Raw: raw})
	lines := strings.Repeat(strings.Repeat("x", 1<<20)+"\n", 17)
	r := open(t, write(t, "y.csv", "a,b\n\"1,2\n"+lines+"3,4\n5,6\n"))
	rows, bad, err := all(r)
	if err != nil || len(rows) != 2 || len(bad) != 18 || bad[0].Reason != "a quote that is not closed within 16 MiB" || rows[1].Line != 21 {
		t.Errorf("%d rows, %d bad, %v", len(rows), len(bad), err)
	}
	f("x.jsonl", "{\"a\":1}\n{\"a\":\""+long+"\"}\n{\"a\":2}\n",
		table.BadRow{Line: 2, Reason: "the line is longer than 16 MiB", Raw: "{\"a\":\"" + long[:1018]})
}

func TestJSONL(t *testing.T) {
	t.Parallel()
	content := "{\"n\": 1.5, \"s\": \"x\", \"b\": true}\n" +
		"\n" +
		"{\"id\": 12345678901234567890, \"s\": null, \"o\": {\"k\": [1, 2]}}\r\n" +
		"[1]\n" +
		"{\"n\": 1\n" +
		"{\"n\": 1} {}\n" +
		"{\"n\": \"\xff\"}\n" +
		"{\"n\": 1e999}\n" +
		"{\"n\": -7, \"b\": false}"
	for _, path := range []string{write(t, "x.jsonl", content), write(t, "x.ndjson.gz", zipped(t, content))} {
		r := open(t, path)
		if got, want := r.Columns(), []string{"n", "s", "b", "id", "o"}; !reflect.DeepEqual(got, want) {
			t.Fatalf("columns %q, want %q", got, want)
		}
		rows, bad, err := all(r)
		if err != nil {
			t.Fatal(err)
		}
		wantRows(t, rows, []any{1.5, "x", true, nil, nil},
			[]any{nil, nil, nil, "12345678901234567890", "{\"k\":[1,2]}"}, []any{-7.0, nil, false, nil, nil})
		if rows[1].Line != 3 || rows[2].Line != 9 {
			t.Errorf("rows on lines %d and %d, want 3 and 9", rows[1].Line, rows[2].Line)
		}
		checkBad(t, bad, []table.BadRow{
			{Line: 4, Reason: "not a JSON object", Raw: "[1]"},
			{Line: 5, Reason: "invalid JSON: it ends early", Raw: "{\"n\": 1"},
			{Line: 6, Reason: "text behind the JSON object", Raw: "{\"n\": 1} {}"},
			{Line: 7, Reason: "text that is not valid UTF-8", Raw: "{\"n\": \"?\"}"},
			{Line: 8, Reason: "the number 1e999 is too large", Raw: "{\"n\": 1e999}"},
		})
	}
}

func TestJSONLColumnsComeFromTheFirstThousand(t *testing.T) {
	t.Parallel()
	r := open(t, write(t, "x.jsonl", strings.Repeat("{\"a\":1}\n", 999)+"{\"b\":2}\n{\"c\":3,\"b\":4}\n"))
	if got, want := r.Columns(), []string{"a", "b"}; !reflect.DeepEqual(got, want) {
		t.Fatalf("columns %q, want %q", got, want)
	}
	rows, bad, err := all(r)
	if err != nil || len(bad) > 0 || len(rows) != 1001 || !reflect.DeepEqual(rows[1000].Values, []any{nil, 4.0}) {
		t.Errorf("%d rows, %v, %v", len(rows), bad, err)
	}
}

// A file cut short gives every whole row, then one clear error again and again.
func TestTruncatedGzip(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a,b\n")
	for i := range 20_000 {
		b.WriteString(strings.Repeat("7", i%13+1) + "," + strings.Repeat("x", i%7) + "\n")
	}
	whole := zipped(t, b.String())
	for name, content := range map[string]string{"cut.csv.gz": whole[:len(whole)/2], "sum.csv.gz": whole[:len(whole)-8] + "12345678"} {
		r := open(t, write(t, name, content))
		rows, bad, err := all(r)
		e, ok := hone.AsError(err)
		if !ok || e.Code != hone.Invalid || !strings.Contains(e.Message, name) || !strings.Contains(e.Message, "after line ") || e.Hint == "" {
			t.Fatalf("%s: got error %v", name, err)
		}
		if len(rows) == 0 || len(bad) > 0 {
			t.Errorf("%s: %d rows, %d bad before the damage", name, len(rows), len(bad))
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%s: Next then gave %v", name, again)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	f := func(name, content string, code hone.Code, says string) {
		t.Helper()
		r, err := table.Open(write(t, name, content))
		if err == nil {
			r.Close()
		}
		e, ok := hone.AsError(err)
		if !ok || e.Code != code || e.Hint == "" || !strings.Contains(e.Message, says) || !strings.Contains(e.Message, name) {
			t.Errorf("%s %.20q: got %v, want %s about %q", name, content, err, code, says)
		}
	}
	f("x.xlsx", "", hone.Invalid, "which kind of table")
	f("x.parquet.gz", "", hone.Invalid, "gzipped Parquet")
	f("x.csv", "", hone.Invalid, "empty")
	f("x.csv", "\n\n", hone.Invalid, "empty")
	f("x.csv", "a,b,a\n", hone.Invalid, `columns 1 and 3 are both called "a"`)
	f("x.csv", "\"a\"b,c\n", hone.Invalid, "line 1: the header cannot be read")
	f("x.csv", "\xff\xfea\x00", hone.Invalid, "UTF-16")
	f("x.csv", strings.Repeat("a,", 20_000), hone.Invalid, "10000 cells")
	f("x.csv", "\x1f\x8b\x08", hone.Invalid, "cut short after line 0")
	f("x.jsonl", "", hone.Invalid, "no records")
	f("x.jsonl", "[\n{\"a\":1},\n", hone.Invalid, "line 2: text behind the JSON object")
	f("x.parquet", "PAR1", hone.Invalid, "no sound Parquet")
	f("x.parquet", "PAR1\xff\xff\xff\xffPAR1", hone.Invalid, "footer of 4294967295 bytes")
	f("x.parquet", "PAR1xxxx\x04\x00\x00\x00PAR1", hone.Invalid, "no sound Parquet")
	_, err := table.Open(filepath.Join(t.TempDir(), "none.csv"))
	if e, ok := hone.AsError(err); !ok || e.Code != hone.NotFound {
		t.Errorf("a file that is not there: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "d.csv")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Open(dir); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder: %v", err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	r := open(t, write(t, "x.csv", "a\n1\n"))
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
}

// Whatever the bytes, reading ends, every row has its cells, and line numbers
// grow and stay within the file.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\n\"\n\n\"x\n", "a;b\n\"x\n\";\"\"\"\n", "\ufeffa|b\r\n\"\r\n|", "a\",\"\na\",\"\n\"",
		"{\"a\":1}\n{\"b\":[1,{}]}\n", "{\"a\":\"\\ud800\"}\n{", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, name := range []string{"x.csv", "x.tsv", "x.jsonl"} {
			r, err := table.Open(write(t, name, string(content)))
			if err != nil {
				continue
			}
			last, n := 0, bytes.Count(content, []byte("\n"))+1
			packed := bytes.HasPrefix(content, []byte("\x1f\x8b"))
			for {
				rec, err := r.Next()
				line := rec.Line
				if b := (*table.BadRow)(nil); errors.As(err, &b) {
					line = b.Line
				} else if err != nil {
					break
				} else if len(rec.Values) != len(r.Columns()) {
					t.Fatalf("%s: %d values for %d columns", name, len(rec.Values), len(r.Columns()))
				}
				if line <= last || !packed && line > n {
					t.Fatalf("%s: line %d after line %d of %d", name, line, last, n)
				}
				last = line
			}
			r.Close()
		}
	})
}
