package power

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// Cut makes, in a folder that is not there yet, what a disk may hold when the
// power goes after so many events, and returns the notes from before that. What
// was brought to the disk is on it. Of all else each sector, each size and each
// name may be the old one or a newer one, whatever came first.
func (t *Tape) Cut(r *rand.Rand, at int, to string) (notes []string, err error) {
	d := disk{r: r, files: map[*node]*held{}, names: map[*node]map[string]*node{}}
	for i, e := range t.events[:min(t.begun+at, len(t.events))] {
		switch {
		case e.wrote != nil:
			d.of(e.wrote).waiting = append(d.of(e.wrote).waiting, e)
		case e.move != nil:
			d.moves = append(d.moves, e.move)
		case e.saved != nil && e.saved.folder:
			d.saveNames(e.saved)
		case e.saved != nil:
			d.of(e.saved).save()
		default:
			notes = append(notes, e.note)
		}
		if i == t.begun-1 {
			d.saveAll()
		}
	}
	d.lose()
	return notes, d.write(t.root, to, 0)
}

// disk is what is on the disk, and what waits to come there.
type disk struct {
	r     *rand.Rand
	files map[*node]*held
	names map[*node]map[string]*node
	moves []*move
}

// held is a file's content.
type held struct {
	content []byte
	waiting []event
}

func (d *disk) of(n *node) *held {
	if d.files[n] == nil {
		d.files[n] = &held{}
	}
	return d.files[n]
}

func (d *disk) saveAll() {
	for _, h := range d.files {
		h.save()
	}
	for _, m := range d.moves {
		d.apply(m)
	}
	d.moves = nil
}

func (h *held) save() {
	for _, e := range h.waiting {
		h.resize(e.size)
		for i, s := range e.sectors {
			copy(h.content[i*sector:], s)
		}
	}
	h.waiting = nil
}

func (h *held) resize(size int) {
	if size <= len(h.content) {
		h.content = slices.Clone(h.content[:size])
		return
	}
	h.content = append(slices.Clone(h.content), make([]byte, size-len(h.content))...)
}

// saveNames brings a folder's names to the disk. A renaming comes there with the
// folder that it leads to.
func (d *disk) saveNames(folder *node) {
	var rest []*move
	for _, m := range d.moves {
		if m.to == folder || m.to == nil && m.from == folder {
			// Where it had its name from no longer matters.
			rest = slices.DeleteFunc(rest, func(x *move) bool { return m.from != nil && x.to == m.from && x.new == m.old && x.child == m.child })
			d.apply(m)
			continue
		}
		rest = append(rest, m)
	}
	d.moves = rest
}

func (d *disk) apply(m *move) {
	if m.from != nil && d.names[m.from][m.old] == m.child {
		delete(d.names[m.from], m.old)
	}
	if m.to == nil {
		return
	}
	if d.names[m.to] == nil {
		d.names[m.to] = map[string]*node{}
	}
	d.names[m.to][m.new] = m.child
}

// lose decides what becomes of all that waits. Some disks keep all up to a moment,
// some the names and no bytes, some anything.
func (d *disk) lose() {
	names, bytes := d.r.Float64(), d.r.Float64()
	switch d.r.IntN(6) {
	case 0:
		names, bytes = 0, 0
	case 1:
		names, bytes = 1, 0
	case 2:
		names, bytes = 1, 1
	case 3:
		names, bytes = 0, 1
	}
	for _, m := range d.moves {
		if d.r.Float64() < names {
			d.apply(m)
		}
	}
	for _, h := range inOrder(d.files) {
		if len(h.waiting) == 0 {
			continue
		}
		size := len(h.content)
		for _, e := range h.waiting {
			// The size is a name in this: it lies with the names.
			if d.r.Float64() < max(names, bytes) {
				size = e.size
			}
			h.resize(max(len(h.content), e.size))
			for _, i := range slices.Sorted(maps.Keys(e.sectors)) {
				if d.r.Float64() < bytes {
					copy(h.content[i*sector:], e.sectors[i])
				}
			}
		}
		h.resize(size)
	}
}

// inOrder returns the files in the order of their numbers, so that a seed always
// does the same.
func inOrder(files map[*node]*held) []*held {
	keys := slices.SortedFunc(maps.Keys(files), func(a, b *node) int { return a.number - b.number })
	out := make([]*held, len(keys))
	for i, n := range keys {
		out[i] = files[n]
	}
	return out
}

// write makes the folder.
func (d *disk) write(n *node, to string, depth int) error {
	if depth > 40 {
		return fmt.Errorf("%s lies in itself", to)
	}
	if !n.folder {
		return os.WriteFile(to, d.of(n).content, n.mode)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for name, child := range d.names[n] {
		if err := d.write(child, filepath.Join(to, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}
