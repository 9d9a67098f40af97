package machine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/train"
)

const (
	// maxJournal bounds the log of one attempt, in bytes.
	maxJournal = 8 << 20
	// lookEvery is how often the log of another process's attempt is looked at.
	lookEvery = 500 * time.Millisecond
)

// journal is the log of an attempt under way: a report a line. It is locked for
// as long as it is open.
type journal struct {
	*os.File

	mu   sync.Mutex
	size int
	more chan struct{} // Closed, and another one, with each report.
}

// open opens and locks the log of an attempt; it returns nil while another has it.
func (f files) open() (*journal, error) {
	if err := os.MkdirAll(f.run, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(f.path(".jsonl"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return &journal{File: file, more: make(chan struct{})}, nil
	}
	file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", filepath.Base(file.Name()), err)
}

// report keeps a report. One that cannot be kept is no reason to end a training.
func (j *journal) report(p train.Progress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.size > maxJournal {
		return
	}
	b, err := json.Marshal(p)
	if err != nil {
		return
	}
	if j.size += len(b) + 1; j.size > maxJournal {
		b = []byte(`{"line":"… the training reported more than 8 MiB; the rest is dropped"}`)
	}
	_, _ = j.Write(append(b, '\n'))
	close(j.more)
	j.more = make(chan struct{})
}

// next is closed with the next report.
func (j *journal) next() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.more
}

// Follow hands on the reports of an attempt.
func (e *Engine) Follow(ctx context.Context, n train.Name, from int, report func(train.Progress)) (int, error) {
	r := reader{skip: from}
	defer r.close()
	for {
		a, over := e.attempt(n), false
		var more, ended <-chan struct{}
		var look <-chan time.Time
		if a != nil {
			more, ended = a.journal.next(), a.over
		} else {
			s, err := e.State(ctx, n)
			if err == nil && s.State == train.Unknown {
				err = &hone.Error{Code: hone.NotFound, Message: fmt.Sprintf("there is no training %s", n)}
			}
			if err != nil {
				return from + r.handed, err
			}
			over, look = s.State != train.Running, e.o.Clock.After(lookEvery)
		}
		if err := r.hand(e.files(n).path(".jsonl"), report); err != nil || over {
			return from + r.handed, err
		}
		select {
		case <-ctx.Done():
			return from + r.handed, context.Cause(ctx)
		case <-more:
		case <-ended:
		case <-look:
		}
	}
}

// reader reads a log that grows.
type reader struct {
	file   *os.File
	in     *bufio.Reader
	part   []byte // Of a line that is not whole yet.
	skip   int
	handed int
}

// hand hands on the reports up to the end of the file as it is now. A line that is
// none was cut by the death of its process; it counts, so that positions hold.
func (r *reader) hand(path string, report func(train.Progress)) (err error) {
	if r.file == nil {
		if r.file, err = os.Open(path); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		r.in = bufio.NewReader(r.file)
	}
	for {
		line, err := r.in.ReadBytes('\n')
		r.part = append(r.part, line...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, r.part = r.part, nil
		if r.skip > 0 {
			r.skip--
			continue
		}
		r.handed++
		var p train.Progress
		if json.Unmarshal(line, &p) == nil {
			report(p)
		}
	}
}

func (r *reader) close() {
	if r.file != nil {
		_ = r.file.Close() // It was only read.
	}
}
