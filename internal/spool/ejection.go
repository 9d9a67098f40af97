package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"hone"
)

// Ejection is a version that a gateway has taken off its traffic. It stands for
// as long as the plan is in force under which it happened.
type Ejection struct {
	Model   string         `json:"model"`
	Version hone.VersionID `json:"version"`
	Token   int64          `json:"token"` // Of the plan.
	Why     string         `json:"why"`
}

const ejectionFile = "ejected.json"

// ejections are what stands, as a file: who reads it later, or again after a
// crash, learns the same.
type ejections struct {
	mu    sync.Mutex
	list  []Ejection
	dirty bool // The file is behind.
}

// Eject tells the other side that a version was taken off the traffic. Earlier
// ejections of the model under older plans are forgotten.
func (s *Spool) Eject(e Ejection) error {
	x := &s.ejections
	x.mu.Lock()
	defer x.mu.Unlock()
	x.list = slices.DeleteFunc(x.list, func(old Ejection) bool {
		return old.Model == e.Model && (old.Token < e.Token || old.Version == e.Version)
	})
	x.list = append(x.list, e)
	x.dirty = true
	return x.saveLocked(s.dir)
}

// retry writes what could not be written before, such as on a full disk.
func (x *ejections) retry(s *Spool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.dirty {
		return
	}
	if err := x.saveLocked(s.dir); err != nil {
		s.o.Log.Error("ejections not told", "error", err)
	}
}

func (x *ejections) saveLocked(dir string) error {
	b, err := json.Marshal(x.list)
	if err == nil {
		err = writeWhole(filepath.Join(dir, ejectionFile), b)
	}
	if err != nil {
		return fmt.Errorf("write the ejections: %w", err)
	}
	x.dirty = false
	return nil
}

func (s *Spool) loadEjections() {
	list, err := readEjections(s.dir)
	if err != nil {
		s.o.Log.Warn("ejections not read", "error", err)
	}
	s.ejections.list = list
}

func readEjections(dir string) (list []Ejection, err error) {
	b, err := os.ReadFile(filepath.Join(dir, ejectionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("read the ejections: %w", err)
	}
	return list, nil
}
