// Package table reads tables from files, a row at a time, and writes frames to
// them: CSV, JSON Lines, and Parquet. It guesses what the columns hold; which of
// them are features, labels or times of a model is left to others.
package table

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"hone"
)

const (
	// maxLine bounds one line, and one quoted cell with its lines, in bytes.
	maxLine = 16 << 20
	// maxRaw bounds what a BadRow keeps of the row, in bytes.
	maxRaw = 1 << 10
	// maxColumns bounds the width of a table: a hostile header must not become
	// a table of millions of columns.
	maxColumns = 10_000
)

// Record is one row.
type Record struct {
	// Line of the file on which the row begins, from 1. A CSV header counts. In
	// a Parquet file it is the number of the row, from 1.
	Line int
	// Values, one a column of Reader.Columns: string, float64, bool, or nil
	// where the file says that there is none. CSV cells are strings as they
	// stand. The slice is the caller's to keep.
	Values []any
}

// BadRow is a row that cannot be read. It does not end the reading: the next
// call of Next goes on behind it.
type BadRow struct {
	Line   int
	Reason string
	// Raw is the beginning of the row, at most 1 KiB of valid UTF-8.
	Raw string
}

func (b *BadRow) Error() string { return fmt.Sprintf("line %d: %s", b.Line, b.Reason) }

func badRow(line int, raw []byte, format string, args ...any) *BadRow {
	if raw = trimEnd(raw); len(raw) > maxRaw {
		n := maxRaw
		for n > maxRaw-utf8.UTFMax && !utf8.RuneStart(raw[n]) {
			n--
		}
		raw = raw[:n]
	}
	text := strings.ToValidUTF8(string(raw), "?")
	return &BadRow{Line: line, Reason: fmt.Sprintf(format, args...), Raw: text}
}

// Reader reads one file. It is for one goroutine.
type Reader struct {
	path    string
	columns []string
	src     source
	file    *os.File
	err     error // What Next goes on returning, once it is set.
}

// A source gives the rows of one format. An error other than a BadRow ends it.
type source interface {
	next() (Record, error)
}

// Open opens the file at path for reading. The format follows from the name:
// .csv, .tsv, .jsonl, .ndjson or .parquet; each but the last may be gzipped,
// with .gz behind it or without. It reads no more than is needed to know the
// columns: the header, or the first 1000 records of JSON Lines.
func Open(path string) (*Reader, error) {
	kind, err := formatOf(path)
	if err != nil {
		return nil, err
	}
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{path: path, file: file}
	switch kind {
	case ".parquet":
		r.src, r.columns, err = openParquet(file)
	case ".jsonl":
		r.src, r.columns, err = openJSONL(file)
	default:
		r.src, r.columns, err = openCSV(file, kind == ".tsv")
	}
	if err == nil {
		err = checkColumns(r.columns)
	}
	if err != nil {
		file.Close()
		return nil, r.explain(err)
	}
	return r, nil
}

// Columns are the names of the columns, in the order of the file. In JSON Lines
// they are the keys of the first 1000 records, as they came; keys that first
// come later are ignored.
func (r *Reader) Columns() []string { return slices.Clone(r.columns) }

// Next returns the next row, a *BadRow, or io.EOF at the end. Any other error
// says after which line the reading ended, and every later call repeats it.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return Record{}, r.err
	}
	rec, err := r.src.next()
	if err == nil {
		return rec, nil
	}
	if bad := (*BadRow)(nil); errors.As(err, &bad) {
		return Record{}, bad
	}
	r.err = r.explain(err)
	return Record{}, r.err
}

// Close closes the file. It may be called twice.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	file := r.file
	r.file, r.err = nil, fs.ErrClosed
	return file.Close()
}

// explain names the file in err. What a caller can mend is a *hone.Error.
func (r *Reader) explain(err error) error {
	if err == io.EOF {
		return err
	}
	if e, ok := hone.AsError(err); ok {
		return &hone.Error{Code: e.Code, Message: r.path + ": " + e.Message, Hint: e.Hint}
	}
	return fmt.Errorf("read %s: %w", r.path, err)
}

func invalid(hint, format string, args ...any) *hone.Error {
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// formatOf returns .csv, .tsv, .jsonl or .parquet.
func formatOf(path string) (string, error) {
	name := strings.ToLower(filepath.Base(path))
	bare := strings.TrimSuffix(name, ".gz")
	switch ext := filepath.Ext(bare); ext {
	case ".csv", ".tsv", ".jsonl":
		return ext, nil
	case ".ndjson":
		return ".jsonl", nil
	case ".parquet":
		if bare == name {
			return ext, nil
		}
		return "", invalid("unpack it with gunzip first", "%s: a gzipped Parquet file cannot be read in place", path)
	}
	return "", invalid("name it .csv, .tsv, .jsonl, .ndjson or .parquet; text may have .gz behind that",
		"%s: the name does not say which kind of table this is", path)
}

func openFile(path string) (*os.File, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hone.Error{Code: hone.NotFound, Message: path + ": there is no such file", Hint: "check the path"}
	}
	if err != nil {
		return nil, fmt.Errorf("open a table: %w", err)
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = invalid("name a file in it", "%s: this is a folder", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func checkColumns(names []string) error {
	if len(names) > maxColumns {
		return invalid("leave out columns", "%d columns; the limit is %d", len(names), maxColumns)
	}
	seen := make(map[string]int, len(names))
	for i, name := range names {
		if before, ok := seen[name]; ok {
			return invalid("rename one of them", "columns %d and %d are both called %q", before+1, i+1, name)
		}
		seen[name] = i
	}
	return nil
}
