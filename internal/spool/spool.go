// Package spool carries what a gateway of its own has served to the process that
// keeps the log: the gateway appends to files of its own, which need nobody, and
// the other side drains them into the store, each row once. What the rows mean is
// left to both.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault"
	"hone/internal/lock"
)

const (
	segmentBytes = 8 << 20               // After which a new segment begins, or a quarter of the limit.
	maxWaiting   = 32 << 20              // Bytes that wait to be written.
	gather       = 50 * time.Millisecond // How long offered rows do.
	defaultLimit = 1 << 30
)

// Options are what a spool is given of the world.
type Options struct {
	Clock clock.Clock
	Log   *slog.Logger
	// Limit is the most bytes that wait on disk to be drained; more is shed.
	// Default 1 GiB.
	Limit int64
}

// Spool is a gateway's side. It is safe for concurrent use.
type Spool struct {
	o    Options
	dir  string
	lock *os.File

	some   chan struct{} // Rows wait.
	urgent chan struct{} // A caller waits.
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once

	stored, shed, pending atomic.Int64

	mu      sync.Mutex
	next    *batch
	closed  bool
	lastErr error
	refused func() map[string]int64

	// What follows belongs to the writing goroutine.
	file   *os.File
	number int64 // Of the newest segment.
	size   int64 // Of file.
	total  int64 // Of all segments, at most.

	ejections ejections
	refusals  refusals
}

// batch is what is written and synced at once, as one frame.
type batch struct {
	frame []byte
	rows  int64 // Predictions in it.
	done  chan struct{}
	err   error
}

// Folder is where the spools of a data folder are, one folder a gateway.
func Folder(data string) string { return filepath.Join(data, "spool") }

var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// CheckName tells whether a gateway may have a name: its ids begin with it.
func CheckName(name string) error {
	if validName.MatchString(name) && name != strings.TrimSuffix(hone.OwnPrefix, "-") && !strings.HasPrefix(name, hone.OwnPrefix) {
		return nil
	}
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("a gateway cannot be named %.40q", name),
		Hint: "use up to 32 of a-z, 0-9 and -, beginning with a letter, and not hone"}
}

// Open opens the spool of a gateway, whose name no other process may use
// meanwhile, and cuts off what a crash left half-written.
func Open(data, name string, o Options) (*Spool, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	s := &Spool{o: o, dir: filepath.Join(Folder(data), name), next: newBatch(), some: make(chan struct{}, 1),
		urgent: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	if err := makeFolder(data, s.dir); err != nil {
		return nil, fmt.Errorf("make the spool's folder: %w", err)
	}
	var err error
	if s.lock, err = takeLock(s.dir, name); err != nil {
		return nil, err
	}
	if err = s.recover(); err != nil {
		s.lock.Close()
		return nil, err
	}
	s.loadEjections()
	s.loadRefusals()
	go s.run()
	return s, nil
}

// makeFolder makes a gateway's folder, on disk with all that leads to it: what is
// acknowledged lies in there.
func makeFolder(data, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, up := range []string{Folder(data), data} {
		// Whoever may write a spool may not always list what is beside it.
		if err := syncDir(up); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// takeLock keeps a second gateway from the name. The kernel lets go of it
// however the process ends.
func takeLock(dir, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the spool's lock: %w", err)
	}
	taken, err := lock.Take(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	if !taken {
		f.Close()
		return nil, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("a gateway named %s runs on this data folder already", name),
			Hint: "stop it, or give this one another --name"}
	}
	return f, nil
}

// recover finds where the numbers go on. Segments are never appended to again,
// so that a reader knows that one is complete by the next.
func (s *Spool) recover() error {
	numbers, err := segments(s.dir)
	if err != nil {
		return err
	}
	m, err := loadMark(s.dir)
	if err != nil {
		s.o.Log.Warn("mark of what was drained not read", "error", err)
	}
	s.number = m.Segment
	if len(numbers) == 0 {
		return nil
	}
	s.number = max(s.number, numbers[len(numbers)-1])
	cut, err := cutTail(segmentPath(s.dir, numbers[len(numbers)-1]))
	if cut > 0 {
		s.o.Log.Info("half a write cut off", "bytes", cut, "segment", numbers[len(numbers)-1])
	}
	return errors.Join(err, s.measure())
}

// Close writes what waits and lets the name go. It may be called twice.
func (s *Spool) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		close(s.stop)
		<-s.done
		if s.file != nil {
			s.file.Close() // All of it is on disk.
		}
		s.lock.Close()
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastErr
}

// Stats counts predictions since opening: stored, shed, and offered but not yet
// stored; and tells the last error.
func (s *Spool) Stats() (stored, shed, pending int64, lastErr error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored.Load(), s.shed.Load(), s.pending.Load(), s.lastErr
}

// Offer takes predictions that will be on disk within 100 ms, disk permitting.
// It never waits; false means that they were shed.
func (s *Spool) Offer(model string, ps []hone.Prediction) bool {
	if _, err := s.add(appendPredictions(nil, model, ps), int64(len(ps)), s.some); err != nil {
		s.shed.Add(int64(len(ps)))
		return false
	}
	return true
}

// AppendPredictions returns once the predictions are on disk.
func (s *Spool) AppendPredictions(ctx context.Context, model string, ps []hone.Prediction) (int, error) {
	if err := s.await(ctx, appendPredictions(nil, model, ps), int64(len(ps))); err != nil {
		return 0, fmt.Errorf("spool predictions of %s: %w", model, err)
	}
	return len(ps), nil
}

// AppendShadows returns once the scores are on disk.
func (s *Spool) AppendShadows(ctx context.Context, model string, list []hone.ShadowScore) error {
	if err := s.await(ctx, appendShadows(nil, model, list), 0); err != nil {
		return fmt.Errorf("spool shadow scores of %s: %w", model, err)
	}
	return nil
}

func (s *Spool) await(ctx context.Context, record []byte, rows int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b, err := s.add(record, rows, s.urgent)
	if err != nil {
		return err
	}
	<-b.done // Whatever becomes of ctx: it is written soon, and then counts.
	return b.err
}

var (
	errClosed = &hone.Error{Code: hone.Unavailable, Message: "the gateway is stopping", Hint: "repeat the request once it runs again"}
	errBehind = &hone.Error{Code: hone.Unavailable, Message: "the disk does not keep up with what is served", Hint: "repeat the request in a moment"}
	errFull   = &hone.Error{Code: hone.Unavailable, Message: "what waits for `hone serve` has reached its limit (server.spool)", Hint: "start `hone serve`; it takes what waits"}
)

// add puts a record with what is written next, and wakes the writer.
func (s *Spool) add(record []byte, rows int64, wake chan struct{}) (*batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.next
	switch {
	case s.closed:
		return nil, errClosed
	case len(b.frame)+len(record) > maxWaiting:
		return nil, errBehind
	}
	b.frame = appendBytes(b.frame, record)
	b.rows += rows
	s.pending.Add(rows)
	select {
	case wake <- struct{}{}:
	default: // A hint lies there already.
	}
	return b, nil
}

func newBatch() *batch {
	return &batch{frame: make([]byte, headerBytes, 4096), done: make(chan struct{})}
}

func (s *Spool) run() {
	defer close(s.done)
	look := s.o.Clock.After(refusalsEvery)
	for {
		select {
		case <-look:
			s.tellRefused()
			look = s.o.Clock.After(refusalsEvery)
			continue
		case <-s.urgent:
		case <-s.some:
			select {
			case <-s.urgent:
			case <-s.o.Clock.After(gather):
			case <-s.stop:
			}
		case <-s.stop:
			s.flush()
			s.tellRefused()
			return
		}
		s.flush()
	}
}

// flush writes what has gathered and answers it.
func (s *Spool) flush() {
	s.mu.Lock()
	b := s.next
	s.next = newBatch()
	s.mu.Unlock()
	s.ejections.retry(s)
	if len(b.frame) == headerBytes {
		close(b.done)
		return
	}
	seal(b.frame)
	b.err = s.write(b.frame)
	s.pending.Add(-b.rows)
	if b.err == nil {
		s.stored.Add(b.rows)
	} else {
		s.shed.Add(b.rows)
		s.mu.Lock()
		s.lastErr = b.err
		s.mu.Unlock()
		s.o.Log.Error("served rows not stored", "rows", b.rows, "error", b.err)
	}
	close(b.done)
}

// write appends a frame and syncs it. What fails is undone and not tried again:
// after a failed sync nobody knows what the disk has.
func (s *Spool) write(frame []byte) error {
	if s.total+int64(len(frame)) > s.o.Limit {
		if err := s.measure(); err != nil {
			return err
		}
		if s.total+int64(len(frame)) > s.o.Limit {
			return errFull
		}
	}
	if s.file == nil || s.size >= min(segmentBytes, s.o.Limit/4) {
		if err := s.begin(); err != nil {
			return err
		}
	}
	_, err := s.file.WriteAt(frame, s.size)
	unwritten := err != nil
	if err == nil {
		err = fault.Sync(s.file)
	}
	if err != nil {
		// A reader may have seen the end of this file: what comes goes to another.
		err = errors.Join(err, s.file.Truncate(s.size), s.file.Close())
		if unwritten && s.size == 0 {
			os.Remove(segmentPath(s.dir, s.number)) // It never held anything.
		}
		s.file = nil
		return fmt.Errorf("write the spool: %w", err)
	}
	s.size += int64(len(frame))
	s.total += int64(len(frame))
	return nil
}

// begin opens the next segment.
func (s *Spool) begin() error {
	if s.file != nil {
		s.file.Close() // All of it is on disk.
		s.file = nil
	}
	f, err := os.OpenFile(segmentPath(s.dir, s.number+1), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("begin a segment of the spool: %w", err)
	}
	s.number++
	if err := syncDir(s.dir); err != nil {
		f.Close()
		return fmt.Errorf("begin a segment of the spool: %w", err)
	}
	s.file, s.size = f, 0
	return nil
}

// measure counts the bytes that wait: the other side takes segments away.
func (s *Spool) measure() error {
	total, err := waiting(s.dir)
	if err == nil {
		s.total = total
	}
	return err
}
