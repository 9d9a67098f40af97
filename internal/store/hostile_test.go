package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"hone/internal/store"
)

// TestHardLinks stores a folder whose file has another name elsewhere: what is
// written there later does not reach the artefact.
func TestHardLinks(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	src, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(outside, filepath.Join(src, "weights")); err != nil {
		t.Skip(err)
	}
	digest, files, err := db.Blobs().PutDir(src)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(outside, []byte("as it is now"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := db.Blobs().Dir(digest)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "weights")); err != nil || string(b) != "as it was" {
		t.Errorf("the artefact has become %q, %v", b, err)
	}
	if err := db.Blobs().VerifyDir(digest, files); err != nil {
		t.Error(err)
	}
	for _, digest := range []string{"", ".", "..", "../..", "../tree/" + digest, digest + "/..", digest[:63], digest + "0", "/etc", `..\..`, digest[:32] + "/" + digest[33:], "%2e%2e", digest + "\x00"} {
		if _, err := db.Blobs().Dir(digest); err == nil {
			t.Errorf("%q is a digest", digest)
		}
		if _, err := db.Blobs().Get(digest); err == nil {
			t.Errorf("%q is a digest", digest)
		}
	}
}
