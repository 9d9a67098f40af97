package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hone"
	"hone/internal/clock"
)

// maxOffered bounds the rows that wait to be flushed; more are shed.
const maxOffered = 100_000

var (
	errClosed = &hone.Error{Code: hone.Unavailable, Message: "the store is closed", Hint: "start hone again"}
	errLog    = &hone.Error{Code: hone.Unavailable, Message: "the event log failed to write and takes nothing more",
		Hint: "check the disk, then restart hone"}
)

// journal is the event log: predictions, feedback and shadow scores, in one file
// a day of arrival. One goroutine writes: it takes all that has gathered,
// commits once, and answers all.
type journal struct {
	dir string
	clk clock.Clock
	log *slog.Logger
	db  *DB

	requests chan *request
	wake     chan struct{} // Something was offered.
	stop     chan struct{}
	done     chan struct{}
	stopOnce sync.Once

	dayEnded chan struct{} // A file is complete.
	sifted   chan struct{} // Closed when sift has returned.
	stopSift context.CancelFunc

	pending, stored, shed atomic.Int64

	mu      sync.Mutex
	days    []*day // Oldest first.
	models  map[string]*tally
	offered []*request
	lastErr error
	closed  bool
	arrival arrival

	// What follows belongs to the writing goroutine.
	w       *writer
	waiting map[string]map[hone.PredictionID]bool // Early feedback, by model.
	poison  error
}

// tally is what is committed of one model over all files.
type tally struct {
	last    [3]int64 // By table.
	changed chan struct{}
}

// request is what one caller wants written in the next round.
type request struct {
	model       string
	predictions []hone.Prediction
	feedback    []hone.Feedback
	shadows     []hone.ShadowScore
	drop        string // Days before this one go.
	forget      *forgetting

	stored  int
	effects []hone.Effect
	dropped int
	err     error
	done    chan struct{} // Nil for what was offered.
}

func (r *request) rows() int { return len(r.predictions) + len(r.feedback) + len(r.shadows) }

func openJournal(dir string, db *DB) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the events' folder: %w", err)
	}
	j := &journal{dir: dir, clk: db.o.Clock, log: db.o.Log, db: db, requests: make(chan *request, 1024),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), models: map[string]*tally{},
		dayEnded: make(chan struct{}, 1), sifted: make(chan struct{})}
	err := j.load()
	if err == nil {
		j.waiting, err = j.findWaiting()
	}
	if err == nil {
		j.arrival.last, err = j.findLast()
	}
	if err != nil {
		for _, d := range j.days {
			d.close()
		}
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.stopSift = cancel
	go j.run()
	go j.sift(ctx)
	poke(j.dayEnded)
	return j, nil
}

// load opens every day's file and finds the last number of each model.
func (j *journal) load() error {
	if err := j.db.loadMarks(j.models); err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(escapeGlob(j.dir), "????-??-??.db"))
	if err != nil {
		return fmt.Errorf("list the events' folder: %w", err)
	}
	slices.Sort(paths)
	for _, p := range paths {
		d, err := openDay(p, j.db)
		if err != nil {
			return err
		}
		j.days = append(j.days, d)
		j.countLocked(d)
	}
	return nil
}

// countLocked lets the last numbers reach up to those of a file, and tells
// whether they did not.
func (j *journal) countLocked(d *day) (moved bool) {
	for model, t := range d.tables {
		m := j.tallyLocked(model)
		for k := range m.last {
			moved = moved || t.span[k].last > m.last[k]
			m.last[k] = max(m.last[k], t.span[k].last)
		}
	}
	return moved
}

func (j *journal) tallyLocked(model string) *tally {
	t := j.models[model]
	if t == nil {
		t = &tally{changed: make(chan struct{})}
		j.models[model] = t
	}
	return t
}

// send hands a request to the writer and waits for its commit, whatever becomes
// of ctx meanwhile: the writer still reads what the caller owns.
func (j *journal) send(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.done = make(chan struct{})
	select {
	case <-j.stop:
		return errClosed
	default:
	}
	select {
	case j.requests <- r:
	case <-j.stop:
		return errClosed
	}
	select {
	case <-r.done:
		return r.err
	case <-j.done:
	}
	select {
	case <-r.done:
		return r.err
	default:
		return errClosed
	}
}

// offer queues rows without waiting, unless too many wait already.
func (j *journal) offer(r *request) bool {
	n := int64(len(r.predictions))
	j.mu.Lock()
	ok := !j.closed && j.pending.Load()+n <= maxOffered
	// Rows that find others waiting only join them: waking the writer for each
	// would cost a request a twentieth more.
	wake := false
	if ok {
		wake = len(j.offered) == 0
		j.offered = append(j.offered, r)
		wake = j.pending.Add(n) >= maxRound/4 || wake
	}
	j.mu.Unlock()
	if !ok {
		j.shed.Add(n)
		return false
	}
	if wake {
		poke(j.wake)
	}
	return true
}

// poke leaves a hint, unless one lies there already.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (j *journal) setErr(err error) {
	if err == nil {
		return
	}
	j.mu.Lock()
	j.lastErr = err
	j.mu.Unlock()
}

// hold returns the days as they are, none of which goes away before release.
func (j *journal) hold() []*day {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, d := range j.days {
		d.refs++
	}
	return slices.Clone(j.days)
}

func (j *journal) release(days []*day) {
	var gone []*day
	j.mu.Lock()
	for _, d := range days {
		if d.refs--; d.refs == 0 && d.gone {
			gone = append(gone, d)
		}
	}
	j.mu.Unlock()
	for _, d := range gone {
		j.setErr(d.remove())
	}
}

func (j *journal) shut() error {
	j.stopOnce.Do(func() {
		j.mu.Lock()
		j.closed = true
		j.mu.Unlock()
		close(j.stop)
		j.stopSift()
	})
	<-j.done
	<-j.sifted
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, d := range j.days {
		errs = append(errs, d.close())
	}
	j.days = nil
	return errors.Join(errs...)
}

// maxBack is how far the system's clock may be set back and the moments of arrival
// still wait for it. Beyond, it had gone wrong before, and they follow it.
const maxBack = 24 * time.Hour

// arrival keeps the moments of arrival in order where the system's clock does not:
// they do not go back, and tell what was there from what came after.
type arrival struct {
	last  time.Time // That a round was given.
	told  time.Time // By Horizon: later rounds arrive later.
	begun time.Time // Of the round under way; zero while none is.
}

// Horizon returns a moment that parts the log: whatever arrived by then can be
// read once Horizon has returned, and whatever cannot arrives later. It goes back
// only after the clock was more than a day ahead.
func (db *DB) Horizon() time.Time {
	j := db.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	a := &j.arrival
	if !a.begun.IsZero() {
		// The round's rows may not be there yet, though those before it are.
		return latest(a.told, a.begun.Add(-time.Nanosecond))
	}
	a.told = latest(a.at(j.clk.Now().UTC()), a.last)
	return a.told
}

// begin gives a round its moment of arrival.
func (j *journal) begin() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	a := &j.arrival
	now := a.at(j.clk.Now().UTC())
	if now.Equal(a.told) {
		now = now.Add(time.Nanosecond)
	}
	a.last, a.begun = now, now
	return now
}

// at is what the time of arrival is when the clock shows now.
func (a *arrival) at(now time.Time) time.Time {
	before := latest(a.last, a.told)
	if before.Sub(now) > maxBack {
		a.last, a.told = time.Time{}, time.Time{}
		return now
	}
	return latest(now, before)
}

func (j *journal) ended() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrival.begun = time.Time{}
}

func latest(first time.Time, more ...time.Time) time.Time {
	for _, t := range more {
		if t.After(first) {
			first = t
		}
	}
	return first
}

// findLast returns when the newest row of the files arrived, so that arrival goes
// on from there even where the clock was set back meanwhile.
func (j *journal) findLast() (time.Time, error) {
	var newest int64
	for _, d := range slices.Backward(j.days) {
		for _, t := range d.tables {
			for _, name := range []string{tableName[predictionTable], tableName[feedbackTable]} {
				var at sql.NullInt64
				query := fmt.Sprintf("SELECT received FROM %s_%d ORDER BY seq DESC LIMIT 1", name, t.id)
				if err := d.read.QueryRow(query).Scan(&at); err != nil && err != sql.ErrNoRows {
					return time.Time{}, fmt.Errorf("find the newest row of %s: %w", d.path, err)
				}
				newest = max(newest, at.Int64)
			}
		}
		if newest > 0 {
			return fromNanos(newest), nil
		}
	}
	return time.Time{}, nil
}
