package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"hone"
	"hone/internal/fault"
	"hone/internal/vfs"
)

// Copy writes a consistent copy of the databases into a folder: first control
// state, then the event log, so that the copy's log has at least all that its
// control state speaks of. Writing goes on meanwhile.
func (db *DB) Copy(ctx context.Context, dir string) error {
	// Days are held from before control state is copied, so that retention drops
	// none whose last numbers the copy does not know.
	before := db.journal.hold()
	defer db.journal.release(before)
	if err := os.Mkdir(filepath.Join(dir, "events"), 0o700); err != nil {
		return fmt.Errorf("make the copy's folder: %w", err)
	}
	if err := db.copySQL(ctx, filepath.Join(db.dir, "control.db"), filepath.Join(dir, "control.db")); err != nil {
		return err
	}
	after := db.journal.hold()
	defer db.journal.release(after)
	seen := map[string]bool{}
	for _, d := range append(before, after...) {
		if seen[d.name] {
			continue
		}
		seen[d.name] = true
		if err := db.copySQL(ctx, d.path, filepath.Join(dir, "events", d.name+".db")); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(filepath.Join(dir, "events")), syncDir(dir))
}

// copySQL writes one database as it stands at this moment, without what it has
// deleted.
func (db *DB) copySQL(ctx context.Context, from, to string) error {
	src, err := openSQL(from, false)
	if err != nil {
		return err
	}
	defer src.Close()
	src.SetMaxOpenConns(1)
	if _, err := src.ExecContext(ctx, "PRAGMA query_only(0)"); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	if _, err := src.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("copy %s: %w", from, full(err))
	}
	if err := vfs.Complete(to); err != nil {
		return fmt.Errorf("copy %s: %w", from, full(err))
	}
	if err := os.Chmod(to, 0o600); err != nil {
		return err
	}
	return syncFile(to)
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(fault.Sync(f), f.Close())
}

// WriteFile puts a file in place: whole and on disk, or not at all.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = errors.Join(f.Chmod(mode), fault.Sync(f))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// OpenCopy opens a copy of a data folder for reading its control state and
// artefacts. Nothing in it is written, so it may lie on a medium that cannot be.
// The event log is not open.
func OpenCopy(dir string) (*DB, error) {
	db := &DB{dir: dir, blobs: &Blobs{dir: filepath.Join(dir, "artefacts")}, subs: map[chan hone.Event]bool{}}
	db.close = func() error { return db.read.Close() }
	var err error
	if db.read, err = openStill(filepath.Join(dir, "control.db")); err != nil {
		return nil, err
	}
	return db, nil
}

// openStill opens a database that nobody writes.
func openStill(path string) (*sql.DB, error) {
	if err := vfs.Register(); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	q := url.Values{"vfs": {vfs.Name}, "mode": {"ro"}, "immutable": {"1"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := db.Ping(); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// CheckSQL reads a database of a copy from end to end, and fails where its
// structure is damaged.
func CheckSQL(ctx context.Context, path string) error {
	db, err := openStill(path)
	if err != nil {
		return err
	}
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&said); err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	if said != "ok" {
		return &hone.Error{Code: hone.Internal, Message: fmt.Sprintf("%s is damaged: %s", filepath.Base(path), said), Hint: "use another backup"}
	}
	return nil
}

// Marks are the numbers by which others know a store.
type Marks struct {
	Schema    int                 `json:"schema"`     // Of control.db.
	DayLayout int                 `json:"day_layout"` // Of the event log's files that this program writes.
	Fence     int64               `json:"fence"`
	PlanToken int64               `json:"plan_token"`
	Log       map[string][3]int64 `json:"log,omitempty"` // Last prediction, feedback and shadow score, by model.
}

// Marks reads them. Of a copy that OpenCopy opened the log's are not known.
func (db *DB) Marks(ctx context.Context) (Marks, error) {
	m := Marks{DayLayout: dayVersion}
	err := db.read.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(version), 0) FROM schema_version),
		(SELECT value FROM counter WHERE name = 'fence'), (SELECT value FROM counter WHERE name = 'plan_token')`).Scan(&m.Schema, &m.Fence, &m.PlanToken)
	if err != nil {
		return m, fmt.Errorf("read the numbers of control.db: %w", err)
	}
	if db.journal == nil {
		return m, nil
	}
	m.Log = map[string][3]int64{}
	db.journal.mu.Lock()
	defer db.journal.mu.Unlock()
	for model, t := range db.journal.models {
		m.Log[model] = t.last
	}
	return m, nil
}

// Leap moves every number by which others know the store far ahead, and records
// why: a store that was restored from a backup must not give numbers again that
// its gateways and readers saw before. Nothing else may use the store meanwhile.
func (db *DB) Leap(ctx context.Context, by int64, e hone.Event) error {
	if err := db.Flush(ctx); err != nil {
		return err
	}
	plans, err := db.Plans(ctx)
	if err != nil {
		return err
	}
	marks, err := db.Marks(ctx)
	if err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	_, err = db.transact(ctx, db.fence, e, func(s *session) error {
		if err := s.exec("move the counters", "UPDATE counter SET value = value + ?", by); err != nil {
			return err
		}
		for _, p := range plans {
			if err := s.putPlan(&p); err != nil {
				return err
			}
		}
		for model, n := range marks.Log {
			if err := s.putMark(model, [3]int64{n[0] + by, n[1] + by, n[2] + by}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return full(err)
	}
	db.fence += hone.Fence(by)
	db.journal.mu.Lock()
	defer db.journal.mu.Unlock()
	return db.loadMarks(db.journal.models)
}
