// Package store keeps everything that Hone must not lose in one folder: control
// state and the audit chain in one SQLite database, predictions and feedback in
// one SQLite file a day, artefacts as files named by their content. What any of
// it means is left to the stages.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"hone"
	"hone/internal/clock"
	"hone/internal/fault"
	"hone/internal/lock"
	"hone/internal/vfs"
)

// Options are what a store is given of the world. Unset fields become the
// system's clock, a silent log and the system's randomness.
type Options struct {
	Clock clock.Clock
	Log   *slog.Logger
	Rand  io.Reader
	// Reserve is how many bytes of the disk are held back, so that control state
	// can still be written on a full one. 0 holds back none.
	Reserve int64
	// Gentle is set where requests are answered by the same program: Scan then
	// takes its time.
	Gentle bool

	migrations fs.FS // Set by tests alone.
}

// DB is an open data folder. One process has it open at a time. All methods are
// safe for concurrent use.
type DB struct {
	o       Options
	dir     string
	lock    *os.File
	fence   hone.Fence
	read    *sql.DB
	journal *journal
	blobs   *Blobs
	reserve *reserve
	close   func() error
	// principals are those of the last commit.
	principals atomic.Pointer[holders]

	mu     sync.Mutex // Of the one writer of control state.
	write  *sql.DB
	poison error

	lost     chan struct{} // Closed when another process has taken the folder over.
	loseOnce sync.Once

	subMu sync.Mutex
	subs  map[chan hone.Event]bool
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the data folder, which it makes if there is none, brings its
// database up to date and takes a new fence. It fails with Conflict while
// another process has the folder open.
func Open(dir string, o Options) (db *DB, err error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.migrations == nil {
		o.migrations = migrations
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	db = &DB{o: o, dir: dir, subs: map[chan hone.Event]bool{}, lost: make(chan struct{})}
	db.close = sync.OnceValue(db.shut)
	defer func() {
		if err != nil {
			db.Close()
			db = nil
		}
	}()
	if db.lock, err = takeLock(filepath.Join(dir, "lock"), o.Clock.Now()); err != nil {
		return db, err
	}
	if err = fault.At(fault.OpenLocked); err != nil {
		return db, err
	}
	if o.Reserve > 0 {
		if db.reserve, err = openReserve(dir, o.Reserve, o.Clock); err != nil {
			return db, err
		}
	}
	if _, err = spared(db, func() (any, error) { return nil, db.openControl(filepath.Join(dir, "control.db")) }); err != nil {
		return db, full(err)
	}
	if db.blobs, err = openBlobs(filepath.Join(dir, "artefacts"), db.fence); err != nil {
		return db, err
	}
	db.journal, err = spared(db, func() (*journal, error) { return openJournal(filepath.Join(dir, "events"), db) })
	if err != nil {
		return db, full(err)
	}
	// Whoever may make a folder may not always list what is beside it.
	if err = syncDir(filepath.Dir(filepath.Clean(dir))); errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return db, errors.Join(err, syncDir(dir))
}

// Close stores what was offered, stops the writer and lets the folder go. It
// may be called twice.
func (db *DB) Close() error { return db.close() }

func (db *DB) shut() error {
	var errs []error
	if db.journal != nil {
		errs = append(errs, db.journal.shut())
	}
	db.subMu.Lock()
	for c := range db.subs {
		close(c)
	}
	db.subs = nil
	db.subMu.Unlock()
	db.reserve.close()
	for _, d := range []*sql.DB{db.read, db.write} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	return errors.Join(errs...)
}

// Fence is the token of this opening; the next opening's is higher.
func (db *DB) Fence() hone.Fence { return db.fence }

// Lost is closed once a write was refused because another process has taken the
// folder over: this one must stop.
func (db *DB) Lost() <-chan struct{} { return db.lost }

// Blobs are the folder's content-addressed files.
func (db *DB) Blobs() *Blobs { return db.blobs }

func (db *DB) openControl(path string) (err error) {
	if db.write != nil { // Of an attempt before, on a full disk.
		db.write.Close()
	}
	if err := db.checkLog(path); err != nil {
		return err
	}
	if db.write, err = openSQL(path, true); err != nil {
		return err
	}
	ctx := context.Background()
	if err := db.migrate(ctx); err != nil {
		return err
	}
	if err := db.protect(path); err != nil {
		return err
	}
	row := db.write.QueryRowContext(ctx, "UPDATE counter SET value = value + 1 WHERE name = 'fence' RETURNING value")
	if err := row.Scan(&db.fence); err != nil {
		return fmt.Errorf("take a fence: %w", err)
	}
	if err := fault.At(fault.OpenFenced); err != nil {
		return err
	}
	if db.read, err = openSQL(path, false); err != nil {
		return err
	}
	known, err := readPrincipals(ctx, db.read, nil)
	db.principals.Store(&known)
	return err
}

// checkLog refuses a database whose log is so damaged that SQLite would drop
// what was acknowledged.
func (db *DB) checkLog(path string) error {
	torn, err := vfs.CheckLog(path + "-wal")
	if err != nil {
		return &hone.Error{Code: hone.Internal, Message: fmt.Sprintf("%s is damaged: %v", path, err), Hint: "restore the data folder from a backup"}
	}
	if torn {
		db.o.Log.Warn("the log ends in a transaction that is not whole; it is dropped, as after a power cut", "file", path)
	}
	return nil
}

// migrate applies the migrations that the database has not seen, in the order
// of their numbers, each in its own transaction.
func (db *DB) migrate(ctx context.Context) error {
	const table = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL)"
	if _, err := db.write.ExecContext(ctx, table); err != nil {
		return fmt.Errorf("read the schema version of control.db: %w", err)
	}
	seen := map[int]bool{}
	var at, latest int
	err := each(db.write, "SELECT version, '' FROM schema_version ORDER BY version", func(v int64, _ string) {
		seen[int(v)], at = true, int(v)
	})
	if err != nil {
		return fmt.Errorf("read the schema version of control.db: %w", err)
	}
	files, err := fs.Glob(db.o.migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	numbers := make([]int, len(files))
	for i, name := range files {
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &numbers[i]); err != nil {
			return fmt.Errorf("read the number of %s: %w", name, err)
		}
		latest = max(latest, numbers[i])
	}
	if at > latest {
		return &hone.Error{Code: hone.Conflict,
			Message: fmt.Sprintf("the data folder has schema %d, and this program knows schemas up to %d", at, latest),
			Hint:    "it was written by a newer hone: start that one, or restore a backup from before the upgrade"}
	}
	for i, name := range files {
		if seen[numbers[i]] {
			continue
		}
		if err := db.applyMigration(ctx, name, numbers[i]); err != nil {
			return fmt.Errorf("apply %s: %w", name, err)
		}
		db.o.Log.InfoContext(ctx, "schema migrated", "to", numbers[i])
	}
	return nil
}

// protect gives pages that an older program wrote their checksums. Where there
// is no room for that now, it is done at the next opening.
func (db *DB) protect(path string) error {
	sealed, err := vfs.Sealed(path)
	if err != nil || sealed {
		return err
	}
	if _, err := db.write.Exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		db.o.Log.Warn("control.db is still without checksums", "error", err)
	}
	return nil
}

func (db *DB) applyMigration(ctx context.Context, name string, version int) error {
	text, err := fs.ReadFile(db.o.migrations, name)
	if err != nil {
		return err
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO schema_version VALUES (?, ?)", version, db.o.Clock.Now().UnixNano())
	if err != nil {
		return err
	}
	if err := fault.At(fault.OpenMigrate); err != nil {
		return err
	}
	return tx.Commit()
}

// takeLock locks the file for as long as it is open, and writes into it who
// holds it since when. The kernel lets go of it however the process ends.
func takeLock(path string, now time.Time) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	taken, err := lock.Take(f)
	if err == nil && !taken {
		defer f.Close()
		return nil, held(path, f)
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d %s\n", os.Getpid(), now.UTC().Format(time.RFC3339)), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	return f, nil
}

func held(path string, f *os.File) error {
	var pid int
	var since string
	who := "another process"
	if n, err := fmt.Fscan(io.LimitReader(f, 100), &pid, &since); err == nil && n == 2 {
		who = fmt.Sprintf("process %d, since %s,", pid, since)
	}
	return &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("%s has the data folder open (%s)", who, path),
		Hint: "stop that process, or give this one another folder"}
}

// openSQL opens one SQLite file: for writing with a single connection whose
// commits are on disk when they return, else for reading alone.
func openSQL(path string, write bool) (*sql.DB, error) {
	q := url.Values{"vfs": {vfs.Name}, "_pragma": {"busy_timeout(10000)", "query_only(1)", "cache_size(-1000)"}, "mode": {"rw"}}
	if write {
		q = url.Values{"vfs": {vfs.Name}, "_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", vfs.Seal, "journal_mode(WAL)",
			"synchronous(FULL)", "foreign_keys(1)", "cache_size(-32000)", "wal_autocheckpoint(8000)"}}
	}
	if err := vfs.Register(); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(4)
	// Ninety files are open: their caches must not stay for long.
	db.SetConnMaxIdleTime(time.Minute)
	if write {
		db.SetMaxOpenConns(1)
		db.SetConnMaxIdleTime(0)
	}
	if err := db.Ping(); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

func writeFile(path string, mode fs.FileMode, write func(io.Writer) error) error {
	if err := errors.Join(fault.IO("create", path), fault.At(fault.BlobWrite)); err != nil {
		return err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err = fault.IO("write", path); err == nil {
		err = write(out)
	}
	if err == nil {
		err = fault.At(fault.BlobSync)
	}
	if err == nil {
		err = fault.Sync(out)
	}
	return errors.Join(err, out.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fault.Sync(d), d.Close())
}

// sqliteCode returns SQLite's extended result code, or 0.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func isUnique(err error) bool {
	c := sqliteCode(err)
	return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}
