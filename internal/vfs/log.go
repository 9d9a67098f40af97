package vfs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Sealed tells whether the pages of a database file have checksums. One that is
// still empty counts as sealed: it will be.
func Sealed(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, header)
	if _, err := f.ReadAt(head, 0); err == io.EOF {
		return true, nil
	} else if err != nil {
		return false, err
	}
	return head[20] == reserved, nil
}

// Sizes in a write-ahead log (see https://www.sqlite.org/fileformat2.html).
const (
	logHeader   = 32
	frameHeader = 24
)

// CheckLog reads a write-ahead log as SQLite is about to when nobody has the
// file open. SQLite silently drops all from the first frame that is damaged.
// That is right for what was being written when the power went: only the last
// transaction, which was never acknowledged. torn tells of that. Where
// transactions follow a damaged frame they were acknowledged, and the error says
// that they would be lost.
func CheckLog(path string) (torn bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, logHeader)
	if _, err := io.ReadFull(r, head); err != nil {
		return false, nil // Nothing was committed yet.
	}
	w := &walker{}
	if !w.begin(head) {
		if info, err := f.Stat(); err != nil || info.Size() < logHeader+frameHeader+512 {
			return true, err
		}
		return false, fmt.Errorf("the header of %s is damaged: what it holds would be lost", path)
	}
	for frame := make([]byte, frameHeader+w.page); ; {
		if _, err := io.ReadFull(r, frame); err != nil {
			break
		}
		w.step(frame)
	}
	if w.after > 1 {
		return false, fmt.Errorf("frame %d of %s is damaged, and %d commits behind it would be lost", w.good+1, path, w.after)
	}
	return w.after == 1, nil
}

// walker follows the checksums from frame to frame.
type walker struct {
	order  binary.ByteOrder
	page   int
	salts  string
	a, b   uint32
	good   int  // Frames so far.
	broken bool // The chain has ended.
	after  int  // Commits behind its end.
}

// begin reads the log's header, and tells whether it is whole.
func (w *walker) begin(head []byte) bool {
	switch binary.BigEndian.Uint32(head) {
	case 0x377f0682:
		w.order = binary.LittleEndian
	case 0x377f0683:
		w.order = binary.BigEndian
	default:
		return false
	}
	w.page = int(binary.BigEndian.Uint32(head[8:]))
	w.salts = string(head[16:24])
	w.fold(head[:24])
	return w.a == binary.BigEndian.Uint32(head[24:]) && w.b == binary.BigEndian.Uint32(head[28:]) && w.page >= 512 && w.page <= 1<<16
}

// fold takes bytes into SQLite's running sum.
func (w *walker) fold(b []byte) {
	for i := 0; i+8 <= len(b); i += 8 {
		w.a += w.order.Uint32(b[i:]) + w.b
		w.b += w.order.Uint32(b[i+4:]) + w.a
	}
}

// step takes one frame. One of an earlier round of the log has other salts.
func (w *walker) step(frame []byte) {
	mine := string(frame[8:16]) == w.salts
	commits := binary.BigEndian.Uint32(frame[4:]) != 0
	if !w.broken {
		w.fold(frame[:8])
		w.fold(frame[frameHeader:])
		if mine && w.a == binary.BigEndian.Uint32(frame[16:]) && w.b == binary.BigEndian.Uint32(frame[20:]) {
			w.good++
			return
		}
		w.broken = true
	}
	if mine && commits {
		w.after++
	}
}
