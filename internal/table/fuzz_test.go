package table_test

import (
	"errors"
	"io"
	"math"
	"testing"

	"hone/internal/frame"
	"hone/internal/table"
)

// FuzzParquet: a damaged or a made-up file ends in an error, whatever it says of
// itself, row by row and read as a whole.
func FuzzParquet(f *testing.F) {
	rows, extra := sample(20)
	var b writer
	if err := table.WriteParquet(&b, rows, extra); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(b))
	f.Add([]byte(b[:len(b)/2]))
	f.Add([]byte("PAR1xxxx\x04\x00\x00\x00PAR1"))
	schema := frame.Schema{{Name: "z", Kind: frame.Number}, {Name: "a.b", Kind: frame.Category}}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		path := write(t, "x.parquet", string(content))
		if got, _, err := table.ReadParquet(path, schema); err == nil && got.N > math.MaxInt32 {
			t.Fatalf("%d rows of %d bytes", got.N, len(content))
		}
		r, err := table.Open(path)
		if err != nil {
			return
		}
		defer r.Close()
		for n := 0; ; n++ {
			rec, err := r.Next()
			if bad := (*table.BadRow)(nil); errors.As(err, &bad) {
				continue
			}
			if err == io.EOF || err != nil {
				return
			}
			if len(rec.Values) != len(r.Columns()) {
				t.Fatalf("%d values for %d columns", len(rec.Values), len(r.Columns()))
			}
			if n > 1<<20 {
				return // As many rows as a file may well say; they are read one by one.
			}
		}
	})
}

// writer is a file in memory.
type writer []byte

func (w *writer) Write(p []byte) (int, error) { *w = append(*w, p...); return len(p), nil }
