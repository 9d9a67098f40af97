//go:build !linux

package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate is for others than Linux to do by writing.
func allocate(*os.File, int64) error { return unix.EOPNOTSUPP }
