package command

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"hone"
	"hone/internal/predictor/child"
	"hone/internal/secret"
)

// leastSwept is the length of the shortest secret that is looked for in files:
// a shorter one is found by chance.
const leastSwept = 8

// variable is a secret by the name of its variable.
type variable struct{ name, value string }

// secrets are those that one training is given. They live in memory alone.
type secrets []variable

func readSecrets(env map[string]hone.Secret, dir string) (secrets, error) {
	var out secrets
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value, err := secret.Resolve(env[name], dir)
		if e, ok := hone.AsError(err); ok {
			return nil, &hone.Error{Code: e.Code, Message: "train.env." + name + ": " + e.Message, Hint: e.Hint}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, variable{name, value})
	}
	return out, nil
}

func (s secrets) environment() []string {
	var out []string
	for _, v := range s {
		out = append(out, v.name+"="+v.value)
	}
	return out
}

func (s secrets) mask() func(string) string {
	var out []string
	for _, v := range s {
		if !child.Governs(v.name) { // A number of threads would be masked in every line.
			out = append(out, v.value)
		}
	}
	return secret.Masker(out)
}

// sweep removes what the trainer wrote a secret into, as it stands, and refuses
// the training for it. What lies in the folder would be kept, and an artefact
// handed on.
func (s secrets) sweep(dir string) error {
	if !slices.ContainsFunc(s, func(v variable) bool { return len(v.value) >= leastSwept }) {
		return nil
	}
	var found []error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := s.in(path)
		if name == "" || err != nil {
			return err
		}
		file, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found = append(found, refuse(fmt.Sprintf("the trainer wrote its secret %s into %s, which was removed", name, file), "keep secrets out of what is kept"))
		return os.Remove(path)
	})
	return errors.Join(append(found, err)...)
}

// in returns the name of a secret that stands in a file, or "".
func (s secrets) in(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	longest := 0
	for _, v := range s {
		longest = max(longest, len(v.value))
	}
	r := bufio.NewReaderSize(f, 1<<20+longest)
	for {
		window, err := r.Peek(r.Size())
		for _, v := range s {
			if len(v.value) >= leastSwept && bytes.Contains(window, []byte(v.value)) {
				return v.name, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		// What may be the beginning of a secret is looked at again.
		if _, err := r.Discard(len(window) - longest); err != nil {
			return "", err
		}
	}
}
