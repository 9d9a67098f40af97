package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const markFile = "drained.json"

// mark is how far a spool was drained for certain: up to an offset of a segment.
// What lies behind it may have been stored too. Predictions that were are known
// by their ids, shadow scores because none of a model was stored before its
// number here, or none at all where it has no number.
type mark struct {
	Segment int64            `json:"segment"`
	Offset  int64            `json:"offset"`
	Shadows map[string]int64 `json:"shadow_seqs,omitempty"`
}

// loadMark reads the mark. One that cannot be read says nothing: all is drained
// again then, and every score looked up.
func loadMark(dir string) (m mark, err error) {
	b, err := os.ReadFile(filepath.Join(dir, markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return mark{}, fmt.Errorf("read how far the spool was drained: %w", err)
	}
	return m, nil
}

func (m mark) save(dir string) error {
	b, err := json.Marshal(m)
	if err == nil {
		err = writeWhole(filepath.Join(dir, markFile), b)
	}
	if err != nil {
		return fmt.Errorf("write how far the spool is drained: %w", err)
	}
	return nil
}
