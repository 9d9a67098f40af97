package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hone"
	"hone/internal/store"
)

// kept are the folders of a data folder that a backup takes besides its
// databases. Their files never change once they are there, so a backup on the
// same disk shares them. Plans and the folders of runs are made again.
var kept = []string{"artefacts/blob", "artefacts/tree", "datasets"}

// Backup writes a consistent copy of the data folder into dest, which must not
// exist, while everything goes on. Files that a neighbour of dest, an earlier
// backup, has already are shared with it.
func (v *Vault) Backup(ctx context.Context, dest, by string) (hone.Backup, error) {
	v.busy.Lock()
	defer v.busy.Unlock()
	began := v.clk.Now()
	dest, err := v.place(dest)
	if err != nil {
		return hone.Backup{}, err
	}
	tmp, folders := dest+".part", above(dest)
	if err := os.RemoveAll(tmp); err != nil {
		return hone.Backup{}, unusable(dest, err)
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return hone.Backup{}, unusable(dest, err)
	}
	defer os.RemoveAll(tmp)
	out, m, err := v.fill(ctx, tmp, dest, began)
	if err != nil {
		return out, err
	}
	if err := errors.Join(m.write(tmp), syncTree(tmp)); err != nil {
		return out, fmt.Errorf("write the backup: %w", err)
	}
	if err := os.Rename(tmp, dest); err != nil {
		return out, fmt.Errorf("put the backup in place: %w", err)
	}
	if err := syncAll(folders); err != nil {
		return out, fmt.Errorf("put the backup in place: %w", err)
	}
	out.Took = hone.Duration(v.clk.Now().Sub(began))
	out.Sentence = fmt.Sprintf("The data folder is backed up in %s: %d files, %s, of which %d were shared with an earlier backup.",
		dest, out.Files, size(out.Bytes), out.Shared)
	data, err := json.Marshal(out)
	if err != nil {
		return out, err
	}
	_, err = v.db.Commit(ctx, v.db.Fence(), hone.Change{Event: hone.Event{At: v.clk.Now(), Actor: by, Action: BackedUp, Sentence: out.Sentence, Data: data}})
	return out, err
}

// BackedUp is the action of the audit event of a backup.
const BackedUp = "backed_up"

// place checks where a backup is to go.
func (v *Vault) place(dest string) (string, error) {
	if dest == "" {
		return "", &hone.Error{Code: hone.Invalid, Message: "the backup has no place to go", Hint: "name a folder that does not exist yet, such as /backups/monday"}
	}
	if !filepath.IsAbs(dest) {
		return "", &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%q is no absolute path", dest), Hint: "the server writes the backup: name the folder from / on"}
	}
	dest = filepath.Clean(dest)
	data, err := filepath.Abs(v.dir)
	if err != nil {
		return "", err
	}
	if data, err = resolved(data); err != nil {
		return "", err
	}
	real, err := resolved(dest)
	if err != nil {
		return "", unusable(dest, err)
	}
	if strings.HasPrefix(real+"/", data+"/") {
		return "", &hone.Error{Code: hone.Invalid, Message: dest + " lies in the data folder itself", Hint: "name a folder elsewhere, on another disk if there is one"}
	}
	if _, err := os.Lstat(dest); err == nil {
		return "", &hone.Error{Code: hone.Conflict, Message: dest + " is there already", Hint: "name a folder that does not exist yet; each backup gets its own"}
	}
	return dest, nil
}

// resolved is where a path leads through the links on its way, as far as it is
// there.
func resolved(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if up := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && up != path {
		real, err = resolved(up)
		return filepath.Join(real, filepath.Base(path)), err
	}
	return real, err
}

func unusable(dest string, err error) error {
	return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s cannot be written: %v", dest, err), Hint: "name another folder, or let the server write there"}
}

// fill copies everything into tmp.
func (v *Vault) fill(ctx context.Context, tmp, dest string, now time.Time) (hone.Backup, Manifest, error) {
	out := hone.Backup{Dest: dest, At: now}
	earlier, before := newest(filepath.Dir(dest))
	if err := v.db.Copy(ctx, tmp); err != nil {
		return out, Manifest{}, err
	}
	m, err := v.describe(ctx, tmp)
	if err != nil {
		return out, m, err
	}
	known := fileNames(before.Files)
	add := func(f hone.File, shared bool) {
		m.Files = append(m.Files, f)
		out.Files, out.Bytes = out.Files+1, out.Bytes+f.Bytes
		if shared {
			out.Shared++
		}
	}
	// What was copied and is the same as before gives way to the earlier file.
	err = each(tmp, func(name string) error {
		f, err := hashFile(tmp, name)
		if err != nil {
			return err
		}
		shared := known[name] == f && share(earlier, tmp, f)
		add(f, shared)
		return ctx.Err()
	})
	for _, sub := range kept {
		if err != nil {
			break
		}
		err = each(filepath.Join(v.dir, filepath.FromSlash(sub)), func(name string) error {
			if strings.Contains(name, ".tmp/") { // A dataset that is being frozen.
				return ctx.Err()
			}
			f, shared, err := v.take(sub+"/"+name, tmp, earlier, known)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // Gone meanwhile.
			}
			add(f, shared)
			return errors.Join(err, ctx.Err())
		})
	}
	if err == nil {
		var f hone.File
		if f, _, err = v.take("token", tmp, "", nil); err == nil {
			add(f, false)
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	sortFiles(m.Files)
	return out, m, err
}

// take brings one file of the data folder into a backup: shared with an earlier
// one, or copied.
func (v *Vault) take(name, tmp, earlier string, known map[string]hone.File) (hone.File, bool, error) {
	to := filepath.Join(tmp, filepath.FromSlash(name))
	if old, ok := known[name]; ok {
		f, err := hashFile(v.dir, name)
		if err != nil {
			return f, false, err
		}
		if f == old && os.MkdirAll(filepath.Dir(to), 0o700) == nil && share(earlier, tmp, f) {
			return f, true, nil
		}
	}
	sum, n, err := copyFile(filepath.Join(v.dir, filepath.FromSlash(name)), to)
	return hone.File{Name: name, Bytes: n, SHA256: sum}, false, err
}

// share puts a link to an earlier backup's file in the place of an equal one, if
// the earlier one is still what it was.
func share(earlier, tmp string, f hone.File) bool {
	if got, err := hashFile(earlier, f.Name); err != nil || got != f {
		return false
	}
	from, to := filepath.Join(earlier, filepath.FromSlash(f.Name)), filepath.Join(tmp, filepath.FromSlash(f.Name))
	return os.Link(from, to+".link") == nil && os.Rename(to+".link", to) == nil
}

// describe reads how the copied store stands.
func (v *Vault) describe(ctx context.Context, tmp string) (Manifest, error) {
	m := Manifest{Format: 1, Made: v.clk.Now()}
	if v.config != nil {
		m.Config = v.config()
	}
	live, err := v.db.Marks(ctx)
	if err != nil {
		return m, err
	}
	copied, err := store.OpenCopy(tmp)
	if err != nil {
		return m, err
	}
	if m.Marks, err = copied.Marks(ctx); err == nil {
		m.Audit.Seq, m.Audit.Hash, err = copied.Head(ctx)
	}
	m.Marks.Log = live.Log
	return m, errors.Join(err, copied.Close())
}

// newest returns the newest sound backup among the folders of parent.
func newest(parent string) (dir string, m Manifest) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return "", m
	}
	for _, e := range entries {
		at := filepath.Join(parent, e.Name())
		if !e.IsDir() || strings.HasSuffix(e.Name(), ".part") {
			continue
		}
		if got, err := ReadManifest(at); err == nil && got.Made.After(m.Made) {
			dir, m = at, got
		}
	}
	return dir, m
}

func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
