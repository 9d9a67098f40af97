package table_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"hone/internal/table"
)

// TestBombs reads gzip that unpacks to a thousand times its size, as one line, as
// a quote that is never closed and as rows: what is held of it stays small.
func TestBombs(t *testing.T) {
	for name, text := range map[string]string{"one line": "x", "a quote": "\"x\n", "a row": "1,2\n", "a wide header": "x,"} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if name != "one line" && name != "a wide header" {
			io.WriteString(z, "a,b\n")
		}
		size := 256
		if name == "a quote" || name == "a row" {
			size = 2 // It takes as long as that many rows do.
		}
		for range size {
			io.WriteString(z, strings.Repeat(text, (1<<20)/len(text)))
		}
		z.Close()
		path := write(t, "bomb.csv.gz", b.String())
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		rows, bad := 0, 0
		r, err := table.Open(path)
		for err == nil {
			_, err = r.Next()
			if wrong := (*table.BadRow)(nil); errors.As(err, &wrong) {
				bad, err = bad+1, nil
			} else if err == nil {
				rows++
			}
		}
		if r != nil {
			r.Close()
		}
		runtime.ReadMemStats(&after)
		held := int64(after.HeapSys) - int64(before.HeapSys)
		t.Logf("%s: %d KiB unpack to %d MiB: %d rows, %d bad, %v; the heap grew by %d MiB", name, b.Len()>>10, size, rows, bad, err, held>>20)
		if held > 128<<20 {
			t.Errorf("%s: the heap grew by %d MiB", name, held>>20)
		}
	}
}
