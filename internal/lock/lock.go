// Package lock keeps what is one process's to that process, by files that the kernel
// locks, and lets go of however a process ends. What is locked is left to others.
package lock

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A program that was just started has the files of who started it until it runs, and with
// them a lock that was let go of meanwhile. That takes moments, which are waited for.
const (
	patience = time.Second
	again    = 5 * time.Millisecond
)

// Take locks an open file, and tells whether it could: false where another has it. The
// lock lasts until the file is closed.
func Take(f *os.File) (taken bool, err error) {
	for range int(patience / again) {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err == nil, err
		}
		time.Sleep(again)
	}
	return false, nil
}
