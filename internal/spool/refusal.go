package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// refusalFile has how many rows of each model the gateway gave no answer by no fault of
// their caller's, ever.
const refusalFile = "refused.json"

// refusalsEvery is how long what was refused may be untold.
const refusalsEvery = time.Second

// refusals are told as a file; who reads it later, or again, learns the same. They belong
// to the writing goroutine.
type refusals struct {
	before map[string]int64 // When the spool was opened.
	told   map[string]int64
}

// CountRefused lets the spool ask from now on, each second, how many rows of each model got
// no answer since the start by no fault of their caller's, and tell the other side.
func (s *Spool) CountRefused(refused func() map[string]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = refused
}

// tellRefused writes what was refused, where that is more than was written.
func (s *Spool) tellRefused() {
	s.mu.Lock()
	refused := s.refused
	s.mu.Unlock()
	if refused == nil {
		return
	}
	r, now := &s.refusals, map[string]int64{}
	maps.Copy(now, r.before)
	for model, n := range refused() {
		if n > 0 {
			now[model] += n
		}
	}
	if maps.Equal(now, r.told) {
		return
	}
	b, err := json.Marshal(now)
	if err == nil {
		err = writeWhole(filepath.Join(s.dir, refusalFile), b)
	}
	if err != nil {
		s.o.Log.Error("refused rows not told; it is tried again", "error", err)
		return
	}
	r.told = now
}

func (s *Spool) loadRefusals() {
	before, err := readRefusals(s.dir)
	if err != nil {
		s.o.Log.Warn("rows that were refused before are not counted", "error", err)
	}
	s.refusals = refusals{before: before, told: before}
}

func readRefusals(dir string) (by map[string]int64, err error) {
	b, err := os.ReadFile(filepath.Join(dir, refusalFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &by)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was refused: %w", err)
	}
	return by, nil
}
