// Package secret reads what a hone.Secret refers to, and masks it in text that
// others may see. Who gets it, and when, is left to its callers.
package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hone"
)

// maxBytes bounds a secret.
const maxBytes = 64 << 10

// Resolve reads a secret. The path of a file stands from dir on. No error holds
// any part of what was read.
func Resolve(s hone.Secret, dir string) (string, error) {
	value, err := "", error(nil)
	switch kind, at := s.Source(); kind {
	case "env":
		value = os.Getenv(at)
		if value == "" {
			return "", &hone.Error{Code: hone.Invalid, Message: "the variable " + at + ", which holds a secret, is not set", Hint: "set it where `hone serve` is started"}
		}
	case "file":
		if !filepath.IsAbs(at) {
			at = filepath.Join(dir, at)
		}
		if value, err = fromFile(at); err != nil {
			return "", err
		}
	default:
		return "", &hone.Error{Code: hone.Invalid, Message: "this is no reference to a secret", Hint: "write env:NAME or file:PATH"}
	}
	if strings.ContainsRune(value, 0) {
		return "", &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf("the secret at %s holds a zero byte", s), Hint: "keep it as text"}
	}
	return value, nil
}

func fromFile(path string) (string, error) {
	refuse := func(hint, format string, args ...any) (string, error) {
		return "", &hone.Error{Code: hone.Invalid, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	// A named pipe would keep us waiting: look before it is opened.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return refuse("name a file", "the secret at %s is not a regular file", path)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return refuse("write the secret there, with `chmod 600`", "there is no secret at %s", path)
	}
	if err != nil {
		return refuse("let the user of `hone serve` read it", "the secret at %s cannot be read", path)
	}
	defer f.Close()
	// The open file is what is looked at, so that it cannot change in between.
	info, err := f.Stat()
	switch {
	case err != nil:
		return refuse("let the user of `hone serve` read it", "the secret at %s cannot be read", path)
	case info.Mode().Perm()&0o077 != 0:
		return refuse("chmod 600 "+path, "the secret at %s may be read by others (mode %04o)", path, info.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	value := strings.TrimRight(string(b), "\r\n")
	switch {
	case err != nil:
		return refuse("let the user of `hone serve` read it", "the secret at %s cannot be read", path)
	case len(b) > maxBytes:
		return refuse("keep secrets under 64 KiB", "the secret at %s is too large", path)
	case value == "":
		return refuse("write the secret there", "the secret at %s is empty", path)
	}
	return value, nil
}

// Mask stands in the place of a secret.
const Mask = "[secret]"

// shortest is the least part of a secret that is masked where a line was cut in
// the middle of it.
const shortest = 4

// Masker returns a function that masks the given secrets in a line, each line of
// a secret that has several, and what is left of one at an end where the line
// was cut. It returns nil where there is nothing to mask.
func Masker(secrets []string) func(line string) string {
	var parts []string
	for _, s := range secrets {
		for line := range strings.Lines(s) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				parts = append(parts, line)
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	// The longest first: one secret may begin another.
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, p := range parts {
		pairs = append(pairs, p, Mask)
	}
	replacer := strings.NewReplacer(pairs...)
	return func(line string) string {
		line = replacer.Replace(line)
		for _, p := range parts {
			for n := len(p) - 1; n >= shortest; n-- {
				if strings.HasSuffix(line, p[:n]) {
					return line[:len(line)-n] + Mask
				}
			}
		}
		return line
	}
}
