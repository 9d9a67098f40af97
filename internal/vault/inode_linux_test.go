package vault_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hone"
	"hone/internal/clock"
	"hone/internal/store"
)

// TestNoMoreFiles lets a disk run out of files while it has room: what needs no
// new file goes on, what does is refused and says why, and all goes on once files
// were deleted. Then the disk can only be read: the folder does not open, and
// nothing in it changes.
func TestNoMoreFiles(t *testing.T) { onSmallDisk(t, "16m,nr_inodes=60", fewFiles) }

func fewFiles(t *testing.T, disk string) {
	hands, data := clock.NewFake(made), filepath.Join(disk, "data")
	db, err := store.Open(data, store.Options{Clock: hands})
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	put := func() error {
		ps := make([]hone.Prediction, 50)
		for i := range ps {
			ps[i] = hone.Prediction{ID: hone.PredictionID(fmt.Sprint("p", next+i)), Time: made, Features: []byte("abcd")}
		}
		_, err := db.AppendPredictions(t.Context(), "fraud", ps)
		if err == nil {
			next += len(ps)
		}
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	model := t.TempDir()
	if err := os.WriteFile(filepath.Join(model, "model.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	var fillers []string
	for {
		name := filepath.Join(disk, fmt.Sprint("filler", len(fillers)))
		if err = os.WriteFile(name, nil, 0o600); err != nil {
			break
		}
		fillers = append(fillers, name)
	}
	if !errors.Is(err, syscall.ENOSPC) || len(fillers) == 0 {
		t.Fatalf("the disk does not run out of files: %v", err)
	}
	if err := put(); err != nil {
		t.Errorf("rows into a file that is there: %v", err)
	}
	_, err = db.Commit(t.Context(), db.Fence(), hone.Change{Event: hone.Event{Action: "noted"}})
	if err != nil {
		t.Errorf("control state into a file that is there: %v", err)
	}
	_, _, err = db.Blobs().PutDir(model)
	refused(t, err, hone.Unavailable, "is full")
	hands.Advance(24 * time.Hour)
	refused(t, put(), hone.Unavailable, "is full")
	for _, name := range fillers {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(); err != nil {
		t.Errorf("there are files again, and still: %v", err)
	}
	if _, _, err := db.Blobs().PutDir(model); err != nil {
		t.Errorf("there are files again, and still: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if db, err := store.Open(data, store.Options{Clock: hands}); err == nil {
		db.Close()
		t.Error("a folder that can only be read opens for writing")
	} else if !errors.Is(err, syscall.EROFS) {
		t.Errorf("a folder that can only be read: %v", err)
	}
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(data, store.Options{Clock: hands}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got, err := db.Predictions(t.Context(), "fraud", 0, 1_000_000); err != nil || len(got) != next {
		t.Errorf("%d predictions of %d are there (%v)", len(got), next, err)
	}
}
