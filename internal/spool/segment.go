package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"hone/internal/fault"
)

// A segment is a sequence of frames: the length of what follows the header, the
// CRC-32C of that length and all that follows, then records, each behind its
// length.
const (
	headerBytes = 8
	maxFrame    = maxWaiting + 1<<20
	suffix      = ".seg"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal fills in the header of a frame.
func seal(frame []byte) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-headerBytes))
	binary.LittleEndian.PutUint32(frame[4:], checksum(frame))
}

func checksum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:4], castagnoli), castagnoli, frame[headerBytes:])
}

// How a frame can be wrong: cut short, as what is being written is, or damaged.
var (
	errShort   = errors.New("the frame is cut short")
	errDamaged = errors.New("the frame is damaged")
)

// readFrame reads the frame at an offset of a file that has so many bytes. A
// damaged one is returned by its size, where that can be told.
func readFrame(f io.ReaderAt, at, size int64) ([]byte, error) {
	var head [headerBytes]byte
	if size-at < headerBytes {
		return nil, errShort
	}
	if _, err := f.ReadAt(head[:], at); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	switch {
	case n == 0 || n > maxFrame:
		return nil, errDamaged
	case size-at-headerBytes < n:
		return nil, errShort
	}
	frame := make([]byte, headerBytes+n)
	if _, err := f.ReadAt(frame, at); err != nil {
		return nil, err
	}
	if checksum(frame) != binary.LittleEndian.Uint32(frame[4:]) {
		return frame, errDamaged
	}
	return frame, nil
}

// cutTail removes from the end of a segment what was being written when its
// writer died, and tells how many bytes. Damage further up stays, to be told by
// whoever reads it.
func cutTail(path string) (int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // It was drained just now.
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	at, size := int64(0), info.Size()
	for at < size {
		frame, err := readFrame(f, at, size)
		switch {
		case err == nil:
			at += int64(len(frame))
			continue
		case errors.Is(err, errShort):
		case errors.Is(err, errDamaged) && at+int64(len(frame)) == size:
		case errors.Is(err, errDamaged) && (zeros(f, at, size) || unbegun(f, at)):
		case errors.Is(err, errDamaged):
			return 0, nil
		default:
			return 0, err
		}
		return size - at, errors.Join(f.Truncate(at), fault.Sync(f))
	}
	return 0, nil
}

// sector is how much a disk writes as a whole or not at all.
const sector = 512

// unbegun tells whether the header of a frame, or what of it lies in the next
// sector, never came to the disk, whatever of the frame did. A frame is on the disk
// before the next is written, so that it is the last one.
func unbegun(f io.ReaderAt, at int64) bool {
	if next := (at/sector + 1) * sector; next < at+headerBytes {
		return zeros(f, next, at+headerBytes)
	}
	return zeros(f, at, at+headerBytes)
}

// zeros tells whether a file holds nothing from a place on, as one does whose
// length came to the disk before its bytes.
func zeros(f io.ReaderAt, at, size int64) bool {
	buf := make([]byte, 64<<10)
	for at < size {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if n == 0 && err != nil || slices.ContainsFunc(buf[:n], func(b byte) bool { return b != 0 }) {
			return false
		}
		at += int64(n)
	}
	return true
}

func segmentPath(dir string, number int64) string {
	return filepath.Join(dir, fmt.Sprintf("%010d%s", number, suffix))
}

// segments lists the numbers of the segments in a folder, in order.
func segments(dir string) ([]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the spool: %w", err)
	}
	var out []int64
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// waiting counts the bytes of the segments in a folder.
func waiting(dir string) (int64, error) {
	numbers, err := segments(dir)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, n := range numbers {
		if info, err := os.Stat(segmentPath(dir, n)); err == nil {
			total += info.Size()
		}
	}
	return total, nil
}

// writeWhole writes a small file so that it is there as a whole or not at all.
func writeWhole(path string, b []byte) error {
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = fault.Sync(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fault.Sync(d), d.Close())
}
