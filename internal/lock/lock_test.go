package lock_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hone/internal/lock"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func takes(t *testing.T, f *os.File, want bool) {
	t.Helper()
	if got, err := lock.Take(f); got != want || err != nil {
		t.Errorf("taken: %v (%v), want %v", got, err, want)
	}
}

func TestTake(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, second := open(t, path), open(t, path)
	takes(t, first, true)
	takes(t, second, false)
	first.Close()
	takes(t, second, true)
	second.Close()
	if taken, err := lock.Take(second); taken || err == nil {
		t.Errorf("a closed file is locked: %v", err)
	}
}

// TestTakeWhileStarting lets a program that is being started have the lock for a moment.
func TestTakeWhileStarting(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, second := open(t, path), open(t, path)
	takes(t, first, true)
	c := exec.Command("/bin/sh", "-c", "sleep 0.1")
	c.ExtraFiles = []*os.File{first} // It has it for as long as it runs.
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	first.Close()
	takes(t, second, true)
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
