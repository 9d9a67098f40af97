package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	sqlite3 "modernc.org/sqlite/lib"

	"hone"
	"hone/internal/clock"
)

// reserveShare is the most of its disk that a reserve takes: a sixteenth.
const reserveShare = 16

// reserve is a file that holds room on the disk. When control state can no
// longer be written it is given up, so that a rollback and its audit event
// still are; until it is back the event log takes nothing, which would eat the
// room at once.
type reserve struct {
	dir  string
	size int64
	out  atomic.Bool // There is none, though there should be.

	mu   sync.Mutex // Of the file.
	done chan struct{}
	stop context.CancelFunc
}

// openReserve makes the file, where there is room for it, and begins to watch
// for room where there is none.
func openReserve(dir string, size int64, clk clock.Clock) (*reserve, error) {
	r := &reserve{dir: dir, done: make(chan struct{})}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return nil, fmt.Errorf("look at the disk of the data folder: %w", err)
	}
	r.size = min(size, int64(st.Blocks)*int64(st.Bsize)/reserveShare)
	r.out.Store(true)
	if err := r.make(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return nil, fmt.Errorf("make the reserve of the data folder: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go r.watch(ctx, clk)
	return r, nil
}

func (r *reserve) path() string { return filepath.Join(r.dir, "reserve") }

// make allocates the file, whole or not at all.
func (r *reserve) make() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := os.OpenFile(r.path(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Truncate(r.size)
	if err == nil {
		err = allocate(f, max(r.size, 1))
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = f.WriteAt(make([]byte, r.size), 0)
	}
	if err != nil {
		return errors.Join(err, os.Remove(r.path()))
	}
	r.out.Store(false)
	return nil
}

// release gives the room up, and tells whether there was any.
func (r *reserve) release() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Store(true)
	return os.Remove(r.path()) == nil
}

// isOut tells whether the room is given up.
func (r *reserve) isOut() bool { return r != nil && r.out.Load() }

// watch makes the file again once there is room for it and as much again.
func (r *reserve) watch(ctx context.Context, clk clock.Clock) {
	defer close(r.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-clk.After(time.Second):
		}
		if r.out.Load() && r.free() >= 2*r.size {
			r.make() // Or in a second.
		}
	}
}

// free is what is left on the disk, besides the reserve.
func (r *reserve) free() int64 {
	var st unix.Statfs_t
	if unix.Statfs(r.dir, &st) != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}

func (r *reserve) close() {
	if r != nil {
		r.stop()
		<-r.done
	}
}

// Room fails, and says why, while so little is left on the disk that nothing
// big should be begun: less than the reserve. A store without a reserve always
// has room.
func (db *DB) Room() error {
	r := db.reserve
	if r == nil || !r.out.Load() && r.free() >= r.size {
		return nil
	}
	return &hone.Error{Code: hone.Unavailable,
		Message: fmt.Sprintf("the disk of the data folder is nearly full: %s left, and %s are kept for rollbacks", mebibytes(r.free()), mebibytes(r.size)),
		Hint:    "make room; it goes on by itself"}
}

// Reserve tells how many bytes are held back for rollbacks, and whether they
// are there.
func (db *DB) Reserve() (size int64, there bool) {
	if db.reserve == nil {
		return 0, true
	}
	return db.reserve.size, !db.reserve.out.Load()
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// spared does a write of control state that must not fail for want of room: on
// a full disk it is tried once more without the reserve.
func spared[T any](db *DB, write func() (T, error)) (T, error) {
	out, err := write()
	if db.reserve.lacks(err) && db.reserve.release() {
		db.o.Log.Warn("disk full; the reserve is given up", "bytes", db.reserve.size)
		return write()
	}
	return out, err
}

// lacks tells whether a write failed for want of room. Where SQLite could not
// even open a file it does not say why, so the disk is asked.
func (r *reserve) lacks(err error) bool {
	if r == nil || err == nil || isFull(err) {
		return err != nil
	}
	_, told := hone.AsError(err)
	return !told && r.free() < 64<<10
}

// isFull tells whether a write failed for want of room, and so left all as it
// was: also where SQLite could not make its index of the write-ahead log larger.
func isFull(err error) bool {
	if e, ok := hone.AsError(err); ok && e == errFull {
		return true
	}
	c := sqliteCode(err)
	return c&0xff == sqlite3.SQLITE_FULL || c == sqlite3.SQLITE_IOERR_SHMSIZE || errors.Is(err, syscall.ENOSPC)
}

var errFull = &hone.Error{Code: hone.Unavailable, Message: "the disk of the data folder is full; nothing was stored",
	Hint: "make room; writing goes on by itself"}

// full turns the error of a full disk into one that says what to do.
func full(err error) error {
	if isFull(err) {
		return errFull
	}
	return err
}
