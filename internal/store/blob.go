package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"hone"
	"hone/internal/fault"
)

// Blobs keeps files and folders under the SHA-256 of their content. They appear
// whole or not at all, and never change.
type Blobs struct {
	dir   string
	fence hone.Fence // Two openings never share a temporary name.
	next  atomic.Int64
}

// ReadBlobs returns the blobs of a data folder that another process may have
// open, for reading alone.
func ReadBlobs(dir string) *Blobs { return &Blobs{dir: filepath.Join(dir, "artefacts")} }

// openBlobs removes what a crash left half-written.
func openBlobs(dir string, fence hone.Fence) (*Blobs, error) {
	b := &Blobs{dir: dir, fence: fence}
	if err := fault.At(fault.BlobClear); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Join(dir, "tmp")); err != nil {
		return nil, fmt.Errorf("clear the artefacts' folder: %w", err)
	}
	for _, sub := range []string{"tree", "blob", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make the artefacts' folder: %w", err)
		}
	}
	return b, errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// PutDir stores a copy of the regular files under src and returns them, by
// name, with the digest of that list. Anything else in there, such as a link,
// is refused. Storing the same files again is harmless, and mends a damaged
// copy.
func (b *Blobs) PutDir(src string) (string, []hone.File, error) {
	tmp := b.temporary()
	defer os.RemoveAll(tmp)
	files, err := copyTree(src, tmp)
	if err != nil {
		return "", nil, fmt.Errorf("store folder %s: %w", src, full(err))
	}
	digest, err := manifestDigest(files)
	if err != nil {
		return "", nil, err
	}
	to := filepath.Join(b.dir, "tree", digest)
	if _, err := os.Lstat(to); err == nil {
		if b.VerifyDir(digest, files) == nil {
			return digest, files, syncDir(filepath.Dir(to)) // A crash may have come before it.
		}
		damaged := b.temporary()
		if err := os.Rename(to, damaged); err != nil {
			return "", nil, fmt.Errorf("set a damaged artefact aside: %w", err)
		}
		defer os.RemoveAll(damaged)
	}
	return digest, files, full(publish(tmp, to))
}

// Dir returns the folder that PutDir stored. Its files must not be changed.
func (b *Blobs) Dir(digest string) (string, error) {
	p, err := b.path("tree", digest)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(p); err != nil || !info.IsDir() {
		return "", missing(digest)
	}
	return p, nil
}

// VerifyDir hashes every file of a stored folder again, and fails, naming the
// first, when one is damaged, missing or too many.
func (b *Blobs) VerifyDir(digest string, files []hone.File) error {
	dir, err := b.Dir(digest)
	if err != nil {
		return err
	}
	want := slices.SortedFunc(slices.Values(files), byName)
	if d, err := manifestDigest(want); err != nil || d != digest {
		return damaged(digest, "its list of files is another one")
	}
	found, err := listTree(dir)
	if err != nil {
		return fmt.Errorf("list artefact %s: %w", digest, err)
	}
	for _, f := range want {
		i, ok := slices.BinarySearch(found, f.Name)
		if !ok {
			return damaged(digest, f.Name+" is missing")
		}
		found = slices.Delete(found, i, i+1)
		got, err := hashFile(filepath.Join(dir, filepath.FromSlash(f.Name)))
		if err != nil {
			return damaged(digest, fmt.Sprintf("%s cannot be read (%v)", f.Name, err))
		}
		if got.SHA256 != f.SHA256 || got.Bytes != f.Bytes {
			return damaged(digest, f.Name+" is not what was stored")
		}
	}
	if len(found) > 0 {
		return damaged(digest, found[0]+" was added")
	}
	return nil
}

// Verified returns the folder that PutDir stored once all that is in there has
// been hashed again and is what the digest stands for.
func (b *Blobs) Verified(digest string) (string, error) {
	dir, err := b.Dir(digest)
	if err != nil {
		return "", err
	}
	names, err := listTree(dir)
	if err != nil {
		return "", fmt.Errorf("list artefact %s: %w", digest, err)
	}
	files := make([]hone.File, len(names))
	for i, name := range names {
		if files[i], err = hashFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return "", damaged(digest, fmt.Sprintf("%s cannot be read (%v)", name, err))
		}
		files[i].Name = name
	}
	if d, err := manifestDigest(files); err != nil || d != digest {
		return "", damaged(digest, "its files are not what was stored")
	}
	return dir, nil
}

// Put stores bytes and returns their digest.
func (b *Blobs) Put(data []byte) (string, error) {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if _, err := b.Get(digest); err == nil {
		return digest, syncDir(filepath.Join(b.dir, "blob"))
	}
	if err := fault.At(fault.BlobPut); err != nil {
		return "", full(err)
	}
	tmp := b.temporary()
	defer os.Remove(tmp)
	if err := writeFile(tmp, 0o444, func(w io.Writer) error { _, err := w.Write(data); return err }); err != nil {
		return "", fmt.Errorf("store blob: %w", full(err))
	}
	return digest, full(publish(tmp, filepath.Join(b.dir, "blob", digest)))
}

// Get returns the bytes of a digest. It fails when they are not what was stored.
func (b *Blobs) Get(digest string) ([]byte, error) {
	p, err := b.path("blob", digest)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(digest)
	}
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return nil, damaged(digest, "its bytes are not what was stored")
	}
	return data, nil
}

// Digests lists the bytes that are stored, in no order of time.
func (b *Blobs) Digests() ([]string, error) {
	found, err := os.ReadDir(filepath.Join(b.dir, "blob"))
	if err != nil {
		return nil, fmt.Errorf("list the blobs: %w", err)
	}
	var out []string
	for _, f := range found {
		if isDigest(f.Name()) {
			out = append(out, f.Name())
		}
	}
	return out, nil
}

// Drop removes the bytes of a digest. What is not there is no error.
func (b *Blobs) Drop(digest string) error {
	p, err := b.path("blob", digest)
	if err != nil {
		return err
	}
	if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("drop blob %s: %w", digest, err)
	}
	return syncDir(filepath.Dir(p))
}

func (b *Blobs) path(kind, digest string) (string, error) {
	if !isDigest(digest) {
		return "", &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("%.80q is no digest", digest),
			Hint: "a digest is 64 characters, 0-9 and a-f"}
	}
	return filepath.Join(b.dir, kind, digest), nil
}

func (b *Blobs) temporary() string {
	return filepath.Join(b.dir, "tmp", fmt.Sprintf("%d-%d", b.fence, b.next.Add(1)))
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

func missing(digest string) error {
	return &hone.Error{Code: hone.NotFound, Message: "there is no artefact " + digest,
		Hint: "restore it from a backup, or roll back to a version that has its files"}
}

func damaged(digest, how string) error {
	return &hone.Error{Code: hone.Internal, Message: fmt.Sprintf("artefact %s is damaged: %s", digest, how),
		Hint: "restore it from a backup, or roll back to another version"}
}

// copyTree copies a folder and returns its files by name. Every file and folder
// of the copy is on disk when it returns.
func copyTree(src, dst string) ([]hone.File, error) {
	names, err := listTree(src)
	if err != nil {
		return nil, err
	}
	// A root, so that no link that is put there meanwhile leads outside.
	root, err := os.OpenRoot(src)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := os.Mkdir(dst, 0o700); err != nil {
		return nil, err
	}
	files, folders := make([]hone.File, len(names)), map[string]bool{dst: true}
	for i, name := range names {
		to := filepath.Join(dst, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return nil, err
		}
		for d := filepath.Dir(to); d != dst; d = filepath.Dir(d) {
			folders[d] = true
		}
		if files[i], err = copyFile(root, filepath.FromSlash(name), to); err != nil {
			return nil, err
		}
		files[i].Name = name
	}
	if err := fault.At(fault.BlobSyncDir); err != nil {
		return nil, err
	}
	for d := range folders {
		if err := syncDir(d); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// listTree returns the names of all files under dir, sorted, with slashes.
func listTree(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			return &hone.Error{Code: hone.Invalid, Message: name + " is not a regular file", Hint: "put the file itself there, not a link"}
		}
		names = append(names, filepath.ToSlash(name))
		return nil
	})
	slices.Sort(names)
	return names, err
}

// copyFile keeps whether the file may be executed, and nothing else of its mode.
func copyFile(root *os.Root, name, to string) (f hone.File, err error) {
	in, err := root.Open(name)
	if err != nil {
		return f, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return f, err
	}
	if err := fault.At(fault.BlobCopy); err != nil {
		return f, err
	}
	mode := fs.FileMode(0o444)
	if info.Mode()&0o100 != 0 {
		mode = 0o555
	}
	err = writeFile(to, mode, func(w io.Writer) error {
		f, err = hash(in, w)
		return err
	})
	return f, err
}

func hashFile(path string) (hone.File, error) {
	in, err := os.Open(path)
	if err != nil {
		return hone.File{}, err
	}
	defer in.Close()
	return hash(in, io.Discard)
}

func hash(in io.Reader, copyTo io.Writer) (hone.File, error) {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, copyTo), in)
	return hone.File{Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

func publish(tmp, to string) error {
	if err := errors.Join(fault.At(fault.BlobRename), fault.IO("rename", to)); err != nil {
		return fmt.Errorf("publish artefact: %w", err)
	}
	if err := os.Rename(tmp, to); err != nil {
		// Another writer of the same content was first.
		if _, there := os.Lstat(to); there != nil {
			return fmt.Errorf("publish artefact: %w", err)
		}
	}
	if err := fault.At(fault.BlobRenamed); err != nil {
		return fmt.Errorf("publish artefact: %w", err)
	}
	return syncDir(filepath.Dir(to))
}

func byName(a, b hone.File) int { return strings.Compare(a.Name, b.Name) }

func manifestDigest(files []hone.File) (string, error) {
	manifest, err := json.Marshal(append([]hone.File{}, files...))
	if err != nil {
		return "", fmt.Errorf("encode the list of files: %w", err)
	}
	sum := sha256.Sum256(manifest)
	return hex.EncodeToString(sum[:]), nil
}
