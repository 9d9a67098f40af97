package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// The most that one page of a Parquet file may hold. The library asks for as much
// memory as a page says that it needs, so that a damaged one could end the
// program. Writers make pages of about a megabyte.
const (
	maxPageBytes  = 256 << 20
	maxPageValues = 16 << 20
	maxPageHead   = 1 << 20
)

// page is what a page says of itself.
type page struct {
	kind                     format.PageType
	unpacked, packed, values int64
	levels                   int64 // Bytes in front that are not compressed.
}

// checkPages refuses a file whose pages claim to be what they cannot be.
func checkPages(file *os.File, f *parquet.File) error {
	for _, g := range f.Metadata().RowGroups {
		for i := range g.Columns {
			if err := checkColumn(file, f.Size(), &g.Columns[i].MetaData); err != nil {
				return fmt.Errorf("column %q: %w", g.Columns[i].MetaData.PathInSchema, err)
			}
		}
	}
	return nil
}

// checkColumn looks at the pages of one column in one group of rows.
func checkColumn(file io.ReaderAt, size int64, m *format.ColumnMetaData) error {
	at := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	end := at + m.TotalCompressedSize
	if at < 4 || m.TotalCompressedSize < 0 || end > size || end < at {
		return errors.New("its place is outside of the file")
	}
	for seen := int64(0); at < end && seen < m.NumValues; {
		p, head, err := readPage(file, at, end)
		if err != nil {
			return err
		}
		at += head
		if err := p.check(end - at); err != nil {
			return err
		}
		if err := p.checkPacked(file, at, m.Codec); err != nil {
			return err
		}
		if p.kind != format.DictionaryPage {
			seen += p.values
		}
		at += p.packed
	}
	return nil
}

// readPage reads what a page says of itself, and how many bytes it takes to say
// it.
func readPage(file io.ReaderAt, at, end int64) (p page, head int64, err error) {
	for _, most := range []int64{512, maxPageHead} {
		b := make([]byte, min(most, end-at))
		if _, err := file.ReadAt(b, at); err != nil && err != io.EOF {
			return p, 0, err
		}
		p = page{}
		n, err := walkThrift(b, p.take)
		if err == nil || len(b) < 512 {
			return p, int64(n), err
		}
	}
	return p, 0, errThrift
}

// take hears the fields of a page header: those of the page itself, and those of
// its kind.
func (p *page) take(path []int16, n int64) {
	switch {
	case len(path) == 1 && path[0] == 1:
		p.kind = format.PageType(n)
	case len(path) == 1 && path[0] == 2:
		p.unpacked = n
	case len(path) == 1 && path[0] == 3:
		p.packed = n
	case len(path) != 2:
	case path[0] >= 5 && path[0] <= 8 && path[1] == 1:
		p.values = n
	case path[0] == 8 && (path[1] == 5 || path[1] == 6):
		p.levels += n
	}
}

// check holds a page against what is left of its column.
func (p page) check(left int64) error {
	switch {
	case p.packed < 0 || p.packed > left:
		return fmt.Errorf("a page of %d bytes is longer than what is left of the column", p.packed)
	case p.unpacked < 0 || p.unpacked > maxPageBytes:
		return fmt.Errorf("a page says that it holds %d bytes; the most is %d", p.unpacked, maxPageBytes)
	case p.values < 0 || p.values > maxPageValues:
		return fmt.Errorf("a page says that it holds %d values; the most is %d", p.values, maxPageValues)
	case p.levels < 0 || p.levels > p.packed:
		return errors.New("the levels of a page are longer than the page")
	}
	return nil
}

// checkPacked looks at how much the packed bytes say that they become.
func (p page) checkPacked(file io.ReaderAt, at int64, codec format.CompressionCodec) error {
	packed, want := p.packed-p.levels, p.unpacked-p.levels
	if packed == 0 {
		return nil
	}
	var says uint64
	switch codec {
	case format.Snappy:
		b := make([]byte, min(packed, binary.MaxVarintLen64))
		if _, err := file.ReadAt(b, at+p.levels); err != nil && err != io.EOF {
			return err
		}
		says, _ = binary.Uvarint(b)
	case format.Zstd:
		b := make([]byte, min(packed, zstd.HeaderMaxSize))
		if _, err := file.ReadAt(b, at+p.levels); err != nil && err != io.EOF {
			return err
		}
		var h zstd.Header
		if err := h.Decode(b); err != nil {
			return err
		}
		says = max(h.FrameContentSize, h.WindowSize)
	case format.Lz4Raw:
		// It says nothing, and the library tries ever more room until it fits.
		b, out := make([]byte, packed), make([]byte, max(0, want))
		if _, err := file.ReadAt(b, at+p.levels); err != nil && err != io.EOF {
			return err
		}
		n, err := lz4.UncompressBlock(b, out)
		if err != nil {
			return fmt.Errorf("a page cannot be unpacked: %w", err)
		}
		says = uint64(n)
	}
	if want < 0 || says > maxPageBytes {
		return fmt.Errorf("a page unpacks to %d bytes; the most is %d", says, maxPageBytes)
	}
	return nil
}
