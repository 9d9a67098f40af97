// Package vfs is how SQLite reaches Hone's files: through the system's own
// calls, with a checksum in each page that is verified whenever the page is
// read, since SQLite keeps none. What the files hold is left to store.
package vfs

import (
	"errors"
	"sync"
	"syscall"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"hone/internal/fault"
)

// Name is what a connection names to use these files.
const Name = "hone"

// Seal is the pragma that gives a file checksums: a new one at once, an old one
// at its next VACUUM. It must come before anything is read or written.
const Seal = "hone_seal(1)"

// system is SQLite's own way to files, which this one stands before.
var system uintptr

// tables are our methods, by the system's that they stand before.
var (
	tablesMu sync.Mutex
	tables   = map[uintptr]uintptr{}
)

// Register makes the name known to SQLite. It may be called often.
func Register() error { return register() }

var register = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	system = sqlite3.Xsqlite3_vfs_find(tls, 0)
	if system == 0 {
		return errors.New("SQLite has no way to files")
	}
	name, err := libc.CString(Name)
	if err != nil {
		return err
	}
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})))
	if p == 0 {
		return errors.New("no memory")
	}
	v := at[sqlite3.Tsqlite3_vfs](p)
	*v = *at[sqlite3.Tsqlite3_vfs](system)
	v.FpNext, v.FzName = 0, name
	v.FszOsFile += int32(unsafe.Sizeof(file{}))
	v.FxOpen, v.FxDelete = pointer(open), pointer(remove)
	if rc := sqlite3.Xsqlite3_vfs_register(tls, p, 0); rc != sqlite3.SQLITE_OK {
		return errors.New("SQLite refuses another way to files")
	}
	return nil
})

// at returns what lies at an address of C's memory, which does not move.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// pointer makes of a function what C calls a pointer to one.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// function is the way back.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

type (
	openFunc     = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	deleteFunc   = func(*libc.TLS, uintptr, uintptr, int32) int32
	transferFunc = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	truncateFunc = func(*libc.TLS, uintptr, int64) int32
	syncFunc     = func(*libc.TLS, uintptr, int32) int32
	controlFunc  = func(*libc.TLS, uintptr, int32, uintptr) int32
)

// open opens a file as the system does, and stands its methods before the
// system's.
func open(tls *libc.TLS, _, name, f uintptr, flags int32, out uintptr) int32 {
	x := ours(f)
	*x = file{}
	if rc := broken("create", name); rc != 0 {
		at[sqlite3.Tsqlite3_file](f).FpMethods = 0
		return sqlite3.SQLITE_CANTOPEN
	}
	rc := function[openFunc](at[sqlite3.Tsqlite3_vfs](system).FxOpen)(tls, system, name, f, flags, out)
	h := at[sqlite3.Tsqlite3_file](f)
	if rc != sqlite3.SQLITE_OK || h.FpMethods == 0 {
		return rc
	}
	x.methods, x.name = h.FpMethods, name
	x.main = flags&sqlite3.SQLITE_OPEN_MAIN_DB != 0
	h.FpMethods = tableFor(tls, h.FpMethods)
	return rc
}

// tableFor returns the methods that stand before the given ones.
func tableFor(tls *libc.TLS, theirs uintptr) uintptr {
	tablesMu.Lock()
	defer tablesMu.Unlock()
	if p := tables[theirs]; p != 0 {
		return p
	}
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
	m := at[sqlite3.Tsqlite3_io_methods](p)
	*m = *at[sqlite3.Tsqlite3_io_methods](theirs)
	m.FiVersion = min(m.FiVersion, 2) // Without mapping: a page that is not read is not checked.
	m.FxRead, m.FxWrite = pointer(read), pointer(write)
	m.FxTruncate, m.FxSync, m.FxFileControl = pointer(truncate), pointer(synchronise), pointer(control)
	tables[theirs] = p
	return p
}

func remove(tls *libc.TLS, _, name uintptr, dir int32) int32 {
	if rc := broken("remove", name); rc != 0 {
		return sqlite3.SQLITE_IOERR_DELETE
	}
	return function[deleteFunc](at[sqlite3.Tsqlite3_vfs](system).FxDelete)(tls, system, name, dir)
}

// broken asks whether a test breaks what is about to be done: 0, or the code of
// a broken or a full disk.
func broken(op string, name uintptr) int32 {
	if !fault.Watching() {
		return 0
	}
	err := fault.IO(op, libc.GoString(name))
	switch {
	case err == nil:
		return 0
	case errors.Is(err, syscall.ENOSPC):
		return sqlite3.SQLITE_FULL
	}
	return sqlite3.SQLITE_IOERR
}
