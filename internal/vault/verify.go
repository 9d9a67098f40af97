package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hone"
	"hone/internal/audit"
	"hone/internal/store"
)

// Verify checks a backup from end to end: every file against its hash, every
// database, the audit chain, and that each alias and plan leads to a version
// whose files are there.
func Verify(ctx context.Context, dir string) (Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return m, err
	}
	if err := checkFiles(ctx, dir, m); err != nil {
		return m, err
	}
	for _, f := range m.Files {
		if strings.HasSuffix(f.Name, ".db") {
			if err := store.CheckSQL(ctx, filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
				return m, err
			}
		}
	}
	db, err := store.OpenCopy(dir)
	if err != nil {
		return m, damaged(dir, "%v", err)
	}
	return m, errors.Join(checkState(ctx, dir, db, m), db.Close())
}

func checkFiles(ctx context.Context, dir string, m Manifest) error {
	listed := fileNames(m.Files)
	if _, ok := listed["control.db"]; !ok {
		return damaged(dir, "it lists no control.db")
	}
	for _, f := range m.Files {
		if !safe(f.Name) {
			return damaged(dir, "it lists %q, which lies elsewhere", f.Name)
		}
		got, err := hashFile(dir, f.Name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return damaged(dir, "%s is missing", f.Name)
		case err != nil:
			return damaged(dir, "%s cannot be read (%v)", f.Name, err)
		case got != f:
			return damaged(dir, "%s is not what was written", f.Name)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return each(dir, func(name string) error {
		if _, ok := listed[name]; !ok && name != manifestName {
			return damaged(dir, "%s was added", name)
		}
		return nil
	})
}

// checkState looks whether the copied store is whole in itself.
func checkState(ctx context.Context, dir string, db *store.DB, m Manifest) error {
	_, err := audit.Verify(db.Audit(ctx), m.Audit)
	if broken, ok := errors.AsType[*audit.Broken](err); ok {
		return damaged(dir, "its audit chain is broken: %v", broken)
	}
	if err != nil {
		return err
	}
	plans, err := db.Plans(ctx)
	if err != nil {
		return err
	}
	used, err := db.Aliased(ctx)
	if err != nil {
		return err
	}
	for _, p := range plans {
		for _, v := range []hone.VersionID{p.Champion, p.Previous, p.Challenger, p.Shadow} {
			if v != "" && !slices.Contains(used[p.Model], v) {
				used[p.Model] = append(used[p.Model], v)
			}
		}
	}
	for model, versions := range used {
		for _, id := range versions {
			v, err := db.Version(ctx, model, id)
			if err != nil {
				return damaged(dir, "it has no version %s of %s, which is in use", id, model)
			}
			if err := db.Blobs().VerifyDir(v.Artefact, v.Files); err != nil {
				return damaged(dir, "%s of %s: %v", id, model, err)
			}
			for what, digest := range map[string]string{"the reference": v.Reference, "the test of the probe": v.Tested} {
				if _, err := db.Blobs().Get(digest); err != nil && digest != "" {
					return damaged(dir, "%s of %s of %s: %v", what, id, model, err)
				}
			}
		}
	}
	return nil
}

// Say is a sentence about a sound backup.
func (m Manifest) Say(dir string) string {
	var bytes int64
	for _, f := range m.Files {
		bytes += f.Bytes
	}
	return fmt.Sprintf("The backup in %s is sound: %d files, %s, made %s, audit chain whole up to event %d.",
		dir, len(m.Files), size(bytes), m.Made.UTC().Format("2006-01-02 15:04:05 UTC"), m.Audit.Seq)
}
