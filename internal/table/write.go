package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"hone/internal/frame"
)

// rowsPerGroup bounds what a reader of the file must hold at once.
const rowsPerGroup = 65_536

// Extra is a column that stands beside a frame, such as the label, the
// prediction id or the time. Exactly one of the slices is set, one value a row.
type Extra struct {
	Name    string
	Strings []string  // The empty string is missing.
	Numbers []float64 // NaN is missing.
	Times   []int64   // Microseconds since 1970, UTC.
}

func (e *Extra) len() int { return len(e.Strings) + len(e.Numbers) + len(e.Times) }

// WriteParquet writes f and, behind its columns, the extra ones: numbers as
// optional DOUBLE, names as optional UTF-8 strings, times as TIMESTAMP of
// microseconds; compressed by zstd. Equal input gives equal bytes.
func WriteParquet(w io.Writer, f *frame.Frame, extra []Extra) error {
	if err := checkExtra(f, extra); err != nil {
		return err
	}
	out := parquet.NewWriter(w, parquetSchema(f.Schema, extra),
		parquet.Compression(&zstd.Codec{}), parquet.CreatedBy("hone", "1", "1"), parquet.MaxRowsPerRowGroup(rowsPerGroup))
	width := len(f.Schema) + len(extra)
	rows := make([]parquet.Row, 0, 256)
	values := make([]parquet.Value, cap(rows)*width)
	for i := range f.N {
		n := len(rows)
		row := values[n*width : n*width : (n+1)*width]
		for j := range f.Schema {
			row = append(row, cell(f.Cols[j].Num, f.Cols[j].Str, nil, i, j))
		}
		for j := range extra {
			row = append(row, cell(extra[j].Numbers, extra[j].Strings, extra[j].Times, i, len(f.Schema)+j))
		}
		if rows = append(rows, row); len(rows) == cap(rows) || i == f.N-1 {
			if _, err := out.WriteRows(rows); err != nil {
				return fmt.Errorf("write parquet: %w", err)
			}
			rows = rows[:0]
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	return nil
}

func checkExtra(f *frame.Frame, extra []Extra) error {
	var names []string
	for _, field := range f.Schema {
		names = append(names, field.Name)
	}
	for i := range extra {
		if n := extra[i].len(); n != f.N {
			return fmt.Errorf("column %q has %d values beside a frame of %d rows", extra[i].Name, n, f.N)
		}
		names = append(names, extra[i].Name)
	}
	if name, ok := taken(names); ok {
		return invalid("rename one of them", "two columns are called %q", name)
	}
	return nil
}

// cell returns row i of the one slice that is set, as a value of column j.
func cell(num []float64, str []string, times []int64, i, j int) parquet.Value {
	switch {
	case len(times) > 0:
		return parquet.Int64Value(times[i]).Level(0, 0, j)
	case len(num) > 0 && !math.IsNaN(num[i]):
		return parquet.DoubleValue(num[i]).Level(0, 1, j)
	case len(str) > 0 && str[i] != "":
		return parquet.ByteArrayValue([]byte(str[i])).Level(0, 1, j)
	}
	return parquet.NullValue().Level(0, 0, j)
}

func parquetSchema(s frame.Schema, extra []Extra) *parquet.Schema {
	var root ordered
	number := parquet.Optional(parquet.Leaf(parquet.DoubleType))
	// Few names, often repeated, are short in a dictionary; ids and text are not.
	name := parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	text := parquet.Optional(parquet.Encoded(parquet.String(), &parquet.Plain))
	for _, field := range s {
		switch field.Kind {
		case frame.Number:
			root.add(field.Name, number)
		case frame.Category:
			root.add(field.Name, name)
		default:
			root.add(field.Name, text)
		}
	}
	for i := range extra {
		switch {
		case extra[i].Times != nil:
			root.add(extra[i].Name, parquet.Timestamp(parquet.Microsecond))
		case extra[i].Numbers != nil:
			root.add(extra[i].Name, number)
		default:
			root.add(extra[i].Name, text)
		}
	}
	return parquet.NewSchema("hone", root)
}

// ordered is a group whose columns stand in the order of the frame; those of
// parquet.Group are sorted by name.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

func (o *ordered) add(name string, n parquet.Node) {
	// Value is only asked for by rows of Go structs, which are not used here.
	one := parquet.Group{name: n}.Fields()
	o.fields = append(o.fields, one...)
}

func (o ordered) Fields() []parquet.Field { return o.fields }

// WriteCSV writes what WriteParquet does as CSV with a header: what is missing
// as an empty cell, times in RFC 3339. Equal input gives equal bytes.
func WriteCSV(w io.Writer, f *frame.Frame, extra []Extra) error {
	if err := checkExtra(f, extra); err != nil {
		return err
	}
	var row []string
	for _, field := range f.Schema {
		row = append(row, field.Name)
	}
	for i := range extra {
		row = append(row, extra[i].Name)
	}
	out := csv.NewWriter(w)
	err := writeRow(out, w, row)
	for i := 0; i < f.N && err == nil; i++ {
		row = row[:0]
		for j := range f.Schema {
			row = append(row, csvCell(f.Cols[j].Num, f.Cols[j].Str, nil, i))
		}
		for j := range extra {
			row = append(row, csvCell(extra[j].Numbers, extra[j].Strings, extra[j].Times, i))
		}
		err = writeRow(out, w, row)
	}
	out.Flush()
	if err = errors.Join(err, out.Error()); err != nil {
		return fmt.Errorf("write csv: %w", err)
	}
	return nil
}

func writeRow(out *csv.Writer, w io.Writer, row []string) error {
	if len(row) != 1 || row[0] != "" {
		return out.Write(row)
	}
	// A blank line would not be a row.
	out.Flush()
	_, err := io.WriteString(w, "\"\"\n")
	return errors.Join(err, out.Error())
}

func csvCell(num []float64, str []string, times []int64, i int) string {
	switch {
	case len(times) > 0:
		return time.UnixMicro(times[i]).UTC().Format(time.RFC3339Nano)
	case len(num) > 0 && num[i] == 0 && math.Signbit(num[i]):
		return "-0" // A float64 has both zeros, and keeps the one it had.
	case len(num) > 0 && !math.IsNaN(num[i]):
		return frame.FormatNumber(num[i])
	case len(str) > 0:
		return str[i]
	}
	return ""
}
