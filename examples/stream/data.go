package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"

	"hone"
	"hone/internal/frame"
	"hone/internal/table"
)

// data are the rows of the file, in its order.
type data struct {
	rows    *frame.Frame
	labels  []string
	skipped int // Rows without a label, or that cannot be read.
	columns []string
	raw     [][]string // The first tenth as it stands, to be imported.
}

// history is the number of rows that are imported: a tenth.
func (d *data) history() int { return len(d.labels) / 10 }

// read reads at most limit rows; 0 reads all.
func read(path string, m hone.Model, limit int) (*data, error) {
	r, err := table.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	d := &data{columns: r.Columns()}
	at := map[string]int{}
	for i, c := range d.columns {
		at[c] = i
	}
	var records []table.Record
	for limit == 0 || len(records) < limit {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if _, bad := errors.AsType[*table.BadRow](err); bad {
			d.skipped++
			continue
		}
		if err != nil {
			return nil, err
		}
		label, ok := m.CanonicalLabel(rec.Values[at[m.Label.Name]])
		if !ok {
			d.skipped++
			continue
		}
		records, d.labels = append(records, rec), append(d.labels, label)
	}
	if d.history() < 1 {
		return nil, fmt.Errorf("%s has %d labelled rows; a tenth of them is imported, and the rest played", path, len(d.labels))
	}
	d.rows = frame.New(m.Features, len(records))
	for i, rec := range records {
		if i < d.history() {
			d.raw = append(d.raw, texts(rec.Values))
		}
		for c, field := range m.Features {
			if err := set(d.rows, i, c, rec.Values[at[field.Name]]); err != nil {
				return nil, fmt.Errorf("line %d: %w", rec.Line, err)
			}
		}
	}
	return d, nil
}

// set reads a cell of a file, whose numbers are texts.
func set(f *frame.Frame, row, col int, v any) error {
	s, ok := v.(string)
	if !ok {
		return f.Set(row, col, v)
	}
	if frame.Missing(s) {
		return nil
	}
	if f.Schema[col].Kind != frame.Number {
		return f.Set(row, col, s)
	}
	x, ok := frame.ParseNumber(s)
	if !ok {
		return fmt.Errorf("%q in %q is no number", s, f.Schema[col].Name)
	}
	return f.Set(row, col, x)
}

func texts(values []any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		if v != nil {
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}

// writeHistory writes the first tenth as CSV.
func (d *data) writeHistory(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffer := bufio.NewWriter(f)
	w := csv.NewWriter(buffer)
	if err := w.Write(d.columns); err != nil {
		return err
	}
	if err := w.WriteAll(d.raw); err != nil {
		return err
	}
	return buffer.Flush()
}
