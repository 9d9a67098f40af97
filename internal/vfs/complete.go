package vfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// Complete gives checksums to those pages of a database file that have none yet,
// though its header promises them: while SQLite writes a new file whole, as VACUUM
// INTO does, pages that leave its cache early are written before the header that
// says so. Nobody may have the file open. A page whose checksum is a wrong one is
// an error; a file without checksums stays as it is.
func Complete(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := make([]byte, header)
	if _, err := f.ReadAt(head, 0); err != nil {
		return fmt.Errorf("read the header of %s: %w", path, err)
	}
	if head[20] != reserved {
		return nil
	}
	size := int64(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 1 << 16
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size < 512 || info.Size()%size != 0 {
		return fmt.Errorf("%s is no whole database: %d bytes in pages of %d", path, info.Size(), size)
	}
	page := make([]byte, size)
	for offset := int64(0); offset < info.Size(); offset += size {
		if err := completePage(f, page, offset); err != nil {
			return fmt.Errorf("page %d of %s: %w", offset/size+1, path, err)
		}
	}
	return nil
}

func completePage(f *os.File, page []byte, offset int64) error {
	if _, err := f.ReadAt(page, offset); err != nil {
		return err
	}
	at := page[len(page)-reserved:]
	is, want := binary.LittleEndian.Uint32(at), sum(page, offset)
	if is == want || blank(page) {
		return nil
	}
	if is != 0 {
		return errors.New("its checksum is not that of what was written")
	}
	binary.LittleEndian.PutUint32(at, want)
	_, err := f.WriteAt(at, offset+int64(len(page)-reserved))
	return err
}
