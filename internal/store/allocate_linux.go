package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate takes room on the disk for so many bytes of a file. Where the file system
// cannot, the error is EOPNOTSUPP.
func allocate(f *os.File, size int64) error { return unix.Fallocate(int(f.Fd()), 0, 0, size) }
