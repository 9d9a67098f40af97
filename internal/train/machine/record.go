package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hone"
	"hone/internal/train"
)

// record is what is known of an attempt, as the file beside its folder has it.
type record struct {
	State   train.State        `json:"state"`
	Inputs  string             `json:"inputs,omitempty"`
	Dir     string             `json:"dir,omitempty"` // The artefact's, from the work's on.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Sandbox []string           `json:"sandbox,omitempty"`
	Seconds float64            `json:"processor_seconds,omitempty"`
	// Why it failed. Without a code it was no fault of the trainer's.
	Code    hone.Code `json:"code,omitempty"`
	Message string    `json:"message,omitempty"`
	Hint    string    `json:"hint,omitempty"`
}

func (r *record) fail(err error) {
	r.State, r.Message = train.Failed, err.Error()
	if e, ok := hone.AsError(err); ok {
		r.Code, r.Message, r.Hint = e.Code, e.Message, e.Hint
	}
}

func (r record) processor() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }

func (r record) failure() error {
	if r.Code == "" {
		return errors.New(r.Message)
	}
	return &hone.Error{Code: r.Code, Message: r.Message, Hint: r.Hint}
}

// read returns the record of an attempt, whose state is unknown where there is
// none. A finished one whose artefact is gone is lost.
func (f files) read() (r record, err error) {
	b, err := os.ReadFile(f.path(".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read what is known of %s: %w", f.name, err)
	}
	if r.State != train.Finished {
		return r, nil
	}
	if _, err = os.Stat(f.artefact(r)); errors.Is(err, fs.ErrNotExist) {
		r.State, err = train.Lost, nil
	}
	return r, err
}

// write puts a record in the place of the last, whole and on the disk.
func (f files) write(r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	next := f.path(".json.next")
	err = os.WriteFile(next, append(b, '\n'), 0o600)
	if err == nil {
		err = syncFile(next)
	}
	if err == nil {
		err = os.Rename(next, f.path(".json"))
	}
	if err == nil {
		err = syncFile(filepath.Dir(next))
	}
	if err != nil {
		return fmt.Errorf("write down how %s stands: %w", f.name, err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncTree brings all files under a folder to the disk, and their names.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		return syncFile(path)
	})
}
