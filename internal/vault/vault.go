// Package vault keeps the copies of a data folder and takes people out of it:
// backup, verification, restore, erasure. What a folder holds is left to the
// store.
package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hone"
	"hone/internal/audit"
	"hone/internal/clock"
	"hone/internal/fault"
	"hone/internal/store"
)

// manifestName is the file that lists all others of a backup. It is written
// last.
const manifestName = "backup.json"

// Vault makes backups of one open data folder, and erases from it: one at a
// time.
type Vault struct {
	db     *store.DB
	dir    string
	clk    clock.Clock
	config func() hone.Applied
	moving bool

	busy sync.Mutex
}

// New returns a vault of a data folder and the store that has it open. Moving
// says that runs go on beside it.
func New(db *store.DB, dir string, clk clock.Clock, config func() hone.Applied, moving bool) *Vault {
	return &Vault{db: db, dir: dir, clk: clk, config: config, moving: moving}
}

// Manifest says what a backup holds and how its store stood.
type Manifest struct {
	Format int          `json:"format"`
	Made   time.Time    `json:"made"`
	Audit  audit.Head   `json:"audit"`
	Marks  store.Marks  `json:"marks"`
	Config hone.Applied `json:"config"`
	Files  []hone.File  `json:"files"`
}

// sealed is a manifest with its own hash, as it lies on disk.
type sealed struct {
	Manifest json.RawMessage `json:"manifest"`
	SHA256   string          `json:"sha256"`
}

func damaged(dir, format string, args ...any) error {
	return &hone.Error{Code: hone.Internal, Message: "the backup in " + dir + " is damaged: " + fmt.Sprintf(format, args...),
		Hint: "use another backup"}
}

// ReadManifest reads what a backup says of itself, and checks that it says it
// still.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, &hone.Error{Code: hone.NotFound, Message: dir + " is no backup: it has no " + manifestName,
			Hint: "name the folder that `hone backup` wrote"}
	}
	if err != nil {
		return m, fmt.Errorf("read the backup's manifest: %w", err)
	}
	var s sealed
	if err := json.Unmarshal(b, &s); err != nil {
		return m, damaged(dir, "its manifest cannot be read (%v)", err)
	}
	if sum := sha256.Sum256(s.Manifest); hex.EncodeToString(sum[:]) != s.SHA256 {
		return m, damaged(dir, "its manifest is not what was written")
	}
	if err := json.Unmarshal(s.Manifest, &m); err != nil {
		return m, damaged(dir, "its manifest cannot be read (%v)", err)
	}
	if m.Format != 1 {
		return m, &hone.Error{Code: hone.Conflict, Message: fmt.Sprintf("the backup in %s has format %d, and this program knows format 1", dir, m.Format),
			Hint: "it was made by a newer hone: use that one"}
	}
	return m, nil
}

func (m Manifest) write(dir string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	out, err := json.Marshal(sealed{b, hex.EncodeToString(sum[:])})
	if err != nil {
		return err
	}
	return store.WriteFile(filepath.Join(dir, manifestName), out, 0o600)
}

// each calls fn with the name, with slashes, of every regular file under dir. What
// somebody else removes meanwhile is not there.
func each(dir string, fn func(name string) error) error {
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return fn(filepath.ToSlash(name))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// hashFile returns a file of a folder as a manifest lists it.
func hashFile(dir, name string) (hone.File, error) {
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return hone.File{}, err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, in)
	return hone.File{Name: name, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// copyFile copies a file into a new one, on disk when it returns, and hashes it
// on the way.
func copyFile(from, to string) (sum string, bytes int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return "", 0, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", 0, err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), in)
	if err == nil {
		err = fault.Sync(out)
	}
	return hex.EncodeToString(h.Sum(nil)), n, errors.Join(err, out.Close())
}

// syncTree puts the names in a folder, and in all below it, on disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(p)
	})
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fault.Sync(f), f.Close())
}

// above lists the folders that lead to a path, up to the first that is there: their
// names must come to the disk with what is put there.
func above(path string) (dirs []string) {
	for d := filepath.Dir(filepath.Clean(path)); ; d = filepath.Dir(d) {
		dirs = append(dirs, d)
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			return dirs
		}
	}
}

func syncAll(dirs []string) error {
	for _, d := range dirs {
		if err := syncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// safe tells whether a manifest's name stays inside its backup.
func safe(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && path.Clean(name) == name && !strings.Contains(name, `\`)
}

func fileNames(files []hone.File) map[string]hone.File {
	out := make(map[string]hone.File, len(files))
	for _, f := range files {
		out[f.Name] = f
	}
	return out
}

func sortFiles(files []hone.File) {
	slices.SortFunc(files, func(a, b hone.File) int { return strings.Compare(a.Name, b.Name) })
}
