package table_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"golang.org/x/sys/unix"

	"hone/internal/frame"
	"hone/internal/table"
)

// codecs are the ways in which pages are packed.
var codecs = map[string]compress.Codec{"plain": &parquet.Uncompressed, "snappy": &parquet.Snappy, "gzip": &parquet.Gzip, "zstd": &parquet.Zstd, "lz4": &parquet.Lz4Raw, "brotli": &parquet.Brotli}

// foreign is a file as other programs write it.
func foreign(t testing.TB, codec compress.Codec, version int) []byte {
	t.Helper()
	type row struct {
		Amount  float64  `parquet:"amount,optional"`
		Country string   `parquet:"country,dict"`
		Note    string   `parquet:"note"`
		N       int64    `parquet:"n,delta"`
		Tags    []string `parquet:"tags,list"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(400))
	for i := range 300 {
		r := row{Amount: float64(i) / 3, Country: []string{"FR", "DE"}[i%2], Note: strings.Repeat("word ", i%9), N: int64(i * i)}
		if i%3 == 0 {
			r.Tags = []string{"a", "b"}
		}
		if _, err := w.Write([]row{r}); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDamagedSizes damages files at random, in their descriptions of themselves
// above all, and reads them in a process that has little memory: it is told what
// is wrong, or rows come, and the process lives.
func TestDamagedSizes(t *testing.T) {
	const mark = "TABLE_TEST_DAMAGE"
	n := 40
	if os.Getenv("HONE_TEST_LONG") != "" {
		n = 2000
	}
	if name := os.Getenv(mark); name != "" {
		if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 3 << 30, Max: 3 << 30}); err != nil {
			t.Fatal(err)
		}
		damage(t, name, n)
		return
	}
	t.Parallel()
	for name, codec := range codecs {
		for version := 1; version <= 2; version++ {
			t.Run(fmt.Sprint(name, version), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "x.parquet")
				if err := os.WriteFile(path, foreign(t, codec, version), 0o600); err != nil {
					t.Fatal(err)
				}
				if rows := count(path); rows != 300 {
					t.Fatalf("the sound file has %d rows", rows)
				}
				c := exec.Command(os.Args[0], "-test.run=^TestDamagedSizes$", "-test.v")
				c.Env = append(os.Environ(), mark+"="+path, "GOGC=20")
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%.3000s", err, out)
				}
			})
		}
	}
}

// damage turns over bits, and puts extreme numbers where numbers may be.
func damage(t *testing.T, path string, n int) {
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	var heads []int // Of the first pages of columns.
	for _, g := range f.Metadata().RowGroups {
		for _, c := range g.Columns {
			heads = append(heads, int(c.MetaData.DataPageOffset))
			if at := c.MetaData.DictionaryPageOffset; at > 0 {
				heads = append(heads, int(at))
			}
		}
	}
	foot := len(whole) - 8 - int(whole[len(whole)-8]) - int(whole[len(whole)-7])<<8
	r := rand.New(rand.NewPCG(1, 1))
	fooled := 0
	for i := range n {
		b := bytes.Clone(whole)
		at := r.IntN(len(b))
		switch i % 4 {
		case 0:
			at = foot + r.IntN(len(b)-foot)
		case 1, 2:
			at = heads[r.IntN(len(heads))] + r.IntN(14)
		}
		switch r.IntN(4) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = 0xff
		case 2: // As a number it is a great one.
			b = append(append(bytes.Clone(b[:at]), 0xfe, 0xff, 0xff, 0xff, 0x0f), b[min(at+5, len(b)):]...)
		case 3:
			copy(b[at:], []byte{0xfe, 0xff, 0xff, 0xff, 0x0f})
		}
		fmt.Println("try", i, at)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if count(path) == 300 {
			fooled++
		}
	}
	t.Logf("%d of %d still have all rows", fooled, n)
}

// count reads a file both ways, and returns how many rows it had, or -1.
func count(path string) int {
	schema := frame.Schema{{Name: "amount", Kind: frame.Number}, {Name: "country", Kind: frame.Category}}
	f, _, err := table.ReadParquet(path, schema)
	r, again := table.Open(path)
	if again == nil {
		defer r.Close()
	}
	n := 0
	for again == nil {
		_, again = r.Next()
		if bad := (*table.BadRow)(nil); errors.As(again, &bad) {
			again = nil
		}
		if n++; n > 1<<20 {
			break
		}
	}
	if err != nil || again != io.EOF || n-1 != f.N {
		return -1
	}
	return f.N
}
