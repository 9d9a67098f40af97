package vfs

import (
	"encoding/binary"
	"hash/crc32"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// file is what we keep of an open file, behind what the system keeps.
type file struct {
	methods uintptr // The system's.
	name    uintptr // As it was opened; valid until it is closed.
	db      uintptr // The connection.
	main    bool    // It holds pages, and is no log.
	sealed  bool    // Its pages have checksums.
}

// reserved is how many bytes at the end of a page SQLite leaves to us: four of
// checksum, and four of nothing.
const reserved = 8

// header is as much of a file as says what its pages are like.
const header = 100

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func ours(f uintptr) *file {
	return at[file](f + uintptr(at[sqlite3.Tsqlite3_vfs](system).FszOsFile))
}

func methodsOf(x *file) *sqlite3.Tsqlite3_io_methods {
	return at[sqlite3.Tsqlite3_io_methods](x.methods)
}

// memory is C's memory as a slice.
func memory(p uintptr, n int32) []byte { return unsafe.Slice(at[byte](p), n) }

// sum is the checksum of a page at its place in the file.
func sum(page []byte, offset int64) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(offset))
	return crc32.Update(crc32.Checksum(page[:len(page)-reserved], castagnoli), castagnoli, place[:])
}

// read reads, and refuses a page that is not what was written.
func read(tls *libc.TLS, f, to uintptr, n int32, offset int64) int32 {
	x := ours(f)
	if rc := broken("read", x.name); rc != 0 {
		return sqlite3.SQLITE_IOERR_READ
	}
	rc := function[transferFunc](methodsOf(x).FxRead)(tls, f, to, n, offset)
	if rc != sqlite3.SQLITE_OK || !x.isPage(n, offset) || !x.isSealed(tls, f) {
		return rc
	}
	page := memory(to, n)
	if binary.LittleEndian.Uint32(page[n-reserved:]) == sum(page, offset) || blank(page) {
		return rc
	}
	return sqlite3.SQLITE_CORRUPT
}

// blank tells a page that was never written: the file was only made longer.
func blank(page []byte) bool {
	for _, b := range page {
		if b != 0 {
			return false
		}
	}
	return true
}

// write writes, and seals what is a page. The log has checksums of its own.
func write(tls *libc.TLS, f, from uintptr, n int32, offset int64) int32 {
	x := ours(f)
	if rc := broken("write", x.name); rc == sqlite3.SQLITE_FULL {
		return rc
	} else if rc != 0 {
		return sqlite3.SQLITE_IOERR_WRITE
	}
	if x.isPage(n, offset) {
		page := memory(from, n)
		if offset == 0 && !x.sealed {
			x.sealed = page[20] == reserved
		}
		if x.isSealed(tls, f) {
			binary.LittleEndian.PutUint32(page[n-reserved:], sum(page, offset))
		}
	}
	return function[transferFunc](methodsOf(x).FxWrite)(tls, f, from, n, offset)
}

// isPage tells a page from a look at the file's header.
func (x *file) isPage(n int32, offset int64) bool {
	return x.main && n >= 512 && n&(n-1) == 0 && offset%int64(n) == 0
}

// isSealed looks at the file's header until it says that its pages have
// checksums: another connection may give it them. They are never taken away.
func (x *file) isSealed(tls *libc.TLS, f uintptr) bool {
	if x.sealed {
		return true
	}
	p := tls.Alloc(header)
	defer tls.Free(header)
	if function[transferFunc](methodsOf(x).FxRead)(tls, f, p, header, 0) != sqlite3.SQLITE_OK {
		return false
	}
	x.sealed = memory(p, header)[20] == reserved
	return x.sealed
}

func truncate(tls *libc.TLS, f uintptr, size int64) int32 {
	x := ours(f)
	if rc := broken("truncate", x.name); rc != 0 {
		return sqlite3.SQLITE_IOERR_TRUNCATE
	}
	return function[truncateFunc](methodsOf(x).FxTruncate)(tls, f, size)
}

func synchronise(tls *libc.TLS, f uintptr, flags int32) int32 {
	x := ours(f)
	if rc := broken("sync", x.name); rc != 0 {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	return function[syncFunc](methodsOf(x).FxSync)(tls, f, flags)
}

// control hears which connection has the file, and the pragma that seals it.
func control(tls *libc.TLS, f uintptr, op int32, arg uintptr) int32 {
	x := ours(f)
	switch {
	case op == sqlite3.SQLITE_FCNTL_PDB:
		x.db = *at[uintptr](arg)
	case op == sqlite3.SQLITE_FCNTL_PRAGMA && x.db != 0 && libc.GoString(at[[3]uintptr](arg)[1]) == "hone_seal":
		p := tls.Alloc(8)
		defer tls.Free(8)
		*at[int32](p) = reserved
		return sqlite3.Xsqlite3_file_control(tls, x.db, 0, sqlite3.SQLITE_FCNTL_RESERVE_BYTES, p)
	}
	return function[controlFunc](methodsOf(x).FxFileControl)(tls, f, op, arg)
}
