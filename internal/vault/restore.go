package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// leap is how far the numbers of a restored store jump: more than a store gives
// between two backups.
const leap = 1_000_000_000

// Restored is what a restore came to.
type Restored struct {
	Manifest Manifest `json:"backup"`
	Data     string   `json:"data"`
	Sentence string   `json:"sentence"`
}

// Restore makes a data folder of a backup: all of it, or nothing. The folder
// must be empty or not exist. Numbers by which others know the store leap ahead,
// and an audit event says so.
func Restore(ctx context.Context, backup, data string, clk clock.Clock, by string) (Restored, error) {
	out := Restored{Data: data}
	m, err := Verify(ctx, backup)
	if err != nil {
		return out, err
	}
	out.Manifest = m
	if err := mustBeEmpty(data); err != nil {
		return out, err
	}
	tmp, folders := filepath.Clean(data)+".restoring", above(data)
	if err := os.RemoveAll(tmp); err != nil {
		return out, fmt.Errorf("clear what an earlier attempt left: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := bring(ctx, backup, tmp, m); err != nil {
		return out, err
	}
	if err := begin(ctx, tmp, m, clk, by); err != nil {
		return out, err
	}
	if err := syncTree(tmp); err != nil {
		return out, fmt.Errorf("write the restored folder: %w", err)
	}
	// Remove takes away an empty folder, and nothing else.
	if err := os.Remove(data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return out, fmt.Errorf("put the restored folder in place: %w", err)
	}
	if err := os.Rename(tmp, data); err != nil {
		return out, fmt.Errorf("put the restored folder in place: %w", err)
	}
	out.Sentence = fmt.Sprintf("%s holds the backup of %s. What came after it is not there; the audit chain says so. Start `hone serve`.",
		data, m.Made.UTC().Format("2006-01-02 15:04:05 UTC"))
	return out, syncAll(folders)
}

func mustBeEmpty(data string) error {
	entries, err := os.ReadDir(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%s cannot be used: %v", data, err), Hint: "name a folder that does not exist yet"}
	case len(entries) > 0:
		return &hone.Error{Code: hone.Conflict, Message: data + " is not empty", Hint: "move it aside first, or restore into another folder: nothing is written over"}
	}
	return nil
}

// bring copies the files, and checks each again on its way.
func bring(ctx context.Context, backup, tmp string, m Manifest) error {
	for _, f := range m.Files {
		name := filepath.FromSlash(f.Name)
		sum, _, err := copyFile(filepath.Join(backup, name), filepath.Join(tmp, name))
		if err != nil {
			return fmt.Errorf("restore %s: %w", f.Name, err)
		}
		if sum != f.SHA256 {
			return damaged(backup, "%s changed while it was read", f.Name)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// begin opens the restored store once, which brings it up to this program's
// schema, and takes its numbers ahead.
func begin(ctx context.Context, tmp string, m Manifest, clk clock.Clock, by string) error {
	db, err := store.Open(tmp, store.Options{Clock: clk})
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{"made": m.Made, "audit": m.Audit, "marks": m.Marks, "numbers_ahead": int64(leap)})
	if err == nil {
		err = db.Leap(ctx, leap, hone.Event{At: clk.Now(), Actor: by, Action: "restored", Data: data, Sentence: fmt.Sprintf(
			"The data folder was restored from the backup of %s, whose last event was %d. What happened after it is not here; fence, plan tokens and the log's numbers go on %d further.",
			m.Made.UTC().Format("2006-01-02 15:04:05 UTC"), m.Audit.Seq, leap)})
	}
	return errors.Join(err, db.Close())
}
