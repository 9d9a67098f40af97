// Package power tells what a folder would be if the power went: it watches how
// files are written, renamed and brought to the disk, and makes folders of what a
// disk may have kept. It is for tests; what must hold afterwards is left to them.
package power

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"hone/internal/fault"
)

// sector is how much a disk writes as a whole or not at all.
const sector = 512

// Tape is what happened to a folder, in order. What the folder held when the tape
// began counts as on the disk.
type Tape struct {
	dir    string
	disarm func()

	mu     sync.Mutex
	broken error
	nodes  map[uint64]*node // By inode. They stay open, so that no number comes again.
	root   *node
	events []event
	newest int64 // The latest time of a change, up to the last look.
	latest int64 // Likewise of a folder's, in this look.
	begun  int   // Events that only say what was there before.
}

// node is a file or a folder, by whatever names.
type node struct {
	number  int // In the order in which they were first seen.
	f       *os.File
	mode    fs.FileMode
	folder  bool
	synced  bool
	changed int64
	content []byte           // As last seen.
	entries map[string]*node // Likewise.
}

// event is one thing that happened. Which fields are set tells what.
type event struct {
	wrote   *node // Its size and some of its sectors became others.
	size    int
	sectors map[int][]byte

	move  *move
	saved *node // It was brought to the disk.
	note  string
}

// move is one change of names, which a disk makes as a whole: a name is given
// where to is set, and taken away where from is; both are a renaming.
type move struct {
	child    *node
	from, to *node
	old, new string
}

// Record begins a tape of a folder. Until Stop nothing else may be armed.
func Record(dir string) (*Tape, error) {
	t := &Tape{dir: filepath.Clean(dir), nodes: map[uint64]*node{}}
	info, err := os.Lstat(t.dir)
	if err != nil {
		return nil, err
	}
	if t.root, err = t.node(t.dir, info); err != nil {
		return nil, err
	}
	t.look()
	for _, n := range t.nodes {
		n.synced = true
	}
	t.begun = len(t.events)
	t.disarm = fault.ArmIO(func(op, path string) error {
		if path != t.dir && !strings.HasPrefix(path, t.dir+"/") {
			return nil
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.look()
		if op == "sync" {
			t.save(filepath.Clean(path))
		}
		return nil
	})
	return t, t.broken
}

// Note puts a word of the test's between the events, such as what was
// acknowledged.
func (t *Tape) Note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look()
	t.events = append(t.events, event{note: text})
}

// Stop ends the tape.
func (t *Tape) Stop() error {
	t.disarm()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look()
	for _, n := range t.nodes {
		n.f.Close()
	}
	return t.broken
}

// Len is how many moments there are at which the power may go.
func (t *Tape) Len() int { return len(t.events) - t.begun }

// save notes that a file or a folder is being brought to the disk: what comes
// next happens after that.
func (t *Tape) save(path string) {
	n := t.find(path)
	if n == nil {
		return
	}
	t.events = append(t.events, event{saved: n})
	// SQLite brings the folder to the disk with a log that it has made.
	if !n.synced && (strings.HasSuffix(path, "-wal") || strings.HasSuffix(path, "-journal")) {
		t.events = append(t.events, event{saved: t.find(filepath.Dir(path))})
	}
	n.synced = true
}

func (t *Tape) find(path string) *node {
	n := t.root
	rest, err := filepath.Rel(t.dir, path)
	if err != nil || rest == "." {
		return n
	}
	for name := range strings.SplitSeq(rest, "/") {
		if n = n.entries[name]; n == nil {
			return nil
		}
	}
	return n
}

// node returns the node of a path, which it makes where the file is new.
func (t *Tape) node(path string, info fs.FileInfo) (*node, error) {
	number := info.Sys().(*syscall.Stat_t).Ino
	if n := t.nodes[number]; n != nil {
		return n, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	n := &node{number: len(t.nodes), f: f, mode: info.Mode().Perm(), folder: info.IsDir()}
	if n.folder {
		n.entries = map[string]*node{}
	}
	t.nodes[number] = n
	return n, nil
}

// seen is one look at all names: by folder.
type seen map[*node]map[string]*node

// look notes all that happened since the last look.
func (t *Tape) look() {
	now, err := t.list()
	for try := 0; err == nil; try++ {
		var again seen
		// Names that move between folders meanwhile would be seen twice or never.
		if again, err = t.list(); err == nil && same(now, again) {
			break
		}
		if now = again; try > 100 {
			err = errors.New("the folder does not come to rest")
		}
	}
	if err == nil {
		err = t.writes()
	}
	if err != nil {
		t.broken = errors.Join(t.broken, err)
		return
	}
	t.moves(now)
}

func same(a, b seen) bool {
	return maps.EqualFunc(a, b, func(x, y map[string]*node) bool { return maps.Equal(x, y) })
}

// list reads all names. The shared memory of SQLite is not for the disk.
func (t *Tape) list() (seen, error) {
	out := seen{}
	var walk func(n *node, path string) error
	walk = func(n *node, path string) error {
		out[n] = map[string]*node{}
		info, err := n.f.Stat()
		if err != nil {
			return err
		}
		// As with files: what was changed at the clock's latest time is read again.
		if at := info.ModTime().UnixNano(); n.changed == at && at < t.newest {
			out[n] = n.entries
			for name, child := range n.entries {
				if child.folder {
					if err := walk(child, filepath.Join(path, name)); err != nil {
						return err
					}
				}
			}
			return nil
		}
		n.changed, t.latest = info.ModTime().UnixNano(), max(t.latest, info.ModTime().UnixNano())
		entries, err := os.ReadDir(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			p := filepath.Join(path, e.Name())
			info, err := os.Lstat(p)
			if errors.Is(err, fs.ErrNotExist) || strings.HasSuffix(p, "-shm") {
				continue
			}
			if err != nil {
				return err
			}
			child, err := t.node(p, info)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			out[n][e.Name()] = child
			if child.folder {
				if err := walk(child, p); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return out, walk(t.root, t.dir)
}

// writes notes which sectors of which files became others.
func (t *Tape) writes() error {
	newest := max(t.newest, t.latest)
	for _, n := range t.inOrder() {
		if n.folder {
			continue
		}
		info, err := n.f.Stat()
		if err != nil {
			return err
		}
		changed := info.ModTime().UnixNano()
		newest = max(newest, changed)
		// The kernel's clock stands still for some milliseconds: what was changed
		// at its latest time may have been changed again.
		if n.changed == changed && changed < t.newest && int(info.Size()) == len(n.content) {
			continue
		}
		n.changed = changed
		content, err := io.ReadAll(io.NewSectionReader(n.f, 0, info.Size()))
		if err != nil {
			return err
		}
		if sectors := differing(n.content, content); len(sectors) > 0 || len(content) != len(n.content) {
			t.events = append(t.events, event{wrote: n, size: len(content), sectors: sectors})
		}
		n.content = content
	}
	t.newest = newest
	return nil
}

// differing returns the sectors of b that are not those of a.
func differing(a, b []byte) map[int][]byte {
	out := map[int][]byte{}
	for i := 0; i*sector < len(b); i++ {
		now := b[i*sector : min((i+1)*sector, len(b))]
		if from := i * sector; from < len(a) && bytes.Equal(a[from:min(from+sector, len(a))], now) {
			continue
		}
		out[i] = now
	}
	return out
}

// moves notes which names were given, taken away and changed.
func (t *Tape) moves(now seen) {
	type place struct {
		folder *node
		name   string
	}
	gone := map[*node]place{}
	var given []move
	for _, n := range t.inOrder() {
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			if child := n.entries[name]; now[n][name] != child {
				gone[child] = place{n, name}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(now[n])) {
			if child := now[n][name]; n.entries[name] != child {
				given = append(given, move{child: child, to: n, new: name})
			}
		}
	}
	for _, m := range given {
		if from, ok := gone[m.child]; ok {
			m.from, m.old = from.folder, from.name
			delete(gone, m.child)
		}
		t.events = append(t.events, event{move: &m})
	}
	for _, n := range t.inOrder() {
		for _, name := range slices.Sorted(maps.Keys(n.entries)) {
			child := n.entries[name]
			if at, ok := gone[child]; !ok || at != (place{n, name}) {
				continue
			}
			if now[n][name] == nil { // Else another was put over it.
				t.events = append(t.events, event{move: &move{child: child, from: n, old: name}})
			}
		}
	}
	for _, n := range t.nodes {
		if n.folder {
			n.entries = now[n] // Nil for a folder that is gone.
		}
	}
}

// inOrder returns all nodes as they were first seen.
func (t *Tape) inOrder() []*node {
	return slices.SortedFunc(maps.Values(t.nodes), func(a, b *node) int { return a.number - b.number })
}
