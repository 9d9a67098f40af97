package store

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	sqlite3 "modernc.org/sqlite/lib"

	"hone"
	"hone/internal/fault"
)

const (
	maxRound = 20_000                // Rows of one transaction, about.
	linger   = 50 * time.Millisecond // How long offered rows gather.
)

func (j *journal) run() {
	defer close(j.done)
	for {
		select {
		case r := <-j.requests:
			j.round(j.gather(r))
		case <-j.wake:
			j.flushSoon()
		case <-j.stop:
			j.drain()
			return
		}
	}
}

// flushSoon lets offered rows gather for a moment, unless a caller waits for a
// commit anyway or many wait already.
func (j *journal) flushSoon() {
	if j.pending.Load() >= maxRound/4 {
		j.round(j.gather(nil))
		return
	}
	soon := j.clk.After(linger)
	for {
		select {
		case r := <-j.requests:
			j.round(j.gather(r))
			return
		case <-soon:
			j.round(j.gather(nil))
			return
		case <-j.wake:
			if j.pending.Load() >= maxRound/4 {
				j.round(j.gather(nil))
				return
			}
		case <-j.stop:
			return
		}
	}
}

func (j *journal) drain() {
	for {
		batch := j.gather(nil)
		if len(batch) == 0 {
			break
		}
		j.round(batch)
	}
	if j.w != nil {
		j.setErr(j.w.close())
	}
}

// gather takes what waits, up to a round's worth. Offered rows go first, so that
// feedback finds the prediction that its sender has just seen.
func (j *journal) gather(first *request) []*request {
	var asked []*request
	rows := 0
	if first != nil {
		asked, rows = append(asked, first), first.rows()
	}
	for rows < maxRound {
		select {
		case r := <-j.requests:
			asked, rows = append(asked, r), rows+r.rows()
			continue
		default:
		}
		break
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	// All that was offered goes, however much, before anything that was asked
	// later; without anything asked, a round's worth.
	n := 0
	for n < len(j.offered) && (len(asked) > 0 || rows < maxRound) {
		rows += j.offered[n].rows()
		n++
	}
	batch := append(j.offered[:n:n], asked...)
	j.offered = slices.Clone(j.offered[n:])
	if len(j.offered) > 0 {
		poke(j.wake)
	}
	return batch
}

// round writes a batch in one transaction and answers it.
func (j *journal) round(batch []*request) {
	err := j.poison
	if err == nil {
		err = j.write(batch)
	}
	unsaid := fault.At(fault.RoundAnswer)
	for _, r := range batch {
		if r.done != nil {
			r.err = errors.Join(err, unsaid)
			close(r.done)
			continue
		}
		n := int64(len(r.predictions))
		j.pending.Add(-n)
		if err != nil {
			j.shed.Add(n)
		}
	}
	if err != nil {
		j.setErr(err)
	}
}

func (j *journal) write(batch []*request) error {
	if j.db.reserve.isOut() && slices.ContainsFunc(batch, func(r *request) bool { return r.rows() > 0 }) {
		return errFull
	}
	if err := j.roll(); err != nil {
		return full(j.starved(err))
	}
	for _, r := range batch {
		if r.drop != "" {
			if err := j.drop(r); err != nil {
				return err
			}
		}
	}
	if !slices.ContainsFunc(batch, func(r *request) bool { return r.rows() > 0 }) {
		j.forget(batch)
		return nil
	}
	draft := newDraft(j, j.w)
	defer j.ended()
	err := draft.commit(batch)
	if err == nil {
		j.publish(draft)
		j.forget(batch)
		return nil
	}
	j.log.Error("event log failed to commit", "file", j.w.day.path, "error", err)
	_, lost := errors.AsType[*fencedError](err)
	switch undo := j.w.rollback(); {
	case lost:
		j.poison = err
		j.db.lose(err)
	case undo != nil, !harmless(err), j.ahead():
		j.poison = errLog
	}
	return full(err)
}

// forget erases from the newest file, which nobody else may write. Callers
// erase from the others themselves.
func (j *journal) forget(batch []*request) {
	for _, r := range batch {
		if r.forget != nil && r.forget.day == j.w.day {
			r.forget.err = r.forget.do(context.Background(), j.db, j.w)
		}
	}
}

// ahead tells whether the file holds rows that nobody was told of.
func (j *journal) ahead() bool {
	for _, model := range j.w.day.models() {
		for k, last := range j.last(model) {
			if _, s, _ := j.w.day.of(model, k); s.last > last {
				return true
			}
		}
	}
	return false
}

// harmless tells the failures after which the file is known to be as before. Of
// the others, such as a failed fsync, nobody knows what reached the disk.
func harmless(err error) bool {
	if isFull(err) {
		return true
	}
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return false
	}
	return !errors.Is(err, unix.EIO)
}

// roll makes sure that the writer has the file of today open. The day never
// goes back: a clock that does keeps writing to the newest file, so that the
// files stay in the order of the numbers.
func (j *journal) roll() error {
	today := j.clk.Now().UTC().Format(time.DateOnly)
	if n := len(j.days); n > 0 {
		today = max(today, j.days[n-1].name)
	}
	if j.w != nil && j.w.day.name == today {
		return nil
	}
	if j.w != nil {
		// On a full disk the write-ahead log stays beside its file, which is as good.
		if err := errors.Join(fault.At(fault.DayClose), j.w.close()); err != nil && !isFull(err) {
			j.poison = errLog
			return err
		}
		j.w = nil
	}
	// Under the lock of control state, where the fence is looked at: whoever was
	// refused there can neither make a file nor take one back.
	var opened error
	err := j.db.change(context.Background(), j.db.fence, "open the log of "+today, func(*session) error {
		opened = j.take(today)
		return nil
	})
	return errors.Join(err, opened)
}

// starved tells what it was when no file could be made because the disk has too
// many: SQLite does not say why it cannot open one.
func (j *journal) starved(err error) error {
	var st unix.Statfs_t
	if sqliteCode(err)&0xff == sqlite3.SQLITE_CANTOPEN && unix.Statfs(j.dir, &st) == nil && st.Files > 0 && st.Ffree == 0 {
		return errFull
	}
	return err
}

// take opens the file of a day for writing, by this process alone.
func (j *journal) take(today string) error {
	if err := fault.At(fault.DayCreate); err != nil {
		return err
	}
	path := filepath.Join(j.dir, today+".db")
	w, err := openWriter(path, j.db.fence)
	if err != nil {
		return err
	}
	if n := len(j.days); n > 0 && j.days[n-1].name == today {
		w.day = j.days[n-1]
		err = j.catchUp(w.day)
	} else if w.day, err = openDay(path, j.db); err == nil {
		j.mu.Lock()
		j.days = append(j.days, w.day)
		j.mu.Unlock()
	}
	if err == nil {
		err = errors.Join(fault.At(fault.DayOpened), syncDir(j.dir))
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	j.w = w
	poke(j.dayEnded)
	return nil
}

// catchUp reads what another process stored after this one had opened the file,
// and before it took it.
func (j *journal) catchUp(d *day) error {
	if err := d.load(); err != nil {
		return err
	}
	j.mu.Lock()
	moved := j.countLocked(d)
	j.mu.Unlock()
	if !moved {
		return nil
	}
	waiting, err := j.findWaiting()
	if err == nil {
		j.waiting = waiting
	}
	return err
}

// publish lets readers see what a draft has committed.
func (j *journal) publish(d *draft) {
	j.stored.Add(d.stored)
	for model, c := range d.models {
		for id := range c.late {
			delete(j.waiting[model], id)
		}
		for id := range c.early {
			if j.waiting[model] == nil {
				j.waiting[model] = map[hone.PredictionID]bool{}
			}
			j.waiting[model][id] = true
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for model, c := range d.models {
		t := j.tallyLocked(model)
		d.w.day.extend(c.table, t.last, c.last)
		if t.last != c.last {
			t.last = c.last
			close(t.changed)
			t.changed = make(chan struct{})
		}
	}
}
